//! A member's inbox, asked for.

use protocol::error::ErrorBody;
use protocol::operation::Reply;
use protocol::push::{AckReply, AckRequest, ListReply, ListRequest};

use super::State;
use crate::identity::tokens::Caller;
use crate::{fault, push};

/// How many pushes an answer holds unless the client says otherwise.
const LIMIT: u16 = 50;
/// The most pushes that an answer holds.
const MOST: u16 = 100;
/// The longest that an answer may be waited for, in seconds.
const MOST_WAIT_S: u16 = 30;

impl State {
    pub(super) async fn inbox_list(
        &self,
        caller: &Caller,
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
        let (context, after) = (self.context(), request.after.unwrap_or(0));
        let inbox = context
            .storage
            .inboxes
            .read(caller.app.clone(), caller.member, after, context.clock.now(), usize::from(limit))
            .await
            .map_err(|error| fault::of_storage(&error))?;
        let seq = inbox.seq;
        let pushes = push::with_gaps(after, inbox, usize::from(limit));
        Ok(Reply::InboxList(ListReply { pushes, seq }))
    }

    pub(super) async fn inbox_ack(
        &self,
        caller: &Caller,
        request: AckRequest,
    ) -> Result<Reply, ErrorBody> {
        let ack =
            self.context().storage.inboxes.ack(caller.app.clone(), caller.member, request.seq);
        let acked = ack.await.map_err(|error| fault::of_storage(&error))?;
        Ok(Reply::InboxAck(AckReply { acked }))
    }
}
