//! `daemun version`, `daemun maintenance`, `daemun tester` and `daemun audit`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use actors::launching::localised::Localised;
use actors::launching::number::Which;
use actors::launching::testers::Tester;
use actors::launching::versions::{Version, VersionState};
use actors::launching::windows::{Plan, Scope, VersionRange, When};
use clap::{Args, Subcommand};
use ipnet::IpNet;
use protocol::client::{Platform, StoreName};
use protocol::ids::AppId;
use protocol::time::Micros;
use storage::documents::Kind;
use uuid::Uuid;

use super::member::order_done;
use crate::config::Flags;
use crate::private::{ActsQuery, MaintenanceOrder, Order, TesterOrder, VersionOrder};

/// What to do with a game's versions.
#[derive(Clone, Debug, Subcommand)]
pub enum VersionCommand {
    /// Registers a version of the game's client, or changes it. From the first on, what is not
    /// registered is not let in.
    Put(Box<PutVersion>),
    /// Lists the versions.
    List {
        /// The game.
        #[arg(long, default_value = "demo")]
        app: AppId,
    },
    /// Takes a version away: it is unknown then.
    Remove {
        /// Its id, as the list shows it.
        id: Uuid,
        /// The game.
        #[arg(long, default_value = "demo")]
        app: AppId,
    },
}

/// A version.
#[derive(Clone, Debug, Args)]
pub struct PutVersion {
    /// The version, for example 1.10.0, or `any`: all that are not registered themselves.
    version: Which,
    /// The game.
    #[arg(long, default_value = "demo")]
    app: AppId,
    /// The system it is for: android, ios, windows, macos, linux or web.
    #[arg(long, value_parser = platform)]
    platform: Platform,
    /// The store it is in, for example google_play [default: any]
    #[arg(long, value_parser = store)]
    store: Option<StoreName>,
    /// How it stands: test, beta, in_review, in_service, update_recommended, update_required,
    /// closed or blocked.
    #[arg(long, value_parser = state)]
    state: VersionState,
    /// What its players are told, once for each language, for example en="Please update."
    #[arg(long, value_name = "LANGUAGE=TEXT", value_parser = localised)]
    message: Vec<(String, String)>,
    /// Where it is to be had.
    #[arg(long)]
    url: Option<String>,
    /// The websocket's address at which it is served [default: where all are]
    #[arg(long)]
    server_address: Option<String>,
}

/// What to do with maintenance windows.
#[derive(Clone, Debug, Subcommand)]
pub enum MaintenanceCommand {
    /// Plans a maintenance: players are told, and sent away when it begins.
    Plan(Box<PlanMaintenance>),
    /// Lists what was planned.
    List(OfApp),
    /// Has a maintenance end at another time.
    Extend {
        /// Its id, as the list shows it.
        id: Uuid,
        /// When it ends: with an offset, or in the zone in which it was planned.
        #[arg(long, value_name = "TIME", value_parser = when)]
        to: When,
        /// Whose it is.
        #[command(flatten)]
        of: OfApp,
    },
    /// Has a maintenance end now.
    End {
        /// Its id, as the list shows it.
        id: Uuid,
        /// Whose it is.
        #[command(flatten)]
        of: OfApp,
    },
    /// Calls a maintenance off that has not begun.
    Off {
        /// Its id, as the list shows it.
        id: Uuid,
        /// Whose it is.
        #[command(flatten)]
        of: OfApp,
    },
}

/// A game, or all of them.
#[derive(Clone, Debug, Args)]
pub struct OfApp {
    /// The game.
    #[arg(long, default_value = "demo", conflicts_with = "all")]
    app: AppId,
    /// For all games, and not one alone.
    #[arg(long)]
    all: bool,
}

impl OfApp {
    pub(super) fn app(self) -> Option<AppId> {
        (!self.all).then_some(self.app)
    }
}

/// A plan.
#[derive(Clone, Debug, Args)]
pub struct PlanMaintenance {
    /// Whose it is.
    #[command(flatten)]
    of: OfApp,
    /// When it begins, for example 2027-03-01T09:00:00+09:00, or 2027-03-01T09:00 with a zone
    #[arg(long, value_name = "TIME", value_parser = when)]
    from: When,
    /// When it ends
    #[arg(long, value_name = "TIME", value_parser = when)]
    to: When,
    /// The zone of times without an offset, for example Asia/Seoul
    #[arg(long)]
    zone: Option<String>,
    /// Why, for operators alone
    #[arg(long, default_value = "")]
    reason: String,
    /// What players are told, once for each language, for example en="Back at nine."
    #[arg(long, value_name = "LANGUAGE=TEXT", value_parser = localised)]
    message: Vec<(String, String)>,
    /// A page that says more
    #[arg(long)]
    page: Option<String>,
    /// Only this system; may be given again
    #[arg(long, value_parser = platform)]
    platform: Vec<Platform>,
    /// Only this store; may be given again
    #[arg(long, value_parser = store)]
    store: Vec<StoreName>,
    /// Only versions from one to another, for example 1.0..1.4.9, ..1.4 or 2..; may be given again
    #[arg(long, value_name = "FROM..TO", value_parser = range)]
    versions: Vec<VersionRange>,
    /// Only this country, for example KR; may be given again
    #[arg(long)]
    country: Vec<String>,
}

/// What to do with testers.
#[derive(Clone, Debug, Subcommand)]
pub enum TesterCommand {
    /// Lets a device or addresses in during maintenance, from their next open on.
    Add {
        /// The `device_id` that the client says.
        #[arg(long, conflicts_with = "network", required_unless_present = "network")]
        device: Option<String>,
        /// Addresses, for example 203.0.113.0/24.
        #[arg(long, value_parser = network)]
        network: Option<IpNet>,
        /// Whose it is, for operators alone.
        #[arg(long, default_value = "")]
        note: String,
        /// Which game's.
        #[command(flatten)]
        of: OfApp,
    },
    /// Lists the testers.
    List(OfApp),
    /// Takes a tester away, from the next open on.
    Remove {
        /// Its id, as the list shows it.
        id: Uuid,
        /// Which game's.
        #[command(flatten)]
        of: OfApp,
    },
}

