//! From settings to a [`Storage`]: the one place that picks a backend.

use std::path::Path;
use std::sync::Arc;

use crate::actor::gamelog::Gamelog;
use crate::actor::records::Records;
use crate::apps::{Apps, AppsDuty};
use crate::audit::{Audit, AuditDuty};
use crate::cache::CacheDuty;
use crate::clock::Clock;
use crate::config::StorageSettings;
use crate::content::{Content, ContentDuty};
use crate::documents::{Documents, DocumentsDuty};
use crate::embedded::{self, cache::NearCache, presence::NearPresence};
use crate::error::{Result, StorageError};
use crate::gamelog::GamelogDuty;
use crate::identity::{IdentityDuty, IdentityStore};
use crate::images::{Images, folder::Folder};
use crate::mariadb::MariaDb;
use crate::members::{Members, MembersDuty};
use crate::mongodb::MongoDb;
use crate::operators::{Operators, OperatorsDuty};
use crate::outbox::{Outbox, OutboxDuty};
use crate::presence::Presence;
use crate::purchases::{Purchases, PurchasesDuty};
use crate::push::{Inboxes, PushDuty};
use crate::rates::Rates;
use crate::redis::Redis;
use crate::redis::cache::FarCache;
use crate::redis::presence::FarPresence;
use crate::redis::rates::FarRates;
use crate::redis::replies::FarReplies;
use crate::redis::revocations::FarRevocations;
use crate::replies::SharedReplies;
use crate::revocations::Revocations;
use crate::sessions::{SessionStore, SessionsDuty};
use crate::spool::Spool;
use crate::turns::{Turns, TurnsDuty};
use crate::wallet::{Wallet, WalletDuty};

/// The truth: every duty but the game log's. One backend keeps all of it, for a login or a
/// purchase is one decision.
pub trait Truth:
    AppsDuty
    + AuditDuty
    + ContentDuty
    + DocumentsDuty
    + IdentityDuty
    + MembersDuty
    + OperatorsDuty
    + OutboxDuty
    + PurchasesDuty
    + PushDuty
    + SessionsDuty
    + TurnsDuty
    + WalletDuty
{
    /// Which of the backend's servers keeps a virtual shard, counted from 0: what is asked of
    /// different servers does not wait for each other.
    fn server_of(&self, shard: u16) -> usize;
}

/// The typed handles, a domain each.
#[derive(Clone)]
pub struct Storage {
    /// The games.
    pub apps: Apps,
    /// Who may log in as whom.
    pub identity: IdentityStore,
    /// The members.
    pub members: Members,
    /// Logins and their tokens.
    pub sessions: SessionStore,
    /// Pushes that must arrive.
    pub inboxes: Inboxes,
    /// What was bought.
    pub purchases: Purchases,
    /// What members have.
    pub wallet: Wallet,
    /// What games' servers are to be told.
    pub outbox: Outbox,
    /// Whose turn it is.
    pub turns: Turns,
    /// What operators wrote.
    pub documents: Documents,
    /// What members did with notices and banners.
    pub content: Content,
    /// Who did what.
    pub audit: Audit,
    /// Who is logged in to the operators' API.
    pub operators: Operators,
    /// The bytes of operators' images.
    pub images: Images,
    /// What players did.
    pub gamelog: Gamelog,
    /// Who plays what on which node.
    pub presence: Presence,
    /// How often somebody asks on all nodes.
    pub rates: Rates,
    /// Answers that other nodes keep.
    pub replies: SharedReplies,
    /// Whose logins changed on other nodes.
    pub revocations: Revocations,
    /// The factory behind the handles, to be started by whoever supervises.
    pub records: Records,
}

