//! Telling the games' own servers what happened.
//!
//! What is to be told is a row of the [outbox](storage::outbox), written with its cause. A worker
//! on each node leases members of whom something is to be told and sends each one's notices in
//! their order ([`delivery`]). One that is not taken is tried again and holds up its member's
//! later ones, and nobody else's; one that nobody took for three days is set aside.
//!
//! A notice is sent at least once: whoever sent it may die before that is written, and then it is
//! sent again under the same id.
//!
//! Bounds, for each game: [`AT_ONCE`] members are sent of at a time, [`WAITING`] more wait for
//! that, and all others keep their leases until these end. So a game's server that is slow holds
//! up nobody else's.

mod settings;
mod secrets;
mod delivery;
mod rests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use protocol::ids::AppId;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use reqwest::Client;
use storage::clock::{Clock, Micros};
use storage::error::Result as StorageResult;
use storage::outbox::{Due, Leasing, Outbox};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::apps::AppSettings;
use delivery::Lane;

pub use secrets::Secrets;
pub use settings::WebhookSettings;

/// How often it looks whether something is to be told.
const PERIOD: Duration = Duration::from_secs(1);
/// How many members are leased at a time.
const MEMBERS: usize = 128;
/// How many notices of each.
const EACH: usize = 16;
/// How long a lease lasts.
const LEASE: Duration = Duration::from_secs(60);
/// How long it rests between two leases when there is more.
const PAUSE: Duration = Duration::from_millis(50);
/// Of how many members of a game notices are sent at once.
pub const AT_ONCE: usize = 8;
/// How many members of a game may wait for that on this node.
pub const WAITING: usize = 64;
/// How long what is under way may take when the worker stops.
const LAST_ANSWERS: Duration = Duration::from_secs(3);

/// How long the worker takes to stop at most: an answer is waited for, then the lease is given
/// back.
pub(crate) const STOPPED_WITHIN: Duration = Duration::from_secs(7);

/// How long a notice is kept after it was written, if it was taken or set aside.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
/// How often what is older is forgotten.
const FORGETTING: Duration = Duration::from_secs(600);
/// How many notices are forgotten in one transaction, and in how many at most.
const ROWS: usize = 1_000;
const ROUNDS: usize = 100;

/// Where the games' own servers are told what happened.
#[derive(Clone, Debug, Default)]
pub struct Targets(BTreeMap<AppId, Target>);

/// Where one game's is.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    url: String,
    secrets: Secrets,
}

impl Targets {
    /// Reads the secrets of every game's webhook. This reads files, so it belongs where a thread
    /// may wait.
    ///
    /// # Errors
    /// Everything that is wrong, each with the setting that it is about.
    pub fn open(apps: &BTreeMap<String, AppSettings>) -> Result<Self, Vec<String>> {
        let (mut targets, mut wrong) = (BTreeMap::new(), Vec::new());
        for (word, app) in apps {
            let (Ok(id), Some(settings)) = (word.parse::<AppId>(), &app.webhook) else { continue };
            match Secrets::open(settings) {
                Ok(secrets) => {
                    let url = settings.url.clone();
                    drop(targets.insert(id, Target { url, secrets }));
                }
                Err((field, what)) => wrong.push(format!("apps.{word}.webhook.{field}: {what}")),
            }
        }
        if wrong.is_empty() { Ok(Self(targets)) } else { Err(wrong) }
    }
}

/// What the worker needs. A clone is the same worker.
#[derive(Clone)]
pub struct Webhooks(Arc<Inner>);

struct Inner {
    outbox: Outbox,
    client: Client,
    clock: Arc<dyn Clock>,
    targets: Targets,
    lanes: Mutex<BTreeMap<AppId, Arc<Lane>>>,
    sending: Mutex<JoinSet<()>>,
    /// One look at a time.
    looking: Semaphore,
    forgetting: Mutex<Option<Micros>>,
    stopping: watch::Sender<bool>,
    patience: Duration,
}

impl Webhooks {
    /// A worker that tells these.
    #[must_use]
    pub fn new(targets: Targets, outbox: Outbox, client: Client, clock: Arc<dyn Clock>) -> Self {
        Self::patient(targets, outbox, client, clock, delivery::PATIENCE)
    }

