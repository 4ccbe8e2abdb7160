//! The schema, versioned: what a database is made of, and how far it is.
//!
//! A migration here may run twice, and beside another process that runs it too: making an index
//! that is there changes nothing.

use std::time::Duration;

use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;
use tokio::time::timeout;

use super::{MongoDb, NAME, durable, fault, within};
use crate::error::{Result, StorageError};
use crate::mariadb::SchemaStatus;

/// The migrations, in order; a version is one more than its place.
const MIGRATIONS: &[&str] = &["V1__records"];
/// How long migrations may take: an index over many records is slow to make.
const PATIENCE: Duration = Duration::from_secs(3600);
/// The collection that remembers, and what it has of the game log.
const SCHEMA: &str = "schema";
const GAMELOG: &str = "gamelog";

/// The indexes of the first version: by member and time, by kind and time, and what expires.
pub(super) const INDEXES: &[&str] = &["member_at", "kind_at", "expires"];

fn index(name: &str) -> IndexModel {
    let keys = match name {
        "member_at" => doc! {"member": 1, "app": 1, "at": 1, "_id": 1},
        "kind_at" => doc! {"app": 1, "kind": 1, "at": 1, "_id": 1},
        _ => doc! {"expires": 1},
    };
    let mut options = IndexOptions::builder().name(name.to_owned()).build();
    if name == "expires" {
        options.expire_after = Some(Duration::ZERO);
    }
    IndexModel::builder().keys(keys).options(options).build()
}

/// Says where the database stands, and changes nothing.
///
/// # Errors
/// [`StorageError::Setup`] when it has a schema that this program does not know.
pub(super) async fn status(log: &MongoDb) -> Result<SchemaStatus> {
    let schema = log.database.collection::<Document>(SCHEMA);
    let found = within(schema.find_one(doc! {"_id": GAMELOG})).await?;
    let version = match found {
        None => 0,
        Some(found) => found.get_i32("version").unwrap_or(i32::MAX),
    };
    let reached = usize::try_from(version).unwrap_or(usize::MAX);
    if reached > MIGRATIONS.len() {
        return Err(StorageError::Setup(format!(
            "{NAME} has a schema this program does not know: version {version} is of a later \
             program"
        )));
    }
    let pending = MIGRATIONS[reached..].iter().map(ToString::to_string).collect();
    Ok(SchemaStatus { server: NAME.to_owned(), version, pending })
}

/// Brings the database to this program's schema. Returns what ran.
///
/// # Errors
/// As [`status`]; and when a migration fails.
pub(super) async fn up(log: &MongoDb) -> Result<Vec<String>> {
    let pending = status(log).await?.pending;
    if pending.is_empty() {
        return Ok(pending);
    }
    let records = log.records();
    let indexes = INDEXES.iter().map(|name| index(name));
    let made = timeout(PATIENCE, records.create_indexes(indexes).into_future()).await;
    let failed = |what: &str| StorageError::Setup(format!("{NAME}: a migration failed: {what}"));
    made.map_err(|_| failed(&format!("it took over {} s", PATIENCE.as_secs())))?
        .map_err(|error| failed(&fault::words(&error)))?;
    let version = i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX);
    let schema = log.database.collection::<Document>(SCHEMA);
    let reached = schema
        .update_one(doc! {"_id": GAMELOG}, doc! {"$max": {"version": version}})
        .upsert(true)
        .write_concern(durable());
    within(reached).await?;
    Ok(pending)
}
