//! An access token of a store: fetched when it is needed, kept, changed before it ends.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use storage::clock::{Clock, Micros};

use super::verifier::Fault;

/// For how long a failure stands for all who waited for the same token.
const COOLDOWN: Duration = Duration::from_secs(1);

/// A token as the store gave it.
pub(super) struct Given {
    pub(super) token: String,
    /// How long it is good.
    pub(super) life: Duration,
}

/// The token of one account at one store. One fetch is under way at a time, whoever needs it.
pub(super) struct Bearer {
    clock: Arc<dyn Clock>,
    /// How long before its end a token is changed.
    early: Duration,
    state: Mutex<State>,
    flight: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    failed: Option<(Micros, Fault)>,
}

#[derive(Clone)]
struct Held {
    token: Arc<str>,
    fresh_until: Micros,
    good_until: Micros,
}

impl Bearer {
    pub(super) fn new(clock: Arc<dyn Clock>, early: Duration) -> Self {
        Self { clock, early, state: Mutex::default(), flight: tokio::sync::Mutex::new(()) }
    }

    /// The token, fetched with `fetch` if need be. While it is changed early, everybody else
    /// uses the old one; without one they wait, and share what comes of it.
    pub(super) async fn token(
        &self,
        fetch: impl Future<Output = Result<Given, Fault>>,
    ) -> Result<Arc<str>, Fault> {
        let held = self.held();
        let now = self.clock.now();
        match held.filter(|held| now < held.good_until) {
            Some(held) if now < held.fresh_until => Ok(held.token),
            Some(held) => match self.flight.try_lock() {
                Ok(_flight) => Ok(self.fetched(fetch).await.unwrap_or(held.token)),
                Err(_) => Ok(held.token),
            },
            None => {
                let _flight = self.flight.lock().await;
                match self.landed() {
                    Some(landed) => landed,
                    None => self.fetched(fetch).await,
                }
            }
        }
    }

    /// Forgets a token that the store refused, unless another has taken its place already.
    pub(super) fn forget(&self, token: &Arc<str>) {
        let mut state = self.state.lock();
        if state.held.as_ref().is_some_and(|held| Arc::ptr_eq(&held.token, token)) {
            state.held = None;
        }
    }

    fn held(&self) -> Option<Held> {
        self.state.lock().held.clone()
    }

    /// What the fetch that was waited for brought.
    fn landed(&self) -> Option<Result<Arc<str>, Fault>> {
        let now = self.clock.now();
        let state = self.state.lock();
        if let Some(held) = state.held.as_ref().filter(|held| now < held.good_until) {
            return Some(Ok(Arc::clone(&held.token)));
        }
        let (at, fault) = state.failed?;
        (at <= now && now < at.after(COOLDOWN)).then_some(Err(fault))
    }

