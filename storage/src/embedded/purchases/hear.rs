//! What a store said, from the claim to the owner's wallet, in one transaction.

use rusqlite::Connection;

use super::{claims, evidence, owned, settle};
use crate::clock::Micros;
use crate::embedded::wallet::Entry;
use crate::embedded::{members, outbox, push, wallet};
use crate::error::{Result, StorageError};
use crate::identity::Digest;
use crate::purchases::owned::{Following, follow, notice};
use crate::purchases::{Claim, Finished, Heard, Purchase, ReleaseWrite, Said, claim};
use crate::wallet::Cause;

pub(super) fn hear(connection: &Connection, said: &Said) -> Result<Heard> {
    let digest = said.key.digest();
    let decided = claim::hear(claims::find(connection, &digest)?, said);
    let known = decided.was_known_to(said);
    let mut claim = decided.claim;
    let pending = claim.pending;
    let followed = lead(connection, &mut claim, said.now)?;
    if decided.changed || pending {
        claims::keep(connection, &digest, &claim)?;
    }
    if let Some(answered) = &said.evidence {
        evidence::done(connection, answered, &digest, said.now)?;
    }
    Ok(match followed {
        Some((purchase, pushed)) if decided.others => {
            let (owner, hold) = (purchase.member, claim.hold);
            let followed = pending.then(|| Box::new(purchase));
            Heard::Others { owner, followed, hold, pushed }
        }
        followed => heard(claim, followed, known),
    })
}

fn heard(claim: Claim, followed: Option<(Purchase, Option<u64>)>, known: bool) -> Heard {
    let hold = claim.hold;
    match followed {
        None => Heard::Nobodys { hold },
        Some((purchase, pushed)) => {
            Heard::Owned { purchase: Box::new(purchase), known, hold, pushed }
        }
    }
}

pub(super) fn release(connection: &Connection, write: &ReleaseWrite) -> Result<Option<Heard>> {
    let Some(found) = claims::find(connection, &write.claim)? else { return Ok(None) };
    if let Some(owner) = write.owner
        && !members::is_there(connection, &found.key.app, owner)?
    {
        return Ok(None);
    }
    let Some(mut claim) = claim::release(&found, write.owner, write.now) else { return Ok(None) };
    let followed = lead(connection, &mut claim, write.now)?;
    claims::keep(connection, &write.claim, &claim)?;
    Ok(Some(heard(claim, followed, true)))
}

/// Lets the owner's rows follow a claim that is pending.
pub(super) fn finish(
    connection: &Connection,
    digest: &Digest,
    now: Micros,
) -> Result<Option<Finished>> {
    let Some(mut claim) = claims::find(connection, digest)? else { return Ok(None) };
    let followed = lead(connection, &mut claim, now)?;
    claims::keep(connection, digest, &claim)?;
    let hold = claim.hold;
    Ok(followed.map(|(purchase, pushed)| Finished { purchase, hold, pushed }))
}

/// Lets the owner's rows follow, so that the claim is pending no more. Returns the purchase among
/// them, and the highest number in the owner's inbox if it was written to.
fn lead(
    connection: &Connection,
    claim: &mut Claim,
    now: Micros,
) -> Result<Option<(Purchase, Option<u64>)>> {
    claim.pending = false;
    let Some(owner) = claim.owner else { return Ok(None) };
    let found = owned::find(connection, &claim.key.app, owner, claim.id)?;
    match follow(found.as_ref(), claim) {
        None => Ok(found.map(|purchase| (purchase, None))),
        Some(following) => {
            let pushed = write(connection, &following, now)?;
            Ok(Some((following.purchase, pushed)))
        }
    }
}

fn write(connection: &Connection, following: &Following, now: Micros) -> Result<Option<u64>> {
    let Following { purchase, transfer, settle, event, shows: _ } = following;
    let (app, member) = (&purchase.key.app, purchase.member);
    owned::keep(connection, purchase)?;
    let mut balances = Vec::new();
    if let Some((id, lines)) = transfer {
        let entry = Entry {
            member,
            transfer: *id,
            cause: Cause::Purchase,
            lines,
            purchase: Some(purchase.id),
            note: None,
            at: now,
        };
        balances = wallet::book(connection, app, &entry)?;
    }
    if *settle {
        settle::acknowledge(connection, purchase, now)?;
    }
    if let Some(event) = event {
        let (id, body) = notice(purchase, *event, now);
        outbox::add(connection, app, member, id, event.word(), &body, now)?;
    }
    let pushes = following.pushes(balances, now);
    if pushes.is_empty() {
        return Ok(None);
    }
    let absent = || StorageError::Corrupt(format!("a purchase names the absent member {member}"));
    let kept = push::append(connection, app, member, pushes, now)?.ok_or_else(absent)?;
    Ok(kept.last().map(|push| push.seq))
}
