//! Simulated players, on the command line.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;

use clap::{Parser, Subcommand, ValueEnum};
use loadtest::Format;
use loadtest::run::{self, Report, Screen};
use loadtest::walk::{Stumble, Teller, Walk};

/// Simulated players of a running server.
#[derive(Parser)]
#[command(name = "loadtest", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One player goes through the door step by step, and all that is said is printed.
    Walk(WalkArguments),
    /// Very many players load the server, and every answer is checked and timed.
    #[command(subcommand)]
    Run(Box<run::Arguments>),
}

#[derive(clap::Args)]
struct WalkArguments {
    /// The server's address.
    #[arg(long, default_value = "http://127.0.0.1:7350")]
    server: String,
    /// The game.
    #[arg(long, default_value = "demo")]
    app: String,
    /// How frames are written.
    #[arg(long, value_enum, default_value_t = Formats::Both)]
    format: Formats,
}

#[derive(Clone, Copy, ValueEnum)]
enum Formats {
    /// JSON, in text frames.
    Json,
    /// MessagePack, in binary frames.
    Msgpack,
    /// The walk in JSON, then once more in MessagePack.
    Both,
}

impl Formats {
    fn list(self) -> Vec<Format> {
        match self {
            Self::Json => vec![Format::Json],
            Self::Msgpack => vec![Format::Msgpack],
            Self::Both => vec![Format::Json, Format::Msgpack],
        }
    }
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    // Half of the processors are left to the server.
    let workers = available_parallelism().map_or(1, |all| all.get().div_ceil(2));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return failed(2, &format!("the runtime cannot be built: {error}")),
    };
    match command {
        Command::Walk(arguments) => runtime.block_on(walk(arguments)),
        Command::Run(arguments) => runtime.block_on(run(*arguments)),
    }
}

/// Exits with 0 when the run passed, 1 when an answer was wrong, 2 without a server or a sense
/// in the command line, 3 when it was too slow.
async fn run(arguments: run::Arguments) -> ExitCode {
    let (plan, json) = match arguments.plan() {
        Ok(planned) => planned,
        Err(why) => return failed(2, &why),
    };
    let report = match run::run(plan, Screen::of_stdout()).await {
        Ok(report) => report,
        Err(fault) => return failed(fault.status(), &fault.to_string()),
    };
    // Nobody may be reading any more; the file and the status are left.
    let _ = write!(std::io::stdout(), "{report}");
    if let Some(file) = json
        && let Err(error) = save(&report, &file)
    {
        return failed(2, &format!("--json {}: {error}", file.display()));
    }
    ExitCode::from(report.verdict.status())
}

fn save(report: &Report, file: &Path) -> std::io::Result<()> {
    std::fs::write(file, report.json()?)
}

fn failed(status: u8, why: &str) -> ExitCode {
    eprintln!("error: {why}");
    ExitCode::from(status)
}

/// Exits with 0 when all was as the contract says, 1 at a surprise, 2 without a server.
async fn walk(arguments: WalkArguments) -> ExitCode {
    let WalkArguments { server, app, format } = arguments;
    let walk = Walk { server, app, formats: format.list() };
    match walk.take(&Arc::new(Teller::stdout())).await {
        Ok(_) => ExitCode::SUCCESS,
        Err(stumble) => {
            eprintln!("\n{stumble}");
            match stumble {
                Stumble::Surprise { .. } => ExitCode::from(1),
                Stumble::NobodyThere { .. } => ExitCode::from(2),
            }
        }
    }
}
