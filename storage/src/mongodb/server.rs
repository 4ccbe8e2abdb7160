//! What a server says of itself, and which of it endangers the game log.

use std::time::Instant;

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, doc};

use super::schema::INDEXES;
use super::{MongoDb, NAME, answered, fault, within};
use crate::clock::{Clock, Micros};
use crate::error::{Result, StorageError};
use crate::finding::Finding;

/// The oldest version that has all that is used here.
const OLDEST: i64 = 5;
/// How far a server's clock may be from ours: it decides when records expire.
const CLOCKS_US: i64 = 2_000_000;
/// A disk with less than this part free is soon full.
const FREE: f64 = 0.05;

pub(super) fn finding(refused: bool, what: String) -> Finding {
    Finding { server: NAME.to_owned(), refused, what }
}

/// What a server said.
#[derive(Default)]
struct Said {
    version: String,
    hello: Document,
    /// How far its clock is ahead of ours.
    ahead_us: i64,
    /// What it was started with; absent when the account may not know.
    options: Option<Document>,
    /// The bytes of its disk, and those in use; absent when it did not say.
    disk: Option<(f64, f64)>,
    /// Unique indexes over the records that are not ours.
    foreign: Vec<String>,
}

/// Asks the server about itself: a line that says what it is, and what is wrong with it.
///
/// # Errors
/// When it does not answer.
pub(super) async fn check(log: &MongoDb, clock: &dyn Clock) -> Result<(String, Vec<Finding>)> {
    let admin = log.database.client().database("admin");
    let (before, begun) = (clock.now(), Instant::now());
    let hello = within(admin.run_command(doc! {"hello": 1})).await?;
    let took = begun.elapsed();
    let ours = Micros(before.0.midpoint(clock.now().0));
    let theirs = hello.get_datetime("localTime").map(|at| at.timestamp_millis() * 1000);
    let build = within(admin.run_command(doc! {"buildInfo": 1})).await?;
    let said = Said {
        version: build.get_str("version").unwrap_or_default().to_owned(),
        ahead_us: theirs.map_or(0, |theirs| theirs - ours.0),
        options: allowed(within(admin.run_command(doc! {"getCmdLineOpts": 1})).await)?,
        disk: allowed(within(log.database.run_command(doc! {"dbStats": 1})).await)?
            .as_ref()
            .and_then(disk),
        foreign: foreign(log).await?,
        hello,
    };
    let findings = judge(&said).into_iter().map(|(refused, what)| finding(refused, what));
    let set = said
        .hello
        .get_str("setName")
        .map_or_else(|_| "alone".to_owned(), |set| format!("in the replica set {set}"));
    let line = format!(
        "{NAME} {}, {set}: answers in {:.1} ms, its clock is {} ms off",
        said.version,
        took.as_secs_f64() * 1000.0,
        said.ahead_us / 1000,
    );
    Ok((line, findings.collect()))
}

