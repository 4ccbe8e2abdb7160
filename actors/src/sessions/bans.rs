//! Keeping a member out, and letting it in again.

use std::time::Duration;

use protocol::close::{CloseCode, CloseReason};
use protocol::error::ErrorBody;
use protocol::ids::{AppId, MemberId};
use protocol::members::Ban as Told;
use protocol::push::BANNED;
use storage::clock::Micros;
use storage::gamelog::Event;
use storage::members::{Ban, BanWrite, By};
use storage::push::NewPush;

use super::{Sessions, nobody};
use crate::session::Msg;
use crate::{fault, random};

/// How long the push that tells of a ban is kept at most: who comes later is refused, which
/// says it as well.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

impl Sessions {
    /// Keeps a member out from now on, in the place of an earlier ban. Its connections, of
    /// whichever login, are told and closed, even if the caller leaves. Returns the push's number.
    ///
    /// # Errors
    /// `body.invalid` for a reason without words or an end that has passed,
    /// `member.unknown`, or what storage says; after `internal` ban again.
    pub async fn ban(
        &self,
        app: AppId,
        member: MemberId,
        by: By,
        told: Told,
    ) -> Result<u64, ErrorBody> {
        let context = &self.0.context;
        let now = context.clock.now();
        if told.reason.trim().is_empty() {
            return Err(ErrorBody::invalid("reason", "has no words: the player is told it"));
        }
        if told.until.is_some_and(|until| until <= now) {
            return Err(ErrorBody::invalid("until", format!("is not after the present, {now}")));
        }
        let push = push(&told, now)?;
        let Told { reason, until } = told;
        let ban = Ban { id: random::uuid(now), reason, until, at: now, by };
        let sessions = self.clone();
        let write = BanWrite { app, member, ban, push };
        let work = tokio::spawn(async move { sessions.keep_out(write).await });
        work.await.unwrap_or_else(|_| Err(fault::internal("the ban failed on the way")))
    }

    async fn keep_out(&self, write: BanWrite) -> Result<u64, ErrorBody> {
        let (app, member, until) = (write.app.clone(), write.member, write.ban.until);
        let event = Event::MemberBanned { ban: write.ban.id, until, by: write.ban.by };
        let banned = self.0.context.storage.members.ban(write).await;
        // The actor first: who is closed while it waits asks it again.
        self.0.registry.tell(member, Msg::StandingChanged);
        let seq = banned.map_err(|error| fault::of_storage(&error))?.ok_or_else(nobody)?;
        for connection in self.0.registry.connections(member, |_| true) {
            let reason = CloseReason { until, ..CloseReason::default() };
            connection.close_after(seq, CloseCode::Banned, reason);
        }
        self.revoke(member);
        self.record(app, Some(member), event);
        Ok(seq)
    }

    /// Lets a member in again. Returns the ban that kept it out, if one did.
    ///
    /// # Errors
    /// `member.unknown`, or what storage says. Doing it twice is harmless.
    pub async fn unban(
        &self,
        app: AppId,
        member: MemberId,
        by: By,
    ) -> Result<Option<Ban>, ErrorBody> {
        let context = &self.0.context;
        let now = context.clock.now();
        let unban = context.storage.members.unban(app.clone(), member, BANNED.to_owned(), now);
        let was = unban.await.map_err(|error| fault::of_storage(&error))?.ok_or_else(nobody)?;
        let lifted = was.banned(now).cloned();
        if let Some(ban) = &lifted {
            self.revoke(member);
            self.record(app, Some(member), Event::MemberUnbanned { ban: ban.id, by });
        }
        Ok(lifted)
    }
}

fn push(told: &Told, now: Micros) -> Result<NewPush, ErrorBody> {
    let body = serde_json::to_string(told).map_err(|error| fault::internal(&error.to_string()))?;
    let kept = now.after(KEPT);
    let expires_at = told.until.map_or(kept, |until| until.min(kept));
    Ok(NewPush { word: BANNED.to_owned(), body, expires_at })
}
