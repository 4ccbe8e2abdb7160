//! Simulated players, on the command line.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand, ValueEnum};
use loadtest::Format;
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

#[tokio::main]
async fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Walk(arguments) => walk(arguments).await,
    }
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
