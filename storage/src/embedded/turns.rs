//! Turns in SQLite.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::params;

use super::{Embedded, rows};
use crate::clock::Micros;
use crate::error::Result;
use crate::turns::TurnsDuty;

#[async_trait]
impl TurnsDuty for Embedded {
    async fn take_turn(&self, work: String, now: Micros, every: Duration) -> Result<bool> {
        self.truth
            .write(move |connection| {
                let taken = rows::run(
                    connection,
                    "INSERT INTO turn (work, due_at) VALUES (?1, ?2)
                     ON CONFLICT (work) DO UPDATE SET due_at = excluded.due_at
                     WHERE due_at <= ?3",
                    params![work, now.after(every).0, now.0],
                )?;
                Ok(taken == 1)
            })
            .await
    }
}
