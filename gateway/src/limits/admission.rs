//! Who comes in: so many a second, in the order in which they came.
//!
//! Each who comes is given the next turn, and turns are a fixed time apart. Whoever's turn
//! is too far away is not given one and hears so at once. So the queue is a single point in
//! time: it is bounded by the rate times the longest wait, and nobody overtakes.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

/// The longest time for which somebody is sent away, before it is spread.
const LONGEST: Duration = Duration::from_secs(60);

/// A way in.
pub(super) struct Admission {
    /// The time between two turns.
    apart: Duration,
    /// The longest wait for a turn.
    patience: Duration,
    line: Mutex<Line>,
}

/// The line before the door. A counter that nodes share can take its place.
struct Line {
    /// When the next turn is.
    next: Instant,
    /// When it would be the turn of the next who is sent away, had they all stayed.
    back: Instant,
}

impl Admission {
    /// Lets `rate` in a second, none of whom waits longer than `patience`.
    pub(super) fn new(rate: u32, patience: Duration) -> Self {
        let apart = Duration::from_secs(1) / rate.max(1);
        let now = Instant::now();
        Self { apart, patience, line: Mutex::new(Line { next: now, back: now }) }
    }

    /// Waits for a turn. Who leaves before it has used it up.
    ///
    /// # Errors
    /// The wait would be too long; and how long it would have been.
    pub(super) async fn enter(&self) -> Result<(), Duration> {
        let turn = self.turn()?;
        if turn > Instant::now() {
            sleep_until(turn).await;
        }
        Ok(())
    }

    fn turn(&self) -> Result<Instant, Duration> {
        let mut line = self.line.lock();
        let now = Instant::now();
        let turn = line.next.max(now);
        if turn - now <= self.patience {
            line.next = turn + self.apart;
            return Ok(turn);
        }
        // Each is told another time, or all of them would be back at once.
        let back = line.back.max(turn);
        line.back = (back + self.apart).min(now + LONGEST);
        Err(back - now)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::mpsc;
    use tokio::time::advance;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(2);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_holds_what_passes_in_the_longest_wait_and_not_one_more() {
        let admission = Admission::new(200, PATIENCE);
        let now = Instant::now();
        // The first passes at once, and 400 wait.
        for n in 0..=400 {
            assert_eq!(admission.turn(), Ok(now + ms(5 * n)));
        }
        assert_eq!(admission.turn(), Err(ms(2_005)), "told at once");
        assert_eq!(admission.turn(), Err(ms(2_010)), "and each another time");
        advance(ms(5)).await;
        assert_eq!(admission.turn(), Ok(now + ms(2_005)));
        assert_eq!(admission.turn(), Err(ms(2_010)), "two were sent away before");
    }

    #[tokio::test(start_paused = true)]
    async fn they_pass_in_the_order_in_which_they_came_and_at_the_rate() {
        let admission = Arc::new(Admission::new(200, PATIENCE));
        let began = Instant::now();
        let (passed, mut passing) = mpsc::unbounded_channel();
        for n in 0..401_u64 {
            let (admission, passed) = (admission.clone(), passed.clone());
            tokio::spawn(async move {
                admission.enter().await.unwrap();
                passed.send((n, began.elapsed())).unwrap();
            });
        }
        for n in 0..401 {
            let (who, after) = passing.recv().await.unwrap();
            assert_eq!(who, n);
            // tokio's timer is exact to the millisecond.
            assert!(after >= ms(5 * n) && after <= ms(5 * n + 1), "{n} after {after:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_patience_nobody_waits() {
        let admission = Admission::new(200, Duration::ZERO);
        assert_eq!(admission.enter().await, Ok(()));
        assert_eq!(admission.enter().await, Err(ms(5)));
        advance(ms(5)).await;
        assert_eq!(admission.enter().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_sent_away_for_longer_than_a_bound() {
        let admission = Admission::new(1, PATIENCE);
        let told: Vec<_> = (0..1_000).map(|_| admission.turn()).collect();
        assert_eq!(told.iter().filter(|turn| turn.is_ok()).count(), 3);
        assert_eq!(told.last(), Some(&Err(LONGEST)));
        advance(Duration::from_secs(3)).await;
        assert_eq!(admission.turn(), Ok(Instant::now()), "those sent away hold no turn");
    }

    #[tokio::test(start_paused = true)]
    async fn quiet_is_not_saved_up() {
        let admission = Admission::new(200, PATIENCE);
        advance(Duration::from_secs(60)).await;
        let now = Instant::now();
        assert_eq!(admission.turn(), Ok(now));
        assert_eq!(admission.turn(), Ok(now + ms(5)));
    }
}