    async fn fetched(
        &self,
        fetch: impl Future<Output = Result<Given, Fault>>,
    ) -> Result<Arc<str>, Fault> {
        // Counted from the question: a slow answer is no fresher.
        let asked = self.clock.now();
        let given = fetch.await;
        let mut state = self.state.lock();
        match given {
            Ok(Given { token, life }) => {
                let token: Arc<str> = token.into();
                let fresh = life.saturating_sub(self.early);
                state.held = Some(Held {
                    token: Arc::clone(&token),
                    fresh_until: asked.after(fresh),
                    good_until: asked.after(life),
                });
                state.failed = None;
                Ok(token)
            }
            Err(fault) => {
                state.failed = Some((self.clock.now(), fault));
                Err(fault)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use futures_util::poll;
    use storage::clock::ManualClock;
    use tokio::sync::Semaphore;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const EARLY: Duration = Duration::from_secs(300);

    struct Scene {
        clock: Arc<ManualClock>,
        bearer: Bearer,
        fetches: AtomicUsize,
        gate: Semaphore,
    }

    impl Scene {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::new(Micros::from_seconds(1_800_000_000)));
            let bearer = Bearer::new(Arc::clone(&clock) as _, EARLY);
            Self { clock, bearer, fetches: AtomicUsize::new(0), gate: Semaphore::new(1000) }
        }

        /// Each fetch gives another token.
        async fn token(&self) -> Result<Arc<str>, Fault> {
            self.bearer
                .token(async {
                    let number = self.fetches.fetch_add(1, Ordering::SeqCst);
                    self.gate.acquire().await.unwrap().forget();
                    Ok(Given { token: number.to_string(), life: HOUR })
                })
                .await
        }

        async fn failing(&self) -> Result<Arc<str>, Fault> {
            self.bearer
                .token(async {
                    self.fetches.fetch_add(1, Ordering::SeqCst);
                    self.gate.acquire().await.unwrap().forget();
                    Err(Fault::Misconfigured("x"))
                })
                .await
        }

        fn fetches(&self) -> usize {
            self.fetches.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn fifty_who_need_the_first_token_cause_one_fetch() {
        let scene = Scene::new();
        scene.gate.forget_permits(1000);
        let mut askers: Vec<_> = (0..50).map(|_| Box::pin(scene.token())).collect();
        for asker in &mut askers {
            assert!(poll!(asker).is_pending());
        }
        scene.gate.add_permits(1000);
        assert!(join_all(askers).await.into_iter().all(|token| token.as_deref() == Ok("0")));
        assert_eq!(scene.fetches(), 1);
    }

    #[tokio::test]
    async fn a_token_is_changed_early_and_the_old_one_serves_meanwhile() {
        let scene = Scene::new();
        assert_eq!(scene.token().await.as_deref(), Ok("0"));
        scene.clock.advance(HOUR - EARLY - Duration::from_micros(1));
        assert_eq!(scene.token().await.as_deref(), Ok("0"));
        scene.clock.advance(Duration::from_micros(1));
        scene.gate.forget_permits(1000);
        let mut changes = Box::pin(scene.token());
        assert!(poll!(&mut changes).is_pending());
        assert_eq!(scene.token().await.as_deref(), Ok("0"), "nobody waits");
        scene.gate.add_permits(1000);
        assert_eq!(changes.await.as_deref(), Ok("1"));
        assert_eq!(scene.fetches(), 2);
    }

    #[tokio::test]
    async fn when_it_cannot_be_changed_early_the_old_one_serves_to_its_end() {
        let scene = Scene::new();
        assert_eq!(scene.token().await.as_deref(), Ok("0"));
        scene.clock.advance(HOUR - Duration::from_micros(1));
        assert_eq!(scene.failing().await.as_deref(), Ok("0"));
        scene.clock.advance(Duration::from_micros(1));
        let _ = scene.failing().await.unwrap_err();
    }

    #[tokio::test]
    async fn a_failure_stands_for_a_second_for_all_who_waited() {
        let scene = Scene::new();
        scene.gate.forget_permits(1000);
        let mut askers: Vec<_> = (0..50).map(|_| Box::pin(scene.failing())).collect();
        for asker in &mut askers {
            assert!(poll!(asker).is_pending());
        }
        scene.gate.add_permits(1000);
        assert!(join_all(askers).await.iter().all(Result::is_err));
        assert_eq!(scene.fetches(), 1);
        scene.clock.advance(COOLDOWN);
        assert!(scene.token().await.is_ok());
    }

    #[tokio::test]
    async fn who_leaves_in_the_midst_holds_up_nobody() {
        let scene = Scene::new();
        scene.gate.forget_permits(1000);
        let mut leaves = Box::pin(scene.token());
        assert!(poll!(&mut leaves).is_pending());
        drop(leaves);
        scene.gate.add_permits(1000);
        assert_eq!(scene.token().await.as_deref(), Ok("1"));
    }

    #[tokio::test]
    async fn a_refused_token_is_forgotten_once() {
        let scene = Scene::new();
        let first = scene.token().await.unwrap();
        scene.bearer.forget(&first);
        let second = scene.token().await.unwrap();
        scene.bearer.forget(&first);
        assert_eq!(scene.token().await.unwrap(), second);
        assert_eq!(scene.fetches(), 2);
    }
}
