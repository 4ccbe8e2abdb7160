//! `daemun check`: whether a server that starts now would find all that it needs: every database
//! server, the credentials for every store, the secrets of the games' servers, and the operators' key.

use std::process::ExitCode;

use actors::game_servers::Keys;
use actors::operators::Vault;
use actors::webhooks::Targets;
use storage::clock::SystemClock;
use storage::tend::Tender;

use super::{fail, load, say};
use crate::config::{Flags, Settings};
use crate::server::UNENCRYPTED;

/// Reaches every configured server. Exits 0 when each can be used, whatever it would warn of. A
/// server starts without its Redis and without the game log's, too; who asks wants to know.
pub async fn run(flags: &Flags) -> ExitCode {
    let settings = match load(flags) {
        Ok(settings) => settings,
        Err(error) => return fail(&error),
    };
    match check(&settings).await {
        Ok((text, wrong)) if wrong.is_empty() => say(&text),
        Ok((text, wrong)) => {
            let _ = say(&text);
            fail(&wrong.join("\ndaemun: "))
        }
        Err(error) => fail(&error),
    }
}

/// What is to be said, and what is in the way.
async fn check(settings: &Settings) -> Result<(String, Vec<String>), String> {
    let tender =
        Tender::new(&settings.data, &settings.storage).await.map_err(|error| error.to_string())?;
    let (mut said, mut wrong) = (String::new(), Vec::new());
    let optional = |(line, findings): (Option<String>, _)| (Vec::from_iter(line), findings);
    for (lines, findings) in [
        tender.check_disk(),
        tender.check(&SystemClock).await,
        optional(tender.check_log(&SystemClock).await),
        optional(tender.check_redis().await),
    ] {
        let (warned, more) = super::judged(findings);
        said.extend(lines.iter().map(|line| format!("{line}\n")));
        said += &warned;
        wrong.extend(more);
    }
    // No store is asked: their credentials are looked at, as when a server starts.
    wrong.extend(super::purchase::shops(settings)?.open().await.err());
    wrong.extend(Keys::open(&settings.apps).err().into_iter().flatten());
    wrong.extend(Targets::open(&settings.apps).err().into_iter().flatten());
    wrong.extend(Vault::open(&settings.identity).err().into_iter().flatten());
    if settings.identity.operator_key_file.is_none() {
        said += &format!("warning: {UNENCRYPTED}\n");
    }
    if !wrong.is_empty() {
        return Ok((said, wrong));
    }
    match tender.schema().await {
        Ok(all) => {
            for status in all {
                let (server, pending) = (status.server, status.pending.len());
                said += &format!("{server}: schema {}, {pending} to run\n", status.version);
                // A data folder is brought forward by the server itself.
                let by_itself = server.ends_with(".db")
                    || if server == storage::mongodb::NAME {
                        settings.storage.mongodb.migrate_at_start
                    } else {
                        settings.storage.mariadb.migrate_at_start
                    };
                if pending > 0 && !by_itself {
                    wrong.push(format!("`{server}`: run `daemun migrate up`"));
                }
            }
        }
        Err(error) => wrong.push(error.to_string()),
    }
    if wrong.is_empty() {
        match tender.shards().await {
            Ok(shards) => said += &format!("shards: {} ranges\n", shards.map_or(0, |it| it.len())),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    Ok((said, wrong))
}
