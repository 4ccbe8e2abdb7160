//! Rows under digests, each taken for a transaction, or left to whoever has it.

use std::collections::{HashMap, HashSet};

use mysql_async::{Conn, Row, Value};

use crate::error::{Result, StorageError};
use crate::identity::Digest;
use crate::mariadb::fault::Fault;
use crate::mariadb::rows::{bytes, digest, select_in};
use crate::mariadb::tx::{Locks, Tx};

/// A row that is kept under a digest.
pub(super) trait Keyed: Clone + Send {
    const TABLE: &'static str;
    /// Its columns, the digest first; the digest's name is the first word.
    const COLUMNS: &'static str;

    /// Reads the row; the digest is read already.
    fn read(key: Digest, row: &mut Row) -> Result<Self>;
}

fn key_column<T: Keyed>() -> &'static str {
    T::COLUMNS.split(',').next().unwrap_or_default()
}

/// Rows, each readable or not.
pub(super) type Found<T> = HashMap<Digest, Result<T>>;

/// What was found.
pub(super) struct Taken<T> {
    /// Rows that are ours.
    pub(super) held: Found<T>,
    /// Those that another transaction has.
    others: HashSet<Digest>,
}

impl<T: Keyed> Taken<T> {
    /// The row; `None` when there is none.
    ///
    /// # Errors
    /// [`StorageError::Locked`] when another transaction has it, and when it is not readable.
    pub(super) fn of(&self, key: &Digest) -> Result<Option<T>> {
        if self.others.contains(key) {
            return Err(StorageError::Locked);
        }
        self.held.get(key).cloned().transpose()
    }
}

/// Reads rows without taking them.
pub(super) async fn look<T: Keyed>(
    connection: &mut Conn,
    keys: impl Iterator<Item = Digest>,
) -> Result<Found<T>, Fault> {
    Ok(read_all(find::<T>(connection, T::COLUMNS, keys, "").await?)?)
}

/// Takes rows that are there, in the order of their keys. Those that others have are waited for
/// or left out, as the transaction was told. What is not there most of all is not there, so that
/// is asked first, where nobody is waited for.
pub(super) async fn take<T: Keyed>(
    tx: &mut Tx,
    keys: impl Iterator<Item = Digest>,
) -> Result<Taken<T>, Fault> {
    let (there, after) = there::<T>(tx, keys).await?;
    let held = read_all(find::<T>(tx, T::COLUMNS, there.iter().copied(), &after).await?)?;
    let others = others(tx, there, |key| held.contains_key(key));
    Ok(Taken { held, others })
}

/// Keys of rows that were taken.
pub(super) struct TakenKeys {
    held: HashSet<Digest>,
    others: HashSet<Digest>,
}

impl TakenKeys {
    /// Whether there is such a row and it is ours.
    pub(super) fn is_ours(&self, key: &Digest) -> bool {
        self.held.contains(key)
    }

    /// # Errors
    /// [`StorageError::Locked`] when another transaction has it.
    pub(super) fn free(&self, key: &Digest) -> Result<()> {
        if self.others.contains(key) { Err(StorageError::Locked) } else { Ok(()) }
    }
}

/// As [`take`], of rows whose content does not matter.
pub(super) async fn take_keys<T: Keyed>(
    tx: &mut Tx,
    keys: impl Iterator<Item = Digest>,
) -> Result<TakenKeys, Fault> {
    let (there, after) = there::<T>(tx, keys).await?;
    let held =
        read_keys::<T>(find::<T>(tx, key_column::<T>(), there.iter().copied(), &after).await?)?;
    let held: HashSet<Digest> = held.into_iter().collect();
    let others = others(tx, there, |key| held.contains(key));
    Ok(TakenKeys { held, others })
}

/// The keys to be taken, and how.
async fn there<T: Keyed>(
    tx: &mut Tx,
    keys: impl Iterator<Item = Digest>,
) -> Result<(Vec<Digest>, String), Fault> {
    let order = format!("ORDER BY {} FOR UPDATE", key_column::<T>());
    Ok(match tx.locks {
        Locks::Wait => (keys.collect(), order),
        Locks::Skip => {
            let rows = find::<T>(tx, key_column::<T>(), keys, "").await?;
            (read_keys::<T>(rows)?, format!("{order} SKIP LOCKED"))
        }
    })
}

fn read_keys<T: Keyed>(rows: Vec<Row>) -> Result<Vec<Digest>> {
    rows.into_iter().map(|mut row| bytes(&mut row, 0, T::TABLE)).collect()
}

/// What is there and was left out is locked, or was a moment ago.
fn others(tx: &Tx, there: Vec<Digest>, held: impl Fn(&Digest) -> bool) -> HashSet<Digest> {
    match tx.locks {
        Locks::Wait => HashSet::new(),
        Locks::Skip => there.into_iter().filter(|key| !held(key)).collect(),
    }
}

async fn find<T: Keyed>(
    connection: &mut Conn,
    columns: &str,
    keys: impl Iterator<Item = Digest>,
    after: &str,
) -> Result<Vec<Row>, Fault> {
    let mut keys: Vec<Digest> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    let keys: Vec<Value> = keys.iter().map(digest).collect();
    let select = format!("SELECT {columns} FROM {} WHERE {}", T::TABLE, key_column::<T>());
    select_in(connection, &select, keys, after).await
}

/// Reads rows that begin with their key.
pub(super) fn read_all<T: Keyed>(rows: Vec<Row>) -> Result<Found<T>> {
    let mut found = HashMap::with_capacity(rows.len());
    for mut row in rows {
        let key = bytes(&mut row, 0, T::TABLE)?;
        let read = T::read(key, &mut row);
        // The first of several is as it was before the others.
        found.entry(key).or_insert(read);
    }
    Ok(found)
}
