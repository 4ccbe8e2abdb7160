//! What is asked of a backend about documents.

use futures_util::future::join_all;
use uuid::Uuid;

use super::scene::Game;
use super::shop::at;
use crate::audit::{Act, Actor, ActsRead};
use crate::documents::{
    Change, Changed, Document, Kind, MAX_BODY, MAX_HANDLE, MAX_KEY, MAX_SEALED, Sealed, SentKey,
    Upon, Whose, Write,
};
use crate::error::StorageError;
use crate::open::Storage;

/// A change that makes a notice of a game.
pub(crate) fn new(game: &Game, body: &str) -> Change {
    Change {
        kind: Kind::Notice,
        id: Uuid::now_v7(),
        app: Some(game.app.clone()),
        handle: None,
        expected: None,
        write: Write::Put { body: body.to_owned(), sealed: Sealed::Keep },
        by: Actor::Command,
        key: None,
        what: "notice.put",
        now: at(1),
    }
}

/// A change of a document that stands.
fn next(document: &Document, body: &str) -> Change {
    Change {
        kind: document.kind,
        id: document.id,
        app: document.app.clone(),
        handle: document.handle.clone(),
        expected: Some(document.version),
        write: Write::Put { body: body.to_owned(), sealed: Sealed::Keep },
        by: Actor::Operator(Uuid::from_u128(7)),
        key: None,
        what: "notice.put",
        now: at(2),
    }
}

fn named(game: &Game, handle: &str) -> Change {
    Change { handle: Some(handle.to_owned()), ..new(game, "{}") }
}

fn removing(document: &Document) -> Change {
    Change { write: Write::Remove, what: "notice.remove", ..next(document, "") }
}

fn keyed(change: Change, key: &str, request: &str) -> Change {
    Change { key: Some(SentKey::new(key, request)), ..change }
}

async fn change(storage: &Storage, change: Change) -> Changed {
    storage.documents.change(change).await.unwrap()
}

async fn written(storage: &Storage, it: Change) -> Document {
    match change(storage, it).await {
        Changed::Written(document) => document,
        other => panic!("{other:?}"),
    }
}

async fn acts(storage: &Storage, of: Uuid) -> Vec<Act> {
    let read =
        ActsRead { kind: Some(Kind::Notice), of: Some(of), limit: 100, ..Default::default() };
    storage.audit.page(read).await.unwrap()
}

pub async fn a_document_is_written_read_changed_and_removed(storage: Storage) {
    let game = Game::new(&storage);
    let first = named(&game, "대문 \"1\" ");
    let seal = Write::Put { body: "{\"a\":\"é\"}".to_owned(), sealed: Sealed::Set(vec![0, 255]) };
    let one = written(&storage, Change { write: seal, ..first.clone() }).await;
    let expected = Document {
        kind: Kind::Notice,
        id: first.id,
        app: Some(game.app.clone()),
        handle: Some("대문 \"1\" ".to_owned()),
        version: 1,
        revision: one.revision,
        body: "{\"a\":\"é\"}".to_owned(),
        sealed: Some(vec![0, 255]),
        removed: false,
        changed_at: at(1),
        changed_by: Actor::Command,
    };
    assert_eq!(one, expected);
    let read = async || storage.documents.get(Kind::Notice, first.id).await.unwrap();
    assert_eq!(read().await, Some(expected));
    assert_eq!(storage.documents.get(Kind::Banner, first.id).await.unwrap(), None);
    let two = written(&storage, next(&one, "{}")).await;
    assert_eq!((two.version, two.sealed.clone()), (2, Some(vec![0, 255])), "the seal stays");
    assert!(two.revision > one.revision);
    assert_eq!(read().await, Some(two.clone()));
    let gone = written(&storage, removing(&two)).await;
    assert!(gone.removed && gone.version == 3 && gone.sealed.is_none() && gone.body == "{}");
    assert_eq!(read().await, Some(gone.clone()), "what was removed says so");
    assert_eq!(change(&storage, next(&gone, "{}")).await, Changed::Missing, "for good");
    assert_eq!(change(&storage, removing(&gone)).await, Changed::Missing);
    let again = Change { id: gone.id, ..new(&game, "{}") };
    assert_eq!(change(&storage, again).await, Changed::Exists(gone));
    let nothing = Change { write: Write::Remove, ..new(&game, "") };
    assert_eq!(change(&storage, nothing).await, Changed::Missing);
}

