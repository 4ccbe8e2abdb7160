//! From settings to a [`Storage`]: the one place that picks a backend.

use std::path::Path;
use std::sync::Arc;

use crate::actor::gamelog::Gamelog;
use crate::actor::records::Records;
use crate::apps::{Apps, AppsDuty};
use crate::config::StorageSettings;
use crate::embedded;
use crate::error::Result;
use crate::gamelog::GamelogDuty;
use crate::identity::{IdentityDuty, IdentityStore};
use crate::members::{Members, MembersDuty};
use crate::push::{Inboxes, PushDuty};
use crate::sessions::{SessionStore, SessionsDuty};

/// The truth: every duty but the game log's. One backend keeps all of it, for a login or a
/// purchase is one decision.
pub trait Truth: AppsDuty + IdentityDuty + MembersDuty + PushDuty + SessionsDuty {}

impl<T: AppsDuty + IdentityDuty + MembersDuty + PushDuty + SessionsDuty> Truth for T {}

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
    /// What players did.
    pub gamelog: Gamelog,
    /// The factory behind the handles, to be started by whoever supervises.
    pub records: Records,
}

impl Storage {
    /// Opens the embedded backend in `data`, making and migrating its databases.
    /// The handles answer once [`Records::start`] and [`Gamelog::start`] ran.
    ///
    /// # Errors
    /// When the folder cannot be written, is in use by another process, or holds a
    /// schema this program does not know.
    pub fn embedded(data: &Path, settings: &StorageSettings) -> Result<Self> {
        let (truth, log) = embedded::open(data, settings)?;
        Ok(Self::over(Arc::new(truth), Arc::new(log), settings))
    }

    /// Puts the handles in front of the backends.
    #[must_use]
    pub fn over(
        truth: Arc<dyn Truth>,
        log: Arc<dyn GamelogDuty>,
        settings: &StorageSettings,
    ) -> Self {
        let records = Records::new(truth, settings.clone());
        Self {
            apps: Apps(records.clone()),
            identity: IdentityStore(records.clone()),
            members: Members(records.clone()),
            sessions: SessionStore(records.clone()),
            inboxes: Inboxes(records.clone()),
            gamelog: Gamelog::new(log, records.clone(), settings),
            records,
        }
    }

    /// Another node's handles in front of the same backends.
    #[cfg(any(test, feature = "conformance"))]
    pub(crate) fn another(&self, settings: &StorageSettings) -> Self {
        Self::over(self.records.truth(), self.gamelog.log(), settings)
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
