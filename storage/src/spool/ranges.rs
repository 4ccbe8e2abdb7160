//! Which numbers are settled.

/// Numbers from 0 on, as ranges that do not touch, in order. The end of each is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// The ranges in the order of a file; `None` when they are not in order.
    pub(super) fn of(ranges: Vec<(u64, u64)>) -> Option<Self> {
        let alone = ranges.iter().all(|(from, to)| from < to);
        let apart = ranges.windows(2).all(|pair| pair[0].1 < pair[1].0);
        (alone && apart).then_some(Self(ranges))
    }

    pub(super) fn as_slice(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// Puts `from..to` in.
    pub(super) fn insert(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        // Those that the new one touches become one with it.
        let first = self.0.partition_point(|(_, end)| *end < from);
        let last = self.0.partition_point(|(begin, _)| *begin <= to);
        let touched = &self.0[first..last];
        let from = touched.first().map_or(from, |(begin, _)| from.min(*begin));
        let to = touched.last().map_or(to, |(_, end)| to.max(*end));
        self.0.splice(first..last, [(from, to)]);
    }

    /// The first number from `from` on that is not in it.
    pub(super) fn next_absent(&self, from: u64) -> u64 {
        let place = self.0.partition_point(|(_, end)| *end <= from);
        match self.0.get(place) {
            Some((begin, end)) if *begin <= from => *end,
            Some(_) | None => from,
        }
    }

    /// Whether all of `from..to` is in it.
    pub(super) fn covers(&self, from: u64, to: u64) -> bool {
        self.next_absent(from) >= to
    }

    /// How many of `from..to` are in it.
    pub(super) fn count(&self, from: u64, to: u64) -> u64 {
        let part = |(begin, end): &(u64, u64)| to.min(*end).saturating_sub(from.max(*begin));
        self.0.iter().map(part).sum()
    }

    /// The number after the last one.
    pub(super) fn end(&self) -> u64 {
        self.0.last().map_or(0, |(_, end)| *end)
    }
}
