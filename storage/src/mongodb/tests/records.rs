//! What MongoDB refuses, has already, or lets go.

use mongodb::IndexModel;
use mongodb::bson::doc;
use mongodb::options::IndexOptions;
use serde_json::json;

use super::scene::{LONG_AGO, Scene, append, ban, come, kept, plain};
use crate::gamelog::{KeptRecord, Verdict};

fn reason(verdict: &Verdict) -> &str {
    match verdict {
        Verdict::Kept => "kept",
        Verdict::Refused(reason) => reason,
        Verdict::Failed(_) => "failed",
    }
}

/// What is wrong with one record costs the others nothing, and says so of itself.
async fn poisoned(scene: &Scene, poison: KeptRecord, word: &str) {
    let log = scene.backend().await;
    let good = [kept(json!({"n": 1})), kept(json!({"n": 2}))];
    let verdicts = append(&log, &[good[0].clone(), poison.clone(), good[1].clone()]).await;
    assert_eq!((&verdicts[0], &verdicts[2]), (&Verdict::Kept, &Verdict::Kept), "{verdicts:?}");
    assert!(reason(&verdicts[1]).contains(word), "{verdicts:?}");
    assert!(!reason(&verdicts[1]).contains("canary"), "{verdicts:?}");
    let (there, count) = scene.ids().await;
    assert_eq!((there, count), (good.iter().map(|record| record.id).collect(), 2));
    // Again, alone and with those that are there: the same words.
    let again = append(&log, &[poison, good[0].clone()]).await;
    assert!(reason(&again[0]).contains(word), "{again:?}");
    assert_eq!(again[1], Verdict::Kept);
    assert_eq!(scene.ids().await.1, 2);
}

#[tokio::test]
async fn a_document_that_is_too_long_is_refused_alone() {
    let long = "canary".repeat(16 * 1024 * 1024 / 6 + 1);
    poisoned(&Scene::shared(), kept(json!({"long": long})), "bytes long").await;
}

#[tokio::test]
async fn a_name_that_no_document_has_is_refused_alone() {
    poisoned(&Scene::shared(), kept(json!({"canary\0": 1})), "cannot be written").await;
}

#[tokio::test]
async fn what_a_validator_does_not_pass_is_refused_alone() {
    let scene = Scene::shared();
    scene.backend().await;
    let rule = doc! {"collMod": "record", "validator": {"fields.word": {"$ne": "canary"}}};
    scene.database().await.run_command(rule).await.unwrap();
    poisoned(&scene, kept(json!({"word": "canary"})), "validator").await;
}

#[tokio::test]
async fn what_somebody_elses_unique_index_has_is_refused_alone() {
    let scene = Scene::shared();
    let log = scene.backend().await;
    let options = IndexOptions::builder().name("theirs".to_owned()).unique(true).sparse(true);
    let keys = doc! {"fields.word": 1};
    let index = IndexModel::builder().keys(keys).options(options.build()).build();
    scene.collection().await.create_index(index).await.unwrap();
    let like = kept(json!({"word": "canary"}));
    assert_eq!(append(&log, std::slice::from_ref(&like)).await, [Verdict::Kept]);
    scene.collection().await.delete_one(doc! {}).await.unwrap();
    scene
        .collection()
        .await
        .insert_one(doc! {"_id": 1, "fields": {"word": "canary"}})
        .await
        .unwrap();
    let verdicts = append(&log, &[like, kept(json!({}))]).await;
    assert!(reason(&verdicts[0]).contains("not the game log's own"), "{verdicts:?}");
    assert_eq!(verdicts[1], Verdict::Kept);
    // It is said before it happens, too.
    let (_, findings) = log.check(&crate::clock::SystemClock).await;
    assert!(findings.iter().any(|it| it.what.contains("`theirs`") && !it.refused), "{findings:?}");
}

#[tokio::test]
async fn what_an_index_cannot_take_is_refused_alone() {
    let scene = Scene::shared();
    scene.backend().await;
    let index = IndexModel::builder().keys(doc! {"fields.place": "2dsphere"}).build();
    scene.collection().await.create_index(index).await.unwrap();
    poisoned(&scene, kept(json!({"place": "canary"})), "an index cannot take it").await;
}

#[tokio::test]
async fn a_record_twice_in_a_batch_or_there_already_is_kept_once() {
    let scene = Scene::shared();
    let log = scene.backend().await;
    let (one, two) = (kept(json!({"n": 1})), kept(json!({"n": 2})));
    let all = [one.clone(), one.clone(), two.clone(), one.clone()];
    assert_eq!(append(&log, &all).await, vec![Verdict::Kept; 4]);
    assert_eq!(append(&log, &all).await, vec![Verdict::Kept; 4]);
    assert_eq!(scene.ids().await, ([one.id, two.id].into(), 2));
    assert_eq!(append(&log, &[]).await, []);
}

#[tokio::test]
async fn what_has_expired_goes_and_what_is_never_dropped_stays() {
    let scene = Scene::shared();
    let log = scene.backend().await;
    let old = KeptRecord { at: LONG_AGO, ..plain().kept() };
    let never = KeptRecord { at: LONG_AGO, ..ban().kept() };
    let new = plain().kept();
    let all = [old.clone(), never.clone(), new.clone()];
    assert_eq!(append(&log, &all).await, vec![Verdict::Kept; 3]);
    // The server looks after it once a second.
    come(async {
        while scene.ids().await.0.contains(&old.id) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    })
    .await;
    assert_eq!(scene.ids().await.0, [never.id, new.id].into());
}