/// What an account may not ask is not known.
fn allowed<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(StorageError::Setup(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn number(document: &Document, name: &str) -> Option<f64> {
    match document.get(name)? {
        Bson::Double(number) => Some(*number),
        Bson::Int32(number) => Some(f64::from(*number)),
        Bson::Int64(number) => Some(*number as f64),
        _ => None,
    }
}

fn disk(stats: &Document) -> Option<(f64, f64)> {
    Some((number(stats, "fsTotalSize")?, number(stats, "fsUsedSize")?))
}

async fn foreign(log: &MongoDb) -> Result<Vec<String>> {
    let records = log.records();
    let list = async { records.list_indexes().await?.try_collect::<Vec<_>>().await };
    let indexes = match answered(list).await? {
        Ok(indexes) => indexes,
        // It is made by the first migration.
        Err(error) if fault::is_absent(&error) => return Ok(Vec::new()),
        Err(error) => return Err(fault::said(&error)),
    };
    let unique = indexes.into_iter().filter_map(|index| index.options).filter_map(|options| {
        let name = options.name.filter(|_| options.unique == Some(true))?;
        (name != "_id_" && !INDEXES.contains(&name.as_str())).then_some(name)
    });
    Ok(unique.collect())
}

/// What is wrong, and whether it is a reason not to start.
fn judge(said: &Said) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    let version = &said.version;
    let major = version.split('.').next().and_then(|major| major.parse::<i64>().ok());
    if major < Some(OLDEST) {
        found.push((true, format!("is too old: {version}; at least {OLDEST}.0 is needed")));
    }
    if !said.hello.get_bool("isWritablePrimary").unwrap_or(true) {
        found.push((false, "takes no writes: no primary is there, or it is none".to_owned()));
    }
    let storage = said.options.as_ref().and_then(|options| {
        options.get_document("parsed").ok()?.get_document("storage").ok().cloned()
    });
    if let Some(storage) = &storage {
        let journal = storage.get_document("journal").and_then(|it| it.get_bool("enabled"));
        if journal.ok() == Some(false) {
            let what = "its journal is off: it confirms no record, and all stay in the spool";
            found.push((true, what.to_owned()));
        }
        if storage.get_str("engine").ok() == Some("inMemory") {
            found.push((true, "keeps all in memory: what it confirms is lost with it".to_owned()));
        }
    }
    if said.options.is_none() {
        let what = "does not tell this account its settings: journal and engine are not checked";
        found.push((false, what.to_owned()));
    }
    if let Some((total, used)) = said.disk
        && total > 0.0
        && (total - used) / total < FREE
    {
        let free = (100.0 * (total - used) / total).max(0.0);
        found.push((false, format!("its disk is nearly full: {free:.1} % are free")));
    }
    for index in &said.foreign {
        let what = format!(
            "the unique index `{index}` is not the game log's own, and refuses records that have its like"
        );
        found.push((false, what));
    }
    if said.ahead_us.abs() > CLOCKS_US {
        let (seconds, way) =
            (said.ahead_us.abs() / 1_000_000, if said.ahead_us > 0 { "ahead" } else { "behind" });
        found.push((false, format!("its clock is {seconds} s {way}")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Said {
        Said {
            version: "6.0.5".to_owned(),
            hello: doc! {"isWritablePrimary": true},
            options: Some(doc! {"parsed": {"storage": {"dbPath": "/data"}}}),
            disk: Some((100.0, 50.0)),
            ..Said::default()
        }
    }

    fn storage(storage: Document) -> Said {
        Said { options: Some(doc! {"parsed": {"storage": storage}}), ..good() }
    }

    #[test]
    fn a_server_that_is_set_up_rightly_has_no_findings() {
        assert_eq!(judge(&good()), []);
        assert_eq!(judge(&Said { version: "8.0.1-rc0".to_owned(), ..good() }), []);
        assert_eq!(judge(&storage(doc! {"journal": {"enabled": true}})), []);
    }

    #[test]
    fn what_endangers_records_is_said_and_what_cannot_work_is_refused() {
        for (said, refused, word) in [
            (Said { version: "4.4.29".to_owned(), ..good() }, true, "too old"),
            (Said { version: String::new(), ..good() }, true, "too old"),
            (storage(doc! {"journal": {"enabled": false}}), true, "journal is off"),
            (storage(doc! {"engine": "inMemory"}), true, "in memory"),
            (Said { hello: doc! {"isWritablePrimary": false}, ..good() }, false, "no writes"),
            (Said { options: None, ..good() }, false, "its settings"),
            (Said { disk: Some((100.0, 96.0)), ..good() }, false, "4.0 % are free"),
            (Said { foreign: vec!["theirs".to_owned()], ..good() }, false, "`theirs`"),
            (Said { ahead_us: 60_000_000, ..good() }, false, "60 s ahead"),
            (Said { ahead_us: -60_000_000, ..good() }, false, "60 s behind"),
        ] {
            let found = judge(&said);
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].0, refused, "{found:?}");
            assert!(found[0].1.contains(word), "{found:?}");
        }
    }
}
