//! Addresses, schemas and servers that are not as they should be.

use mongodb::bson::{Document, doc};

use super::scene::{Scene, append, kept};
use crate::clock::SystemClock;
use crate::config::{MongoDbSettings, ServerUrl, StorageSettings};
use crate::error::StorageError;
use crate::gamelog::{GamelogDuty, Verdict};
use crate::mongodb::MongoDb;
use crate::servers::{Binaries, MongoDb as Server};
use crate::tend::Tender;

fn named(url: &str) -> MongoDbSettings {
    MongoDbSettings { url: Some(ServerUrl::new(url)), ..MongoDbSettings::default() }
}

#[test]
fn an_address_that_makes_no_sense_is_said_and_its_account_is_not() {
    for (url, word) in [
        ("mysql://h/d", "unsupported connection string scheme"),
        ("h", "no scheme"),
        ("mongodb://h", "names no database"),
        ("mongodb://h/", "names no database"),
        ("mongodb+srv://h/d", "looks its hosts up"),
        ("mongodb://canary:canary%@h/d", "expected mongodb://"),
        ("mongodb://h/d?connectTimeoutMS=soon", "connecttimeoutms"),
    ] {
        let (key, what) = named(url).check().unwrap_err();
        assert_eq!(key, "url");
        assert!(what.contains(word) && !what.contains("canary"), "{url}: {what}");
    }
    assert_eq!(named("mongodb://u:p@a:1,b/d?tls=true&tlsCAFile=/ca.pem").check(), Ok(()));
    assert_eq!(MongoDbSettings::default().check(), Ok(()));
}

#[tokio::test]
async fn the_schema_is_made_by_migrate_up_and_asked_for_before_a_record_goes() {
    let scene = Scene::shared();
    let settings = MongoDbSettings { migrate_at_start: false, ..scene.settings.clone() };
    let error = MongoDb::open(&settings, &SystemClock).await.unwrap_err();
    assert!(error.to_string().contains("run `daemun migrate up`"), "{error}");
    let log = MongoDb::new(&settings).await.unwrap();
    let refused = log.append([kept(serde_json::Value::Null)].into()).await.unwrap_err();
    assert!(matches!(refused, StorageError::Setup(_)), "{refused}");
    assert_eq!(scene.ids().await.1, 0);

    let folder = tempfile::tempdir().unwrap();
    let all = StorageSettings { mongodb: settings, ..StorageSettings::default() };
    let tender = Tender::new(folder.path(), &all).await.unwrap();
    let status = tender.schema().await.unwrap().pop().unwrap();
    assert_eq!((status.server.as_str(), status.version), ("MongoDB", 0));
    assert_eq!(status.pending, ["V1__records"]);
    let ran = tender.migrate().await.unwrap().pop().unwrap();
    assert_eq!(ran, ("MongoDB".to_owned(), status.pending));
    assert_eq!(tender.migrate().await.unwrap().pop().unwrap().1, [] as [String; 0]);
    assert_eq!(tender.schema().await.unwrap().pop().unwrap().version, 1);
    // The very backend that was refused goes on.
    assert_eq!(append(&log, &[kept(serde_json::Value::Null)]).await, [Verdict::Kept]);

    let mut names = scene.collection().await.list_index_names().await.unwrap();
    names.sort();
    assert_eq!(names, ["_id_", "expires", "kind_at", "member_at"]);
}

/// Records are found by an index, with no sorting of many.
#[tokio::test]
async fn records_are_read_by_an_index_of_their_member_or_kind() {
    let scene = Scene::shared();
    scene.backend().await;
    let database = scene.database().await;
    for (index, whose) in
        [("member_at", doc! {"member": 5_i64}), ("kind_at", doc! {"kind": "login"})]
    {
        let mut filter = doc! {"app": "demo", "at": {"$gte": 7_i64}};
        filter.extend(whose);
        let find = doc! {
            "find": "record", "filter": filter, "sort": {"at": 1, "_id": 1}, "limit": 10_i64,
        };
        let plan = database.run_command(doc! {"explain": find}).await.unwrap();
        let plan = plan.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap();
        let words = plan.to_string();
        assert!(words.contains(index) && !words.contains("\"SORT\""), "{words}");
    }
}

