//! What operators wrote and who did what, when something is not as it should be.

use uuid::Uuid;

use super::server::{Kept, Scene};
use crate::audit::{Act, Actor, ActsRead};
use crate::conformance::audit::act;
use crate::conformance::documents::new;
use crate::conformance::scene::Game;
use crate::conformance::shop::at;
use crate::documents::{Change, Changed, Sealed, Write};
use crate::error::StorageError;
use crate::open::Storage;

async fn started() -> (Storage, Kept) {
    let (storage, kept) = Scene::one().storage().await;
    storage.start_alone().await.unwrap();
    (storage, kept)
}

#[tokio::test]
async fn a_revision_that_would_be_given_twice_overwrites_no_other_document() {
    let (storage, kept) = started().await;
    let game = Game::new(&storage);
    let (first, second) = (new(&game, "1"), new(&game, "2"));
    for change in [first.clone(), second] {
        let changed = storage.documents.change(change).await.unwrap();
        assert!(matches!(changed, Changed::Written(_)), "{changed:?}");
    }
    let stands = storage.documents.since(0, 10).await.unwrap();
    assert_eq!(stands.len(), 2);
    kept.scene.databases[0].run("UPDATE document_head SET revision = revision - 1").await;
    let write = Write::Put { body: "4".to_owned(), sealed: Sealed::Keep };
    let next = Change { expected: Some(1), write, ..first };
    for change in [new(&game, "3"), next] {
        let refused = storage.documents.change(change).await;
        let why = "document_head: revision 2 is another document's".to_owned();
        assert_eq!(refused, Err(StorageError::Corrupt(why)));
    }
    assert_eq!(storage.documents.since(0, 10).await.unwrap(), stands);
    let read = ActsRead { limit: 10, ..ActsRead::default() };
    assert_eq!(storage.audit.page(read).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_act_that_does_not_fit_is_refused_and_not_cut() {
    let (storage, _kept) = started().await;
    let fits = act(&Game::new(&storage), Actor::Command, at(1));
    // The handle would refuse it, so that only a mistake comes so far.
    let long = Act { id: Uuid::now_v7(), what: "x".repeat(65), ..fits.clone() };
    let truth = storage.records.truth();
    let refused = truth.append(long).await;
    assert!(matches!(refused, Err(StorageError::Unavailable(_))), "{refused:?}");
    assert_eq!(truth.append(fits.clone()).await, Ok(true));
    assert_eq!(truth.append(fits.clone()).await, Ok(false));
    let read = ActsRead { limit: 10, ..ActsRead::default() };
    assert_eq!(storage.audit.page(read).await.unwrap(), [fits]);
}
