//! The truth with a cache in front of it.
//!
//! Between the records factory and the [batches](super::batches), so that what is found waits for
//! no batch: a database that hangs holds up those alone who need it. What is asked of a cache
//! that is not near goes there in batches too.
//!
//! What is read of a member is looked for first. Who misses it asks the truth, alone among all
//! nodes, and fills it; who finds somebody doing so looks again a few times, and then asks the
//! truth himself. Every write forgets its member after it was done and before it is answered,
//! also when it is not known whether it was done. Three things are not forgotten: a login of an
//! unknown outcome, and a store's word of one that names no member, for whose they were is not known;
//! and what a sweep forgets. All are bounded by the cache's life.

mod content;
mod duties;
mod purchases;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use protocol::ids::MemberId;
use tokio::time::Instant;

use super::batches::lane::{Deed, Lane};
use crate::cache::{CacheDuty, CacheKey, Fill, Lease, Look, Value};
use crate::error::{Result, StorageError};
use crate::identity::LoginOutcome;
use crate::open::Truth;
use crate::sessions::RefreshOutcome;

/// How long who finds a key taken looks again, before he asks the truth himself.
const PATIENCE: Duration = Duration::from_millis(250);
/// The rest before the second look; it doubles with each, up to [`REST_MOST`].
const REST: Duration = Duration::from_millis(1);
const REST_MOST: Duration = Duration::from_millis(16);

/// The truth with a cache in front of it.
pub(super) struct Fronted {
    behind: Arc<dyn Truth>,
    cache: Arc<dyn CacheDuty>,
    looks: Lane<Looks>,
    fills: Lane<Fills>,
    forgets: Lane<Forgets>,
    patience: Duration,
}

/// Makes a deed of what a cache does for many.
macro_rules! deed {
    ($deed:ident, $name:literal, $item:ty => $answer:ty, |$cache:ident, $items:ident| $all:expr) => {
        struct $deed;

        #[async_trait]
        impl Deed for $deed {
            const NAME: &'static str = $name;
            type Item = $item;
            type Answer = $answer;
            type Of = dyn CacheDuty;

            fn server(_: &dyn CacheDuty, _: &$item) -> usize {
                0
            }

            fn again(_: &$item) -> Option<$item> {
                None
            }

            async fn all(
                $cache: &(dyn CacheDuty + 'static),
                $items: Vec<$item>,
            ) -> Vec<Result<$answer>> {
                $all
            }
        }
    };
}

deed!(Looks, "cache.look", CacheKey => Look, |cache, keys| {
    cache.look(keys).await.into_iter().map(Ok).collect()
});
deed!(Fills, "cache.fill", Fill => bool, |cache, fills| {
    cache.fill(fills).await.into_iter().map(Ok).collect()
});
deed!(Forgets, "cache.forget", MemberId => (), |cache, members| {
    let count = members.len();
    cache.forget(members).await;
    vec![Ok(()); count]
});

impl Fronted {
    pub(super) fn new(behind: Arc<dyn Truth>, cache: Arc<dyn CacheDuty>) -> Self {
        let (looks, fills) = (Lane::new(cache.clone()), Lane::new(cache.clone()));
        let forgets = Lane::new(cache.clone());
        Self { behind, cache, looks, fills, forgets, patience: PATIENCE }
    }

    async fn look(&self, key: CacheKey) -> Look {
        match self.cache.is_near() {
            true => self.cache.look(vec![key]).await.pop().unwrap_or(Look::Away),
            // The lane refuses who waited too long.
            false => self.looks.ask(key).await.unwrap_or(Look::Away),
        }
    }

    async fn fill(&self, fill: Fill) {
        // Whoever finds it not filled asks the truth again.
        match self.cache.is_near() {
            true => drop(self.cache.fill(vec![fill]).await),
            false => drop(self.fills.ask(fill).await),
        }
    }

    async fn forget(&self, member: MemberId) {
        // What the lane sheds the cache must know of all the same.
        if self.cache.is_near() || self.forgets.ask(member).await.is_err() {
            self.cache.forget(vec![member]).await;
        }
    }

    /// What is kept under a key, or what `truth` says; and how old it is.
    async fn read<T: Clone + Send + 'static>(
        &self,
        key: CacheKey,
        of: fn(Value) -> Option<T>,
        value: fn(T) -> Value,
        truth: impl FnOnce(Arc<dyn Truth>) -> BoxFuture<'static, Result<T>>,
    ) -> Result<(T, Duration)> {
        let truth = || truth(self.behind.clone());
        let present = |answer| (answer, Duration::ZERO);
        let (begun, mut rest) = (Instant::now(), REST);
        loop {
            match self.look(key.clone()).await {
                Look::Found { value: found, age, anew } => {
                    let Some(answer) = of(found) else { break };
                    looked("hit");
                    if let Some(lease) = anew {
                        self.read_anew(key, lease, value, truth());
                    }
                    return Ok((answer, age));
                }
                Look::Missing(lease) => {
                    looked("miss");
                    let answer = truth().await?;
                    self.fill(Fill { key, lease, value: value(answer.clone()) }).await;
                    return Ok(present(answer));
                }
                Look::Taken if begun.elapsed() < self.patience => {
                    tokio::time::sleep(rest.mul_f64(0.5 + fastrand::f64())).await;
                    rest = (2 * rest).min(REST_MOST);
                }
                Look::Taken => {
                    looked("waited");
                    return truth().await.map(present);
                }
                Look::Away => break,
            }
        }
        looked("away");
        truth().await.map(present)
    }

    /// Reads what is kept anew, behind the answer of whoever found it.
    fn read_anew<T: Send + 'static>(
        &self,
        key: CacheKey,
        lease: Lease,
        value: fn(T) -> Value,
        truth: BoxFuture<'static, Result<T>>,
    ) {
        looked("anew");
        let cache = self.cache.clone();
        tokio::spawn(async move {
            // One that fails leaves what is there, to its end.
            if let Ok(answer) = truth.await {
                cache.fill(vec![Fill { key, lease, value: value(answer) }]).await;
            }
        });
    }

    /// Forgets whom a write was about, unless it is known that nothing was done.
    async fn wrote<T>(&self, member: Option<MemberId>, written: Result<T>) -> Result<T> {
        if let (Some(member), true) = (member, may_be_done(&written)) {
            self.forget(member).await;
        }
        written
    }

    /// The same of many.
    async fn wrote_all<T>(
        &self,
        members: Vec<Option<MemberId>>,
        written: Vec<Result<T>>,
    ) -> Vec<Result<T>> {
        let of = |(member, written): (Option<MemberId>, &Result<T>)| {
            member.filter(|_| may_be_done(written))
        };
        let members: Vec<MemberId> = members.into_iter().zip(&written).filter_map(of).collect();
        if !members.is_empty() {
            self.cache.forget(members).await;
        }
        written
    }
}

