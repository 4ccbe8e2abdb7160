//! Lists in statements, and rows that are read with care.

use mysql_async::prelude::FromValue;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row, Value};
use protocol::ids::MemberId;

use super::fault::Fault;
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

/// Writes rows that are there or not there: `INSERT INTO into VALUES .. ON DUPLICATE KEY UPDATE
/// update`. The last row is repeated, which changes nothing.
pub(super) async fn upsert(
    connection: &mut Conn,
    into: &str,
    mut rows: Vec<Vec<Value>>,
    update: &str,
) -> Result<(), Fault> {
    let Some(last) = rows.last().cloned() else { return Ok(()) };
    let width = last.len();
    let count = size(rows.len());
    rows.resize(count, last);
    let statement = format!(
        "INSERT INTO {into} VALUES {} ON DUPLICATE KEY UPDATE {update}",
        marks(count, width)
    );
    let values = rows.into_iter().flatten().collect();
    Ok(connection.exec_drop(statement, Params::Positional(values)).await?)
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
