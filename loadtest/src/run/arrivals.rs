//! When somebody asks for something: an open model.
//!
//! Requests come as they come to a real server, from many people who know nothing of each
//! other: the gaps between them are drawn from an exponential distribution (a Poisson
//! process), and none waits for the answer to another. All is drawn from a seed before
//! anything is sent, so a slow server changes nothing about what it is asked.

use std::ops::Range;
use std::time::Duration;

use fastrand::Rng;

use super::ask::Ask;

/// Somebody asks for something.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Arrival {
    /// When, from the beginning.
    pub(super) at: Duration,
    /// Which player.
    pub(super) who: usize,
    /// For what.
    pub(super) ask: Ask,
}

/// Arrivals without end, in order.
pub(super) struct Arrivals {
    dice: Rng,
    rate: f64,
    among: Range<usize>,
    seconds: f64,
}

impl Arrivals {
    /// So many a second, over all players of this range together.
    pub(super) fn new(seed: u64, rate: f64, among: Range<usize>) -> Self {
        Self { dice: Rng::with_seed(seed), rate, among, seconds: 0.0 }
    }
}

impl Iterator for Arrivals {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        if self.among.is_empty() {
            return None;
        }
        // One minus a number below one is never zero, whose logarithm has no end.
        self.seconds += -(1.0 - self.dice.f64()).ln() / self.rate;
        Some(Arrival {
            at: Duration::try_from_secs_f64(self.seconds).ok()?,
            who: self.dice.usize(self.among.clone()),
            ask: drawn(&mut self.dice),
        })
    }
}

/// What players ask for: mostly what costs least, as games do.
fn drawn(dice: &mut Rng) -> Ask {
    match dice.u32(0..100) {
        0..50 => Ask::Ping,
        50..75 => Ask::Me,
        75..90 => Ask::Logins,
        _ => Ask::Identities,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 100_000;

    fn arrivals(seed: u64) -> Vec<Arrival> {
        Arrivals::new(seed, 2_000.0, 10..20).take(MANY).collect()
    }

    fn gaps(seed: u64) -> Vec<f64> {
        let at: Vec<f64> = arrivals(seed).iter().map(|it| it.at.as_secs_f64()).collect();
        at.windows(2).map(|two| two[1] - two[0]).collect()
    }

    #[test]
    fn the_same_seed_asks_the_same_and_another_does_not() {
        assert_eq!(arrivals(7), arrivals(7));
        assert_ne!(arrivals(7), arrivals(8));
    }

    #[test]
    fn the_rate_is_kept_and_the_gaps_are_exponential() {
        let gaps = gaps(1);
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // An exponential distribution's deviation is its mean; the seed is fixed, and a mean
        // of so many is within one in a hundred of its own.
        assert!((mean * 2_000.0 - 1.0).abs() < 0.01, "{mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "{variance}");
        // So is the part that is longer than the mean: one in e.
        let longer = gaps.iter().filter(|gap| **gap > mean).count() as f64 / gaps.len() as f64;
        assert!((longer - (-1.0_f64).exp()).abs() < 0.01, "{longer}");
    }

    #[test]
    fn every_player_asks_about_as_often_and_for_everything() {
        let arrivals = arrivals(3);
        for who in 10..20 {
            let asked = arrivals.iter().filter(|arrival| arrival.who == who).count();
            assert!((9_500..10_500).contains(&asked), "{who}: {asked}");
        }
        let share = |ask| arrivals.iter().filter(|it| it.ask == ask).count() as f64 / MANY as f64;
        for (ask, due) in
            [(Ask::Ping, 0.5), (Ask::Me, 0.25), (Ask::Logins, 0.15), (Ask::Identities, 0.1)]
        {
            assert!((share(ask) - due).abs() < 0.01, "{ask:?}");
        }
    }

    #[test]
    fn nobody_asks_nothing() {
        assert_eq!(Arrivals::new(1, 5.0, 0..0).next(), None);
    }
}
