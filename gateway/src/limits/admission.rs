//! Who comes in: so many a second, in the order in which they came.
//!
//! Each who comes is given the next turn, and turns are a fixed time apart. Whoever's turn
//! is too far away is not given one and hears so at once. So the queue is a single point in
//! time: it is bounded by the rate times the longest wait, and nobody overtakes.
//!
//! Behind all nodes stands one database, so there is a second rate, of all together. A node gives
//! its turns at once, says afterwards how many it gave, and learns when the next of all would be:
//! before that it gives none. Until it has said so it may run ahead of the others, by what it
//! gives between two words.

use std::time::Duration;

use parking_lot::Mutex;
use storage::rates::Passed;
use tokio::time::{Instant, sleep_until};

use super::EXCHANGE;

/// The longest time for which somebody is sent away, before it is spread.
const LONGEST: Duration = Duration::from_secs(60);

/// A way in.
pub(super) struct Admission {
    /// The time between two turns.
    apart: Duration,
    /// The same, of all nodes together.
    apart_of_all: Duration,
    /// The longest wait for a turn.
    patience: Duration,
    line: Mutex<Line>,
}

/// The line before the door.
struct Line {
    /// When the next turn is.
    next: Instant,
    /// When it would be the turn of the next who is sent away, had they all stayed.
    back: Instant,
    /// How many turns were given since the other nodes were told.
    untold: u32,
}

