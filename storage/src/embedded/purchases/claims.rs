//! Claims: whose each purchase is.

use protocol::client::StoreName;
use protocol::ids::MemberId;
use protocol::purchases::Environment;
use rusqlite::{Connection, Row, params};

use crate::clock::Micros;
use crate::embedded::rows::{self, get};
use crate::error::Result;
use crate::identity::Digest;
use crate::purchases::owned::json;
use crate::purchases::{Claim, Finishing, Hold, Look, PurchaseKey, Stand};

const CLAIM: &str = "claim, app, store, environment, store_key, purchase, facts, product, grants, \
                     owner, stand, refunded_bp, hold, told_at, settled, webhook, granted_at, \
                     look_at, version, pending, created_at, changed_at";

fn claim(row: &Row<'_>) -> Result<Claim> {
    Ok(Claim {
        key: key(row)?,
        id: get(row, "purchase")?,
        facts: rows::json(row, "facts")?,
        product: rows::maybe(row, "product", rows::text)?,
        grants: rows::json(row, "grants")?,
        owner: rows::member(row, "owner")?,
        stand: rows::word(row, "stand", Stand::parse)?,
        refunded_bp: rows::count(row, "refunded_bp")?,
        hold: rows::maybe(row, "hold", Hold::parse)?,
        told_at: Micros(get(row, "told_at")?),
        settled: get(row, "settled")?,
        webhook: get(row, "webhook")?,
        granted_at: get::<Option<i64>>(row, "granted_at")?.map(Micros),
        look_at: get::<Option<i64>>(row, "look_at")?.map(Micros),
        version: get(row, "version")?,
        pending: get(row, "pending")?,
        created_at: Micros(get(row, "created_at")?),
        changed_at: Micros(get(row, "changed_at")?),
    })
}

/// What makes a purchase one purchase, of a claim's row or its owner's.
pub(super) fn key(row: &Row<'_>) -> Result<PurchaseKey> {
    Ok(PurchaseKey {
        app: rows::app(row)?,
        store: rows::word(row, "store", StoreName::parse)?,
        environment: rows::word(row, "environment", Environment::parse)?,
        key: get(row, "store_key")?,
    })
}

fn look(row: &Row<'_>) -> Result<Look> {
    Ok(Look { claim: get(row, "claim")?, of: claim(row)? })
}

pub(super) fn find(connection: &Connection, digest: &Digest) -> Result<Option<Claim>> {
    let select = format!("SELECT {CLAIM} FROM purchase_claim WHERE claim = ?1");
    rows::one(connection, &select, [digest], claim)
}

pub(super) fn keep(connection: &Connection, digest: &Digest, claim: &Claim) -> Result<()> {
    rows::run(
        connection,
        &format!(
            "INSERT OR REPLACE INTO purchase_claim ({CLAIM})
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                 ?18, ?19, ?20, ?21, ?22)"
        ),
        params![
            digest,
            claim.key.app.as_str(),
            claim.key.store.word(),
            claim.key.environment.word(),
            claim.key.key,
            claim.id,
            json(&claim.facts),
            claim.product.as_deref(),
            json(&claim.grants),
            claim.owner.map(MemberId::number),
            claim.stand.word(),
            claim.refunded_bp,
            claim.hold.map(Hold::word),
            claim.told_at.0,
            claim.settled,
            claim.webhook,
            claim.granted_at.map(|at| at.0),
            claim.look_at.map(|at| at.0),
            claim.version,
            claim.pending,
            claim.created_at.0,
            claim.changed_at.0,
        ],
    )?;
    Ok(())
}

/// Takes claims that are to be finished, so that what cannot be makes room for others.
pub(super) fn left(connection: &Connection, which: &Finishing) -> Result<Vec<Digest>> {
    let left: Vec<(Digest, Micros)> = rows::all(
        connection,
        "SELECT claim, changed_at FROM purchase_claim
         WHERE pending = 1 AND finish_at <= ?1 AND changed_at < ?2
         ORDER BY finish_at, changed_at LIMIT ?3",
        params![which.now.0, which.before.0, rows::signed(which.limit)],
        |row| Ok((get(row, "claim")?, Micros(get(row, "changed_at")?))),
    )?;
    for (claim, since) in &left {
        let update = "UPDATE purchase_claim SET finish_at = ?2 WHERE claim = ?1";
        rows::run(connection, update, params![claim, which.again(*since).0])?;
    }
    Ok(left.into_iter().map(|(claim, _)| claim).collect())
}

pub(super) fn held(connection: &Connection, limit: usize) -> Result<Vec<Look>> {
    let select = format!(
        "SELECT {CLAIM} FROM purchase_claim WHERE stand = 'paid' AND hold IS NOT NULL
         ORDER BY created_at, claim LIMIT ?1"
    );
    rows::all(connection, &select, [rows::signed(limit)], look)
}

pub(super) fn lease(
    connection: &Connection,
    now: Micros,
    until: Micros,
    limit: usize,
) -> Result<Vec<Look>> {
    let select = format!(
        "SELECT {CLAIM} FROM purchase_claim WHERE look_at IS NOT NULL AND look_at <= ?1
         ORDER BY look_at LIMIT ?2"
    );
    let mut due = rows::all(connection, &select, params![now.0, rows::signed(limit)], look)?;
    for look in &mut due {
        let update = "UPDATE purchase_claim SET look_at = ?2 WHERE claim = ?1";
        rows::run(connection, update, params![look.claim, until.0])?;
        look.of.look_at = Some(until);
    }
    Ok(due)
}
