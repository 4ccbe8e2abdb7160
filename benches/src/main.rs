//! Measured claims: each is a ratio, taken in one run with its reference.
//!
//! A bench starts what it measures, its clients and its references as processes of their
//! own, so that each has its own memory, processor time and open files. Those processes are
//! this program too, under hidden subcommands, but for the server itself.

mod broadcast;
mod clients;
mod connect;
mod contest;
mod database;
mod gamelog;
mod idle;
mod machine;
mod message;
mod ping;
mod process;
mod publish;
mod purchases;
mod reference;
mod report;
mod scale;
mod server;
mod subject;
mod suite;
mod wake;

use std::error::Error;
use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// Why a run failed, in words for whoever started it.
type Fault = Box<dyn Error + Send + Sync>;

/// Measured claims of the server, each beside its reference.
#[derive(Parser)]
#[command(name = "benches", version)]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand)]
enum Bench {
    /// Every bench, one after the other, and all tables at the end.
    All(suite::Arguments),
    /// Resident bytes of an idle, logged-in session, beside a raw TCP task's.
    Idle(idle::Arguments),
    /// Processor time of a `session.ping`, beside echoes.
    Ping(ping::Arguments),
    /// Processor time of a request that a session's actor answers, beside echoes.
    Wake(wake::Arguments),
    /// Processor time of a session's beginning, beside a bare websocket's.
    Connect(connect::Arguments),
    /// Processor time of telling everyone something, beside one bare write each.
    Broadcast(broadcast::Arguments),
    /// How soon everyone is told of a maintenance and of a notice, and is sent away.
    Publish(publish::Arguments),
    /// Processor time of a message that must arrive.
    Message(message::Arguments),
    /// How many logins, opens, refreshes and messages a second MariaDB carries.
    Database(database::Arguments),
    /// How many records a second the game log brings to MongoDB, and what logins feel of it.
    Gamelog(gamelog::Arguments),
    /// How many purchases a second MariaDB makes durable.
    Purchases(purchases::Arguments),
    /// The clients of a bench: does what standard input orders.
    #[command(hide = true)]
    Clients(clients::Arguments),
    /// A reference server.
    #[command(hide = true)]
    Reference {
        /// Which one.
        kind: reference::Kind,
    },
    /// The reference of a database: says the statements that standard input orders.
    #[command(hide = true)]
    Statements,
    /// Writes records into a game log as standard input orders.
    #[command(hide = true)]
    Scribe,
    /// Makes purchases durable as standard input orders.
    #[command(hide = true)]
    Till,
    /// Runs a command that ends when the process that started it does.
    #[command(hide = true)]
    Leash {
        /// The command and its arguments.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().bench {
        Bench::All(arguments) => bench(suite::run(&arguments)),
        Bench::Idle(arguments) => bench(idle::run(&arguments)),
        Bench::Ping(arguments) => bench(ping::run(&arguments)),
        Bench::Wake(arguments) => bench(wake::run(&arguments)),
        Bench::Connect(arguments) => bench(connect::run(&arguments)),
        Bench::Broadcast(arguments) => bench(broadcast::run(&arguments)),
        Bench::Publish(arguments) => bench(publish::run(&arguments)),
        Bench::Message(arguments) => bench(message::run(&arguments)),
        Bench::Database(arguments) => bench(database::run(&arguments)),
        Bench::Clients(arguments) => block_on(one_thread(), clients::run(&arguments)),
        Bench::Reference { kind } => block_on(many_threads(), reference::run(kind)),
        Bench::Gamelog(arguments) => bench(gamelog::run(&arguments)),
        Bench::Purchases(arguments) => bench(purchases::run(&arguments)),
        Bench::Scribe => block_on(many_threads(), gamelog::scribe::run()),
        Bench::Till => block_on(many_threads(), purchases::till::run()),
        Bench::Statements => block_on(many_threads(), reference::statements::run()),
        Bench::Leash { command } => Err(process::leash::exec(&command)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("error: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a bench to its end, or until somebody wants it to stop.
fn bench<T>(bench: impl Future<Output = Result<T, Fault>>) -> Result<(), Fault> {
    let ended = async { bench.await.map(|_| ()) };
    block_on(one_thread(), unless_interrupted(ended))
}

fn block_on(
    runtime: std::io::Result<Runtime>,
    work: impl Future<Output = Result<(), Fault>>,
) -> Result<(), Fault> {
    runtime.map_err(|error| format!("the runtime cannot be built: {error}"))?.block_on(work)
}

/// For what leaves the processors to the server. A bench itself must also stay on the main
/// thread, because what it starts is ended by the system when the thread that started it ends.
fn one_thread() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// For a reference: what the server itself runs on.
fn many_threads() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build()
}

/// Drops the bench, and with it all it has started, when somebody wants it to stop.
async fn unless_interrupted(bench: impl Future<Output = Result<(), Fault>>) -> Result<(), Fault> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = bench => outcome,
        _ = tokio::signal::ctrl_c() => Err("interrupted".into()),
        _ = terminate.recv() => Err("terminated".into()),
    }
}
