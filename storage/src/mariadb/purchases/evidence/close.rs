//! How evidence ended.

use mysql_async::prelude::Queryable;
use mysql_async::{Params, Value};

use super::shard;
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;
use crate::mariadb::fault::Fault;
use crate::mariadb::purchases::taken::take_keys;
use crate::mariadb::router::{Shard, WriteSet};
use crate::mariadb::rows::{digest, why};
use crate::mariadb::tx::Tx;
use crate::purchases::{Closing, EvidenceEnd};

use super::Kept;

/// Closes evidence.
pub(in crate::mariadb::purchases) struct Closes;

impl WriteSet for Closes {
    const NAME: &'static str = "purchases.close";
    type Item = Closing;
    type Answer = ();
    type Key = Digest;

    fn shard(closing: &Closing) -> Shard {
        shard(&closing.digest, closing.source)
    }

    fn key(closing: &Closing) -> Digest {
        closing.digest
    }

    async fn write(closings: &[&Closing], tx: &mut Tx) -> Result<Vec<Result<()>>, Fault> {
        let taken = take_keys::<Kept>(tx, closings.iter().map(|it| it.digest)).await?;
        let ours = || closings.iter().filter(|it| taken.is_ours(&it.digest));
        let led: Vec<(Digest, Digest)> = ours()
            .filter_map(|it| match it.end {
                EvidenceEnd::Done(claim) => Some((it.digest, claim)),
                EvidenceEnd::Nothing
                | EvidenceEnd::Refused(_)
                | EvidenceEnd::Parked(_)
                | EvidenceEnd::Later(..)
                | EvidenceEnd::Again => None,
            })
            .collect();
        let now = closings.iter().map(|it| it.now).max().unwrap_or(Micros(0));
        done(tx, &led, now).await?;
        for closing in ours() {
            end(tx, closing).await?;
        }
        Ok(closings.iter().map(|it| taken.free(&it.digest)).collect())
    }
}

/// Ends what led to no claim. What was answered stays answered.
async fn end(tx: &mut Tx, closing: &Closing) -> Result<(), Fault> {
    let (update, mut values): (&str, Vec<Value>) = match &closing.end {
        EvidenceEnd::Done(_) => return Ok(()),
        EvidenceEnd::Nothing => (
            "shown = 'done', mark = '', body = '', why = NULL, due_at = NULL \
             WHERE shown IN ('waiting', 'parked')",
            Vec::new(),
        ),
        EvidenceEnd::Refused(word) => (
            "shown = 'refused', mark = '', body = '', why = ?, due_at = NULL \
             WHERE shown IN ('waiting', 'parked')",
            vec![why(word).into()],
        ),
        EvidenceEnd::Parked(word) => (
            "shown = 'parked', why = ?, due_at = NULL WHERE shown = 'waiting'",
            vec![why(word).into()],
        ),
        EvidenceEnd::Later(at, word) => (
            "tries = tries + 1, why = ?, due_at = ? WHERE shown = 'waiting'",
            vec![why(word).into(), at.0.into()],
        ),
        EvidenceEnd::Again => (
            "shown = 'waiting', tries = 0, due_at = ? WHERE shown = 'parked'",
            vec![closing.now.0.into()],
        ),
    };
    values.insert(0, closing.now.0.into());
    values.push(digest(&closing.digest));
    let update = format!(
        "UPDATE evidence SET changed_at = GREATEST(changed_at + 1, ?), {update} AND evidence = ?"
    );
    Ok(tx.exec_drop(update, Params::Positional(values)).await?)
}

/// Says that evidence led to claims. What led to one before stays there.
pub(in crate::mariadb::purchases) async fn done(
    tx: &mut Tx,
    led: &[(Digest, Digest)],
    now: Micros,
) -> Result<(), Fault> {
    let mut led = led.to_vec();
    led.sort_unstable();
    let Some(last) = led.last().copied() else { return Ok(()) };
    led.resize(led.len().next_power_of_two(), last);
    let cases = "WHEN ? THEN ? ".repeat(led.len());
    let marks = vec!["?"; led.len()].join(",");
    let update = format!(
        "UPDATE evidence SET changed_at = GREATEST(changed_at + 1, ?), \
         claim = CASE evidence {cases}END, shown = 'done', mark = '', body = '', why = NULL, \
         due_at = NULL WHERE evidence IN ({marks}) AND claim IS NULL"
    );
    let mut values: Vec<Value> = vec![now.0.into()];
    values.extend(led.iter().flat_map(|(evidence, claim)| [digest(evidence), digest(claim)]));
    values.extend(led.iter().map(|(evidence, _)| digest(evidence)));
    Ok(tx.exec_drop(update, Params::Positional(values)).await?)
}
