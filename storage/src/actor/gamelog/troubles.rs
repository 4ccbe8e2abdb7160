//! What goes wrong with the game log: counted, said at a bounded rate, and remembered for
//! whoever looks after the server.

use std::sync::atomic::{AtomicBool, Ordering};

use super::backoff::Failure;
use crate::alarm::Alarm;
use crate::error::StorageError;
use crate::gamelog::Keep;
use crate::spool::Dead;

const DROPPED: &str = "daemun_gamelog_dropped_total";

pub(super) struct Troubles {
    sink: AtomicBool,
    spool: AtomicBool,
    full: AtomicBool,
    lost_for_good: AtomicBool,
    sink_alarm: Alarm,
    spool_alarm: Alarm,
    full_alarm: Alarm,
    dropped_alarm: Alarm,
    lost_alarm: Alarm,
    refused_alarm: Alarm,
}

impl Default for Troubles {
    fn default() -> Self {
        let [sink, spool, full, lost_for_good] = std::array::from_fn(|_| AtomicBool::new(false));
        let [sink_alarm, spool_alarm, full_alarm, dropped_alarm, lost_alarm, refused_alarm] =
            std::array::from_fn(|_| Alarm::new());
        Self {
            sink,
            spool,
            full,
            lost_for_good,
            sink_alarm,
            spool_alarm,
            full_alarm,
            dropped_alarm,
            lost_alarm,
            refused_alarm,
        }
    }
}

impl Troubles {
    /// The present ones.
    pub(super) fn now(&self) -> Vec<&'static str> {
        let all = [
            (&self.sink, "the game log's sink does not take records"),
            (&self.spool, "the game log's spool cannot be written or read"),
            (&self.full, "the game log's spool has no room for records that are never dropped"),
            (&self.lost_for_good, "game-log records that are never dropped were lost"),
        ];
        let on = |(flag, _): &(&AtomicBool, _)| flag.load(Ordering::Relaxed);
        all.into_iter().filter(on).map(|(_, words)| words).collect()
    }

    pub(super) fn sink_answered(&self) {
        self.sink.store(false, Ordering::Relaxed);
    }

    pub(super) fn sink_failed(&self, error: &Failure) {
        self.sink.store(true, Ordering::Relaxed);
        metrics::counter!("daemun_gamelog_failures_total").increment(1);
        if let Some(times) = self.sink_alarm.ring(1) {
            tracing::warn!(%error, times, "the game log could not be written; trying again");
        }
    }

    pub(super) fn spool_failed(&self, error: &StorageError) {
        self.spool.store(true, Ordering::Relaxed);
        metrics::counter!("daemun_spool_failures_total").increment(1);
        if let Some(times) = self.spool_alarm.ring(1) {
            tracing::error!(%error, times, "the game log's spool failed; records go straight to the sink");
        }
    }

    /// The spool took a batch, but for `left` records that are never dropped.
    pub(super) fn spool_took(&self, left: usize) {
        self.spool.store(false, Ordering::Relaxed);
        self.full.store(left > 0, Ordering::Relaxed);
        if left > 0
            && let Some(records) = self.full_alarm.ring(left)
        {
            tracing::error!(
                records,
                "the game log's spool has no room for records that are never dropped: they are kept in memory"
            );
        }
    }

    /// Records of these kinds found no room in the spool.
    pub(super) fn dropped(&self, kinds: &[String]) {
        for kind in kinds {
            metrics::counter!(DROPPED, "kind" => kind.clone()).increment(1);
        }
        self.says_dropped(kinds.len());
    }

    /// What the spool had no room for is in the sink.
    pub(super) fn made_room(&self) {
        self.full.store(false, Ordering::Relaxed);
    }

    /// A record found no place in memory.
    pub(super) fn lost(&self, kind: &'static str, keep: Keep) {
        metrics::counter!(DROPPED, "kind" => kind).increment(1);
        match keep {
            Keep::WhenThereIsRoom => self.says_dropped(1),
            Keep::Always => {
                self.lost_for_good.store(true, Ordering::Relaxed);
                if let Some(records) = self.lost_alarm.ring(1) {
                    tracing::error!(
                        records,
                        kind,
                        "game-log records that are never dropped found no place at all: they are lost"
                    );
                }
            }
        }
    }

    fn says_dropped(&self, records: usize) {
        if let Some(records) = self.dropped_alarm.ring(records) {
            tracing::warn!(records, "game-log records found no room: they are dropped");
        }
    }

    /// The sink refused records for good, and there is no spool to set them aside in.
    pub(super) fn refused(&self, dead: &[Dead]) {
        for dead in dead {
            let kind = dead.record.kind.clone();
            metrics::counter!("daemun_gamelog_dead_letters_total", "kind" => kind).increment(1);
        }
        if let Some(one) = dead.first()
            && let Some(records) = self.refused_alarm.ring(dead.len())
        {
            let (id, kind, reason) = (one.record.id, &one.record.kind, &one.reason);
            tracing::error!(records, %id, kind, reason, "the game log refuses records for good: they are lost");
        }
    }
}
