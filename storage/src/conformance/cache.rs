//! What is asked of every cache.

mod model;

use std::sync::Arc;
use std::time::Duration;

use protocol::client::{Platform, StoreName};
use protocol::ids::{AppId, LoginId, MemberId};
use protocol::members::MemberState;
use protocol::text::Text;
use uuid::Uuid;

pub use model::{Step, play, steps, steps_and_waits};

use super::scene::{START, candidate};
use crate::cache::{CacheDuty, CacheKey, Fill, Lease, Look, Part, Value};
use crate::identity::Identity;
use crate::members::{Ban, By, Member};
use crate::sessions::{Device, EndedBy, Login, Said, Standing};

/// A key of somebody's own.
#[must_use]
pub fn key() -> CacheKey {
    CacheKey { app: app(), member: candidate(), part: Part::Member }
}

fn app() -> AppId {
    "demo".parse().unwrap()
}

fn member(key: &CacheKey, ban: Option<Ban>) -> Member {
    let state = MemberState::Active;
    Member { app: key.app.clone(), id: key.member, state, created_at: START, ban }
}

/// A value of a member's key.
#[must_use]
pub fn somebody(key: &CacheKey) -> Value {
    Value::Member(Some(member(key, None)))
}

/// Keys of so many members, one for each part of each.
#[must_use]
pub fn all_of(members: usize) -> Vec<CacheKey> {
    let of = |_| {
        let CacheKey { app, member, .. } = key();
        let login = || Part::Standing(LoginId(Uuid::now_v7()));
        let parts = [Part::Member, Part::Identities, login(), login()];
        let other: AppId = "other".parse().unwrap();
        let keys = parts.map(|part| CacheKey { app: app.clone(), member, part });
        keys.into_iter().chain([CacheKey { app: other, member, part: Part::Member }])
    };
    (0..members).flat_map(of).collect()
}

/// Values of every shape, each with a key of its own.
#[must_use]
pub fn everything() -> Vec<(CacheKey, Value)> {
    let of = |part| CacheKey { part, ..key() };
    let ban = |until| Ban {
        id: Uuid::now_v7(),
        reason: Text::new("지민, \"no\" means no 🙅").unwrap(),
        until,
        at: START,
        by: By::Command,
    };
    let mut all = Vec::new();
    for held in [None, Some(ban(None)), Some(ban(Some(START)))] {
        let key = of(Part::Member);
        all.push((key.clone(), Value::Member(Some(member(&key, held)))));
    }
    all.push((of(Part::Member), Value::Member(None)));
    let identity = |provider: &str| Identity {
        provider: provider.to_owned(),
        linked_at: START,
        last_login_at: START.after(Duration::from_secs(1)),
    };
    for identities in [vec![], vec![identity("guest"), identity("google")]] {
        all.push((of(Part::Identities), Value::Identities(identities)));
    }
    let ends = EndedBy::ALL.iter().copied().map(Some).chain([None]);
    let stores = StoreName::ALL.iter().copied().map(Some).chain([None]);
    for (place, (ended, store)) in ends.zip(stores.cycle()).enumerate() {
        let id = LoginId(Uuid::now_v7());
        let key = of(Part::Standing(id));
        let device = Device {
            platform: Platform::ALL[place % Platform::ALL.len()],
            store,
            name: store.map(|_| "지민의 📱".to_owned()),
            version: "1.4.0-β".to_owned(),
            said: Box::new(Said {
                country: store.map(|_| "KR".to_owned()),
                lang: store.map(|_| "ko".to_owned()),
                device_id: store.map(|_| "5b0c-77".to_owned()),
            }),
        };
        let login = Login {
            id,
            provider: "google".to_owned(),
            epoch: i64::MAX,
            device,
            created_at: START,
            refreshed_at: START,
            expires_at: START,
            ended,
        };
        let member = member(&key, Some(ban(None)));
        let age = Duration::ZERO;
        let standing = Standing { member, login, epoch: 7, inbox: u64::MAX, acked: 3, age };
        all.push((key, Value::Standing(Some(standing))));
    }
    all.push((of(Part::Standing(LoginId(Uuid::now_v7()))), Value::Standing(None)));
    all
}

/// A cache as it is asked for one thing at a time.
#[derive(Clone)]
pub struct Asked(pub Arc<dyn CacheDuty>);

impl Asked {
    pub(crate) async fn look(&self, key: &CacheKey) -> Look {
        self.0.look(vec![key.clone()]).await.pop().unwrap()
    }

    /// Looks for what must be missing.
    pub(crate) async fn misses(&self, key: &CacheKey) -> Lease {
        match self.look(key).await {
            Look::Missing(lease) => lease,
            other => panic!("{key:?}: {other:?}"),
        }
    }

    pub(crate) async fn fill(&self, key: &CacheKey, lease: Lease, value: &Value) -> bool {
        let fill = Fill { key: key.clone(), lease, value: value.clone() };
        self.0.fill(vec![fill]).await.pop().unwrap()
    }

