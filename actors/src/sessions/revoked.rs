//! Logins that ended on another node: the connections that they have here are told and closed.

use std::time::Duration;

use protocol::close::{CloseCode, CloseReason};
use protocol::error::ErrorCode;
use protocol::ids::{AppId, LoginId, MemberId};
use tokio::time::{MissedTickBehavior, interval};

use super::{Sessions, counts};
use crate::session::Msg;

/// How often a node asks whose logins changed elsewhere.
const PERIOD: Duration = Duration::from_millis(500);

impl Sessions {
    /// Has the other nodes look at a member's logins. Nobody waits for it.
    pub(super) fn revoke(&self, member: MemberId) {
        if let Some(shared) = self.0.context.storage.revocations.shared().cloned() {
            tokio::spawn(async move {
                if shared.revoke(member).await.is_err() {
                    metrics::counter!("daemun_revocations_untold_total").increment(1);
                }
            });
        }
    }

    /// Looks now and then at whose logins changed elsewhere, for as long as it is polled.
    pub async fn keep_up(&self) {
        let Some(shared) = self.0.context.storage.revocations.shared().cloned() else {
            return std::future::pending().await;
        };
        let (mut mark, mut tick) = (None, interval(PERIOD));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            // While it cannot be asked the mark stays, and what came meanwhile is told then.
            if let Ok((next, members)) = shared.since(mark).await {
                mark = Some(next);
                for member in members {
                    self.look_again(member).await;
                }
            }
        }
    }

    /// Forgets what is remembered of a member's logins, and closes the connections of those that
    /// do not count any more.
    pub async fn look_again(&self, member: MemberId) {
        self.0.registry.tell(member, Msg::StandingChanged);
        for (app, login) in self.0.registry.logins(member) {
            self.look_at(app, member, login).await;
        }
    }

    async fn look_at(&self, app: AppId, member: MemberId, login: LoginId) {
        let context = &self.0.context;
        // When it cannot be read, the next request of that login finds out.
        let Ok(Some(standing)) = context.storage.sessions.standing(app, member, login).await else {
            return;
        };
        let now = context.clock.now();
        let until = standing.member.banned(now).and_then(|ban| ban.until);
        let seq = standing.inbox;
        let Err(error) = counts(standing, now) else { return };
        if error.code == ErrorCode::SessionReplaced {
            return self.leave(member, login);
        }
        for connection in self.0.registry.connections(member, |of| of == login) {
            if error.code == ErrorCode::MemberBanned {
                let reason = CloseReason { until, ..CloseReason::default() };
                connection.close_after(seq, CloseCode::Banned, reason);
            } else {
                connection.close(CloseCode::LoggedOut, CloseReason::default());
            }
        }
    }
}
