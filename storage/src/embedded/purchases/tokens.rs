//! What members hand to stores.

use protocol::ids::{AppId, MemberId};
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::embedded::members;
use crate::embedded::rows::{self, get};
use crate::error::Result;
use crate::purchases::named_by;

pub(super) fn of_member(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
    candidate: Uuid,
) -> Result<Option<Uuid>> {
    if !members::is_there(connection, app, member)? {
        return Ok(None);
    }
    rows::run(
        connection,
        "INSERT INTO account_token (member, app, token) VALUES (?1, ?2, ?3)
         ON CONFLICT (member) DO NOTHING",
        params![member.number(), app.as_str(), candidate],
    )?;
    let select = "SELECT token FROM account_token WHERE member = ?1 AND app = ?2";
    let values = params![member.number(), app.as_str()];
    rows::one(connection, select, values, |row| get(row, "token"))
}

pub(super) fn whose(connection: &Connection, app: &AppId, token: Uuid) -> Result<Option<MemberId>> {
    let Some(member) = named_by(&token) else { return Ok(None) };
    let select = "SELECT 1 FROM account_token WHERE member = ?1 AND app = ?2 AND token = ?3";
    let values = params![member.number(), app.as_str(), token];
    Ok(rows::there(connection, select, values)?.then_some(member))
}
