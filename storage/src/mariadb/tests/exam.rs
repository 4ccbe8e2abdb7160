//! The exam: on one server, and on two that share the shards.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::server::{Kept, Scene};
use crate::conformance::batches::{Holder, Newcomer, play_logins, play_refreshes};
use crate::conformance::purchases_model;
use crate::conformance::sessions_model::{play, stories};
use crate::open::Storage;

async fn on_one() -> (Storage, Kept) {
    Scene::one().storage().await
}

async fn on_two() -> (Storage, Kept) {
    Scene::two().storage().await
}

mod one {
    crate::exam!(crate::mariadb::tests::exam::on_one);
}

mod two {
    crate::exam!(crate::mariadb::tests::exam::on_two);
}

#[test]
fn whatever_happens_to_a_members_logins_the_model_says_the_same() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (storage, _kept) = runtime.block_on(on_two());
    runtime.block_on(storage.start_alone()).unwrap();
    TestRunner::new(ProptestConfig::with_cases(20))
        .run(&stories::story(), |story| {
            runtime.block_on(play(&storage, &story));
            Ok(())
        })
        .unwrap();
}

#[test]
fn whatever_is_said_of_purchases_holds_what_must() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (storage, _kept) = runtime.block_on(on_two());
    runtime.block_on(storage.start_alone()).unwrap();
    TestRunner::new(ProptestConfig::with_cases(20))
        .run(&purchases_model::stories::story(), |(tokens, story)| {
            runtime.block_on(purchases_model::play(&storage, &tokens, &story));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_crowd_in_one_batch_says_what_its_people_say_alone() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (storage, _kept) = runtime.block_on(on_two());
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
