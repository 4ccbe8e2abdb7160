//! The truth's whole exam, with a cache in Redis in front of it.

use std::sync::Arc;

use proptest::test_runner::{Config as ProptestConfig, TestRunner};
use tempfile::TempDir;

use super::scene::Scene;
use crate::config::StorageSettings;
use crate::conformance::sessions_model::{play, stories};
use crate::embedded;
use crate::open::Storage;

async fn fresh() -> (Storage, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let settings = StorageSettings::default();
    let (truth, log) = embedded::open(folder.path(), &settings).unwrap();
    let cache = Scene::new().await.cache.0;
    (Storage::cached(Arc::new(truth), cache, Arc::new(log), &settings), folder)
}

crate::exam!(crate::redis::tests::exam::fresh);

/// All but that what was swept is gone at once.
#[test]
fn the_model_says_the_same_of_what_is_remembered() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (storage, _folder) = runtime.block_on(fresh());
    runtime.block_on(storage.start_alone()).unwrap();
    TestRunner::new(ProptestConfig::with_cases(20))
        .run(&stories::unswept(), |story| {
            runtime.block_on(play(&storage, &story));
            Ok(())
        })
        .unwrap();
}
