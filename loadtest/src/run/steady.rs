//! Steady play: everyone is in, and requests come at a rate.

use std::sync::Arc;

use super::crowd::{Crowd, asked};
use super::stage::Stage;

pub(super) async fn play(stage: &Arc<Stage>) {
    let (crowd, plan) = (Crowd::gather(stage).await, &stage.plan);
    stage.begin("asking", Some(plan.duration));
    stage.window_begins();
    crowd.ask_on(0..crowd.size(), Some(plan.duration)).await;
    crowd.answered().await;
    stage.window_ends();
    stage.ledger.close(format!("at {}/s", plan.rate), true, asked);
    crowd.leave().await;
}
