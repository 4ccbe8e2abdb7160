//! Statements, and rows of many columns, which are read by their names.

use protocol::ids::{AppId, MemberId};
use protocol::text::Text;
use rusqlite::types::FromSql;
use rusqlite::{Connection, Params, Row};
use serde::de::DeserializeOwned;

use super::engine::unavailable;
use crate::error::{Result, StorageError};

/// Runs a statement; says how many rows it wrote.
pub(super) fn run(connection: &Connection, sql: &str, values: impl Params) -> Result<usize> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(values))
        .map_err(unavailable)
}

/// Reads all rows.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut found = Vec::new();
    each(connection, sql, values, |row| {
        found.push(read(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// Looks at all rows, one after the other.
pub(super) fn each(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    mut look: impl FnMut(&Row<'_>) -> Result<()>,
) -> Result<()> {
    let mut statement = connection.prepare_cached(sql).map_err(unavailable)?;
    let mut rows = statement.query(values).map_err(unavailable)?;
    while let Some(row) = rows.next().map_err(unavailable)? {
        look(row)?;
    }
    Ok(())
}

/// Reads the row, if there is one.
pub(super) fn one<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    let mut statement = connection.prepare_cached(sql).map_err(unavailable)?;
    let mut rows = statement.query(values).map_err(unavailable)?;
    rows.next().map_err(unavailable)?.map(read).transpose()
}

/// Whether there is a row.
pub(super) fn there(connection: &Connection, sql: &str, values: impl Params) -> Result<bool> {
    one(connection, sql, values, |_| Ok(())).map(|found| found.is_some())
}

/// SQLite's integers are signed; what lies beyond them is beyond all that is kept.
pub(super) fn signed(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn get<T: FromSql>(row: &Row<'_>, column: &str) -> Result<T> {
    row.get(column).map_err(unavailable)
}

/// A number that is never below zero.
pub(super) fn count<T: TryFrom<i64>>(row: &Row<'_>, column: &str) -> Result<T> {
    T::try_from(get(row, column)?).map_err(|_| corrupt(column))
}

/// A text that `parse` knows.
pub(super) fn word<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T> {
    let text: String = get(row, column)?;
    parse(&text).ok_or_else(|| corrupt(column))
}

/// The same where there may be none.
pub(super) fn maybe<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>> {
    let text: Option<String> = get(row, column)?;
    text.map(|text| parse(&text).ok_or_else(|| corrupt(column))).transpose()
}

pub(super) fn text<const MAX: usize>(text: &str) -> Option<Text<MAX>> {
    Text::new(text).ok()
}

pub(super) fn app(row: &Row<'_>) -> Result<AppId> {
    word(row, "app", |text| text.parse().ok())
}

pub(super) fn member(row: &Row<'_>, column: &str) -> Result<Option<MemberId>> {
    let number: Option<i64> = get(row, column)?;
    number.map(|number| MemberId::from_number(number).map_err(|_| corrupt(column))).transpose()
}

pub(super) fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T> {
    word(row, column, |text| serde_json::from_str(text).ok())
}

pub(super) fn corrupt(column: &str) -> StorageError {
    StorageError::Corrupt(format!("the column {column}"))
}