#[tokio::test]
async fn two_that_migrate_at_once_are_both_done() {
    let scene = Scene::shared();
    let all = (0..8).map(|_| scene.backend());
    futures_util::future::join_all(all).await;
    assert_eq!(scene.backend().await.schema().await.unwrap().version, 1);
}

#[tokio::test]
async fn a_schema_of_a_later_program_is_refused() {
    let scene = Scene::shared();
    scene.backend().await;
    let schema = scene.database().await.collection::<Document>("schema");
    for later in [doc! {"version": 2}, doc! {"version": "two"}, doc! {"version": -1}] {
        schema.update_one(doc! {"_id": "gamelog"}, doc! {"$set": later}).await.unwrap();
        let error = MongoDb::open(&scene.settings, &SystemClock).await.unwrap_err();
        assert!(error.to_string().contains("does not know"), "{error}");
    }
}

#[tokio::test]
async fn an_index_of_that_name_that_is_made_another_way_is_refused() {
    let scene = Scene::shared();
    let index = mongodb::IndexModel::builder()
        .keys(doc! {"at": -1})
        .options(mongodb::options::IndexOptions::builder().name("kind_at".to_owned()).build());
    scene.collection().await.create_index(index.build()).await.unwrap();
    let error = MongoDb::open(&scene.settings, &SystemClock).await.unwrap_err();
    assert!(error.to_string().contains("migration failed"), "{error}");
    assert!(matches!(error, StorageError::Setup(_)));
}

#[tokio::test]
async fn a_check_says_what_the_server_is() {
    let scene = Scene::shared();
    let (line, findings) = scene.backend().await.check(&SystemClock).await;
    let line = line.unwrap();
    assert!(line.starts_with("MongoDB 6."), "{line}");
    assert!(line.contains(", in the replica set daemun: answers in"), "{line}");
    assert!(!findings.iter().any(|finding| finding.refused), "{findings:?}");
    // One that nobody has written to yet is no trouble.
    let log = MongoDb::new(&Scene::shared().settings).await.unwrap();
    assert!(!log.check(&SystemClock).await.1.iter().any(|finding| finding.refused));
}

#[tokio::test]
async fn a_server_without_a_journal_is_refused_and_confirms_nothing() {
    // In a replica set there is none without.
    let server = Server::alone(&Binaries::default(), &["--nojournal"]).unwrap();
    let scene = Scene::on(&server.databases());
    let (line, _) = MongoDb::new(&scene.settings).await.unwrap().check(&SystemClock).await;
    assert!(line.unwrap().contains(", alone: answers in"));
    let error = MongoDb::open(&scene.settings, &SystemClock).await.unwrap_err();
    assert!(error.to_string().contains("journal is off"), "{error}");
    let log = MongoDb::new(&scene.settings).await.unwrap();
    let refused = log.append([kept(serde_json::Value::Null)].into()).await.unwrap_err();
    assert!(matches!(refused, StorageError::Setup(_)), "{refused}");
}

#[tokio::test]
async fn who_is_not_let_in_is_told_so_and_no_word_of_the_account_is_said() {
    let url = Scene::shared().url().replace("mongodb://", "mongodb://nobody:canary@");
    let settings = named(&format!("{url}?authSource=admin"));
    let error = MongoDb::open(&settings, &SystemClock).await.unwrap_err();
    assert!(matches!(error, StorageError::Setup(_)), "{error}");
    assert!(error.to_string().contains("does not let this account in"), "{error}");
    let (_, findings) = MongoDb::new(&settings).await.unwrap().check(&SystemClock).await;
    let all = format!("{error:?} {findings:?} {settings:?}");
    assert!(!all.contains("canary") && findings[0].refused, "{all}");
}