    /// What is found, if anything is.
    pub(crate) async fn finds(&self, key: &CacheKey) -> Option<Value> {
        match self.look(key).await {
            Look::Found { value, .. } => Some(value),
            Look::Missing(_) | Look::Taken | Look::Away => None,
        }
    }

    pub(crate) async fn forget(&self, member: MemberId) {
        self.0.forget(vec![member]).await;
    }
}

pub async fn what_was_filled_is_found_whole(cache: Asked) {
    for (key, value) in everything() {
        let lease = cache.misses(&key).await;
        assert!(cache.fill(&key, lease, &value).await, "{key:?}");
        assert_eq!(cache.finds(&key).await, Some(value));
    }
}

pub async fn many_are_looked_for_and_filled_each_by_itself(cache: Asked) {
    let keys = all_of(40);
    let looks = cache.0.look(keys.clone()).await;
    let mut fills = Vec::new();
    for (place, (key, look)) in keys.iter().zip(&looks).enumerate() {
        let Look::Missing(lease) = look else { panic!("{key:?}: {look:?}") };
        let lease = if place % 3 == 0 { Lease(lease.0 ^ 1) } else { *lease };
        let value = match key.part {
            Part::Member => Value::Member(None),
            Part::Identities => Value::Identities(vec![]),
            Part::Standing(_) => Value::Standing(None),
        };
        fills.push(Fill { key: key.clone(), lease, value });
    }
    let filled = cache.0.fill(fills).await;
    assert!(filled.iter().enumerate().all(|(place, there)| *there == (place % 3 != 0)));
    for (place, look) in cache.0.look(keys).await.into_iter().enumerate() {
        match look {
            Look::Found { .. } => assert!(place % 3 != 0, "{place}"),
            other => assert!(other == Look::Taken && place % 3 == 0, "{place}: {other:?}"),
        }
    }
}

pub async fn one_alone_is_told_to_ask_the_truth(cache: Asked) {
    let key = key();
    let looks = cache.0.look(vec![key.clone(); 50]).await;
    let missing = looks.iter().filter(|look| matches!(look, Look::Missing(_))).count();
    let taken = looks.iter().filter(|look| **look == Look::Taken).count();
    assert_eq!((missing, taken), (1, 49));
}

pub async fn who_has_no_lease_fills_nothing(cache: Asked) {
    let key = key();
    assert!(!cache.fill(&key, Lease(7), &somebody(&key)).await);
    let lease = cache.misses(&key).await;
    assert!(!cache.fill(&key, Lease(lease.0 ^ 1), &somebody(&key)).await);
    assert!(cache.fill(&key, lease, &somebody(&key)).await);
    // A lease is good once.
    assert!(!cache.fill(&key, lease, &Value::Member(None)).await);
    assert_eq!(cache.finds(&key).await, Some(somebody(&key)));
}

pub async fn what_was_forgotten_is_not_found(cache: Asked) {
    let (keys, neighbour) = (all_of(1), key());
    for key in keys.iter().chain([&neighbour]) {
        let lease = cache.misses(key).await;
        let value = match key.part {
            Part::Member => somebody(key),
            Part::Identities => Value::Identities(vec![]),
            Part::Standing(_) => Value::Standing(None),
        };
        assert!(cache.fill(key, lease, &value).await);
    }
    cache.forget(keys[0].member).await;
    for key in &keys {
        cache.misses(key).await;
    }
    assert_eq!(cache.finds(&neighbour).await, Some(somebody(&neighbour)));
    // Nobody is forgotten twice, or too much.
    cache.0.forget(vec![]).await;
    cache.forget(keys[0].member).await;
    cache.forget(candidate()).await;
}

pub async fn what_was_read_before_it_was_forgotten_is_not_filled(cache: Asked) {
    let key = key();
    let slow = cache.misses(&key).await;
    cache.forget(key.member).await;
    assert!(!cache.fill(&key, slow, &somebody(&key)).await);
    let quick = cache.misses(&key).await;
    assert!(!cache.fill(&key, slow, &somebody(&key)).await);
    assert!(cache.fill(&key, quick, &Value::Member(None)).await);
    assert_eq!(cache.finds(&key).await, Some(Value::Member(None)));
}

pub async fn a_reading_is_as_old_as_its_lease(cache: Asked) {
    let key = key();
    let lease = cache.misses(&key).await;
    let begun = std::time::Instant::now();
    assert!(cache.fill(&key, lease, &somebody(&key)).await);
    let mut last = Duration::ZERO;
    for _ in 0..20 {
        let Look::Found { age, .. } = cache.look(&key).await else { panic!("it was filled") };
        // No clock of another's is as exact as ours.
        assert!(age + Duration::from_millis(3) >= begun.elapsed().min(age) && age >= last);
        last = age;
    }
}
