//! A backend for the tests of what stands in front of one: it keeps the game log and knows one
//! member, at the pace and with the failures that a test asks for, and does nothing else.

mod content;
mod documents;
mod operators;
mod purchases;

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use protocol::ids::{AppId, LoginId, MemberId};
use protocol::members::MemberState;
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use crate::apps::{App, AppsDuty, Seed};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::freshness::Aged;
use crate::gamelog::{GamelogDuty, KeptRecord, Of, Since, Verdict};
use crate::identity::{Identity, IdentityDuty, LoginOutcome, LoginWrite};
use crate::members::{BanWrite, Member, MembersDuty, Overview, OverviewRead};
use crate::open::Truth;
use crate::push::{Inbox, KeptPush, NewPush, PostOnce, PostedOnce, PushDuty};
use crate::sessions::{End, EndedBy, Login, RefreshOutcome, RefreshWrite, SessionsDuty, Standing};

/// The backend.
pub(super) struct Fake {
    /// One batch passes for each permit.
    pub(super) door: Semaphore,
    /// How many batches fail before one is kept.
    pub(super) failures: AtomicUsize,
    /// How many batches came to the door.
    tries: watch::Sender<usize>,
    /// Records that are refused for good, and records that it panics of.
    pub(super) poison: Mutex<HashSet<Uuid>>,
    pub(super) bombs: Mutex<HashSet<Uuid>>,
    /// Records that fail, and may be kept another time.
    pub(super) stubborn: Mutex<HashSet<Uuid>>,
    batches: watch::Sender<Vec<Vec<KeptRecord>>>,
    /// The member that everybody is.
    pub(super) member: Known,
    /// Of whom it is not known whether their purchases were finished.
    pub(super) unsure: Mutex<Vec<MemberId>>,
}

/// What is known of a member: how often it was banned, as the moment it was made.
pub(super) struct Known {
    /// How often it was read.
    pub(super) reads: watch::Sender<usize>,
    /// One reading is answered for each permit; what it says was read before.
    pub(super) door: Semaphore,
    banned: AtomicI64,
    /// How the next ban ends, though it is written.
    pub(super) fault: Mutex<Option<StorageError>>,
}

impl Known {
    fn new() -> Self {
        let (reads, door) = (watch::Sender::new(0), Semaphore::new(Semaphore::MAX_PERMITS));
        Self { reads, door, banned: AtomicI64::new(0), fault: Mutex::default() }
    }

    async fn read(&self, app: AppId, id: MemberId) -> Member {
        let created_at = Micros(self.banned.load(Ordering::SeqCst));
        self.reads.send_modify(|reads| *reads += 1);
        self.door.acquire().await.unwrap().forget();
        Member { app, id, state: MemberState::Active, created_at, ban: None }
    }
}

impl Fake {
    /// One that lets `open` batches pass.
    pub(super) fn new(open: usize) -> Self {
        let (door, failures) = (Semaphore::new(open), AtomicUsize::new(0));
        let (tries, batches) = (watch::Sender::new(0), watch::Sender::new(Vec::new()));
        let (poison, bombs, stubborn) = Default::default();
        let (member, unsure) = (Known::new(), Mutex::default());
        Self { door, failures, tries, poison, bombs, stubborn, batches, member, unsure }
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
    pub(super) fn batches(&self) -> Vec<Vec<KeptRecord>> {
        self.batches.borrow().clone()
    }

    /// Returns when so many records are kept.
    pub(super) async fn kept(&self, count: usize) {
        let enough = |batches: &Vec<Vec<_>>| batches.iter().map(Vec::len).sum::<usize>() >= count;
        self.batches.subscribe().wait_for(enough).await.unwrap();
    }
}

fn absent<T>() -> Result<T> {
    Err(StorageError::Unavailable("no part of this test".to_owned()))
}

#[async_trait]
impl GamelogDuty for Fake {
    fn is_local(&self) -> bool {
        false
    }

    async fn append(&self, records: Arc<[KeptRecord]>) -> Result<Vec<Verdict>> {
        self.tries.send_modify(|tries| *tries += 1);
        self.door.acquire().await.unwrap().forget();
        let fails = |left: usize| left.checked_sub(1);
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok() {
            return Err(StorageError::Unavailable("on purpose".to_owned()));
        }
        let is = |of: &Mutex<HashSet<Uuid>>, id: &Uuid| of.lock().unwrap().contains(id);
        assert!(!records.iter().any(|record| is(&self.bombs, &record.id)), "on purpose");
        let verdict = |record: &KeptRecord| {
            if is(&self.poison, &record.id) {
                Verdict::Refused("on purpose".to_owned())
            } else if is(&self.stubborn, &record.id) {
                Verdict::Failed("on purpose".to_owned())
            } else {
                Verdict::Kept
            }
        };
        let verdicts: Vec<_> = records.iter().map(verdict).collect();
        let both = records.iter().zip(&verdicts);
        let kept = both.filter(|(_, verdict)| **verdict == Verdict::Kept);
        let kept = kept.map(|(record, _)| record.clone()).collect();
        self.batches.send_modify(|batches| batches.push(kept));
        Ok(verdicts)
    }

    async fn list(&self, _: AppId, _: Of, _: Since, _: usize) -> Result<Vec<KeptRecord>> {
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
    async fn member(&self, app: AppId, member: MemberId) -> Result<Option<Member>> {
        Ok(Some(self.member.read(app, member).await))
    }

    async fn overview(&self, _: OverviewRead) -> Result<Aged<Option<Overview>>> {
        absent()
    }

    async fn ban(&self, _: BanWrite) -> Result<Option<u64>> {
        self.member.banned.fetch_add(1, Ordering::SeqCst);
        match self.member.fault.lock().unwrap().take() {
            Some(fault) => Err(fault),
            None => Ok(Some(1)),
        }
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

    async fn post_once(&self, _: PostOnce) -> Result<PostedOnce> {
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
    /// Of which kind alone, by the label of that name.
    kind: Option<&'static str>,
    count: Arc<Count>,
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
        Self::count(name, None, work)
    }

    /// As [`Counted::during`], with the label `kind` of this value.
    pub(super) fn of_kind<T>(
        name: &'static str,
        kind: &'static str,
        work: impl FnOnce() -> T,
    ) -> (T, usize) {
        Self::count(name, Some(kind), work)
    }

    fn count<T>(
        name: &'static str,
        kind: Option<&'static str>,
        work: impl FnOnce() -> T,
    ) -> (T, usize) {
        let counted = Self { name, kind, count: Arc::default() };
        let answer = metrics::with_local_recorder(&counted, work);
        (answer, counted.count.0.load(Ordering::SeqCst))
    }
}

impl Recorder for Counted {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let kind = key.labels().find(|label| label.key() == "kind").map(|label| label.value());
        if key.name() == self.name && (self.kind.is_none() || self.kind == kind) {
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
