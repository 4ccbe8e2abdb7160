//! A store is asked, and its word taken in.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use protocol::error::ErrorBody;
use protocol::ids::MemberId;
use protocol::purchases::SubmitReply;
use storage::gamelog::Event;
use storage::purchases::{Closing, EvidenceEnd, Heard, Received, Shown, Source};

use super::hint::Hinted;
use super::word::Word;
use super::{Desk, Outcome, Told, answer};
use crate::apps::Game;
use crate::purchases::verdict::SandboxPolicy;
use crate::purchases::verified::Verified;
use crate::purchases::verifier::{Evidence, Fault, Store, reason};
use crate::random;

/// How long what could not be asked rests at first; it doubles with each try, up to
/// [`REST_MOST`].
const REST: Duration = Duration::from_secs(5);
const REST_MOST: Duration = Duration::from_secs(6 * 3600);
/// How long a store is asked in vain before somebody has to look.
const GIVE_UP: Duration = Duration::from_secs(7 * 24 * 3600);
/// How often at least, so that what somebody looked at and wants tried again is not given up at
/// the first failure.
const TRIES: u32 = 8;

/// What came of asking.
pub(super) enum Asked {
    /// The store's word was taken in.
    Heard(Heard),
    /// What was shown is none.
    Refused(&'static str),
    /// The store cannot tell now.
    Unavailable(u64),
    /// Our own settings are at fault.
    Misconfigured,
    /// The truth cannot tell now. What was shown waits.
    Storage(ErrorBody),
}

/// How long to rest before the next try, with some jitter so that not all come at once.
pub(super) fn rest(tries: u32) -> Duration {
    let doubled = REST.saturating_mul(1 << tries.min(16)).min(REST_MOST);
    let jitter = u32::from_be_bytes(random::bytes()) % 1024;
    doubled.mul_f64(0.75 + f64::from(jitter) / 2048.0)
}

/// The rest is at least as long as the store wants it.
pub(super) fn rest_after(tries: u32, retry_after_ms: u64) -> Duration {
    rest(tries).max(Duration::from_millis(retry_after_ms)).min(REST_MOST)
}

impl Desk {
    /// Asks about what a member showed.
    pub(super) async fn posted(
        &self,
        received: Received,
        member: MemberId,
    ) -> Outcome<SubmitReply> {
        let Ok(_place) = self.0.asking.clone().try_acquire_owned() else {
            counter!("daemun_purchases_not_asked_total").increment(1);
            return Err(answer::unavailable(super::AGAIN_MS)).into();
        };
        let asked = self.ask(&received).await;
        if matches!(asked, Asked::Heard(_)) {
            self.recorded().await;
        }
        let told = told(&asked);
        Outcome { answer: answer::of(asked, member), told }
    }

    /// Asks the store about evidence, takes its word in, and says how the evidence ended.
    pub(super) async fn ask(&self, received: &Received) -> Asked {
        let asked = self.word(received).await;
        let (app, store) = (&received.evidence.app, received.evidence.store);
        let poster = match received.evidence.source {
            Source::Posted(member) => Some(member),
            Source::Told => None,
        };
        let end = match &asked {
            Asked::Heard(_) => None,
            Asked::Refused(reason) => {
                let event = Event::PurchaseRefused { store, reason: (*reason).to_owned() };
                self.record(app, poster, event);
                Some(EvidenceEnd::Refused((*reason).to_owned()))
            }
            Asked::Unavailable(after_ms) => Some(self.later(received, *after_ms, "unavailable")),
            Asked::Misconfigured => {
                tracing::error!(%app, store = store.word(), "{} of {app} is misconfigured: paid purchases wait", store.word());
                Some(self.later(received, 60_000, "misconfigured"))
            }
            // Its lease runs out, and then it is asked about again.
            Asked::Storage(_) => None,
        };
        counter!("daemun_purchases_asked_total", "store" => store.word(), "outcome" => word(&asked))
            .increment(1);
        if let Some(end) = end {
            self.close(received, end).await;
        }
        asked
    }

