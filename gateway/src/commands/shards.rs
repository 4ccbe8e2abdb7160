//! `daemun shards`: which server keeps which members.

use std::process::ExitCode;

use clap::Subcommand;
use storage::mariadb::ShardRange;
use storage::tend::Tender;

use super::{fail, load, say};
use crate::config::Flags;

/// What to say about the shards.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ShardsCommand {
    /// Shows which server keeps which virtual shards, as the servers say it.
    Show,
    /// Exits 0 when every shard is kept by one server, each entry is a server of its own, and
    /// each replica is the copy of its primary.
    Check,
}

/// Runs the command.
pub async fn run(command: ShardsCommand, flags: &Flags) -> ExitCode {
    let shards = match shards(flags).await {
        Ok(shards) => shards,
        Err(error) => return fail(&error),
    };
    let Some(shards) = shards else {
        return say("the truth is in the data folder: there is nothing to share\n");
    };
    match command {
        ShardsCommand::Show => say(&shards.iter().map(line).collect::<String>()),
        ShardsCommand::Check => match shape(flags).await {
            Ok((warnings, wrong)) => {
                let said = say(&format!("every shard is kept by one server\n{warnings}"));
                if wrong.is_empty() { said } else { fail(&wrong.join("\ndaemun: ")) }
            }
            Err(error) => fail(&error),
        },
    }
}

/// What is to be said of the servers, and what must not be.
async fn shape(flags: &Flags) -> Result<(String, Vec<String>), String> {
    let settings = load(flags)?;
    let tender =
        Tender::new(&settings.data, &settings.storage).await.map_err(|error| error.to_string())?;
    Ok(super::judged(tender.shape().await))
}

fn line(range: &ShardRange) -> String {
    format!("{}  {}  version {}\n", range.server, range.shards, range.version)
}

async fn shards(flags: &Flags) -> Result<Option<Vec<ShardRange>>, String> {
    let settings = load(flags)?;
    let tender =
        Tender::new(&settings.data, &settings.storage).await.map_err(|error| error.to_string())?;
    tender.shards().await.map_err(|error| error.to_string())
}
