//! What a session does with each request.

use std::time::Duration;

use protocol::error::{ErrorBody, ErrorCode};
use protocol::operation::{MemberRequest, Reply};
use storage::sessions::Standing;

use super::State;
use crate::identity::tokens::Caller;
use crate::sessions::{self, Context};

impl State {
    pub(super) async fn on_request(
        &mut self,
        caller: &Caller,
        request: MemberRequest,
    ) -> Result<Reply, ErrorBody> {
        let outcome = self.outcome(caller, request).await;
        self.notice(caller, outcome.as_ref().err());
        outcome
    }

    /// Whether the caller's login counts, for a request that is answered beside the mailbox.
    pub(super) async fn admitted(&mut self, caller: &Caller) -> Result<(), ErrorBody> {
        let standing = self.standing(caller).await.map(drop);
        self.notice(caller, standing.as_ref().err());
        standing
    }

    fn notice(&mut self, caller: &Caller, error: Option<&ErrorBody>) {
        if error.is_some_and(|error| error.code == ErrorCode::SessionReplaced) {
            // The newer login may have come to another node: then this one learns of it here.
            self.standing = None;
            self.sessions.leave(caller.member, caller.login);
        }
    }

    async fn outcome(
        &mut self,
        caller: &Caller,
        request: MemberRequest,
    ) -> Result<Reply, ErrorBody> {
        let standing = match (self.standing(caller).await, &request) {
            (Ok(standing), _) => standing,
            // Who was replaced or is kept out may still end its own login and its tokens.
            (Err(error), MemberRequest::AuthLogout(_))
                if matches!(error.code, ErrorCode::SessionReplaced | ErrorCode::MemberBanned) =>
            {
                return self.logout(caller).await;
            }
            (Err(error), _) => return Err(error),
        };
        match request {
            MemberRequest::AuthLogout(_) => self.logout(caller).await,
            MemberRequest::AuthLogoutEverywhere(_) => self.logout_everywhere(caller).await,
            MemberRequest::IdentityList(_) => self.identity_list(caller).await,
            MemberRequest::MemberMe(_) => self.member_me(&standing).await,
            MemberRequest::InboxList(request) => self.inbox_list(caller, &standing, request).await,
            MemberRequest::InboxAck(request) => self.inbox_ack(caller, request).await,
            MemberRequest::SessionList(_) => self.session_list(caller).await,
            MemberRequest::ProductList(request) => self.product_list(caller, request),
            MemberRequest::PurchaseReserve(request) => self.purchase_reserve(caller, request).await,
            MemberRequest::PurchaseSubmit(_) => Err(super::purchases::elsewhere()),
            MemberRequest::PurchaseUnconsumed(_) => self.purchase_unconsumed(caller).await,
            MemberRequest::PurchaseConsume(request) => self.purchase_consume(caller, request).await,
            MemberRequest::PurchaseHistory(request) => self.purchase_history(caller, request).await,
            MemberRequest::WalletBalances(_) => self.wallet_balances(caller).await,
            MemberRequest::ContentSeen(request) => self.content_seen(caller, &request).await,
            MemberRequest::ContentDismiss(request) => self.content_dismiss(caller, request).await,
            MemberRequest::ContentClick(request) => self.content_click(caller, request),
            MemberRequest::ContentState(_) => self.content_state(caller).await,
        }
    }

    /// Where the caller's login stands, as it was read not long ago.
    async fn standing(&mut self, caller: &Caller) -> Result<Standing, ErrorBody> {
        let now = self.context().clock.now();
        let fresh = Duration::from_millis(self.context().settings.standing_ms);
        if let Some((standing, at)) = &self.standing
            && standing.login.id == caller.login
            && standing.member.app == caller.app
            && now.since(*at) < fresh
        {
            return Ok(standing.clone());
        }
        let standing = sessions::standing(self.context(), caller).await?;
        // What was found in a cache is as old as its reading.
        self.standing = Some((standing.clone(), now.before(standing.age)));
        Ok(standing)
    }

    pub(super) fn context(&self) -> &Context {
        self.sessions.context()
    }
}
