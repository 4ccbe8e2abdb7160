//! Two nodes on one database and one Redis.

use std::sync::Arc;

use super::server::Scene;
use crate::config::StorageSettings;
use crate::conformance::scene::{Game, SECOND, START};
use crate::open::Storage;
use crate::redis::tests::scene::{LIFE, Scene as Cache, node};

/// A node with a line and a map of its own, started.
async fn started(scene: &Scene, url: &str) -> Storage {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(crate::embedded::open_log(folder.path()).unwrap());
    let (truth, cache) = (Arc::new(scene.trusting().await), node(url, LIFE).await.0);
    let storage = Storage::cached(truth, cache, log, &StorageSettings::default());
    storage.start_alone().await.unwrap();
    storage
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_wrote_the_other_reads_at_once() {
    let (scene, cache) = (Scene::one(), Cache::new().await);
    let here = Game::new(&started(&scene, &cache.url).await);
    let there = Game { storage: started(&scene, &cache.url).await, app: here.app.clone() };
    let player = here.player().await;
    let (member, login) = (player.member.id, player.login.id);
    for round in 0..20 {
        let now = START.after(round * SECOND);
        let (writes, reads) = if round % 2 == 0 { (&here, &there) } else { (&there, &here) };
        // Both remember what was before.
        for node in [&here, &there] {
            assert_eq!(node.standing(member, login).await.unwrap().inbox, u64::from(round));
        }
        let (ban, seq) = writes.bans(member, now, None).await;
        assert_eq!(reads.member(member).await.unwrap().ban, Some(ban.clone()));
        let standing = reads.standing(member, login).await.unwrap();
        assert_eq!((standing.member.ban, standing.inbox), (Some(ban), seq));
    }
    // And a newer login: the older one is seen to be replaced.
    let again = there.enter(there.vouched("somebody else", START)).await;
    assert!(here.standing(again.member.id, again.login.id).await.is_some());
}