    /// When evidence is tried again, or that it is not.
    fn later(&self, received: &Received, after_ms: u64, why: &'static str) -> EvidenceEnd {
        let now = self.now();
        if now.since(received.at) > GIVE_UP && received.tries >= TRIES {
            counter!("daemun_purchases_parked_total").increment(1);
            let store = received.evidence.store.word();
            tracing::error!(app = %received.evidence.app, store, "a purchase was not verified in seven days: somebody has to look");
            return EvidenceEnd::Parked(why.to_owned());
        }
        EvidenceEnd::Later(now.after(rest_after(received.tries, after_ms)), why.to_owned())
    }

    pub(super) async fn close(&self, received: &Received, end: EvidenceEnd) {
        // What was answered before keeps no body, so it is not put back among what waits.
        let waits = matches!(received.shown, Shown::Waiting | Shown::Parked);
        if !waits && matches!(end, EvidenceEnd::Later(..) | EvidenceEnd::Parked(_)) {
            return;
        }
        let (digest, source) = (received.digest, received.evidence.source);
        let closing = Closing { digest, source, end, now: self.now() };
        if let Err(error) = self.0.storage.purchases.close(closing).await {
            // It is asked about once more when its lease runs out.
            tracing::warn!(%error, "evidence of a purchase could not be closed");
        }
    }

    async fn word(&self, received: &Received) -> Asked {
        let evidence = &received.evidence;
        let game = match self.game(&evidence.app) {
            Ok(game) => game,
            Err(error) => return Asked::Storage(error),
        };
        let stores = match self.0.shops.stores(&evidence.app).await {
            Ok(stores) => stores,
            Err(error) => return Asked::Storage(error),
        };
        let Some(store) = stores.store(evidence.store) else { return Asked::Misconfigured };
        let asked_at = self.now();
        let verified = match evidence.source {
            Source::Posted(_) => shown(store, &evidence.body).await.map(|it| (it, None)),
            Source::Told => match Hinted::read(&evidence.body) {
                Some(hinted) => {
                    let looked = store.look(&hinted.transaction()).await;
                    looked.map(|it| (it, Some(hinted)))
                }
                None => Err(Fault::Refused(reason::EVIDENCE_SHAPE)),
            },
        };
        match verified {
            Ok((verified, hinted)) => {
                let heard = Word { desk: self, game: &game, received: Some(received), asked_at };
                heard.take(verified, hinted, stores.sandbox()).await
            }
            Err(fault) => fault.into(),
        }
    }

    /// Asks a store about a purchase that is known, and takes its word in.
    pub(super) async fn look(
        &self,
        game: &Game,
        store: &Arc<dyn Store>,
        hinted: Hinted,
        sandbox: SandboxPolicy,
    ) -> Asked {
        let asked_at = self.now();
        match store.look(&hinted.transaction()).await {
            Ok(verified) => {
                let word = Word { desk: self, game, received: None, asked_at };
                word.take(verified, Some(hinted), sandbox).await
            }
            Err(fault) => fault.into(),
        }
    }
}

async fn shown(store: &Arc<dyn Store>, body: &str) -> Result<Verified, Fault> {
    store.verify(&Evidence::read(body.as_bytes())?).await
}

impl From<Fault> for Asked {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(reason) => Self::Refused(reason),
            Fault::Unavailable { retry_after_ms } => Self::Unavailable(retry_after_ms),
            Fault::Misconfigured(_) => Self::Misconfigured,
        }
    }
}

/// Whose inbox was written to.
pub(super) fn told(asked: &Asked) -> Option<Told> {
    match asked {
        Asked::Heard(Heard::Owned { purchase, pushed, .. }) => {
            pushed.map(|seq| Told { member: purchase.member, seq })
        }
        Asked::Heard(Heard::Others { owner, pushed, .. }) => {
            pushed.map(|seq| Told { member: *owner, seq })
        }
        Asked::Heard(Heard::Nobodys { .. })
        | Asked::Refused(_)
        | Asked::Unavailable(_)
        | Asked::Misconfigured
        | Asked::Storage(_) => None,
    }
}

fn word(asked: &Asked) -> &'static str {
    match asked {
        Asked::Heard(_) => "heard",
        Asked::Refused(_) => "refused",
        Asked::Unavailable(_) => "unavailable",
        Asked::Misconfigured => "misconfigured",
        Asked::Storage(_) => "storage",
    }
}