impl Storage {
    /// Opens the backends that the settings name, the truth and the game log each: MariaDB and
    /// MongoDB where they name a server, else what is in `data`. In front of the truth is a cache
    /// in Redis where they name one, else in this process' memory if no other may write the truth.
    /// The handles answer once [`Records::start`] and [`Gamelog::start`] ran.
    ///
    /// # Errors
    /// When the folder or a server cannot be used, which the message explains. A MongoDB that
    /// does not answer is no reason: the spool takes the records. Nor is a Redis.
    pub async fn open(data: &Path, settings: &StorageSettings, clock: &dyn Clock) -> Result<Self> {
        let (folder, own) = (data.to_owned(), settings.clone());
        let log: Option<Arc<dyn GamelogDuty>> = match settings.mongodb.is_named() {
            true => Some(Arc::new(MongoDb::open(&settings.mongodb, clock).await?)),
            false => None,
        };
        let truth: Option<Arc<dyn Truth>> = match settings.mariadb.is_named() {
            true => Some(Arc::new(MariaDb::open(&settings.mariadb, clock).await?)),
            false => None,
        };
        let redis = match settings.redis.is_named() {
            true => Some(Redis::open(&settings.redis).await?),
            false => None,
        };
        let cache = match &redis {
            Some(redis) => far(redis, settings),
            None if truth.is_none() => near(settings),
            // Nodes that share a truth would not know what the others wrote.
            None => None,
        };
        let opened = in_background(move || {
            let (truth, log): (Arc<dyn Truth>, Arc<dyn GamelogDuty>) = match (truth, log) {
                (None, None) => {
                    let (truth, log) = embedded::open(&folder, &own)?;
                    (Arc::new(truth), Arc::new(log))
                }
                (Some(truth), None) => (truth, Arc::new(embedded::open_log(&folder)?)),
                (None, Some(log)) => (Arc::new(embedded::open_truth(&folder, &own)?), log),
                (Some(truth), Some(log)) => (truth, log),
            };
            let spool = spool(&folder, log.as_ref(), &own)?;
            Self::assemble(truth, cache, log, spool, &own).with_images(&folder, &own)
        });
        let storage = opened.await?;
        Ok(match &redis {
            Some(redis) => storage.sharing(redis),
            None => storage,
        })
    }

    /// Opens the embedded backend in `data`, making and migrating its databases, with a cache in
    /// this process' memory.
    /// The handles answer once [`Records::start`] and [`Gamelog::start`] ran.
    ///
    /// # Errors
    /// When the folder cannot be written, is in use by another process, or holds a
    /// schema this program does not know.
    pub fn embedded(data: &Path, settings: &StorageSettings) -> Result<Self> {
        let (truth, log) = embedded::open(data, settings)?;
        let storage =
            Self::assemble(Arc::new(truth), near(settings), Arc::new(log), None, settings);
        storage.with_images(data, settings)
    }

    /// Puts the handles in front of the backends, with nothing between and no place for images.
    #[must_use]
    pub fn over(
        truth: Arc<dyn Truth>,
        log: Arc<dyn GamelogDuty>,
        settings: &StorageSettings,
    ) -> Self {
        Self::assemble(truth, None, log, None, settings)
    }

    /// As [`Storage::over`], with a spool in `data` unless the log is this machine's own.
    ///
    /// # Errors
    /// When the spool's folder cannot be used.
    pub fn in_folder(
        data: &Path,
        truth: Arc<dyn Truth>,
        log: Arc<dyn GamelogDuty>,
        settings: &StorageSettings,
    ) -> Result<Self> {
        let spool = spool(data, log.as_ref(), settings)?;
        Self::assemble(truth, None, log, spool, settings).with_images(data, settings)
    }

    /// As [`Storage::over`], with a cache in front of the truth.
    #[must_use]
    pub fn cached(
        truth: Arc<dyn Truth>,
        cache: Arc<dyn CacheDuty>,
        log: Arc<dyn GamelogDuty>,
        settings: &StorageSettings,
    ) -> Self {
        Self::assemble(truth, Some(cache), log, None, settings)
    }