pub async fn of_two_who_change_the_same_version_the_second_is_told(storage: Storage) {
    let game = Game::new(&storage);
    let nodes = game.nodes(2).await;
    let one = written(&storage, new(&game, "0")).await;
    let writes = (0..20)
        .map(|number| nodes[number % 2].storage.documents.change(next(&one, &number.to_string())));
    let all = join_all(writes).await.into_iter().map(Result::unwrap);
    let (written, stale): (Vec<_>, Vec<_>) =
        all.partition(|changed| matches!(changed, Changed::Written(_)));
    let [Changed::Written(document)] = &written[..] else { panic!("{written:?}") };
    assert_eq!(document.version, 2);
    assert_eq!(stale.len(), 19);
    assert!(stale.iter().all(|it| *it == Changed::Stale(document.clone())), "{stale:?}");
    assert_eq!(acts(&storage, one.id).await.len(), 2, "what is not done is no act");
}

fn upon(document: &Document) -> Upon {
    Upon { id: document.id, version: document.version }
}

pub async fn a_change_that_hangs_on_another_is_written_while_that_one_stands(storage: Storage) {
    let game = Game::new(&storage);
    let (one, other) =
        (written(&storage, new(&game, "1")).await, written(&storage, new(&game, "2")).await);
    let change = async |change: Change, upon: Upon| {
        storage.documents.change_upon(change, upon).await.unwrap()
    };
    let again = keyed(next(&one, "3"), &Uuid::now_v7().to_string(), "put 3");
    let made = change(again.clone(), upon(&other)).await;
    let Changed::Written(one) = made.clone() else { panic!("{made:?}") };
    let newer = written(&storage, next(&other, "4")).await;
    let head = storage.documents.head().await.unwrap();
    assert_eq!(change(next(&one, "5"), upon(&other)).await, Changed::Stale(newer.clone()));
    // What came before under this key is what is told.
    assert_eq!(change(again, upon(&other)).await, Changed::Repeated(one.clone()));
    // It is the document itself that is told of first.
    let stale = Change { expected: Some(1), ..next(&one, "5") };
    assert_eq!(change(stale, upon(&other)).await, Changed::Stale(one.clone()));
    let of_nothing = Upon { id: Uuid::now_v7(), version: 1 };
    assert_eq!(change(next(&one, "5"), of_nothing).await, Changed::Missing);
    assert_eq!(storage.documents.head().await.unwrap(), head, "none of it was written");
    let gone = written(&storage, removing(&newer)).await;
    assert_eq!(change(next(&one, "5"), upon(&gone)).await, Changed::Stale(gone.clone()));
    assert_eq!(change(removing(&one), upon(&newer)).await, Changed::Stale(gone));
    assert_eq!(acts(&storage, one.id).await.len(), 2);
}

pub async fn of_two_that_hang_on_each_other_one_is_written(storage: Storage) {
    let game = Game::new(&storage);
    let nodes = game.nodes(2).await;
    for round in 0..30 {
        let (one, other) =
            (written(&storage, new(&game, "1")).await, written(&storage, new(&game, "2")).await);
        let (first, second) = (&nodes[0].storage.documents, &nodes[1].storage.documents);
        let both = tokio::join!(
            first.change_upon(removing(&one), upon(&other)),
            second.change_upon(removing(&other), upon(&one)),
        );
        let both = [both.0.unwrap(), both.1.unwrap()];
        let gone = both.iter().filter(|it| matches!(it, Changed::Written(_))).count();
        let late = both.iter().filter(|it| matches!(it, Changed::Stale(_))).count();
        assert_eq!((gone, late), (1, 1), "{round}: {both:?}");
    }
}

