//! The desk's rounds go on whatever a store does.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::interval;

use crate::content::Content;
use crate::purchases::desk::tests::{Hanging, desk, waits};
use crate::sessions::{Sessions, SessionsSettings};
use crate::testing::Ground;

#[tokio::test]
async fn a_stores_list_that_hangs_holds_up_no_round() {
    let ground = Ground::new();
    ground.storage.start_alone().await.unwrap();
    let store = Arc::new(Hanging::default());
    let (storage, clock) = (ground.storage.clone(), ground.clock.clone());
    let settings = SessionsSettings::default();
    let content = Content::closed(clock.clone());
    let sessions = Sessions::new(storage, clock, settings, desk(&ground, &store), content);
    let soon = || interval(Duration::from_millis(1));
    let keeping = tokio::spawn(async move { sessions.keep_desk_by(soon(), soon()).await });
    store.listed.notified().await;
    // From now on the list is waited for.
    waits(&ground).await;
    store.looked.notified().await;
    keeping.abort();
}
