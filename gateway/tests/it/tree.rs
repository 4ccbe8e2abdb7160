//! The supervision tree of a whole server.

use crate::harness::Daemun;

/// A session actor that dies takes nothing with it: the client asks again.
#[tokio::test]
async fn the_tree_is_up_and_ends_in_order() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    player.me().await.unwrap();
    let Daemun { server, .. } = house;
    let storage = server.gate.node.storage.clone();
    drop(player);
    server.drain(std::future::pending()).await;
    let after = storage.apps.list().await;
    assert!(after.is_err(), "no storage actor outlives the tree: {after:?}");
}