pub async fn a_name_is_taken_while_its_document_stands(storage: Storage) {
    let game = Game::new(&storage);
    let one = written(&storage, named(&game, "a")).await;
    assert_eq!(change(&storage, named(&game, "a")).await, Changed::Exists(one.clone()));
    let other = written(&storage, named(&game, "A ")).await;
    // It keeps its own name, and does not get another's.
    let one = written(&storage, next(&one, "1")).await;
    let taken = Change { handle: Some("A ".to_owned()), ..next(&one, "{}") };
    assert_eq!(change(&storage, taken).await, Changed::Exists(other.clone()));
    // Another kind, another game and the publisher have names of their own.
    written(&storage, Change { kind: Kind::Banner, ..named(&game, "a") }).await;
    written(&storage, named(&Game::new(&storage), "a")).await;
    written(&storage, Change { app: None, ..named(&game, "a") }).await;
    let find = async |handle: &str| {
        storage.documents.named(Kind::Notice, Some(game.app.clone()), handle.to_owned()).await
    };
    assert_eq!(find("a").await.unwrap(), Some(one.clone()));
    assert_eq!(find("A").await.unwrap(), None);
    written(&storage, removing(&one)).await;
    assert_eq!(find("a").await.unwrap(), None);
    let new_one = written(&storage, named(&game, "a")).await;
    assert_eq!(find("a").await.unwrap(), Some(new_one));
    // Of twenty at once one gets it.
    let nodes = game.nodes(2).await;
    let writes = (0..20).map(|at| nodes[at % 2].storage.documents.change(named(&game, "b")));
    let all = join_all(writes).await.into_iter().map(Result::unwrap);
    assert_eq!(all.filter(|it| matches!(it, Changed::Written(_))).count(), 1);
}

pub async fn what_is_sent_again_under_its_key_is_done_once(storage: Storage) {
    let game = Game::new(&storage);
    let nodes = game.nodes(2).await;
    let key = Uuid::now_v7().to_string();
    // Each time with an id of its own, as whoever asks again makes it.
    let writes = (0..20).map(|at| {
        let change = keyed(new(&game, "1"), &key, "put 1");
        nodes[at % 2].storage.documents.change(change)
    });
    let (mut made, mut repeated) = (Vec::new(), Vec::new());
    for changed in join_all(writes).await {
        match changed.unwrap() {
            Changed::Written(document) => made.push(document),
            Changed::Repeated(document) => repeated.push(document),
            other => panic!("{other:?}"),
        }
    }
    let [one] = &made[..] else { panic!("{made:?}") };
    assert!(repeated.iter().all(|again| again == one) && repeated.len() == 19);
    let other = keyed(new(&game, "2"), &key, "put 2");
    assert_eq!(change(&storage, other).await, Changed::KeyReused);
    // Another actor's keys are others.
    let by = Actor::Operator(Uuid::now_v7());
    written(&storage, keyed(Change { by, ..new(&game, "2") }, &key, "put 2")).await;
    // What it made is told also when it was changed since, and removed.
    let two = written(&storage, next(one, "2")).await;
    written(&storage, removing(&two)).await;
    let again = change(&storage, keyed(new(&game, "1"), &key, "put 1")).await;
    assert_eq!(again, Changed::Repeated(one.clone()));
    // What was refused used no key up.
    let key = Uuid::now_v7().to_string();
    let late = keyed(next(&two, "3"), &key, "put 3");
    assert_eq!(change(&storage, late).await, Changed::Missing);
    written(&storage, keyed(new(&game, "4"), &key, "put 4")).await;
}

