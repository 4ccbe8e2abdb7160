//! Where commands about members are carried out: in a running server, or on the data folder
//! when none runs.

use std::sync::Arc;
use std::time::Duration;

use actors::content::Content;
use actors::content::images::Workshop;
use actors::fault;
use actors::launching::Launching;
use actors::node::Node;
use actors::operators::Vault;
use actors::sessions::Sessions;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::members::Ban as Told;
use protocol::push::{MESSAGE, Message};
use protocol::sessions::Login;
use protocol::time::Micros;
use storage::clock::{Clock, SystemClock};
use storage::freshness::{Aged, Freshness};
use storage::members::{Ban, By, Overview, OverviewRead};
use storage::open::Storage;
use storage::purchases::RefundCount;
use storage::push::NewPush;

use super::{
    BanCommand, Banned, MessageCommand, Messaged, Refunds, ShowCommand, Shown, ShownBan, Unbanned,
    Whom,
};
use crate::config::Settings;

/// How long a message waits for its member, in seconds, unless said otherwise: 30 days.
const KEPT_S: u64 = 30 * 24 * 3600;
/// How many logins are shown.
const LOGINS: usize = 20;
/// The longest ban that has an end, in seconds: 100 years.
const LONGEST_S: u64 = 100 * 366 * 24 * 3600;

/// How long an act waits until the game log has it safe on a disk.
const ON_RECORD: Duration = Duration::from_secs(2);
/// How long a command waits for the game log's server to take what it logged.
const DELIVERY: Duration = Duration::from_secs(5);

/// What a command left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// All it logged is in the game log.
    Nothing,
    /// Some of what it logged is on the disk, and not in the game log yet.
    InTheSpool,
}

/// What commands about members need.
#[derive(Clone)]
pub struct Desk {
    pub(in crate::private) storage: Storage,
    pub(in crate::private) sessions: Sessions,
    pub(in crate::private) clock: Arc<dyn Clock>,
    /// Told of what operators write; `None` where no server runs.
    pub(in crate::private) told: Option<(Launching, Content)>,
    pub(in crate::private) workshop: Workshop,
    /// Under which keys operators' second factors are kept, or what is wrong with them, which is
    /// in the way of what is done with operators alone.
    pub(in crate::private) vault: Result<Vault, String>,
}

impl Desk {
    /// In a running server.
    #[must_use]
    pub fn of(node: &Node) -> Self {
        Self {
            storage: node.storage.clone(),
            sessions: node.sessions.clone(),
            clock: node.clock.clone(),
            told: Some((node.launching.clone(), node.content.clone())),
            workshop: node.workshop.clone(),
            vault: Ok(node.vault.clone()),
        }
    }

    /// On a data folder on which no server runs, or on the database servers that the settings
    /// name. Servers elsewhere learn of what was done when they read the truth next.
    ///
    /// # Errors
    /// Why the folder cannot be used, in words for whoever ran the command.
    pub async fn alone(settings: &Settings) -> Result<Self, String> {
        let data = &settings.data;
        // A command makes no folder for a server that never ran.
        if !settings.storage.mariadb.is_named() && !data.join("daemun.db").is_file() {
            return Err(format!("no server runs on {}, and nothing is kept there", data.display()));
        }
        let storage = Storage::open(data, &settings.storage, &SystemClock).await;
        let storage = storage.map_err(|error| error.to_string())?;
        storage.start_alone().await.map_err(|error| error.to_string())?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let shut = actors::purchases::desk::Desk::closed(storage.clone(), clock.clone());
        let none = Content::closed(clock.clone());
        let sessions =
            Sessions::new(storage.clone(), clock.clone(), settings.sessions.clone(), shut, none);
        let vault = Vault::open(&settings.identity).map_err(|wrong| wrong.join("\n"));
        Ok(Self { storage, sessions, clock, told: None, workshop: Workshop::default(), vault })
    }

    /// Writes what is still to be written. What the game log's server does not take in time is
    /// in the spool of this data folder, for whichever process comes to it next.
    ///
    /// # Errors
    /// What storage says.
    pub async fn leave(self) -> Result<Left, String> {
        let log = &self.storage.gamelog;
        log.flush().await.map_err(|error| error.to_string())?;
        match tokio::time::timeout(DELIVERY, log.delivered()).await {
            Ok(Ok(())) => Ok(Left::Nothing),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Ok(Left::InTheSpool),
        }
    }

