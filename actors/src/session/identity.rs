//! Logging out, and what a member can log in by.

use protocol::error::ErrorBody;
use protocol::identity::{Identity, ListReply, LogoutReply};
use protocol::operation::Reply;
use storage::gamelog::{Event, LogRecord};
use storage::sessions::{End, EndedBy};

use super::State;
use crate::identity::tokens::Caller;
use crate::{fault, random};

impl State {
    pub(super) async fn logout(&mut self, caller: &Caller) -> Result<Reply, ErrorBody> {
        let ended = self.end(caller, End::One(caller.login), EndedBy::Logout).await?;
        Ok(Reply::AuthLogout(LogoutReply { ended }))
    }

    pub(super) async fn logout_everywhere(&mut self, caller: &Caller) -> Result<Reply, ErrorBody> {
        let ended = self.end(caller, End::All(caller.login), EndedBy::LogoutEverywhere).await?;
        Ok(Reply::AuthLogoutEverywhere(LogoutReply { ended }))
    }

    async fn end(&mut self, caller: &Caller, which: End, by: EndedBy) -> Result<u64, ErrorBody> {
        let context = self.context();
        let now = context.clock.now();
        let logins = context
            .storage
            .sessions
            .end(caller.app.clone(), caller.member, which, by, now)
            .await
            .map_err(|error| fault::of_storage(&error))?;
        // Whatever was read before is no longer true, and their connections go.
        self.standing = None;
        self.sessions.ended(caller.member, &logins);
        let ended = u64::try_from(logins.len()).unwrap_or(u64::MAX);
        self.context().storage.gamelog.record(LogRecord {
            id: random::uuid(now),
            at: now,
            app: caller.app.clone(),
            member: Some(caller.member),
            event: Event::LoggedOut { logins, by },
        });
        Ok(ended)
    }

    pub(super) async fn identity_list(&self, caller: &Caller) -> Result<Reply, ErrorBody> {
        let identities = self.identities(caller.app.clone(), caller.member).await?;
        Ok(Reply::IdentityList(ListReply { identities }))
    }

    pub(super) async fn identities(
        &self,
        app: protocol::ids::AppId,
        member: protocol::ids::MemberId,
    ) -> Result<Vec<Identity>, ErrorBody> {
        let read = self.context().storage.identity.list(app, member).await;
        let identities = read.map_err(|error| fault::of_storage(&error))?;
        let shown = identities.into_iter().map(|identity| Identity {
            provider: identity.provider,
            linked_at: identity.linked_at,
            last_login_at: identity.last_login_at,
        });
        Ok(shown.collect())
    }
}
