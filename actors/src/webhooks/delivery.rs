//! Sending one member's notices, in their order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use storage::clock::Micros;
use storage::outbox::{Due, Notice, Outcome};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{AT_ONCE, Inner, LAST_ANSWERS, LEASE, Target, WAITING, rests};
use crate::outside::{OutsideError, tell};

/// How long a game's server may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long before its lease ends nothing more is sent under it: a try, and a while to write what
/// came of it.
const MARGIN: Duration = Duration::from_secs(20);
/// How long a notice rests on a node that does not know where to send it, while another may.
const UNTOLD: Duration = Duration::from_secs(60);
/// The type of what is sent.
const JSON: &str = "application/json";

/// The way to one game's server.
pub(super) struct Lane {
    target: Option<Target>,
    places: Arc<Semaphore>,
    turns: Semaphore,
    /// Whether the last try was in vain.
    troubled: AtomicBool,
}

impl Lane {
    pub(super) fn new(target: Option<Target>) -> Self {
        Self {
            target,
            places: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            turns: Semaphore::new(AT_ONCE),
            troubled: AtomicBool::new(false),
        }
    }

    /// A place for a member, if there is one.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().try_acquire_owned().ok()
    }
}

/// What came of one try.
enum Tried {
    /// The game's server has it.
    Taken,
    /// It has not, and why.
    InVain {
        why: String,
        /// The shortest rest.
        least: Duration,
    },
    /// Nobody knows, for the worker stops.
    Stopped,
}

fn in_vain(why: impl Into<String>) -> Tried {
    Tried::InVain { why: why.into(), least: Duration::ZERO }
}

impl Inner {
    /// Sends a member's notices and says what came of it, which gives the lease back.
    pub(super) async fn deliver(&self, lane: &Lane, due: Due, until: Micros) {
        let mut outcome = Outcome {
            member: due.member,
            until: due.until,
            done: Vec::new(),
            failed: None,
            later: None,
            now: self.clock.now(),
        };
        if let Some(_turn) = self.turn(lane).await {
            for notice in &due.notices {
                if self.is_late(until) {
                    break;
                }
                match self.attempt(lane, notice).await {
                    Tried::Taken => outcome.done.push(notice.seq),
                    Tried::InVain { why, least } => {
                        self.put_off(&mut outcome, notice, why, least);
                        break;
                    }
                    Tried::Stopped => break,
                }
            }
        }
        outcome.now = self.clock.now();
        let nothing =
            outcome.done.is_empty() && outcome.failed.is_none() && outcome.later.is_none();
        if outcome.now >= until && nothing {
            // The lease has ended, and may be another's by now.
            return;
        }
        match self.outbox.sent(outcome).await {
            Ok(true) => {}
            // They are sent again, under the same ids.
            Ok(false) => {
                tracing::info!(member = %due.member, "a lease of webhooks was another's by then");
            }
            Err(error) => {
                tracing::warn!(%error, member = %due.member, "what came of webhooks is not written");
            }
        }
    }

    /// A turn among those of whom the game's server is told at once; `None` when the worker stops,
    /// or none came while the lease was good.
    async fn turn<'a>(&self, lane: &'a Lane) -> Option<tokio::sync::SemaphorePermit<'a>> {
        let mut stopping = self.stopping.subscribe();
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => None,
            turn = lane.turns.acquire() => turn.ok(),
            () = tokio::time::sleep(LEASE - MARGIN) => None,
        }
    }

    /// Whether another try might end after the lease.
    fn is_late(&self, until: Micros) -> bool {
        *self.stopping.borrow() || self.clock.now() >= until.before(MARGIN)
    }

    async fn attempt(&self, lane: &Lane, notice: &Notice) -> Tried {
        let tried = match &lane.target {
            Some(target) => self.send(target, notice).await,
            None => {
                let why = format!("this server has no apps.{}.webhook", notice.app);
                Tried::InVain { why, least: UNTOLD }
            }
        };
        let app = &notice.app;
        match &tried {
            Tried::Taken if lane.troubled.swap(false, Ordering::Relaxed) => {
                tracing::info!(%app, "the webhook of {app} takes notices again");
            }
            Tried::InVain { why, .. } if !lane.troubled.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%app, why, "the webhook of {app} does not take a notice: {why}");
            }
            Tried::Taken | Tried::InVain { .. } | Tried::Stopped => {}
        }
        tried
    }

    async fn send(&self, target: &Target, notice: &Notice) -> Tried {
        let (id, seconds) = (notice.id.to_string(), self.clock.now().seconds());
        let request = self
            .client
            .post(&target.url)
            .header("content-type", JSON)
            .header("webhook-id", &id)
            .header("webhook-timestamp", seconds.to_string())
            .header("webhook-signature", target.secrets.sign(&id, seconds, &notice.body))
            .body(notice.body.clone());
        let mut stopping = self.stopping.subscribe();
        let hurried = async {
            // The sender is this worker's own, so it is there.
            let _ = stopping.wait_for(|stopping| *stopping).await;
            tokio::time::sleep(LAST_ANSWERS).await;
        };
        tokio::select! {
            told = tell(request, self.patience) => judged(told, &notice.app),
            () = hurried => Tried::Stopped,
        }
    }

    /// Says of a notice that was not taken when it is tried again, or that it is not.
    fn put_off(&self, outcome: &mut Outcome, notice: &Notice, why: String, least: Duration) {
        let (now, app, member, seq) = (self.clock.now(), &notice.app, notice.member, notice.seq);
        match rests::next(now, notice.at, notice.tries, least) {
            Some(at) => {
                count("later");
                outcome.later = Some((seq, at, why));
            }
            None => {
                count("failed");
                tracing::error!(
                    %app, %member, seq, why,
                    "webhook {seq} of member {member} of {app} was not taken for three days and is set aside: {why}; `daemun webhooks replay {app} {member} {seq}` sends it again"
                );
                outcome.failed = Some((seq, why));
            }
        }
    }
}

fn judged(told: Result<u16, OutsideError>, app: &protocol::ids::AppId) -> Tried {
    match told {
        Ok(200..=299) => {
            count("done");
            Tried::Taken
        }
        // The specification's word for an address that is given up. The notices are about money,
        // so they stay while somebody may say where to send them.
        Ok(410) => Tried::InVain {
            why: format!("410 Gone: set apps.{app}.webhook.url to where notices are taken"),
            least: rests::LONGEST,
        },
        Ok(status @ 300..=399) => in_vain(format!("status {status}: redirects are not followed")),
        Ok(status) => in_vain(format!("status {status}")),
        Err(error) => in_vain(error.to_string()),
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("daemun_webhooks_total", "outcome" => outcome).increment(1);
}