/// What to do with the audit.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// Shows what operators did, the newest first.
    List {
        /// In this game alone.
        #[arg(long)]
        app: Option<AppId>,
        /// On documents of this kind alone: version, maintenance, tester, ...
        #[arg(long, value_parser = kind)]
        kind: Option<Kind>,
        /// On this document alone.
        #[arg(long)]
        document: Option<Uuid>,
        /// From this moment on.
        #[arg(long, value_name = "TIME")]
        since: Option<Micros>,
        /// So many at most, up to 1,000.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
}

/// Carries out `daemun version`.
pub async fn version(command: VersionCommand, flags: &Flags) -> ExitCode {
    let order = match command {
        VersionCommand::Put(put) => {
            let PutVersion { version, app, platform, store, state, message, url, server_address } =
                *put;
            let message = texts(message);
            let version = Version { version, platform, store, state, message, url, server_address };
            VersionOrder::Put { app, version, expected: None }
        }
        VersionCommand::List { app } => VersionOrder::List { app },
        VersionCommand::Remove { id, app } => VersionOrder::Remove { app, id },
    };
    order_done(Order::Version(Box::new(order)), flags).await
}

/// Carries out `daemun maintenance`.
pub async fn maintenance(command: MaintenanceCommand, flags: &Flags) -> ExitCode {
    let order = match command {
        MaintenanceCommand::Plan(plan) => {
            let (app, plan) = planned(*plan);
            MaintenanceOrder::Plan { app, plan }
        }
        MaintenanceCommand::List(of) => MaintenanceOrder::List { app: of.app() },
        MaintenanceCommand::Extend { id, to, of } => {
            MaintenanceOrder::Extend { app: of.app(), id, to }
        }
        MaintenanceCommand::End { id, of } => MaintenanceOrder::End { app: of.app(), id },
        MaintenanceCommand::Off { id, of } => MaintenanceOrder::Off { app: of.app(), id },
    };
    order_done(Order::Maintenance(Box::new(order)), flags).await
}

/// Carries out `daemun tester`.
pub async fn tester(command: TesterCommand, flags: &Flags) -> ExitCode {
    let order = match command {
        TesterCommand::Add { device, network, note, of } => {
            TesterOrder::Add { app: of.app(), tester: Tester { device_id: device, network, note } }
        }
        TesterCommand::List(of) => TesterOrder::List { app: of.app() },
        TesterCommand::Remove { id, of } => TesterOrder::Remove { app: of.app(), id },
    };
    order_done(Order::Tester(order), flags).await
}

/// Carries out `daemun audit`.
pub async fn audit(command: AuditCommand, flags: &Flags) -> ExitCode {
    let AuditCommand::List { app, kind, document, since, limit } = command;
    let query = ActsQuery { app, kind, document, since, after: None, limit };
    order_done(Order::Acts(query), flags).await
}

fn planned(plan: PlanMaintenance) -> (Option<AppId>, Plan) {
    let scope = Scope {
        platforms: plan.platform,
        stores: plan.store,
        versions: plan.versions,
        countries: plan.country,
    };
    let (message, page) = (texts(plan.message), plan.page);
    let (from, to, zone, reason) = (plan.from, plan.to, plan.zone, plan.reason);
    (plan.of.app(), Plan { scope, from, to, zone, reason, message, page })
}

fn texts(all: Vec<(String, String)>) -> Localised {
    Localised(all.into_iter().collect::<BTreeMap<_, _>>())
}

fn localised(text: &str) -> Result<(String, String), String> {
    let (lang, words) = text.split_once('=').ok_or("expected a language, =, and the text")?;
    Ok((lang.to_owned(), words.to_owned()))
}

fn when(text: &str) -> Result<When, std::convert::Infallible> {
    Ok(text.parse().map_or_else(|_| When::Local(text.to_owned()), When::Moment))
}

fn range(text: &str) -> Result<VersionRange, String> {
    let (from, to) = text.split_once("..").ok_or("expected FROM..TO, such as 1.0..1.4.9")?;
    let part = |part: &str| match part {
        "" => Ok(None),
        part => part.parse().map(Some).map_err(|error| format!("`{part}` {error}")),
    };
    Ok(VersionRange { from: part(from)?, to: part(to)? })
}

/// A word of a list, or the list.
fn one_of<T: Copy>(
    text: &str,
    found: Option<T>,
    all: &[T],
    word: fn(T) -> &'static str,
) -> Result<T, String> {
    found.ok_or_else(|| {
        let words: Vec<_> = all.iter().map(|one| word(*one)).collect();
        format!("`{text}` is none of {}", words.join(", "))
    })
}

fn platform(text: &str) -> Result<Platform, String> {
    one_of(text, Platform::parse(text), Platform::ALL, Platform::word)
}

fn store(text: &str) -> Result<StoreName, String> {
    one_of(text, StoreName::parse(text), StoreName::ALL, StoreName::word)
}

fn state(text: &str) -> Result<VersionState, String> {
    one_of(text, VersionState::parse(text), VersionState::ALL, VersionState::word)
}

fn kind(text: &str) -> Result<Kind, String> {
    one_of(text, Kind::parse(text), Kind::ALL, Kind::word)
}

fn network(text: &str) -> Result<IpNet, String> {
    let one = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| one()).map_err(|_| format!("`{text}` is no address or network"))
}
