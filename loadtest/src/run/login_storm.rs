//! A login storm: new guests come at a rate, and none waits for those before it.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::arrivals::Arrivals;
use super::crowd::Crowd;
use super::stage::Stage;

/// What came of a login storm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LoginStorm {
    /// How many came.
    pub came: usize,
    /// How many are in.
    pub entered: usize,
    /// From the first who came to the last who was in, in seconds.
    pub took_s: f64,
    /// How many were in a second, over that time.
    pub entered_per_s: f64,
}

pub(super) async fn play(stage: &Arc<Stage>) -> LoginStorm {
    let (mut crowd, pacer, plan) = (Crowd::new(stage), stage.pacer(), &stage.plan);
    let length = Duration::from_secs_f64(plan.sessions as f64 / plan.rate).min(plan.duration);
    stage.begin("storming in", Some(length));
    stage.window_begins();
    let start = Instant::now();
    // Whom the arrivals are drawn for plays no part: each is a player of its own.
    for arrival in Arrivals::new(plan.seed, plan.rate, 0..1).take(plan.sessions) {
        if arrival.at >= plan.duration || stage.complaints.hopeless() {
            break;
        }
        let due = start + arrival.at;
        pacer.until(due).await;
        crowd.admit(due);
        tokio::task::consume_budget().await;
    }
    stage.begin("waiting for the last", None);
    crowd.all_in().await;
    let took_s = start.elapsed().as_secs_f64();
    stage.window_ends();
    stage.ledger.close(format!("arriving at {}/s", plan.rate), true, |_| true);
    let (came, entered) = (crowd.size(), stage.roll.places().open);
    crowd.leave().await;
    LoginStorm { came, entered, took_s, entered_per_s: entered as f64 / took_s }
}
