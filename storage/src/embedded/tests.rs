//! The embedded backend sits the exam, and keeps the promises of its own.

mod audit;
mod cache;
mod engine;
#[cfg(unix)]
mod kill;
mod millions;
mod purchases;
mod setup;

use tempfile::TempDir;

use crate::config::StorageSettings;
use crate::conformance::batches::{Holder, Newcomer, play_logins, play_refreshes};
use crate::conformance::purchases_model;
use crate::conformance::sessions_model::{Op, play, stories};
use crate::open::Storage;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// A storage in a folder of its own, in which nothing is kept.
async fn fresh() -> (Storage, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::embedded(folder.path(), &StorageSettings::default()).unwrap();
    (storage, folder)
}

mod exam {
    crate::exam!(crate::embedded::tests::fresh);
}

#[test]
fn whatever_happens_to_a_members_logins_the_model_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StorageSettings { cache_ms: 0, ..StorageSettings::default() };
    let storage = Storage::embedded(folder.path(), &settings).unwrap();
    says_the_same(&storage, stories::story());
}

/// With a cache in front: all but that what was swept is gone at once.
#[test]
fn the_model_says_the_same_of_what_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::embedded(folder.path(), &StorageSettings::default()).unwrap();
    says_the_same(&storage, stories::unswept());
}

fn says_the_same(storage: &Storage, stories: impl Strategy<Value = Vec<Op>>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(storage.start_alone()).unwrap();
    TestRunner::new(ProptestConfig::with_cases(100))
        .run(&stories, |story| {
            runtime.block_on(play(storage, &story));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_crowd_in_one_batch_says_what_its_people_say_alone() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (storage, _kept) = runtime.block_on(fresh());
    runtime.block_on(storage.start_alone()).unwrap();
    let holders = prop::collection::vec(prop::sample::select(&Holder::ALL), 0..12);
    let newcomers = prop::collection::vec(prop::sample::select(&Newcomer::ALL), 0..12);
    TestRunner::new(ProptestConfig::with_cases(12))
        .run(&(holders, newcomers), |(holders, newcomers)| {
            runtime.block_on(play_refreshes(&storage, &holders));
            runtime.block_on(play_logins(&storage, &newcomers));
            Ok(())
        })
        .unwrap();
}

#[test]
fn whatever_is_said_of_purchases_holds_what_must() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (storage, _kept) = runtime.block_on(fresh());
    runtime.block_on(storage.start_alone()).unwrap();
    TestRunner::new(ProptestConfig::with_cases(100))
        .run(&purchases_model::stories::story(), |(tokens, story)| {
            runtime.block_on(purchases_model::play(&storage, &tokens, &story));
            Ok(())
        })
        .unwrap();
}
