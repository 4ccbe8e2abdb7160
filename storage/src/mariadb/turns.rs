//! Whose turn it is, on the home primary.

use std::time::Duration;

use async_trait::async_trait;
use mysql_async::prelude::Queryable;

use super::MariaDb;
use super::fault::Fault;
use super::router::{HOME, Shard, WriteSet};
use super::rows::{cell, upsert_returning};
use super::tx::Tx;
use crate::clock::Micros;
use crate::error::Result;
use crate::turns::TurnsDuty;

#[async_trait]
impl TurnsDuty for MariaDb {
    async fn take_turn(&self, work: String, now: Micros, every: Duration) -> Result<bool> {
        self.router.write_one::<Take>((work, now, every)).await
    }
}

struct Take;

impl WriteSet for Take {
    const NAME: &'static str = "turns.take";
    type Item = (String, Micros, Duration);
    type Answer = bool;
    type Key = String;

    fn shard(_: &Self::Item) -> Shard {
        HOME
    }

    fn key((work, ..): &Self::Item) -> String {
        work.clone()
    }

    async fn write(items: &[&Self::Item], tx: &mut Tx) -> Result<Vec<Result<bool>>, Fault> {
        let mut answers = Vec::with_capacity(items.len());
        for (work, now, every) in items {
            answers.push(Ok(take(tx, work, *now, *every).await?));
        }
        Ok(answers)
    }
}

async fn take(tx: &mut Tx, work: &str, now: Micros, every: Duration) -> Result<bool, Fault> {
    // What was never done is due now.
    let row = vec![work.into(), now.0.into()];
    let stays = "work = VALUES(work)";
    let rows = upsert_returning(tx, "turn (work, due_at)", vec![row], stays, "due_at").await?;
    let Some(mut row) = rows.into_iter().next() else { return Ok(false) };
    let due_at: i64 = cell(&mut row, 0, "turn.due_at")?;
    if due_at > now.0 {
        return Ok(false);
    }
    let update = "UPDATE turn SET due_at = ? WHERE work = ?";
    tx.exec_drop(update, (now.after(every).0, work)).await?;
    Ok(true)
}
