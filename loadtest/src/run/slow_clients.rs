//! Slow clients: some stop reading while they go on asking, and the others must not notice.

use std::sync::Arc;

use super::crowd::{Crowd, asked};
use super::seat::Order;
use super::slow_reader::SlowReaders;
use super::stage::Stage;

pub(super) async fn play(stage: &Arc<Stage>) -> SlowReaders {
    let (crowd, plan) = (Crowd::gather(stage).await, &stage.plan);
    let (slow, size) = (plan.slow(), crowd.size());
    let before = plan.duration / 3;

    stage.begin("asking, and everyone reads", Some(before));
    crowd.ask_on(slow..size, Some(before)).await;
    crowd.answered().await;
    stage.ledger.close("before: everyone reads", false, asked);

    let while_slow = plan.duration - before;
    stage.begin(format!("asking, and {slow} read nothing"), Some(while_slow));
    stage.window_begins();
    crowd.order(0..slow, Order::StopReading);
    crowd.ask_on(slow..size, Some(while_slow)).await;
    crowd.answered().await;
    stage.window_ends();
    stage.ledger.close(format!("the others, while {slow} of {size} read nothing"), true, asked);

    stage.begin("the slow ones read again", None);
    crowd.order(0..slow, Order::ReadAgain);
    // They bound their reading themselves.
    let done = || {
        let slow = stage.slow();
        slow.ends.values().sum::<u64>() >= slow.many
    };
    crowd.until(plan.patience + plan.patience, done).await;
    crowd.leave().await;
    stage.slow().clone()
}
