//! All the players of a run.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::arrivals::Arrivals;
use super::ask::Ask;
use super::ledger::Row;
use super::player;
use super::seat::{Due, Order, Seat};
use super::stage::Stage;

/// How many may be on their way in at a time while a crowd gathers.
const AT_A_TIME: usize = 256;
/// How often it is looked whether something has come about.
const LOOK: Duration = Duration::from_millis(5);
/// What is granted beyond a bound that players keep themselves, so that they are first to
/// notice.
const GRACE: Duration = Duration::from_secs(1);
/// How many are told to leave at a time.
const LEAVE_AT_A_TIME: usize = 128;

/// Players, each a task; they end with the crowd.
pub(super) struct Crowd {
    stage: Arc<Stage>,
    seats: Vec<Arc<Seat>>,
    tasks: JoinSet<()>,
}

impl Crowd {
    /// Nobody.
    pub(super) fn new(stage: &Arc<Stage>) -> Self {
        Self { stage: stage.clone(), seats: Vec::new(), tasks: JoinSet::new() }
    }

    /// Lets all players of the plan in, gently, and returns when nobody is on the way. What
    /// that took is a section of the ledger.
    pub(super) async fn gather(stage: &Arc<Stage>) -> Self {
        let plan = &stage.plan;
        let length = Duration::from_secs_f64(plan.sessions as f64 / plan.ramp);
        stage.begin("coming in", Some(length));
        let (mut crowd, pacer, start) = (Self::new(stage), stage.pacer(), Instant::now());
        for number in 0..plan.sessions {
            pacer.until(start + Duration::from_secs_f64(number as f64 / plan.ramp)).await;
            while stage.roll.places().coming >= AT_A_TIME {
                sleep(LOOK).await;
            }
            if stage.complaints.hopeless() {
                break;
            }
            crowd.admit(Instant::now());
        }
        crowd.all_in().await;
        stage.ledger.close("coming in", false, |_| true);
        crowd
    }

    /// One more player comes, who was due then.
    pub(super) fn admit(&mut self, due: Instant) {
        let seat = Arc::new(Seat::new(self.seats.len()));
        self.stage.roll.coming(seat.number);
        self.tasks.spawn(player::play(self.stage.clone(), seat.clone(), due));
        self.seats.push(seat);
    }

    /// Returns when nobody is on the way in; players give up by themselves.
    pub(super) async fn all_in(&self) {
        let bound = self.stage.plan.give_up + self.stage.plan.patience + GRACE;
        self.until(bound, || self.stage.roll.places().coming == 0).await;
    }

    /// How many have come, whatever became of them.
    pub(super) fn size(&self) -> usize {
        self.seats.len()
    }

    /// Players of this range ask at the plan's rate, for so long or for ever, whatever the
    /// server does; until nobody is left.
    pub(super) async fn ask_on(&self, among: Range<usize>, lasts: Option<Duration>) {
        let (plan, pacer, start) = (&self.stage.plan, self.stage.pacer(), Instant::now());
        for arrival in Arrivals::new(plan.seed, plan.rate, among) {
            if lasts.is_some_and(|lasts| arrival.at >= lasts) || self.deserted() {
                return;
            }
            let at = start + arrival.at;
            pacer.until(at).await;
            self.ask(arrival.who, Due { ask: arrival.ask, at });
            // Many may be due at once; others shall get their turn, too.
            tokio::task::consume_budget().await;
        }
    }

    /// Every player asks who it is, at once, and all answers are waited for.
    pub(super) async fn call_the_roll(&self) {
        self.stage.begin("calling the roll", None);
        let at = Instant::now();
        for number in 0..self.seats.len() {
            self.ask(number, Due { ask: Ask::Me, at });
        }
        self.answered().await;
        self.stage.ledger.close("the roll, called at once", false, asked);
    }

    fn ask(&self, who: usize, due: Due) {
        self.stage.requests.asked();
        if !self.seats.get(who).is_some_and(|seat| seat.ask(due)) {
            self.stage.requests.lost(1);
        }
    }

    /// Gives players of this range an order.
    pub(super) fn order(&self, among: Range<usize>, order: Order) {
        for seat in self.seats.get(among).unwrap_or_default() {
            seat.order(order);
        }
    }

    /// Returns when every request has its answer. Late ones are waited for, too, or the
    /// slowest would be missing from what is told of all; but not when no more come.
    pub(super) async fn answered(&self) {
        let patience = self.stage.plan.patience + GRACE;
        let deadline = Instant::now() + self.stage.plan.give_up + patience;
        let (mut before, mut since) = (0, Instant::now());
        loop {
            let unanswered = self.stage.requests.counts().unanswered;
            if unanswered == 0 {
                return;
            }
            let now = Instant::now();
            if unanswered != before || self.stage.roll.places().away > 0 {
                (before, since) = (unanswered, now);
            }
            if now >= deadline || now - since >= patience {
                return self.stage.complaints.add(format!("{unanswered} requests have no answer"));
            }
            sleep(LOOK).await;
        }
    }

    /// Everyone with an open session closes it and goes. The crowd is over then.
    pub(super) async fn leave(self) {
        self.stage.begin("leaving", None);
        for start in (0..self.seats.len()).step_by(LEAVE_AT_A_TIME) {
            let end = (start + LEAVE_AT_A_TIME).min(self.seats.len());
            self.order(start..end, Order::Leave);
            sleep(LOOK).await;
        }
        let bound = self.stage.plan.patience + GRACE;
        self.until(bound, || self.stage.roll.places().open == 0).await;
        let open = self.stage.roll.places().open;
        if open > 0 {
            self.stage.complaints.add(format!("{open} players could not take their leave"));
        }
    }

    /// Whether nobody is here and nobody will come.
    pub(super) fn deserted(&self) -> bool {
        let places = self.stage.roll.places();
        places.open == 0 && places.settled()
    }

    /// Waits until something has come about, but not longer than the bound.
    pub(super) async fn until(&self, bound: Duration, done: impl Fn() -> bool) {
        let deadline = Instant::now() + bound;
        while !done() && Instant::now() < deadline {
            sleep(LOOK).await;
        }
    }
}

/// Whether a row is of a request on an open session.
pub(super) fn asked(row: Row) -> bool {
    match row {
        Row::Asked(ask) => ask.counts(),
        Row::Connect | Row::Login | Row::Open | Row::Resume | Row::Entry | Row::Back => false,
    }
}
