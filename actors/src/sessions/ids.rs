//! What becomes of a request's number.
//!
//! A client numbers its requests upwards. A number that was used before gets the answer that
//! is kept for it, joins the request that is still being answered, or is done: when its outcome
//! was not known, when it was turned away at the door, or when the session goes on after a cut,
//! because it may never have arrived. Otherwise it is stale.

use std::sync::Arc;

use protocol::error::ErrorBody;
use protocol::ids::SessionId;
use protocol::operation::Reply;
use tokio::sync::watch;

use super::replies::{Begun, Recorder, Replies};

/// How many ids that may come again are remembered.
pub const AGAIN: usize = 32;
/// How many requests after a resume may be earlier ones that are sent again: twice what may
/// be in flight.
pub const RESENT: usize = 64;

type Outcome = Result<Reply, ErrorBody>;

/// The request ids of one connection.
#[derive(Default)]
pub struct RequestIds {
    /// The highest id seen.
    highest: u64,
    /// Ids that are being answered.
    in_flight: Vec<u64>,
    /// Ids that may come once more, the latest [`AGAIN`] of them: their outcome is not known
    /// (`same_id`), or they were turned away at the door.
    again: Vec<u64>,
    /// On a resumed session, the ids seen since, up to [`RESENT`] of them: a lower one that is
    /// not among them may never have arrived on the connection before, and is done.
    resent: Option<Vec<u64>>,
}

/// What becomes of a request whose answer is to be kept.
pub enum Met {
    /// It is to be done, and the recorder is to be told how it ended.
    New(Recorder),
    /// It is being answered, as it came on another connection.
    Joins(watch::Receiver<Option<Arc<Outcome>>>),
    /// It was answered.
    Kept(Arc<Outcome>),
}

/// Why a request is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// It is being answered on this connection: one answer is for both.
    InFlight,
    /// Its id is not above the highest so far, which this is.
    Stale(u64),
}

impl RequestIds {
    /// A session was opened on the connection. If it goes on, what was in flight on the
    /// connection before may come again, in any order.
    pub fn opened(&mut self, resumed: bool) {
        self.resent = resumed.then(Vec::new);
    }

    /// A request comes, and is to be done.
    ///
    /// # Errors
    /// [`Used`], when it is not.
    pub fn meet(&mut self, id: u64) -> Result<(), Used> {
        if self.in_flight.contains(&id) {
            return Err(Used::InFlight);
        }
        if id <= self.highest && !self.forgives(id) {
            return Err(Used::Stale(self.highest));
        }
        self.see(id);
        Ok(())
    }

    /// A request comes whose answer is to be kept.
    ///
    /// # Errors
    /// [`Used`], when there is no answer, nor will be one of its own.
    pub fn meet_keeping(
        &mut self,
        id: u64,
        replies: &Replies,
        session: SessionId,
    ) -> Result<Met, Used> {
        if self.in_flight.contains(&id) {
            return Err(Used::InFlight);
        }
        match replies.begin(session, id) {
            Begun::Fresh(recorder) => self.meet(id).map(|()| Met::New(recorder)),
            // From here on the id was seen, whatever becomes of the kept answer.
            Begun::Pending(answer) => {
                self.see(id);
                Ok(Met::Joins(answer))
            }
            Begun::Kept(outcome) => {
                self.see(id);
                Ok(Met::Kept(outcome))
            }
        }
    }

    /// The request is being answered from now on, which takes a while.
    pub fn flies(&mut self, id: u64) {
        self.in_flight.push(id);
    }

    /// The request is not being answered any more.
    pub fn landed(&mut self, id: u64) {
        self.in_flight.retain(|flying| *flying != id);
        if self.in_flight.is_empty() {
            // A quiet connection keeps no room for more.
            self.in_flight = Vec::new();
        }
    }

    /// The request was answered so.
    pub fn answered(&mut self, id: u64, outcome: &Outcome) {
        if matches!(outcome, Err(error) if error.same_id_again()) {
            self.allow_again(id);
        }
    }

    /// The request was turned away at the door. Its id is not used by that.
    pub fn turned_away(&mut self, id: u64) {
        let fresh = id > self.highest || self.forgives(id);
        if fresh && !self.in_flight.contains(&id) {
            self.allow_again(id);
        }
    }

    /// How many requests are being answered.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Whether no request has come yet.
    #[must_use]
    pub fn untouched(&self) -> bool {
        self.highest == 0
    }

    fn allow_again(&mut self, id: u64) {
        if self.again.contains(&id) {
            return;
        }
        if self.again.len() == AGAIN {
            self.again.remove(0);
        }
        self.again.push(id);
    }

    /// Whether an id that is not the highest may be done: it may come once more, or it may have
    /// been lost with the connection before.
    fn forgives(&self, id: u64) -> bool {
        self.again.contains(&id) || self.resent.as_ref().is_some_and(|seen| !seen.contains(&id))
    }

