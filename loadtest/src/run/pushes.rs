//! Every numbered push of a run: as it was posted, and as it came.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// What a message of a run begins with; the number of the player's message follows.
const TEXT: &str = "loadtest message ";

/// Every numbered push, shared by those who post and those who read.
#[derive(Default)]
pub(super) struct Pushes(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    inboxes: HashMap<usize, Inbox>,
    counts: PushCounts,
}

/// What is known of one player's inbox.
#[derive(Default)]
struct Inbox {
    /// The messages that the server took: their numbers in the inbox, and ours.
    posted: BTreeMap<u64, u64>,
    /// The pushes that came, and which message each was; `None` for one that is not ours.
    came: BTreeMap<u64, Option<u64>>,
    /// How many messages were tried.
    tried: u64,
    /// The highest number of ours that came.
    highest: u64,
}

/// What became of the numbered pushes of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PushCounts {
    /// How many messages the server said that it took.
    pub posted: u64,
    /// How many it did not take: it was away, or said that it has too much to do.
    pub not_taken: u64,
    /// How many posts it did not answer: they were taken, or not.
    pub unknown: u64,
    /// How many pushes came, each counted once.
    pub delivered: u64,
    /// How many of those are messages whose post was not answered.
    pub delivered_unknown: u64,
    /// How many came again after a resume.
    pub delivered_again: u64,
    /// How many came twice on one connection.
    pub doubled: u64,
    /// How many came before their turn, or in another order than they were posted in.
    pub out_of_order: u64,
    /// How many were posted with success and never came.
    pub lost: u64,
}

/// What is wrong with a push that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It came on this connection before.
    Doubled,
    /// It is not the next one.
    OutOfOrder,
}

/// How far a player has read when a push comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    /// The highest number when this connection's session was opened.
    pub(super) at_open: u64,
    /// The highest number now.
    pub(super) now: u64,
}

impl Pushes {
    /// The number and the text of the player's next message.
    pub(super) fn next(&self, player: usize) -> (u64, String) {
        let mut inner = self.lock();
        let inbox = inner.inboxes.entry(player).or_default();
        inbox.tried += 1;
        (inbox.tried, format!("{TEXT}{}", inbox.tried))
    }

    /// The server took the player's message of that number, as number `seq` of its inbox.
    pub(super) fn posted(&self, player: usize, message: u64, seq: u64) {
        let mut inner = self.lock();
        inner.counts.posted += 1;
        inner.inboxes.entry(player).or_default().posted.insert(seq, message);
    }

    /// The server did not take a message.
    pub(super) fn not_taken(&self) {
        self.lock().counts.not_taken += 1;
    }

    /// The server did not say whether it took a message.
    pub(super) fn unknown(&self) {
        self.lock().counts.unknown += 1;
    }

    /// Numbers `first` to `seq` came to a player as one push, with this text if it is a message.
    ///
    /// # Errors
    /// What is wrong with that.
    pub(super) fn came(
        &self,
        player: usize,
        read: Read,
        (first, seq): (u64, u64),
        text: Option<&str>,
    ) -> Result<(), Fault> {
        let mut inner = self.lock();
        if first <= read.now {
            let again = first <= read.at_open;
            let counts = &mut inner.counts;
            *(if again { &mut counts.delivered_again } else { &mut counts.doubled }) += 1;
            return if again { Ok(()) } else { Err(Fault::Doubled) };
        }
        let message = text.and_then(|text| text.strip_prefix(TEXT)?.parse().ok());
        let inbox = inner.inboxes.entry(player).or_default();
        let ordered = first == read.now + 1 && message.is_none_or(|it| it > inbox.highest);
        inbox.highest = inbox.highest.max(message.unwrap_or(0));
        if inbox.came.insert(seq, message).is_none() {
            inner.counts.delivered += 1;
        }
        if ordered {
            return Ok(());
        }
        inner.counts.out_of_order += 1;
        Err(Fault::OutOfOrder)
    }

    /// Whether everything that was posted with success has come.
    pub(super) fn all_came(&self) -> bool {
        self.lock().inboxes.values().all(|inbox| inbox.missing().next().is_none())
    }

