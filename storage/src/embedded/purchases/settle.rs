//! What stores are to be told: that a purchase was granted, and that it is used up.

use rusqlite::{Connection, params};

use super::owned::{self, PURCHASE};
use crate::clock::Micros;
use crate::embedded::outbox;
use crate::embedded::rows;
use crate::embedded::sessions::fence;
use crate::error::Result;
use crate::purchases::owned::{Event, notice};
use crate::purchases::{ConsumeWrite, Consumed, Purchase, Settle, Settled, Settling, Stand};

fn word(what: Settle) -> &'static str {
    match what {
        Settle::Acknowledge => "acknowledge",
        Settle::Consume => "consume",
    }
}

fn parse(word: &str) -> Option<Settle> {
    [Settle::Acknowledge, Settle::Consume].into_iter().find(|what| self::word(*what) == word)
}

/// The store is to be told of a grant. One that is told, or was, that it is used up knows.
pub(super) fn acknowledge(connection: &Connection, of: &Purchase, now: Micros) -> Result<()> {
    rows::run(
        connection,
        "UPDATE purchase SET settle = ?3, settle_at = ?4, settle_tries = 0, settle_why = NULL
         WHERE member = ?1 AND purchase = ?2 AND settle IS NOT ?5",
        params![of.member.number(), of.id, word(Settle::Acknowledge), now.0, word(Settle::Consume)],
    )?;
    Ok(())
}

pub(super) fn consume(connection: &Connection, write: &ConsumeWrite) -> Result<Consumed> {
    let ConsumeWrite { app, member, login, purchase, settle, webhook, now } = write;
    if let Some(login) = login {
        fence(connection, app, *member, *login)?;
    }
    let Some(mut found) = owned::find(connection, app, *member, *purchase)? else {
        return Ok(Consumed::Unknown);
    };
    if found.consumed_at.is_some() {
        return Ok(Consumed::Done { purchase: found, again: true });
    }
    if found.stand != Stand::Granted {
        return Ok(Consumed::NotGranted(found));
    }
    found.consumed_at = Some(*now);
    found.changed_at = *now;
    rows::run(
        connection,
        "UPDATE purchase SET consumed_at = ?3, changed_at = ?3 WHERE member = ?1 AND purchase = ?2",
        params![member.number(), purchase, now.0],
    )?;
    if *settle {
        rows::run(
            connection,
            "UPDATE purchase SET settle = ?3, settle_at = ?4, settle_tries = 0, settle_why = NULL
             WHERE member = ?1 AND purchase = ?2",
            params![member.number(), purchase, word(Settle::Consume), now.0],
        )?;
    }
    if *webhook {
        let event = Event::Consumed;
        let (id, body) = notice(&found, event, *now);
        outbox::add(connection, app, *member, id, event.word(), &body, *now)?;
    }
    Ok(Consumed::Done { purchase: found, again: false })
}

pub(super) fn lease(
    connection: &Connection,
    now: Micros,
    until: Micros,
    limit: usize,
) -> Result<Vec<Settling>> {
    let select = format!(
        "SELECT {PURCHASE}, settle, settle_tries FROM purchase
         WHERE settle_at IS NOT NULL AND settle_at <= ?1 ORDER BY settle_at LIMIT ?2"
    );
    let due = rows::all(connection, &select, params![now.0, rows::signed(limit)], |row| {
        Ok(Settling {
            purchase: owned::purchase(row)?,
            what: rows::word(row, "settle", parse)?,
            tries: rows::count(row, "settle_tries")?,
        })
    })?;
    for Settling { purchase, .. } in &due {
        let update = "UPDATE purchase SET settle_at = ?3 WHERE member = ?1 AND purchase = ?2";
        rows::run(connection, update, params![purchase.member.number(), purchase.id, until.0])?;
    }
    Ok(due)
}

/// What is known to the store, or was given up, is not due again because of a late word.
pub(super) fn settled(connection: &Connection, settled: &Settled) -> Result<()> {
    let Settled { member, purchase, what, again, given_up } = settled;
    let due = again.filter(|_| given_up.is_none()).map(|at| at.0);
    rows::run(
        connection,
        "UPDATE purchase SET settle_at = ?4, settle_tries = settle_tries + (?4 IS NOT NULL),
             settle_why = ?5
         WHERE member = ?1 AND purchase = ?2 AND settle = ?3 AND settle_at IS NOT NULL",
        params![member.number(), purchase, word(*what), due, given_up],
    )?;
    Ok(())
}