pub async fn who_asks_for_what_is_new_misses_nothing(storage: Storage) {
    let game = Game::new(&storage);
    let nodes = game.nodes(3).await;
    let start = storage.documents.head().await.unwrap();
    assert_eq!(start, 0, "nothing was ever written");
    let writers = nodes.iter().flat_map(|node| [node, node]).map(|node| async {
        for number in 0..10 {
            let one = written(&node.storage, new(node, &number.to_string())).await;
            written(&node.storage, next(&one, "again")).await;
        }
    });
    // Meanwhile somebody reads on from the last revision he saw.
    let reader = async {
        let (mut at, mut last) = (0, std::collections::HashMap::new());
        while last.values().filter(|version| **version == 2).count() < 60 {
            for document in storage.documents.since(at, 7).await.unwrap() {
                assert!(document.revision > at, "in order");
                at = document.revision;
                assert!(last.insert(document.id, document.version) < Some(document.version));
            }
            tokio::task::yield_now().await;
        }
        at
    };
    let (_, at) = tokio::join!(join_all(writers), reader);
    assert_eq!((at, storage.documents.head().await.unwrap()), (120, 120));
    assert_eq!(storage.documents.since(at, 7).await.unwrap(), []);
}

pub async fn documents_are_listed_by_whose_they_are(storage: Storage) {
    let (game, other) = (Game::new(&storage), Game::new(&storage));
    let mut own = Vec::new();
    for number in 0..3 {
        own.push(written(&storage, new(&game, &number.to_string())).await.id);
    }
    own.sort();
    let theirs = written(&storage, new(&other, "{}")).await;
    let publishers = written(&storage, Change { app: None, ..new(&game, "{}") }).await;
    written(&storage, Change { kind: Kind::Banner, ..new(&game, "{}") }).await;
    written(&storage, removing(&theirs)).await;
    let list = async |whose, after, limit| -> Vec<Uuid> {
        let listed = storage.documents.list(Kind::Notice, whose, after, limit).await.unwrap();
        listed.into_iter().map(|document| document.id).collect()
    };
    let of_game = || Whose::Games(game.app.clone());
    assert_eq!(list(of_game(), None, 10).await, own);
    assert_eq!(list(of_game(), None, 2).await, own[..2]);
    assert_eq!(list(of_game(), Some(own[1]), 2).await, own[2..]);
    assert_eq!(list(Whose::Games(other.app.clone()), None, 10).await, [] as [Uuid; 0]);
    assert_eq!(list(Whose::Publishers, None, 10).await, [publishers.id]);
    assert_eq!(list(Whose::Everybodys, None, 10).await.len(), 4);
    let theirs = Change { app: Some(other.app.clone()), ..next(&publishers, "{}") };
    assert_eq!(change(&storage, theirs).await, Changed::Missing, "it is not that game's");
}

pub async fn what_is_too_long_is_refused(storage: Storage) {
    let game = Game::new(&storage);
    let put = |body: usize, sealed: usize| Change {
        write: Write::Put {
            body: format!("\"{}\"", "b".repeat(body - 2)),
            sealed: Sealed::Set(vec![1; sealed]),
        },
        ..new(&game, "")
    };
    let named = |long| named(&game, &"é".repeat(long / 2));
    let keyed = |long| keyed(new(&game, "{}"), &"k".repeat(long), "");
    let most = written(&storage, put(MAX_BODY, MAX_SEALED)).await;
    assert_eq!(storage.documents.get(Kind::Notice, most.id).await.unwrap(), Some(most));
    written(&storage, named(MAX_HANDLE)).await;
    written(&storage, keyed(MAX_KEY)).await;
    let head = storage.documents.head().await.unwrap();
    for (long, what) in [
        (put(MAX_BODY + 1, 1), "a document's body"),
        (put(2, MAX_SEALED + 1), "a document's sealed part"),
        (named(MAX_HANDLE + 2), "a document's handle"),
        (keyed(MAX_KEY + 1), "an idempotency key"),
    ] {
        let error = storage.documents.change(long).await.unwrap_err();
        assert!(matches!(error, StorageError::TooLong { .. }), "{error:?}");
        assert!(error.to_string().starts_with(what), "{error}");
    }
    assert_eq!(storage.documents.head().await.unwrap(), head);
}
