//! Lists in statements, and rows that are read with care.

use mysql_async::prelude::FromValue;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};
use protocol::ids::{AppId, MemberId};
use protocol::text::Text;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::fault::Fault;
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::identity::Digest;

/// The sizes that lists in statements have, so that few texts are prepared.
fn size(count: usize) -> usize {
    count.max(1).next_power_of_two()
}

/// `(?,?),(?,?)`: so many rows of so many values.
fn marks(rows: usize, width: usize) -> String {
    let row = format!("({})", vec!["?"; width].join(","));
    vec![row.as_str(); rows].join(",")
}

/// Reads by a list of keys: `before IN (?,..) after`. The list is filled up with its last
/// key, which changes nothing.
pub(super) async fn select_in(
    connection: &mut Conn,
    before: &str,
    keys: Vec<Value>,
    after: &str,
) -> Result<Vec<Row>, Fault> {
    let Some(last) = keys.last().cloned() else { return Ok(Vec::new()) };
    let count = size(keys.len());
    let mut keys = keys;
    keys.resize(count, last);
    let list = vec!["?"; count].join(",");
    let statement = format!("{before} IN ({list}) {after}");
    Ok(connection.exec(statement, Params::Positional(keys)).await?)
}

/// Reads by a list of keys of several columns: `before IN ((?,?),..) after`.
pub(super) async fn select_by(
    connection: &mut Conn,
    before: &str,
    mut keys: Vec<Vec<Value>>,
    after: &str,
) -> Result<Vec<Row>, Fault> {
    let Some(last) = keys.last().cloned() else { return Ok(Vec::new()) };
    let (count, width) = (size(keys.len()), last.len());
    keys.resize(count, last);
    let statement = format!("{before} IN ({}) {after}", marks(count, width));
    let values = keys.into_iter().flatten().collect();
    Ok(connection.exec(statement, Params::Positional(values)).await?)
}

/// Changes rows by a list of keys: `before IN ((?,?),..) after`. `values` are those of `before`.
/// The list is filled up with its last key, which changes nothing. Returns how many were found.
pub(super) async fn exec_by(
    connection: &mut Conn,
    before: &str,
    values: Vec<Value>,
    mut keys: Vec<Vec<Value>>,
    after: &str,
) -> Result<usize, Fault> {
    let Some(last) = keys.last().cloned() else { return Ok(0) };
    let (count, width) = (size(keys.len()), last.len());
    keys.resize(count, last);
    let statement = format!("{before} IN ({}) {after}", marks(count, width));
    let values = values.into_iter().chain(keys.into_iter().flatten()).collect();
    connection.exec_drop(statement, Params::Positional(values)).await?;
    Ok(usize::try_from(connection.affected_rows()).unwrap_or(usize::MAX))
}

/// Reads rows of a list. One that is not readable is left out of it and told to who looks after
/// the servers, so that it holds up nobody else's.
pub(super) fn readable<T>(
    rows: impl IntoIterator<Item = Row>,
    read: impl Fn(Row) -> Result<T>,
) -> Vec<T> {
    let mut all = Vec::new();
    for row in rows {
        match read(row) {
            Ok(one) => all.push(one),
            Err(error) => tracing::error!(%error, "a row of a list is not readable"),
        }
    }
    all
}

/// Writes rows that are there or not there: `INSERT INTO into VALUES .. ON DUPLICATE KEY UPDATE
/// update`. The last row is repeated, which changes nothing.
pub(super) async fn upsert(
    connection: &mut Conn,
    into: &str,
    rows: Vec<Vec<Value>>,
    update: &str,
) -> Result<(), Fault> {
    if rows.is_empty() {
        return Ok(());
    }
    let (statement, values) = upserting(into, rows, update);
    Ok(connection.exec_drop(statement, Params::Positional(values)).await?)
}

/// As [`upsert()`], and says what stands there now: `.. RETURNING returning`, in the order of the
/// rows, of which the last may come several times. All of them are taken for this transaction.
pub(super) async fn upsert_returning(
    connection: &mut Conn,
    into: &str,
    rows: Vec<Vec<Value>>,
    update: &str,
    returning: &str,
) -> Result<Vec<Row>, Fault> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let (statement, values) = upserting(into, rows, update);
    let statement = format!("{statement} RETURNING {returning}");
    Ok(connection.exec(statement, Params::Positional(values)).await?)
}

fn upserting(into: &str, mut rows: Vec<Vec<Value>>, update: &str) -> (String, Vec<Value>) {
    let width = rows.last().map_or(0, Vec::len);
    if let Some(last) = rows.last().cloned() {
        rows.resize(size(rows.len()), last);
    }
    let marks = marks(rows.len(), width);
    let statement = format!("INSERT INTO {into} VALUES {marks} ON DUPLICATE KEY UPDATE {update}");
    (statement, rows.into_iter().flatten().collect())
}