    fn assemble(
        truth: Arc<dyn Truth>,
        cache: Option<Arc<dyn CacheDuty>>,
        log: Arc<dyn GamelogDuty>,
        spool: Option<Spool>,
        settings: &StorageSettings,
    ) -> Self {
        let records = Records::new(truth, cache, settings.clone());
        Self::with(records, log, spool, settings)
    }

    fn with(
        records: Records,
        log: Arc<dyn GamelogDuty>,
        spool: Option<Spool>,
        settings: &StorageSettings,
    ) -> Self {
        Self {
            apps: Apps(records.clone()),
            identity: IdentityStore(records.clone()),
            members: Members(records.clone()),
            sessions: SessionStore(records.clone()),
            inboxes: Inboxes(records.clone()),
            purchases: Purchases(records.clone()),
            wallet: Wallet(records.clone()),
            outbox: Outbox(records.clone()),
            turns: Turns(records.clone()),
            documents: Documents(records.clone()),
            content: Content(records.clone()),
            audit: Audit(records.clone()),
            operators: Operators(records.clone()),
            images: Images::default(),
            gamelog: Gamelog::new(log, spool, records.clone(), settings),
            presence: Presence(Arc::new(NearPresence::default())),
            rates: Rates::default(),
            replies: SharedReplies::default(),
            revocations: Revocations::default(),
            records,
        }
    }

    /// Another node's handles in front of the same backends.
    #[cfg(any(test, feature = "conformance"))]
    pub(crate) fn another(&self, settings: &StorageSettings) -> Self {
        let records = self.records.another(settings.clone());
        let images = self.images.clone();
        Self { images, ..Self::with(records, self.gamelog.log(), None, settings) }
    }

    /// With a place for images: the folder that is set, or one in `data`.
    fn with_images(mut self, data: &Path, settings: &StorageSettings) -> Result<Self> {
        self.images = Images::over(Arc::new(Folder::open(settings.images.folder(data))?));
        Ok(self)
    }

    /// With what nodes tell each other by a Redis.
    #[must_use]
    pub fn sharing(mut self, redis: &Redis) -> Self {
        self.presence = Presence(Arc::new(FarPresence::new(redis.clone())));
        self.rates = Rates(Some(Arc::new(FarRates::new(redis.clone()))));
        self.replies = SharedReplies(Some(Arc::new(FarReplies::new(redis.clone()))));
        self.revocations = Revocations(Some(Arc::new(FarRevocations::new(redis.clone()))));
        self
    }

    /// Starts the storage actors with nobody watching them: for commands that end soon.
    ///
    /// # Errors
    /// When ractor cannot start them.
    pub async fn start_alone(&self) -> Result<(), ractor::SpawnErr> {
        self.records.start(None).await?;
        self.gamelog.start(None).await?;
        Ok(())
    }
}

/// The spool in a folder, unless the log is this machine's own.
fn spool(data: &Path, log: &dyn GamelogDuty, settings: &StorageSettings) -> Result<Option<Spool>> {
    let open = || Spool::open(&data.join("spool"), settings.spool_bytes);
    (!log.is_local()).then(open).transpose()
}

/// A cache in this process' memory, unless nothing may be remembered.
fn near(settings: &StorageSettings) -> Option<Arc<dyn CacheDuty>> {
    let life = settings.cache_life()?;
    (settings.cache_members > 0)
        .then(|| Arc::new(NearCache::new(life, settings.cache_members)) as Arc<dyn CacheDuty>)
}

/// A cache in Redis, unless nothing may be remembered.
fn far(redis: &Redis, settings: &StorageSettings) -> Option<Arc<dyn CacheDuty>> {
    Some(Arc::new(FarCache::new(redis.clone(), settings.cache_life()?)))
}

/// Files are opened where they hold nobody up.
async fn in_background<T: Send + 'static>(
    open: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let opened = tokio::task::spawn_blocking(open).await;
    opened.map_err(|error| StorageError::Setup(error.to_string()))?
}
