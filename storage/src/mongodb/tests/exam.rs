//! The exam of the game log.

use tempfile::TempDir;

use super::scene::Scene;
use crate::open::Storage;

async fn fresh() -> (Storage, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Scene::shared().storage(folder.path()).await, folder)
}

crate::exam!(log crate::mongodb::tests::exam::fresh);