    pub(super) async fn message(&self, command: MessageCommand) -> Result<Messaged, ErrorBody> {
        let MessageCommand { app, member, title, text, expires_s } = command;
        let body = serde_json::to_string(&Message { title, text })
            .map_err(|error| fault::internal(&error.to_string()))?;
        let kept = Duration::from_secs(expires_s.unwrap_or(KEPT_S));
        let expires_at = self.clock.now().after(kept);
        let push = NewPush { word: MESSAGE.to_owned(), body, expires_at };
        let seq = self.sessions.message(app, member, push, By::Command).await?;
        on_record(&self.storage).await;
        Ok(Messaged { seq })
    }

    pub(super) async fn ban(&self, command: BanCommand) -> Result<Banned, ErrorBody> {
        let BanCommand { app, member, reason, until, for_s } = command;
        let until = end(until, for_s, self.clock.now())?;
        let told = Told { reason, until };
        let seq = self.sessions.ban(app, member, By::Command, told).await?;
        on_record(&self.storage).await;
        Ok(Banned { until, seq })
    }

    pub(super) async fn unban(&self, Whom { app, member }: Whom) -> Result<Unbanned, ErrorBody> {
        let lifted = self.sessions.unban(app, member, By::Command).await?;
        on_record(&self.storage).await;
        Ok(Unbanned { lifted: lifted.as_ref().map(shown) })
    }

    pub(super) async fn show(&self, command: ShowCommand) -> Result<Shown, ErrorBody> {
        let ShowCommand { app, member: id, lagging } = command;
        let now = self.clock.now();
        // Whoever acted on the member a moment ago sees what came of it, unless it says that it
        // need not.
        let freshness = if lagging { Freshness::Lagging } else { Freshness::Present };
        let read = OverviewRead { app: app.clone(), member: id, now, logins: LOGINS, freshness };
        let seen = self.storage.members.overview(read).await;
        let Aged { value, lag } = seen.map_err(|error| fault::of_storage(&error))?;
        let Overview { member, identities, logins, epoch, inbox, acked } =
            value.ok_or_else(|| {
                ErrorBody::new(ErrorCode::MemberUnknown, format!("`{app}` has no member {id}"))
            })?;
        let refunds = self.storage.purchases.refunds(app, id).await;
        let RefundCount { purchases, sums } = refunds.map_err(|error| fault::of_storage(&error))?;
        let logins = logins.into_iter().map(|login| Login {
            id: login.id,
            current: login.epoch == epoch,
            replaced: login.epoch != epoch,
            platform: login.device.platform,
            device: login.device.name,
            created_at: login.created_at,
            refreshed_at: login.refreshed_at,
        });
        Ok(Shown {
            member: id,
            state: member.state(now),
            ban: member.banned(now).map(shown),
            created_at: member.created_at,
            providers: identities.into_iter().map(|identity| identity.provider).collect(),
            logins: logins.collect(),
            inbox,
            acked,
            refunds: Refunds { purchases, sums },
            lag_ms: lag.map(|lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)),
        })
    }
}

/// Returns when what was done is on record: a crash takes it no more. An operator can wait for
/// a disk, as no player has to. A log in trouble has said so, and undoes nothing.
pub(in crate::private) async fn on_record(storage: &Storage) {
    match tokio::time::timeout(ON_RECORD, storage.gamelog.flush()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "an operator's act is not on record yet"),
        Err(_) => tracing::error!("an operator's act is not on record yet: the disk is slow"),
    }
}

/// When a ban ends that was said either way.
fn end(
    until: Option<Micros>,
    for_s: Option<u64>,
    now: Micros,
) -> Result<Option<Micros>, ErrorBody> {
    match (until, for_s) {
        (Some(_), Some(_)) => {
            Err(ErrorBody::invalid("for_s", "and `until` are two ends: give one"))
        }
        (None, Some(0)) => Err(ErrorBody::invalid("for_s", "is no time at all")),
        (None, Some(seconds)) if seconds > LONGEST_S => {
            Err(ErrorBody::invalid("for_s", "is over 100 years: give no end"))
        }
        (None, Some(seconds)) => Ok(Some(now.after(Duration::from_secs(seconds)))),
        (until, None) => Ok(until),
    }
}

fn shown(ban: &Ban) -> ShownBan {
    let Ban { id, reason, until, at, by } = ban.clone();
    ShownBan { id: id.to_string(), reason, until, at, by }
}
