//! Records that the sink refuses for good, a line of JSON each with the reason.

use std::io;

use super::files::{Files, Handle};
use super::store::Store;
use crate::alarm::Alarm;
use crate::gamelog::{Keep, KeptRecord};

/// The file's name.
pub(super) const NAME: &str = "dead-letters.jsonl";

/// A refused record.
#[derive(Clone, Debug)]
pub(crate) struct Dead {
    /// Its number; none when the spool never had it.
    pub(crate) number: Option<u64>,
    pub(crate) keep: Keep,
    pub(crate) reason: String,
    pub(crate) record: KeptRecord,
}

impl<F: Files> Store<F> {
    /// Sets refused records aside, durably, and settles them. One that is never dropped and
    /// finds no room stays in its segment, to be tried again after the next start.
    pub(super) fn bury(&mut self, dead: &[Dead]) {
        if dead.is_empty() {
            return;
        }
        let (mut lines, mut buried, mut left) = (Vec::new(), Vec::new(), Vec::new());
        for dead in dead {
            let line = line(dead);
            let room = match dead.keep {
                Keep::Always => self.limits.aside(),
                Keep::WhenThereIsRoom => self.limits.aside() / 2,
            };
            if self.dead + (lines.len() + line.len()) as u64 <= room {
                lines.extend_from_slice(&line);
                buried.push(dead);
            } else {
                left.push(dead);
            }
        }
        if let Err(error) = self.write_dead(lines) {
            tracing::error!(%error, "dead letters of the game log could not be written");
            left.append(&mut buried);
        }
        count(&buried, true);
        count(&left, false);
        let lost = |dead: &&&Dead| dead.keep == Keep::WhenThereIsRoom;
        let over = buried.iter().chain(left.iter().filter(lost));
        self.settle(&over.filter_map(|dead| dead.number).collect::<Vec<_>>());
    }

    fn write_dead(&mut self, mut lines: Vec<u8>) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        if self.torn {
            // What stands there is ended, so that it spoils no line but its own.
            lines.insert(0, b'\n');
        }
        let mut file = self.files.extend(NAME)?;
        let written =
            file.append(&lines).and_then(|()| file.sync()).and_then(|()| self.files.sync_folder());
        match written {
            Ok(()) => (self.dead, self.torn) = (self.dead + lines.len() as u64, false),
            Err(_) => self.torn |= file.truncate(self.dead).is_err(),
        }
        written
    }
}

fn line(dead: &Dead) -> Vec<u8> {
    let line = serde_json::json!({"reason": dead.reason, "record": dead.record});
    format!("{line}\n").into_bytes()
}

/// Counts refused records, and says so at a bounded rate, naming one of them.
fn count(dead: &[&Dead], kept: bool) {
    static ALARM: Alarm = Alarm::new();
    for dead in dead {
        let kind = dead.record.kind.clone();
        metrics::counter!("daemun_gamelog_dead_letters_total", "kind" => kind.clone()).increment(1);
        if !kept && (dead.keep == Keep::WhenThereIsRoom || dead.number.is_none()) {
            metrics::counter!("daemun_gamelog_dropped_total", "kind" => kind).increment(1);
        }
    }
    let (Some(one), Some(records)) = (dead.first(), ALARM.ring(dead.len())) else { return };
    let (id, kind, reason) = (one.record.id, &one.record.kind, &one.reason);
    if kept {
        tracing::error!(records, %id, kind, reason, "game-log records are refused for good: they are set aside");
    } else {
        tracing::error!(
            records, %id, kind, reason,
            "game-log records are refused for good and could not be set aside: those that are never dropped stay in the spool, others are lost"
        );
    }
}
