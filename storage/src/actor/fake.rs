//! A backend for the tests of what stands in front of one: it keeps the game log, at the
//! pace and with the failures that a test asks for, and does nothing else.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use protocol::ids::{AppId, LoginId, MemberId};
use tokio::sync::{Semaphore, watch};

use crate::apps::{App, AppsDuty, Seed};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::freshness::Aged;
use crate::gamelog::{GamelogDuty, KeptRecord, LogRecord};
use crate::identity::{Identity, IdentityDuty, LoginOutcome, LoginWrite};
use crate::members::{BanWrite, Member, MembersDuty, Overview, OverviewRead};
use crate::open::Truth;
use crate::push::{Inbox, KeptPush, NewPush, PushDuty};
use crate::sessions::{End, EndedBy, Login, RefreshOutcome, RefreshWrite, SessionsDuty, Standing};

/// The backend.
pub(super) struct Fake {
    /// One batch passes for each permit.
    pub(super) door: Semaphore,
    /// How many batches fail before one is kept.
    pub(super) failures: AtomicUsize,
    /// How many batches came to the door.
    tries: watch::Sender<usize>,
    batches: Mutex<Vec<Vec<LogRecord>>>,
}

impl Fake {
    /// One that lets `open` batches pass.
    pub(super) fn new(open: usize) -> Self {
        let (door, failures) = (Semaphore::new(open), AtomicUsize::new(0));
        Self { door, failures, tries: watch::Sender::new(0), batches: Mutex::new(Vec::new()) }
    }

    /// Returns when so many batches have come to the door.
    pub(super) async fn tried(&self, count: usize) {
        self.tries.subscribe().wait_for(|tries| *tries >= count).await.unwrap();
    }

    /// How many batches have come to the door.
    pub(super) fn tries(&self) -> usize {
        *self.tries.borrow()
    }

    /// The batches that were kept.
    pub(super) fn batches(&self) -> Vec<Vec<LogRecord>> {
        self.batches.lock().unwrap().clone()
    }
}

fn absent<T>() -> Result<T> {
    Err(StorageError::Unavailable("no part of this test".to_owned()))
}

#[async_trait]
impl GamelogDuty for Fake {
    async fn append(&self, records: Vec<LogRecord>) -> Result<()> {
        self.tries.send_modify(|tries| *tries += 1);
        self.door.acquire().await.unwrap().forget();
        let fails = |left: usize| left.checked_sub(1);
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok() {
            return Err(StorageError::Unavailable("on purpose".to_owned()));
        }
        self.batches.lock().unwrap().push(records);
        Ok(())
    }

    async fn of_member(
        &self,
        _: AppId,
        _: MemberId,
        _: Micros,
        _: usize,
    ) -> Result<Vec<KeptRecord>> {
        absent()
    }
}

impl Truth for Fake {
    fn server_of(&self, _: u16) -> usize {
        0
    }
}

#[async_trait]
impl AppsDuty for Fake {
    async fn list(&self) -> Result<Vec<App>> {
        absent()
    }

    async fn seed(&self, _: Seed) -> Result<bool> {
        absent()
    }
}

#[async_trait]
impl IdentityDuty for Fake {
    async fn login(&self, _: LoginWrite) -> Result<LoginOutcome> {
        absent()
    }

    async fn identities(&self, _: AppId, _: MemberId) -> Result<Vec<Identity>> {
        absent()
    }
}

#[async_trait]
impl MembersDuty for Fake {
    async fn member(&self, _: AppId, _: MemberId) -> Result<Option<Member>> {
        absent()
    }

    async fn overview(&self, _: OverviewRead) -> Result<Aged<Option<Overview>>> {
        absent()
    }

    async fn ban(&self, _: BanWrite) -> Result<Option<u64>> {
        absent()
    }

    async fn unban(&self, _: AppId, _: MemberId, _: String, _: Micros) -> Result<Option<Member>> {
        absent()
    }
}

#[async_trait]
impl PushDuty for Fake {
    async fn post(
        &self,
        _: AppId,
        _: MemberId,
        _: Vec<NewPush>,
        _: Micros,
    ) -> Result<Option<Vec<KeptPush>>> {
        absent()
    }

    async fn inbox(&self, _: AppId, _: MemberId, _: u64, _: Micros, _: usize) -> Result<Inbox> {
        absent()
    }

    async fn ack(&self, _: AppId, _: MemberId, _: LoginId, _: u64) -> Result<u64> {
        absent()
    }

    async fn expire(&self, _: Micros, _: usize) -> Result<usize> {
        absent()
    }
}

#[async_trait]
impl SessionsDuty for Fake {
    async fn standing(&self, _: AppId, _: MemberId, _: LoginId) -> Result<Option<Standing>> {
        absent()
    }

    async fn logins(
        &self,
        _: AppId,
        _: MemberId,
        _: Micros,
        _: usize,
    ) -> Result<(Vec<Login>, i64)> {
        absent()
    }

    async fn refresh(&self, _: RefreshWrite) -> Result<RefreshOutcome> {
        absent()
    }

    async fn end(
        &self,
        _: AppId,
        _: MemberId,
        _: End,
        _: EndedBy,
        _: Micros,
    ) -> Result<Vec<LoginId>> {
        absent()
    }

    async fn sweep(&self, _: Micros, _: usize) -> Result<usize> {
        absent()
    }
}

/// Counts one counter, by its name.
pub(super) struct Counted {
    name: &'static str,
    count: std::sync::Arc<Count>,
}

#[derive(Default)]
struct Count(AtomicUsize);

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.0.fetch_add(usize::try_from(value).unwrap(), Ordering::SeqCst);
    }

    fn absolute(&self, _: u64) {}
}

impl Counted {
    /// How far `work` counts the counter `name`, on this thread.
    pub(super) fn during<T>(name: &'static str, work: impl FnOnce() -> T) -> (T, usize) {
        let counted = Self { name, count: std::sync::Arc::default() };
        let answer = metrics::with_local_recorder(&counted, work);
        (answer, counted.count.0.load(Ordering::SeqCst))
    }
}

impl Recorder for Counted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        if key.name() == self.name {
            Counter::from_arc(self.count.clone())
        } else {
            Counter::noop()
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
