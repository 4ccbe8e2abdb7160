//! The tree with its real children: one that is killed comes back and does its work.

use std::sync::Arc;

use storage::apps::Seed;
use storage::clock::Clock;

use crate::content::Content;
use crate::launching::Launching;
use crate::supervisor::Supervisor;
use crate::testing::Ground;
use crate::webhooks::{Targets, Webhooks};

async fn grown(ground: &Ground) -> (Supervisor, Launching) {
    let launching = Launching::new("ws://here/v1/ws", false, ground.clock.clone());
    let content = Content::new("http://here", &launching, ground.clock.clone());
    let tokens = ground.tokens();
    let clock: Arc<dyn Clock> = ground.clock.clone();
    let outbox = ground.storage.outbox.clone();
    let client = crate::outside::http_client().unwrap();
    let webhooks = Webhooks::new(Targets::default(), outbox, client, clock.clone());
    let tree = super::start(&ground.storage, &launching, &content, &tokens, &webhooks, clock)
        .await
        .unwrap();
    tree.ready().await.unwrap();
    (tree, launching)
}

async fn seed(ground: &Ground, word: &str) {
    let id = word.parse().unwrap();
    let settings = r#"{"name":"","origins":[],"providers":{}}"#.to_owned();
    let seed = Seed { id, settings, digest: vec![1], now: ground.clock.now() };
    ground.storage.apps.seed(seed).await.unwrap();
}

#[tokio::test]
async fn a_launching_actor_that_is_killed_comes_back_with_its_games() {
    let ground = Ground::new();
    let (tree, launching) = grown(&ground).await;
    seed(&ground, "demo").await;
    launching.reload().await.unwrap();
    let first = launching.peer.get().unwrap();
    first.kill();
    let second = loop {
        match launching.peer.get() {
            Some(actor) if actor.get_id() != first.get_id() => break actor,
            Some(_) | None => tokio::task::yield_now().await,
        }
    };
    assert_ne!(second.get_id(), first.get_id());
    assert!(launching.game(&"demo".parse().unwrap()).is_ok(), "what was known stayed known");
    seed(&ground, "chess").await;
    // A request to a restarting actor may be lost with its predecessor; the next is not.
    while launching.reload().await.is_err() {
        tokio::task::yield_now().await;
    }
    assert!(launching.game(&"chess".parse().unwrap()).is_ok());
    tree.shutdown().await;
}

#[tokio::test]
async fn a_records_factory_that_is_killed_comes_back_and_answers() {
    let ground = Ground::new();
    let (tree, _launching) = grown(&ground).await;
    let first = ground.storage.records.actor().unwrap();
    first.kill();
    while ground.storage.records.actor().is_none_or(|actor| actor.get_id() == first.get_id()) {
        tokio::task::yield_now().await;
    }
    ground.log_in(1).await;
    tree.shutdown().await;
    assert!(ground.storage.apps.list().await.is_err(), "nothing answers after the shutdown");
}

#[tokio::test]
async fn production_does_not_serve_a_game_that_trusts_simulators() {
    let ground = Ground::new();
    ground.storage.start_alone().await.unwrap();
    let settings = r#"{"providers":{"google":{"kind":"google","audiences":["a"],
        "jwks_url":"http://127.0.0.1:1/jwks","allow_insecure_loopback":true}}}"#;
    for (word, settings) in [("demo", settings), ("chess", "{}")] {
        let (id, settings) = (word.parse().unwrap(), settings.to_owned());
        let seed = Seed { id, settings, digest: vec![1], now: ground.clock.now() };
        ground.storage.apps.seed(seed).await.unwrap();
    }
    for production in [false, true] {
        let launching = Launching::new("ws://here/v1/ws", production, ground.clock.clone());
        let (actor, args) = launching.actor(&ground.storage);
        let (actor, _) = ractor::Actor::spawn(None, actor, args).await.unwrap();
        let games = launching.games();
        assert_eq!(games.contains_key(&"demo".parse().unwrap()), !production);
        assert!(games.contains_key(&"chess".parse().unwrap()));
        actor.stop(None);
    }
}