/// Writes rows that must not be there: in statements of 256, 128, 64 .. rows.
pub(super) async fn insert(
    connection: &mut Conn,
    into: &str,
    rows: Vec<Vec<Value>>,
) -> Result<(), Fault> {
    let mut rows = rows.into_iter().peekable();
    while let Some(width) = rows.peek().map(Vec::len) {
        let mut count = 256;
        while count > rows.len() {
            count /= 2;
        }
        let values = rows.by_ref().take(count).flatten().collect();
        let statement = format!("INSERT INTO {into} VALUES {}", marks(count, width));
        connection.exec_drop(statement, Params::Positional(values)).await?;
    }
    Ok(())
}

/// A value of a row that must be of its type.
pub(super) fn cell<T: FromValue>(row: &mut Row, at: usize, what: &str) -> Result<T> {
    match row.take_opt(at) {
        Some(Ok(value)) => Ok(value),
        Some(Err(_)) | None => Err(StorageError::Corrupt(what.to_owned())),
    }
}

/// A value of a row that is read again later: [`cell`] takes it out.
pub(super) fn peek<T: FromValue>(row: &Row, at: usize, what: &str) -> Result<T> {
    match row.get_opt(at) {
        Some(Ok(value)) => Ok(value),
        Some(Err(_)) | None => Err(StorageError::Corrupt(what.to_owned())),
    }
}

/// A digest, or a key of 16 bytes.
pub(super) fn bytes<const N: usize>(row: &mut Row, at: usize, what: &str) -> Result<[u8; N]> {
    optional_bytes(row, at, what)?.ok_or_else(|| StorageError::Corrupt(what.to_owned()))
}

pub(super) fn optional_bytes<const N: usize>(
    row: &mut Row,
    at: usize,
    what: &str,
) -> Result<Option<[u8; N]>> {
    let value: Option<Vec<u8>> = cell(row, at, what)?;
    let whole =
        |bytes: Vec<u8>| bytes.try_into().map_err(|_| StorageError::Corrupt(what.to_owned()));
    value.map(whole).transpose()
}

/// A value that is one of our words.
pub(super) fn word<T>(
    row: &mut Row,
    at: usize,
    what: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T> {
    optional_word(row, at, what, parse)?.ok_or_else(|| StorageError::Corrupt(what.to_owned()))
}

pub(super) fn optional_word<T>(
    row: &mut Row,
    at: usize,
    what: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>> {
    let word: Option<String> = cell(row, at, what)?;
    let known = |word: String| parse(&word).ok_or_else(|| StorageError::Corrupt(what.to_owned()));
    word.map(known).transpose()
}

/// A value that was written as JSON.
pub(super) fn json<T: DeserializeOwned>(row: &mut Row, at: usize, what: &str) -> Result<T> {
    let text: String = cell(row, at, what)?;
    serde_json::from_str(&text).map_err(|_| StorageError::Corrupt(what.to_owned()))
}

pub(super) fn text<const MAX: usize>(row: &mut Row, at: usize, what: &str) -> Result<Text<MAX>> {
    word(row, at, what, |word| Text::new(word).ok())
}

pub(super) fn app(row: &mut Row, at: usize, what: &str) -> Result<AppId> {
    word(row, at, what, |word| word.parse().ok())
}

pub(super) fn uuid(row: &mut Row, at: usize, what: &str) -> Result<Uuid> {
    Ok(Uuid::from_bytes(bytes(row, at, what)?))
}

pub(super) fn moment(row: &mut Row, at: usize, what: &str) -> Result<Option<Micros>> {
    let moment: Option<i64> = cell(row, at, what)?;
    Ok(moment.map(Micros))
}

pub(super) fn flag(row: &mut Row, at: usize, what: &str) -> Result<bool> {
    let flag: i64 = cell(row, at, what)?;
    Ok(flag != 0)
}

/// A reason as it is kept: in few words.
pub(super) fn why(why: &str) -> String {
    why.chars().take(128).collect()
}

/// A bound as MariaDB takes it.
pub(super) fn bound(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn id(id: Uuid) -> Value {
    Value::Bytes(id.as_bytes().to_vec())
}

pub(super) fn member(row: &mut Row, at: usize, what: &str) -> Result<MemberId> {
    MemberId::from_number(cell(row, at, what)?)
        .map_err(|error| StorageError::Corrupt(format!("{what}: {error}")))
}

pub(super) fn digest(digest: &Digest) -> Value {
    Value::Bytes(digest.to_vec())
}

/// MariaDB's integers are signed; a number beyond them is beyond everything that is kept.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_few_sizes() {
        assert_eq!([0, 1, 2, 3, 5, 200, 256].map(size), [1, 1, 2, 4, 8, 256, 256]);
        assert_eq!(marks(2, 3), "(?,?,?),(?,?,?)");
    }
}
