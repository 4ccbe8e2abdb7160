//! `daemun`: reads its settings, builds a server, runs it, drains it.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use gateway::commands::content::PieceCommand;
use gateway::commands::images::ImageCommand;
use gateway::commands::launching::{
    AuditCommand, MaintenanceCommand, TesterCommand, VersionCommand,
};
use gateway::commands::webhooks::WebhooksCommand;
use gateway::commands::{
    self, app::AppCommand, config::ConfigCommand, gamelog::GamelogCommand, keys::KeysCommand,
    ledger::LedgerCommand, member::MemberCommand, migrate::MigrateCommand,
    operator::OperatorCommand, purchase::PurchaseCommand, shards::ShardsCommand,
};
use gateway::config::{Flags, Settings};
use gateway::server::Server;
use gateway::{first_run, telemetry};
use storage::clock::SystemClock;
use storage::documents::Kind;
use tokio::signal::unix::{SignalKind, signal};

/// What thousands of sessions use for a moment and give back, this allocator gives back to
/// the system; the C library's keeps most of it, in holes between what stays.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The platform server of a mobile-game publisher.
#[derive(Parser)]
#[command(name = "daemun", version)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serves players (what `daemun` alone does).
    Serve,
    /// Shows or checks the settings.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Shows or rotates the keys that sign access tokens.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Tells everyone who plays a game something, or makes a secret for its server.
    App {
        #[command(subcommand)]
        command: AppCommand,
    },
    /// Shows a member, sends it a message, keeps it out or lets it in again.
    Member {
        #[command(subcommand)]
        command: MemberCommand,
    },
    /// Makes, shows and changes the accounts of those who run the games.
    Operator {
        #[command(subcommand)]
        command: OperatorCommand,
    },
    /// Shows what players did.
    Gamelog {
        #[command(subcommand)]
        command: GamelogCommand,
    },
    /// Asks a store about a purchase, shows what was bought, and grants what is held.
    Purchase {
        #[command(subcommand)]
        command: PurchaseCommand,
    },
    /// Shows what a member has, and proves it from the ledger.
    Ledger {
        #[command(subcommand)]
        command: LedgerCommand,
    },
    /// Registers versions of a game's client, and says how each stands.
    Version {
        #[command(subcommand)]
        command: VersionCommand,
    },
    /// Keeps, lists and takes away the images that notices and banners show.
    Image {
        #[command(subcommand)]
        command: ImageCommand,
    },
    /// Plans maintenance, has it end earlier or later, or calls it off.
    Maintenance {
        #[command(subcommand)]
        command: MaintenanceCommand,
    },
    /// Lets devices and addresses in during maintenance.
    Tester {
        #[command(subcommand)]
        command: TesterCommand,
    },
    /// Shows players notices, or takes them back.
    Notice {
        #[command(subcommand)]
        command: PieceCommand,
    },
    /// Shows players image banners, or takes them back.
    Banner {
        #[command(subcommand)]
        command: PieceCommand,
    },
    /// Shows what operators did.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Brings the databases' schema up to date, or says where it stands.
    Migrate {
        #[command(subcommand)]
        command: MigrateCommand,
    },
    /// Shows or checks which database server keeps which members.
    Shards {
        #[command(subcommand)]
        command: ShardsCommand,
    },
    /// Shows what the games' own servers are told, or tells it again.
    Webhooks {
        #[command(subcommand)]
        command: WebhooksCommand,
    },
    /// Reaches every configured database server, reads every store's credentials and the secrets
    /// of the games' servers, and says what is wrong with any.
    Check,
    /// Asks the server of this data folder whether it is ready; exits 0 if it is.
    Healthcheck,
    /// Prints the OpenAPI document.
    Openapi,
}

fn main() -> ExitCode {
    let Cli { flags, command } = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return commands::fail(&format!("the runtime cannot be built: {error}")),
    };
    match command.unwrap_or(Command::Serve) {
        Command::Serve => runtime.block_on(serve(&flags)),
        Command::Config { command } => commands::config::run(command, &flags),
        Command::Keys { command } => runtime.block_on(commands::keys::run(command, &flags)),
        Command::App { command } => runtime.block_on(commands::app::run(command, &flags)),
        Command::Member { command } => runtime.block_on(commands::member::run(command, &flags)),
        Command::Operator { command } => runtime.block_on(commands::operator::run(command, &flags)),
        Command::Gamelog { command } => runtime.block_on(commands::gamelog::run(command, &flags)),
        Command::Purchase { command } => runtime.block_on(commands::purchase::run(command, &flags)),
        Command::Ledger { command } => runtime.block_on(commands::ledger::run(command, &flags)),
        Command::Version { command } => {
            runtime.block_on(commands::launching::version(command, &flags))
        }
        Command::Image { command } => runtime.block_on(commands::images::run(command, &flags)),
        Command::Maintenance { command } => {
            runtime.block_on(commands::launching::maintenance(command, &flags))
        }
        Command::Tester { command } => {
            runtime.block_on(commands::launching::tester(command, &flags))
        }
        Command::Notice { command } => {
            runtime.block_on(commands::content::run(Kind::Notice, command, &flags))
        }
        Command::Banner { command } => {
            runtime.block_on(commands::content::run(Kind::Banner, command, &flags))
        }
        Command::Audit { command } => runtime.block_on(commands::launching::audit(command, &flags)),
        Command::Migrate { command } => runtime.block_on(commands::migrate::run(command, &flags)),
        Command::Shards { command } => runtime.block_on(commands::shards::run(command, &flags)),
        Command::Webhooks { command } => runtime.block_on(commands::webhooks::run(command, &flags)),
        Command::Check => runtime.block_on(commands::check::run(&flags)),
        Command::Healthcheck => runtime.block_on(commands::healthcheck::run(&flags)),
        Command::Openapi => commands::openapi::run(),
    }
}

async fn serve(flags: &Flags) -> ExitCode {
    let settings = match Settings::load(flags, std::env::vars_os()) {
        Ok(loaded) => loaded.settings,
        Err(error) => return commands::fail(&error.to_string()),
    };
    telemetry::logs(&settings.log);
    let (mut terminate, mut interrupt) =
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
            (Err(error), _) | (_, Err(error)) => {
                return commands::fail(&format!("signals cannot be received: {error}"));
            }
        };
    let server = match Server::start(&settings, Arc::new(SystemClock)).await {
        Ok(server) => server,
        Err(error) => return commands::fail(&error.to_string()),
    };
    first_run::print(&settings, &server);
    let mut asked = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let failure = tokio::select! {
        () = asked() => None,
        failure = server.failed() => Some(failure),
    };
    tracing::info!("draining; a second signal hurries");
    server.drain(asked()).await;
    match failure {
        None => ExitCode::SUCCESS,
        Some(failure) => commands::fail(&failure),
    }
}
