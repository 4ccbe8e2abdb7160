//! The embedded backend sits the exam, and keeps the promises of its own.

mod engine;
#[cfg(unix)]
mod kill;
mod setup;

use tempfile::TempDir;

use crate::config::StorageSettings;
use crate::conformance::sessions_model::{play, stories};
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
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (storage, _folder) = runtime.block_on(fresh());
    runtime.block_on(storage.start_alone()).unwrap();
    TestRunner::new(ProptestConfig::with_cases(100))
        .run(&stories::story(), |story| {
            runtime.block_on(play(&storage, &story));
            Ok(())
        })
        .unwrap();
}
