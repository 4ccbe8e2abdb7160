//! Purchases among their owners' rows.

use protocol::ids::{AppId, MemberId};
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::claims;
use crate::clock::Micros;
use crate::embedded::rows::{self, corrupt, get};
use crate::error::Result;
use crate::purchases::owned::json;
use crate::purchases::refunds::MOST_COUNTED;
use crate::purchases::{HistoryRead, Purchase, RefundCount, Stand};

pub(super) const PURCHASE: &str = "member, purchase, app, store, environment, store_key, facts, \
                                   product, grants, stand, refunded_bp, version, consumed_at, \
                                   created_at, changed_at";

pub(super) fn purchase(row: &Row<'_>) -> Result<Purchase> {
    Ok(Purchase {
        key: claims::key(row)?,
        id: get(row, "purchase")?,
        member: rows::member(row, "member")?.ok_or_else(|| corrupt("member"))?,
        facts: rows::json(row, "facts")?,
        product: rows::maybe(row, "product", rows::text)?,
        grants: rows::json(row, "grants")?,
        stand: rows::word(row, "stand", Stand::parse)?,
        refunded_bp: rows::count(row, "refunded_bp")?,
        version: get(row, "version")?,
        consumed_at: get::<Option<i64>>(row, "consumed_at")?.map(Micros),
        created_at: Micros(get(row, "created_at")?),
        changed_at: Micros(get(row, "changed_at")?),
    })
}

pub(super) fn find(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
    id: Uuid,
) -> Result<Option<Purchase>> {
    let select =
        format!("SELECT {PURCHASE} FROM purchase WHERE member = ?1 AND purchase = ?2 AND app = ?3");
    rows::one(connection, &select, params![member.number(), id, app.as_str()], purchase)
}

/// Writes what follows a claim; what was consumed and what the store is to be told stays.
pub(super) fn keep(connection: &Connection, purchase: &Purchase) -> Result<()> {
    rows::run(
        connection,
        "INSERT INTO purchase (member, purchase, claim, app, store, environment, store_key, facts,
             product, grants, stand, refunded_bp, version, consumed_at, settle_tries, created_at,
             changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, 0, ?15, ?16)
         ON CONFLICT (member, purchase) DO UPDATE SET facts = excluded.facts,
             product = excluded.product, grants = excluded.grants, stand = excluded.stand,
             refunded_bp = excluded.refunded_bp, version = excluded.version,
             changed_at = excluded.changed_at",
        params![
            purchase.member.number(),
            purchase.id,
            purchase.key.digest(),
            purchase.key.app.as_str(),
            purchase.key.store.word(),
            purchase.key.environment.word(),
            purchase.key.key,
            json(&purchase.facts),
            purchase.product.as_deref(),
            json(&purchase.grants),
            purchase.stand.word(),
            purchase.refunded_bp,
            purchase.version,
            purchase.consumed_at.map(|at| at.0),
            purchase.created_at.0,
            purchase.changed_at.0,
        ],
    )?;
    Ok(())
}

pub(super) fn refunds(
    connection: &Connection,
    app: &AppId,
    member: MemberId,
) -> Result<RefundCount> {
    let select = format!(
        "SELECT {PURCHASE} FROM purchase WHERE member = ?1 AND app = ?2
         AND environment = 'production' AND (stand = 'refunded' OR refunded_bp > 0)
         ORDER BY purchase DESC LIMIT ?3"
    );
    let values = params![member.number(), app.as_str(), rows::signed(MOST_COUNTED)];
    Ok(RefundCount::of(rows::all(connection, &select, values, purchase)?))
}

pub(super) fn history(connection: &Connection, read: &HistoryRead) -> Result<Vec<Purchase>> {
    let wanted = match (read.unconsumed, read.after) {
        (true, None) => {
            "AND ?3 IS NULL AND stand = 'granted' AND consumed_at IS NULL ORDER BY purchase"
        }
        (true, Some(_)) => {
            "AND purchase > ?3 AND stand = 'granted' AND consumed_at IS NULL ORDER BY purchase"
        }
        (false, None) => "AND ?3 IS NULL ORDER BY purchase DESC",
        (false, Some(_)) => "AND purchase < ?3 ORDER BY purchase DESC",
    };
    let select =
        format!("SELECT {PURCHASE} FROM purchase WHERE member = ?1 AND app = ?2 {wanted} LIMIT ?4");
    let limit = rows::signed(read.limit);
    let values = params![read.member.number(), read.app.as_str(), read.after, limit];
    rows::all(connection, &select, values, purchase)
}

/// All of a member's, one after the other.
pub(in crate::embedded) fn of_member(
    connection: &Connection,
    member: MemberId,
    mut look: impl FnMut(Purchase) -> Result<()>,
) -> Result<()> {
    let select = format!("SELECT {PURCHASE} FROM purchase WHERE member = ?1");
    rows::each(connection, &select, [member.number()], |row| look(purchase(row)?))
}