    fn patient(
        targets: Targets,
        outbox: Outbox,
        client: Client,
        clock: Arc<dyn Clock>,
        patience: Duration,
    ) -> Self {
        Self(Arc::new(Inner {
            outbox,
            client,
            clock,
            targets,
            lanes: Mutex::default(),
            sending: Mutex::default(),
            looking: Semaphore::new(1),
            forgetting: Mutex::default(),
            stopping: watch::Sender::new(false),
            patience,
        }))
    }

    /// Leases what is due and has it sent, until nothing is. Does nothing while another look is
    /// under way.
    pub(crate) async fn look(&self) {
        let Ok(_alone) = self.0.looking.try_acquire() else { return };
        loop {
            match self.lease().await {
                Ok(MEMBERS..) => tokio::time::sleep(PAUSE).await,
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "it is not known which webhooks are due");
                    break;
                }
            }
        }
        self.forget().await;
    }

    async fn lease(&self) -> StorageResult<usize> {
        if *self.0.stopping.borrow() {
            return Ok(0);
        }
        let now = self.0.clock.now();
        let until = now.after(LEASE);
        let asked = Leasing { now, until, members: MEMBERS, each: EACH };
        let leased = self.0.outbox.lease(asked).await?;
        let count = leased.len();
        for due in leased {
            self.hand(due, until);
        }
        Ok(count)
    }

    /// Hands a member's notices to its game's lane, if that has room for them.
    fn hand(&self, due: Due, until: Micros) {
        let lane = self.lane(&due.app);
        let Some(place) = lane.place() else {
            metrics::counter!("daemun_webhooks_held_total").increment(1);
            return;
        };
        let inner = self.0.clone();
        let mut sending = self.0.sending.lock();
        // Whoever has finished leaves.
        while sending.try_join_next().is_some() {}
        sending.spawn(async move {
            inner.deliver(&lane, due, until).await;
            drop(place);
        });
    }

    fn lane(&self, app: &AppId) -> Arc<Lane> {
        let new = || Arc::new(Lane::new(self.0.targets.0.get(app).cloned()));
        self.0.lanes.lock().entry(app.clone()).or_insert_with(new).clone()
    }

    /// Forgets what was taken or set aside long ago, now and then.
    async fn forget(&self) {
        let now = self.0.clock.now();
        {
            let mut next = self.0.forgetting.lock();
            if next.is_some_and(|next| now < next) {
                return;
            }
            *next = Some(now.after(FORGETTING));
        }
        for _ in 0..ROUNDS {
            match self.0.outbox.forget_notices(now.before(KEPT), ROWS).await {
                Ok(ROWS..) => tokio::time::sleep(PAUSE).await,
                Ok(_) => return,
                Err(error) => {
                    tracing::warn!(%error, "old webhooks could not be forgotten");
                    return;
                }
            }
        }
    }

    /// Sends nothing more, and gives back what was leased. What is under way may end for a
    /// moment; then it is sent again by whoever looks next.
    pub(crate) async fn leave(&self) {
        self.0.stopping.send_replace(true);
        let mut sending = std::mem::take(&mut *self.0.sending.lock());
        let all = async { while sending.join_next().await.is_some() {} };
        if tokio::time::timeout(2 * LAST_ANSWERS, all).await.is_err() {
            tracing::warn!("some webhooks' leases were not given back: they end by themselves");
        }
    }
}

/// What the worker is told.
#[derive(Debug)]
pub enum Msg {
    /// Look whether something is to be told.
    Look,
}

/// Has the worker look now and then.
pub(crate) struct WebhooksActor;

impl Actor for WebhooksActor {
    type Msg = Msg;
    type State = Webhooks;
    type Arguments = Webhooks;

    async fn pre_start(
        &self,
        myself: ActorRef<Msg>,
        webhooks: Webhooks,
    ) -> Result<Webhooks, ActorProcessingErr> {
        myself.send_interval(PERIOD, || Msg::Look);
        Ok(webhooks)
    }

    async fn handle(
        &self,
        _: ActorRef<Msg>,
        msg: Msg,
        state: &mut Webhooks,
    ) -> Result<(), ActorProcessingErr> {
        match msg {
            // Beside the mailbox: it never waits for the outside world.
            Msg::Look => {
                let webhooks = state.clone();
                drop(tokio::spawn(async move { webhooks.look().await }));
            }
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _: ActorRef<Msg>,
        state: &mut Webhooks,
    ) -> Result<(), ActorProcessingErr> {
        state.leave().await;
        Ok(())
    }
}
