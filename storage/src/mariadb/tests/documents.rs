//! What operators wrote and who did what: how pages are found, and what stands when a database is not
//! as this program left it.

use mysql_async::prelude::Queryable;
use mysql_async::{Params, Row};
use uuid::Uuid;

use super::server::{Kept, Scene};
use crate::audit::{Act, Actor, ActsRead};
use crate::conformance::audit::act;
use crate::conformance::documents::new;
use crate::conformance::scene::Game;
use crate::conformance::shop::at;
use crate::documents::{Change, Changed, Kind, Sealed, Write};
use crate::error::StorageError;
use crate::mariadb::audit::select;
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

#[tokio::test]
async fn pages_of_the_audit_are_found_in_their_order() {
    let (_storage, kept) = started().await;
    let database = &kept.scene.databases[0];
    let operator = Actor::Operator(Uuid::from_u128(7));
    // One in a hundred is in the game, another by the operator.
    let fill = format!(
        "INSERT INTO act (act, at, actor, what, app, sealed_changed) \
         SELECT UNHEX(LPAD(HEX(seq), 32, '0')), seq, \
             IF(seq % 100 = 0, '{operator}', 'command'), 'w', IF(seq % 100 = 1, 'rare', ''), 0 \
         FROM seq_1_to_5000"
    );
    database.run(&fill).await;
    let mut connection = database.connect().await;
    connection.query_drop("ANALYZE TABLE act").await.unwrap();
    let all = ActsRead { limit: 50, ..ActsRead::default() };
    let rare = ActsRead { app: Some("rare".parse().unwrap()), ..all.clone() };
    let by = ActsRead { by: Some(operator), ..all.clone() };
    let of = ActsRead { kind: Some(Kind::Notice), of: Some(Uuid::from_u128(7)), ..rare.clone() };
    let cases = [(all, "act_time"), (rare, "act_app"), (by, "act_actor"), (of, "act_document")];
    for (read, expected) in cases {
        for after in [None, Some((at(0), Uuid::from_u128(1)))] {
            let (select, values) = select(&ActsRead { after, ..read.clone() });
            let explain = format!("EXPLAIN {select}");
            let plan: Vec<Row> =
                connection.exec(explain, Params::Positional(values)).await.unwrap();
            let key: Option<String> = plan[0].get("key").unwrap();
            let extra: String = plan[0].get("Extra").unwrap();
            assert_eq!((plan.len(), key.as_deref()), (1, Some(expected)), "{after:?}");
            assert!(!extra.contains("filesort"), "{expected}: {extra}");
        }
    }
}
