//! What is nobody's request: evidence that waits, claims that were left, stores to be told.

use std::time::Duration;

use storage::clock::Micros;
use storage::purchases::{Finished, Finishing};

use super::ask::told;
use super::{Desk, LEASE, Told};

/// How much evidence is asked about in one round.
const EVIDENCE: usize = 32;
/// How many claims are finished in one round.
const CLAIMS: usize = 64;
/// Claims that nobody is at any more.
const ABANDONED: Duration = Duration::from_secs(60);
/// How long evidence that was answered says that it was, in which time it is known again.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);
/// How many rows of it go in one round.
const FORGOTTEN: usize = 1_000;

/// What a round has done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whose inboxes were written to.
    pub told: Vec<Told>,
    /// How much evidence was asked about.
    pub evidence: usize,
    /// How many claims were asked about.
    pub looks: usize,
    /// How many purchases stores were told of.
    pub settled: usize,
    /// How many claims were finished.
    pub finished: usize,
}

impl Desk {
    /// Does what is due now, once; each part bounded. To be done again every second or so, by
    /// every node: what one takes another leaves alone.
    pub async fn round(&self) -> Seen {
        let mut seen = Seen::default();
        let until = self.now().after(LEASE);
        seen.settled = self.settle(until).await;
        seen.evidence = self.ask_waiting(until, &mut seen.told).await;
        seen.looks = self.look_at_claims(until, &mut seen.told).await;
        seen.finished = self.finish(&mut seen.told).await;
        seen
    }

    /// What is done now and then: the stores' lists, each in its turn, and what is too old.
    /// To be done again every minute or so, by every node.
    pub async fn slow_round(&self) -> Vec<Told> {
        let mut told = Vec::new();
        self.read_lists(&mut told).await;
        self.forget().await;
        told
    }

    async fn ask_waiting(&self, until: Micros, seen: &mut Vec<Told>) -> usize {
        let due = match self.0.storage.purchases.waiting(self.now(), until, EVIDENCE).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "evidence that waits could not be read");
                return 0;
            }
        };
        let count = due.len();
        let asked = due.into_iter().map(|received| {
            let desk = self.clone();
            // Side by side, so that a store that does not answer holds up no other.
            tokio::spawn(async move { told(&desk.ask(&received).await) })
        });
        for asked in asked.collect::<Vec<_>>() {
            seen.extend(asked.await.ok().flatten());
        }
        count
    }

    async fn finish(&self, seen: &mut Vec<Told>) -> usize {
        let now = self.now();
        let which = Finishing { before: now.before(ABANDONED), now, limit: CLAIMS };
        let desk = self.clone();
        let then = move |all: &Vec<Finished>| all.iter().for_each(|it| desk.finished(it));
        match self.0.storage.purchases.finish_then(which, then).await {
            Ok(all) => {
                let told =
                    |it: &Finished| Some(Told { member: it.purchase.member, seq: it.pushed? });
                seen.extend(all.iter().filter_map(told));
                all.len()
            }
            Err(error) => {
                tracing::warn!(%error, "purchases that were left could not be finished");
                0
            }
        }
    }

    /// Whoever was at it died before it was done, or before it said so: it is logged as they would
    /// have, under the same id.
    pub(super) fn finished(&self, Finished { purchase, hold, pushed }: &Finished) {
        match pushed {
            Some(_) => self.changed(purchase, *hold),
            None => self.on_record(purchase),
        }
    }

    async fn forget(&self) {
        let forgotten =
            self.0.storage.purchases.forget_evidence(self.now().before(KEPT), FORGOTTEN);
        if let Err(error) = forgotten.await {
            tracing::warn!(%error, "old evidence could not be forgotten");
        }
    }
}
