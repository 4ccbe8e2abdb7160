//! Which request ids a connection has used.
//!
//! Ids increase within a session, and each is done once. Three kinds may come again: one whose
//! outcome is not known (`same_id`), one that was turned away at the door, and, on a resumed
//! session, one that may never have arrived on the connection before.

/// How many ids that may come again are remembered.
const AGAIN: usize = 32;
/// How many requests after a resume may be earlier ones that are sent again: twice what may
/// be in flight.
const RESENT: usize = 64;

/// The ids of a connection. Nothing is allocated while every id is new.
#[derive(Default)]
pub(super) struct Ids {
    /// The highest one used.
    highest: u64,
    /// Those that may come once more, the latest [`AGAIN`] of them.
    again: Vec<u64>,
    /// On a resumed session, those used since, up to [`RESENT`] of them: a lower one that is
    /// not among them is done.
    resent: Option<Vec<u64>>,
}

impl Ids {
    /// The highest id used so far; 0 when there was none.
    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// The session goes on from another connection: what was in flight there may come again,
    /// in any order.
    pub(super) fn resumed(&mut self) {
        self.resent = Some(Vec::new());
    }

    /// Whether a request with this id is to be done.
    pub(super) fn is_fresh(&self, id: u64) -> bool {
        id > self.highest
            || self.again.contains(&id)
            || self.resent.as_ref().is_some_and(|seen| !seen.contains(&id))
    }

    /// Uses an id up. Returns whether it was fresh.
    pub(super) fn use_up(&mut self, id: u64) -> bool {
        let fresh = self.is_fresh(id);
        self.met(id);
        if fresh {
            self.note(id);
        }
        fresh
    }

    /// The answer of this id is known, or on its way: it is not to be done.
    pub(super) fn met(&mut self, id: u64) {
        self.again.retain(|again| *again != id);
        self.highest = self.highest.max(id);
    }

    /// The same id may come once more.
    pub(super) fn allow_again(&mut self, id: u64) {
        if self.again.contains(&id) {
            return;
        }
        if self.again.len() == AGAIN {
            self.again.remove(0);
        }
        self.again.push(id);
    }

    fn note(&mut self, id: u64) {
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
    use super::*;

    #[test]
    fn an_id_is_done_once_and_ids_increase() {
        let mut ids = Ids::default();
        assert!(ids.use_up(1) && ids.use_up(5));
        assert!(!ids.use_up(5) && !ids.use_up(3), "3 was passed over");
        assert_eq!(ids.highest(), 5);
    }

    #[test]
    fn one_that_was_turned_away_is_not_used() {
        let mut ids = Ids::default();
        ids.use_up(1);
        ids.allow_again(2);
        ids.allow_again(2);
        assert_eq!(ids.highest(), 1);
        ids.use_up(9);
        assert!(ids.is_fresh(2), "a higher one that passed does not hide it");
        assert!(ids.use_up(2));
        assert!(!ids.is_fresh(2), "and it is done once");
    }

    #[test]
    fn the_latest_that_may_come_again_are_remembered() {
        let mut ids = Ids::default();
        ids.use_up(100);
        for id in 1..=AGAIN as u64 + 1 {
            ids.allow_again(id);
        }
        assert!(!ids.is_fresh(1) && ids.is_fresh(2) && ids.is_fresh(AGAIN as u64 + 1));
    }

    #[test]
    fn after_a_resume_lower_ones_are_done_once_each() {
        let mut ids = Ids::default();
        ids.resumed();
        assert!(ids.use_up(90) && ids.use_up(42));
        // Turned away first, then done: it must not be done a second time.
        ids.allow_again(41);
        assert!(ids.use_up(41) && !ids.use_up(41) && !ids.use_up(42));
        ids.met(40);
        for id in 91..91 + RESENT as u64 {
            assert!(ids.use_up(id));
        }
        assert!(!ids.is_fresh(7), "so many later, nothing of before is on its way");
    }

    #[test]
    fn nothing_is_allocated_while_every_id_is_new() {
        let mut ids = Ids::default();
        for id in 1..1_000 {
            ids.use_up(id);
        }
        assert_eq!(ids.again.capacity(), 0);
        assert!(ids.resent.is_none());
    }
}
