//! A member's inbox, asked for.
//!
//! A poll while nothing is new is answered from what the actor remembers of the inbox: it was
//! read with the login's standing, and is raised by whoever writes a push on this node before
//! that one's writing returns. What another node writes is seen with the next standing, so at
//! the latest after `standing_ms`.

use protocol::error::ErrorBody;
use protocol::operation::Reply;
use protocol::push::{AckReply, AckRequest, ListReply, ListRequest};

use storage::gamelog::Event;
use storage::sessions::Standing;

use super::State;
use crate::identity::tokens::Caller;
use crate::{fault, push};

/// How many pushes an answer holds unless the client says otherwise.
const LIMIT: u16 = 50;
/// The most pushes that an answer holds.
const MOST: u16 = 100;
/// The longest that an answer may be waited for, in seconds.
const MOST_WAIT_S: u16 = 30;

/// Whether there is nothing behind `after` but what was acknowledged. Somebody who has more
/// than is known here has it from another node: the truth must be asked.
fn nothing_new(standing: &Standing, after: u64) -> bool {
    after <= standing.inbox && after.max(standing.acked) >= standing.inbox
}

impl State {
    /// The inbox reaches, and is acknowledged, at least so far.
    pub(super) fn reaches(&mut self, seq: u64, acked: u64) {
        if let Some((standing, _)) = &mut self.standing {
            standing.inbox = standing.inbox.max(seq);
            standing.acked = standing.acked.max(acked);
        }
    }

    pub(super) async fn inbox_list(
        &mut self,
        caller: &Caller,
        standing: &Standing,
        request: ListRequest,
    ) -> Result<Reply, ErrorBody> {
        let limit = request.limit.unwrap_or(LIMIT);
        if !(1..=MOST).contains(&limit) {
            return Err(ErrorBody::invalid("limit", format!("is not between 1 and {MOST}")));
        }
        if request.wait_s.is_some_and(|wait| wait > MOST_WAIT_S) {
            let reason = format!("is not between 0 and {MOST_WAIT_S}");
            return Err(ErrorBody::invalid("wait_s", reason));
        }
        let after = request.after.unwrap_or(0);
        if nothing_new(standing, after) {
            return Ok(Reply::InboxList(ListReply { pushes: Vec::new(), seq: standing.inbox }));
        }
        let (context, member) = (self.context(), &standing.member);
        let inbox = context
            .storage
            .inboxes
            .read(member.app.clone(), member.id, after, context.clock.now(), usize::from(limit))
            .await
            .map_err(|error| fault::of_storage(&error))?;
        let seq = inbox.seq;
        self.reaches(seq, inbox.acked);
        let pushes = push::with_gaps(after, inbox, usize::from(limit));
        if let (Some(first), Some(last)) = (pushes.first(), pushes.last()) {
            let (login, from, to) = (caller.login, first.seq, last.seq);
            self.sessions.log(caller, Event::PushSent { login, from, to });
        }
        Ok(Reply::InboxList(ListReply { pushes, seq }))
    }

    pub(super) async fn inbox_ack(
        &mut self,
        caller: &Caller,
        request: AckRequest,
    ) -> Result<Reply, ErrorBody> {
        let inboxes = &self.context().storage.inboxes;
        let ack = inboxes.ack(caller.app.clone(), caller.member, caller.login, request.seq);
        let acked = ack.await.map_err(|error| fault::of_storage(&error))?;
        let before = self.standing.as_ref().map_or(0, |(standing, _)| standing.acked);
        if acked > before {
            let event = Event::PushAcknowledged { login: caller.login, seq: acked };
            self.sessions.log(caller, event);
        }
        self.reaches(acked, acked);
        Ok(Reply::InboxAck(AckReply { acked }))
    }
}
