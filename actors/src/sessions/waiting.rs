//! A long poll: `inbox.list` that waits for a push.

use std::sync::Arc;
use std::time::Duration;

use protocol::close::{CloseCode, CloseReason};
use protocol::error::ErrorBody;
use protocol::operation::{MemberRequest, Reply};
use protocol::push::{ListRequest, Push};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::{Broadcast, Connection, Sessions};
use crate::identity::tokens::Caller;

/// Somebody who waits for whatever happens to a member, as a connection does.
#[derive(Default)]
struct Waiter(Notify);

impl Connection for Waiter {
    fn push(&self, _: &Push) {}

    fn broadcast(&self, _: &Broadcast) {}

    fn look(&self, _: u64) {
        self.0.notify_one();
    }

    fn close_after(&self, _: u64, _: CloseCode, _: CloseReason) {
        // Asking again says what has become of the login.
        self.0.notify_one();
    }
}

/// Whether a request may be answered only when something happens, or its time is over.
#[must_use]
pub fn is_long_poll(request: &MemberRequest) -> bool {
    wait_of(request).is_some()
}

/// How long a request wants to wait, if it is one that waits.
pub(super) fn wait_of(request: &MemberRequest) -> Option<(ListRequest, Duration)> {
    match request {
        MemberRequest::InboxList(list) => {
            let wait = Duration::from_secs(u64::from(list.wait_s.unwrap_or(0)));
            (!wait.is_zero()).then_some((*list, wait))
        }
        MemberRequest::AuthLogout(_)
        | MemberRequest::AuthLogoutEverywhere(_)
        | MemberRequest::IdentityList(_)
        | MemberRequest::MemberMe(_)
        | MemberRequest::InboxAck(_)
        | MemberRequest::SessionList(_)
        | MemberRequest::ProductList(_)
        | MemberRequest::PurchaseReserve(_)
        | MemberRequest::PurchaseSubmit(_)
        | MemberRequest::PurchaseUnconsumed(_)
        | MemberRequest::PurchaseConsume(_)
        | MemberRequest::PurchaseHistory(_)
        | MemberRequest::WalletBalances(_)
        | MemberRequest::ContentSeen(_)
        | MemberRequest::ContentDismiss(_)
        | MemberRequest::ContentClick(_)
        | MemberRequest::ContentState(_) => None,
    }
}

impl Sessions {
    /// Asks until there is a push, or the time is over. No actor is kept awake for it.
    pub(super) async fn poll(
        &self,
        caller: Caller,
        list: ListRequest,
        wait: Duration,
    ) -> Result<Reply, ErrorBody> {
        let deadline = Instant::now() + wait;
        let waiter = Arc::new(Waiter::default());
        // Waiting begins before asking, so that a push in between is not missed.
        let _place = self.wait_as(&caller, waiter.clone());
        loop {
            let reply = self.ask(caller.clone(), MemberRequest::InboxList(list)).await?;
            let empty = matches!(&reply, Reply::InboxList(list) if list.pushes.is_empty());
            if !empty || timeout_at(deadline, waiter.0.notified()).await.is_err() {
                return Ok(reply);
            }
        }
    }
}