    /// Remembers that an id was seen.
    fn see(&mut self, id: u64) {
        self.highest = self.highest.max(id);
        self.again.retain(|again| *again != id);
        if let Some(seen) = &mut self.resent
            && !seen.contains(&id)
        {
            seen.push(id);
            if seen.len() == RESENT {
                self.resent = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use protocol::error::ErrorCode;
    use protocol::identity::LogoutReply;
    use protocol::ids::LoginId;
    use uuid::Uuid;

    use super::*;

    const SESSION: SessionId = SessionId { login: LoginId(Uuid::nil()), open: 1 };

    fn replies() -> Replies {
        Replies::new(1 << 20, Duration::from_secs(60))
    }

    fn resumed() -> RequestIds {
        let mut ids = RequestIds::default();
        ids.opened(true);
        ids
    }

    fn done() -> Outcome {
        Ok(Reply::AuthLogout(LogoutReply { ended: 1 }))
    }

    fn recorder(met: Result<Met, Used>) -> Recorder {
        match met {
            Ok(Met::New(recorder)) => recorder,
            Ok(Met::Joins(_) | Met::Kept(_)) | Err(_) => panic!("it is not new"),
        }
    }

    #[test]
    fn ids_go_upwards() {
        let mut ids = RequestIds::default();
        assert!(ids.untouched());
        assert_eq!(
            [1, 5, 5, 4, 6].map(|id| ids.meet(id)),
            [Ok(()), Ok(()), Err(Used::Stale(5)), Err(Used::Stale(5)), Ok(()),]
        );
    }

    #[test]
    fn one_that_is_being_answered_is_for_both_and_one_of_unknown_outcome_comes_once_more() {
        let mut ids = RequestIds::default();
        assert_eq!(ids.meet(7), Ok(()));
        ids.flies(7);
        assert_eq!((ids.meet(7), ids.in_flight()), (Err(Used::InFlight), 1));
        ids.landed(7);
        ids.answered(7, &Err(ErrorBody::new(ErrorCode::Internal, "unknown")));
        assert_eq!([ids.meet(7), ids.meet(7)], [Ok(()), Err(Used::Stale(7))]);
    }

    #[test]
    fn one_that_was_turned_away_is_not_used() {
        let mut ids = RequestIds::default();
        assert_eq!(ids.meet(1), Ok(()));
        ids.turned_away(2);
        ids.turned_away(2);
        assert_eq!(ids.meet(9), Ok(()), "a higher one that passed does not hide it");
        assert_eq!([ids.meet(2), ids.meet(2)], [Ok(()), Err(Used::Stale(9))], "it is done once");
        ids.turned_away(9);
        assert_eq!(ids.meet(9), Err(Used::Stale(9)), "it was done before");
    }

    #[test]
    fn nothing_is_allocated_while_every_id_is_new() {
        let mut ids = RequestIds::default();
        for id in 1..1_000 {
            assert_eq!(ids.meet(id), Ok(()));
        }
        assert_eq!((ids.again.capacity(), ids.in_flight.capacity()), (0, 0));
        assert!(ids.resent.is_none());
    }

    #[test]
    fn no_more_than_so_many_of_unknown_outcome_are_remembered() {
        let mut ids = RequestIds::default();
        let last = AGAIN as u64 + 1;
        for id in 1..=last {
            assert_eq!(ids.meet(id), Ok(()));
            ids.answered(id, &Err(ErrorBody::new(ErrorCode::Internal, "unknown")));
        }
        assert_eq!([ids.meet(1), ids.meet(2)], [Err(Used::Stale(last)), Ok(())]);
    }

    #[test]
    fn after_a_resume_earlier_ones_are_done_once_each_and_so_many_at_most() {
        let mut ids = resumed();
        let last = RESENT as u64;
        for id in (1..last).rev() {
            assert_eq!(ids.meet(id + 1), Ok(()), "{id}");
            assert_eq!(ids.meet(id + 1), Err(Used::Stale(last)), "{id}");
        }
        assert_eq!(ids.meet(1), Ok(()));
        let mut ids = resumed();
        for id in 2..=last + 1 {
            assert_eq!(ids.meet(id), Ok(()));
        }
        assert_eq!(ids.meet(1), Err(Used::Stale(last + 1)));
    }

    /// Found by fuzzing: it was done a second time, beside the first.
    #[tokio::test(start_paused = true)]
    async fn one_that_joined_after_a_resume_and_comes_again_is_not_done() {
        let (replies, mut ids) = (replies(), resumed());
        let recorder = recorder(RequestIds::default().meet_keeping(7, &replies, SESSION));
        assert!(matches!(ids.meet_keeping(7, &replies, SESSION), Ok(Met::Joins(_))));
        ids.flies(7);
        assert!(matches!(ids.meet_keeping(7, &replies, SESSION), Err(Used::InFlight)));
        drop(recorder);
    }

    /// The same of one whose answer was kept, and is not any more.
    #[tokio::test(start_paused = true)]
    async fn one_that_was_answered_after_a_resume_is_not_done_when_its_answer_is_forgotten() {
        let (replies, mut ids) = (replies(), resumed());
        recorder(RequestIds::default().meet_keeping(7, &replies, SESSION)).finish(done());
        assert!(matches!(ids.meet_keeping(7, &replies, SESSION), Ok(Met::Kept(_))));
        tokio::time::advance(Duration::from_secs(120)).await;
        assert!(matches!(ids.meet_keeping(7, &replies, SESSION), Err(Used::Stale(7))));
    }
}