impl Admission {
    /// Lets `rate` in a second, and `of_all` on all nodes together, none of whom waits longer
    /// than `patience`.
    pub(super) fn new(rate: u32, of_all: u32, patience: Duration) -> Self {
        let apart = |rate: u32| Duration::from_secs(1) / rate.max(1);
        let now = Instant::now();
        let line = Mutex::new(Line { next: now, back: now, untold: 0 });
        Self { apart: apart(rate.min(of_all)), apart_of_all: apart(of_all), patience, line }
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
            line.untold = line.untold.saturating_add(1);
            return Ok(turn);
        }
        // Each is told another time, or all of them would be back at once.
        let back = line.back.max(turn);
        line.back = (back + self.apart).min(now + LONGEST);
        Err(back - now)
    }

    /// How many turns were given since this was asked last, for the other nodes, under a key.
    /// They count as told now. That there were none is worth a word too: what comes back with it
    /// is what the others gave.
    pub(super) fn untold(&self, key: String) -> Passed {
        let times = std::mem::take(&mut self.line.lock().untold);
        Passed { key, times, each: self.apart_of_all, most: LONGEST }
    }

    /// Takes the next turn of all nodes together, which is so far away, for the next here.
    pub(super) fn learn(&self, ahead: Duration) {
        // What is told at once was given in the time since the last word, and is as far ahead
        // where nobody has to wait.
        let next = Instant::now() + ahead.saturating_sub(EXCHANGE);
        let mut line = self.line.lock();
        line.next = line.next.max(next);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::mpsc;
    use tokio::time::advance;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(2);
    const ALL: u32 = 1_000;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_holds_what_passes_in_the_longest_wait_and_not_one_more() {
        let admission = Admission::new(200, ALL, PATIENCE);
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
        let admission = Arc::new(Admission::new(200, ALL, PATIENCE));
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
        let admission = Admission::new(200, ALL, Duration::ZERO);
        assert_eq!(admission.enter().await, Ok(()));
        assert_eq!(admission.enter().await, Err(ms(5)));
        advance(ms(5)).await;
        assert_eq!(admission.enter().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_sent_away_for_longer_than_a_bound() {
        let admission = Admission::new(1, ALL, PATIENCE);
        let told: Vec<_> = (0..1_000).map(|_| admission.turn()).collect();
        assert_eq!(told.iter().filter(|turn| turn.is_ok()).count(), 3);
        assert_eq!(told.last(), Some(&Err(LONGEST)));
        advance(Duration::from_secs(3)).await;
        assert_eq!(admission.turn(), Ok(Instant::now()), "those sent away hold no turn");
    }

    #[tokio::test(start_paused = true)]
    async fn quiet_is_not_saved_up() {
        let admission = Admission::new(200, ALL, PATIENCE);
        advance(Duration::from_secs(60)).await;
        let now = Instant::now();
        assert_eq!(admission.turn(), Ok(now));
        assert_eq!(admission.turn(), Ok(now + ms(5)));
    }

    /// Nodes of 200 a second each, 300 together, and what they share.
    struct Cluster {
        nodes: Vec<Admission>,
        /// When the next turn of all is.
        next: Instant,
        /// When each was given, in milliseconds since the beginning.
        given: Vec<u64>,
        refused: usize,
        longest: Duration,
        began: Instant,
    }

    impl Cluster {
        fn new(nodes: usize) -> Self {
            let nodes = (0..nodes).map(|_| Admission::new(200, 300, PATIENCE)).collect();
            let began = Instant::now();
            let (given, refused, longest) = (Vec::new(), 0, Duration::ZERO);
            Self { nodes, next: began, given, refused, longest, began }
        }

        /// As the shared counter does.
        fn exchange(&mut self, node: usize) {
            let now = Instant::now();
            let Passed { times, each, most, .. } = self.nodes[node].untold(String::new());
            self.next = (self.next.max(now) + each * times).min(now + most);
            self.nodes[node].learn(self.next - now);
        }

        fn come(&mut self, node: usize) {
            match self.nodes[node].turn() {
                Ok(turn) => {
                    self.longest = self.longest.max(turn - Instant::now());
                    let given = (turn - self.began).as_millis();
                    self.given.push(u64::try_from(given).unwrap());
                }
                Err(_) => self.refused += 1,
            }
        }

        /// Has `in_ten_ms` come every ten milliseconds, to whatever nodes are drawn, and each
        /// node tell the others at its own time.
        async fn run(&mut self, seconds: u64, in_ten_ms: usize, draw: &mut impl FnMut() -> usize) {
            let every = EXCHANGE.as_millis() as usize / 10;
            let phases: Vec<_> = self.nodes.iter().map(|_| draw() % every).collect();
            for step in 0..seconds as usize * 100 {
                for _ in 0..in_ten_ms {
                    let node = draw() % self.nodes.len();
                    self.come(node);
                }
                for (node, phase) in phases.iter().enumerate() {
                    if step % every == *phase {
                        self.exchange(node);
                    }
                }
                advance(ms(10)).await;
            }
        }

        /// How many turns there were from one second to another.
        fn between(&self, from: u64, to: u64) -> usize {
            let within = |at: &&u64| (from * 1_000..to * 1_000).contains(*at);
            self.given.iter().filter(within).count()
        }
    }

    fn draws(mut seed: u64) -> impl FnMut() -> usize {
        move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) as usize
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nodes_together_let_in_as_many_as_all_may_and_no_fewer() {
        for seed in 0..20 {
            let (mut cluster, mut draw) = (Cluster::new(5), draws(seed));
            // 1,000 a second come to nodes that would let them all in.
            cluster.run(60, 10, &mut draw).await;
            let steady: Vec<_> = (2..6).map(|n| cluster.between(10 * n, 10 * n + 10)).collect();
            assert!(steady.iter().all(|in_ten| (2_700..=3_400).contains(in_ten)), "{steady:?}");
            // Before the first word each node is alone.
            let first = cluster.between(0, 10);
            assert!(first <= 3_000 + 5 * 200 * 5 / 2, "{first}");
            assert!(cluster.refused > 30_000, "{}", cluster.refused);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn below_the_rate_of_all_nobody_waits_for_other_nodes() {
        for seed in 0..20 {
            let (mut cluster, mut draw) = (Cluster::new(5), draws(seed));
            // 200 a second: each node gives up to 40 or so, and may have some come at once.
            cluster.run(60, 2, &mut draw).await;
            assert_eq!(cluster.refused, 0);
            assert!(cluster.longest <= ms(50), "{:?}", cluster.longest);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_on_which_nobody_came_hears_what_the_others_gave_and_forgets_it_in_time() {
        let mut cluster = Cluster::new(3);
        for node in [0, 1] {
            (0..401).for_each(|_| cluster.come(node));
            cluster.exchange(node);
        }
        cluster.exchange(2);
        // 802 turns at 300 a second.
        let ahead = ms(2_673) - EXCHANGE;
        assert!(matches!(cluster.nodes[2].turn(), Err(wait) if wait.abs_diff(ahead) < ms(2)));
        advance(ms(3_000)).await;
        assert_eq!(cluster.nodes[2].turn(), Ok(Instant::now()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_lets_in_no_more_than_all_may_and_tells_each_once() {
        let admission = Admission::new(200, 100, PATIENCE);
        let now = Instant::now();
        assert_eq!([(); 2].map(|()| admission.turn()), [Ok(now), Ok(now + ms(10))]);
        let told = || admission.untold("x".to_owned());
        assert_eq!((told().times, told().times), (2, 0));
        assert_eq!((told().each, told().most), (ms(10), LONGEST));
    }
}
