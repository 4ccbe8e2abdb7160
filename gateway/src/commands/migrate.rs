//! `daemun migrate`: the databases' schema.

use std::process::ExitCode;

use clap::Subcommand;
use storage::tend::Tender;

use super::{fail, load, say};
use crate::config::Flags;

/// What to do with the schema.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum MigrateCommand {
    /// Brings every database to this program's schema. Running servers of this version and of
    /// the one before go on meanwhile.
    Up,
    /// Says where each database stands, and changes nothing; exits 0 when nothing is to be run.
    Status,
}

/// Runs the command.
pub async fn run(command: MigrateCommand, flags: &Flags) -> ExitCode {
    let done = match command {
        MigrateCommand::Up => up(flags).await,
        MigrateCommand::Status => status(flags).await,
    };
    match done {
        Ok((text, good)) => {
            let said = say(&text);
            if good { said } else { ExitCode::FAILURE }
        }
        Err(error) => fail(&error),
    }
}

async fn up(flags: &Flags) -> Result<(String, bool), String> {
    let settings = load(flags)?;
    let tender =
        Tender::new(&settings.data, &settings.storage).await.map_err(|error| error.to_string())?;
    let ran = tender.migrate().await.map_err(|error| error.to_string())?;
    let line = |(database, ran): &(String, Vec<String>)| match ran.as_slice() {
        [] => format!("{database}: nothing to run\n"),
        all => all.iter().map(|one| format!("{database}: {one}\n")).collect(),
    };
    Ok((ran.iter().map(line).collect(), true))
}

async fn status(flags: &Flags) -> Result<(String, bool), String> {
    let settings = load(flags)?;
    let tender =
        Tender::new(&settings.data, &settings.storage).await.map_err(|error| error.to_string())?;
    let all = tender.schema().await.map_err(|error| error.to_string())?;
    let line = |it: &storage::mariadb::SchemaStatus| match it.pending.as_slice() {
        [] => format!("{}: at {}, nothing to run\n", it.server, it.version),
        pending => format!("{}: at {}, to run: {}\n", it.server, it.version, pending.join(", ")),
    };
    Ok((all.iter().map(line).collect(), all.iter().all(|it| it.pending.is_empty())))
}