fn looked(outcome: &'static str) {
    metrics::counter!("daemun_cache_looks_total", "outcome" => outcome).increment(1);
}

fn may_be_done<T>(written: &Result<T>) -> bool {
    match written {
        Ok(_)
        | Err(StorageError::OutcomeUnknown | StorageError::Corrupt(_) | StorageError::Setup(_)) => {
            true
        }
        // Whoever is replaced is told so by the truth: what is remembered says otherwise.
        Err(StorageError::Replaced) => true,
        Err(
            StorageError::Overloaded
            | StorageError::Unavailable(_)
            | StorageError::Locked
            | StorageError::Moved
            | StorageError::TooLong { .. },
        ) => false,
    }
}

/// Who logged in, if anybody did.
fn who(outcome: &Result<LoginOutcome>) -> Option<MemberId> {
    match outcome {
        Ok(LoginOutcome::LoggedIn { member, .. }) => Some(member.id),
        Ok(LoginOutcome::Banned { member, .. }) => Some(*member),
        Ok(LoginOutcome::Refused | LoginOutcome::NonceUsed | LoginOutcome::IdTaken) | Err(_) => {
            None
        }
    }
}

/// Whose token was exchanged, when the token does not say.
fn whose(outcome: &Result<RefreshOutcome>) -> Option<MemberId> {
    match outcome {
        Ok(
            RefreshOutcome::Rotated { member }
            | RefreshOutcome::Repeated { member, .. }
            | RefreshOutcome::TakenOver { member, .. },
        ) => Some(member.id),
        Ok(RefreshOutcome::Reused { member }) => Some(*member),
        Ok(
            RefreshOutcome::Unknown
            | RefreshOutcome::Expired
            | RefreshOutcome::Ended(_)
            | RefreshOutcome::Banned(_)
            | RefreshOutcome::Replaced,
        )
        | Err(_) => None,
    }
}
