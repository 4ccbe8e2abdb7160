//! Members whose forgetting was not confirmed yet.

use std::collections::HashMap;
use std::time::Duration;

use protocol::ids::MemberId;
use tokio::time::Instant;

/// The most that is owed by name.
pub(super) const MOST: usize = 4_096;
/// The most that is forgotten with one thing that is asked, which waits for it.
const ROUND: usize = 256;

/// A member, and the number of its debt: it may be owed again while it is being paid.
pub(super) type Debt = (MemberId, u64);

pub(super) struct Owed {
    /// After so long nothing of what was there is left.
    life: Duration,
    members: HashMap<MemberId, Owing>,
    next: u64,
    /// Until when everybody counts as owed: there were too many to name.
    all_until: Option<Instant>,
}

struct Owing {
    debt: u64,
    since: Instant,
    /// Whether somebody is forgetting it. Who leaves in the midst leaves it so: it is owed for
    /// its whole life then.
    under_way: bool,
}

impl Owed {
    pub(super) fn new(life: Duration) -> Self {
        Self { life, members: HashMap::new(), next: 0, all_until: None }
    }

    /// Members that are being forgotten from now on; each has a debt, to be settled.
    pub(super) fn owe(&mut self, members: &[MemberId], now: Instant) -> Vec<Debt> {
        let mut debts = Vec::with_capacity(members.len());
        for member in members {
            self.next += 1;
            debts.push((*member, self.next));
            if !self.has_room_for(*member) {
                self.drop_old(now);
            }
            if self.has_room_for(*member) {
                let owing = Owing { debt: self.next, since: now, under_way: true };
                self.members.insert(*member, owing);
            } else {
                self.all_until = Some(now + self.life);
            }
        }
        debts
    }

    /// What nobody is forgetting, some of it: it is being forgotten from now on, to be settled.
    pub(super) fn take(&mut self, now: Instant) -> Vec<Debt> {
        if self.members.is_empty() {
            return Vec::new();
        }
        self.drop_old(now);
        let mut debts = Vec::new();
        for (member, owing) in self.members.iter_mut().filter(|(_, it)| !it.under_way).take(ROUND) {
            owing.under_way = true;
            debts.push((*member, owing.debt));
        }
        debts
    }

    /// Says of debts whether they were paid.
    pub(super) fn settle(&mut self, debts: impl Iterator<Item = (Debt, bool)>) {
        for ((member, debt), paid) in debts {
            // Owed again meanwhile: the newer debt is somebody else's to settle.
            let Some(owing) = self.members.get_mut(&member).filter(|it| it.debt == debt) else {
                continue;
            };
            owing.under_way = false;
            if paid {
                self.members.remove(&member);
            }
        }
    }

    /// Whether what is found of a member must not be believed.
    pub(super) fn is_owed(&self, member: MemberId, now: Instant) -> bool {
        self.all_until.is_some_and(|until| now < until)
            || self.members.get(&member).is_some_and(|owing| now < owing.since + self.life)
    }

    fn has_room_for(&self, member: MemberId) -> bool {
        self.members.len() < MOST || self.members.contains_key(&member)
    }

    fn drop_old(&mut self, now: Instant) {
        let life = self.life;
        self.members.retain(|_, owing| now < owing.since + life);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::cache::key;

    const LIFE: Duration = Duration::from_secs(30);

    fn members(count: usize) -> Vec<MemberId> {
        (0..count).map(|_| key().member).collect()
    }

    fn unpaid(debts: Vec<Debt>) -> impl Iterator<Item = (Debt, bool)> {
        debts.into_iter().map(|debt| (debt, false))
    }

    fn paid(debts: Vec<Debt>) -> impl Iterator<Item = (Debt, bool)> {
        debts.into_iter().map(|debt| (debt, true))
    }

    #[test]
    fn a_debt_stands_until_it_is_paid_or_of_no_more_use() {
        let (mut owed, begin) = (Owed::new(LIFE), Instant::now());
        let [first, second] = [0; 2].map(|_| key().member);
        let debts = owed.owe(&[first, second], begin);
        // While it is under way nobody else does it.
        assert_eq!(owed.take(begin), []);
        assert!(owed.is_owed(first, begin) && owed.is_owed(second, begin));
        owed.settle(debts.into_iter().zip([true, false]));
        assert!(!owed.is_owed(first, begin) && owed.is_owed(second, begin));
        let again = owed.take(begin);
        assert_eq!(again.len(), 1);
        owed.settle(unpaid(again));
        assert!(owed.is_owed(second, begin + LIFE - Duration::from_millis(1)));
        assert!(!owed.is_owed(second, begin + LIFE));
        assert_eq!(owed.take(begin + LIFE), []);
    }

    #[test]
    fn what_is_owed_again_while_it_is_paid_stays_owed() {
        let (mut owed, begin) = (Owed::new(LIFE), Instant::now());
        let member = key().member;
        let earlier = owed.owe(&[member], begin);
        let later = owed.owe(&[member], begin);
        owed.settle(paid(earlier));
        assert!(owed.is_owed(member, begin));
        assert_eq!(owed.take(begin), []);
        owed.settle(paid(later));
        assert!(!owed.is_owed(member, begin));
    }

    #[test]
    fn when_there_are_too_many_nobody_is_believed_for_a_while() {
        let (mut owed, begin) = (Owed::new(LIFE), Instant::now());
        let (known, others) = (key().member, members(MOST));
        let debts = owed.owe(&others, begin);
        owed.settle(unpaid(debts));
        // One that is owed already finds room; another does not.
        owed.owe(&others[..1], begin);
        assert!(!owed.is_owed(known, begin));
        owed.owe(&members(1), begin);
        let rounds: Vec<usize> =
            std::iter::repeat_with(|| owed.take(begin).len()).take_while(|it| *it > 0).collect();
        assert_eq!(rounds.iter().sum::<usize>(), MOST - 1);
        assert!(rounds.iter().all(|it| *it <= ROUND), "{rounds:?}");
        assert!(owed.is_owed(known, begin) && owed.is_owed(known, begin + LIFE / 2));
        assert!(!owed.is_owed(known, begin + LIFE));
        // What is of no more use makes room.
        let debts = owed.owe(&members(1), begin + LIFE);
        owed.settle(unpaid(debts));
        assert_eq!(owed.take(begin + LIFE).len(), 1);
        assert!(!owed.is_owed(known, begin + LIFE));
    }
}