    /// What became of them so far.
    pub(super) fn counts(&self) -> PushCounts {
        let inner = self.lock();
        let inboxes = || inner.inboxes.values();
        let lost = inboxes().map(|inbox| inbox.missing().count() as u64).sum();
        let unknown = inboxes().map(|inbox| inbox.unasked().count() as u64).sum();
        PushCounts { lost, delivered_unknown: unknown, ..inner.counts }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox {
    /// What was taken and did not come, or came as something else.
    fn missing(&self) -> impl Iterator<Item = u64> {
        let came = |seq: &u64, message: &u64| self.came.get(seq) == Some(&Some(*message));
        self.posted.iter().filter(move |(seq, it)| !came(seq, it)).map(|(seq, _)| *seq)
    }

    /// The messages that came, and of which it was not said that they were taken.
    fn unasked(&self) -> impl Iterator<Item = u64> {
        let ours = self.came.iter().filter(|(_, message)| message.is_some());
        ours.filter(|(seq, _)| !self.posted.contains_key(seq)).map(|(seq, _)| *seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(at_open: u64, now: u64) -> Read {
        Read { at_open, now }
    }

    #[test]
    fn what_was_posted_and_came_is_counted_once() {
        let pushes = Pushes::default();
        for seq in 1..=3 {
            let (message, text) = pushes.next(7);
            assert_eq!(message, seq);
            assert_eq!(pushes.came(7, read(0, seq - 1), (seq, seq), Some(&text)), Ok(()));
            // That it was taken may be heard later than that it came.
            pushes.posted(7, message, seq);
        }
        assert!(pushes.all_came());
        let due = PushCounts { posted: 3, delivered: 3, ..PushCounts::default() };
        assert_eq!(pushes.counts(), due);
    }

    #[test]
    fn what_did_not_come_is_lost_unless_nobody_knows_that_it_was_taken() {
        let pushes = Pushes::default();
        let [(first, text), (second, _), (_, third)] = [1, 2, 3].map(|_| pushes.next(0));
        pushes.posted(0, first, 1);
        pushes.unknown();
        assert!(!pushes.all_came());
        assert_eq!(pushes.came(0, read(0, 0), (1, 1), Some(&text)), Ok(()));
        assert!(pushes.all_came());
        pushes.posted(0, second, 2);
        // Something else came in its place.
        assert_eq!(pushes.came(0, read(0, 1), (2, 2), Some(&third)), Ok(()));
        let counts = pushes.counts();
        assert_eq!((counts.lost, counts.unknown, counts.delivered), (1, 1, 2));
        assert!(!pushes.all_came());
    }

    #[test]
    fn one_whose_post_was_not_answered_may_come() {
        let pushes = Pushes::default();
        let (_, text) = pushes.next(0);
        pushes.unknown();
        assert_eq!(pushes.came(0, read(0, 0), (1, 1), Some(&text)), Ok(()));
        let counts = pushes.counts();
        assert_eq!((counts.delivered_unknown, counts.lost), (1, 0));
    }

    #[test]
    fn twice_on_one_connection_is_a_fault_and_again_on_another_is_counted() {
        let pushes = Pushes::default();
        assert_eq!(pushes.came(0, read(0, 0), (1, 1), None), Ok(()));
        assert_eq!(pushes.came(0, read(0, 1), (1, 1), None), Err(Fault::Doubled));
        assert_eq!(pushes.came(0, read(1, 1), (1, 1), None), Ok(()));
        let counts = pushes.counts();
        assert_eq!((counts.delivered, counts.doubled, counts.delivered_again), (1, 1, 1));
    }

    #[test]
    fn another_order_is_a_fault() {
        let pushes = Pushes::default();
        let [(_, first), (_, second)] = [1, 2].map(|_| pushes.next(0));
        assert_eq!(pushes.came(0, read(0, 0), (2, 2), None), Err(Fault::OutOfOrder));
        assert_eq!(pushes.came(0, read(0, 2), (3, 3), Some(&second)), Ok(()));
        assert_eq!(pushes.came(0, read(0, 3), (4, 4), Some(&first)), Err(Fault::OutOfOrder));
        // An expired range is one push, and no fault.
        assert_eq!(pushes.came(0, read(0, 4), (5, 9), None), Ok(()));
        assert_eq!(pushes.counts().out_of_order, 2);
    }
}
