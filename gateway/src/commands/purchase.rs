//! `daemun purchase`: what a store says of a purchase, for whoever helps players.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use actors::identity::keys::KeyCache;
use actors::outside::http_client;
use actors::purchases::Parts;
use actors::purchases::verifier::MAX_EVIDENCE;
use clap::Subcommand;
use protocol::client::StoreName;
use protocol::ids::{AppId, MemberId};
use serde_json::Value;
use storage::clock::SystemClock;
use uuid::Uuid;

use super::member::{Who, order_done, pretty, refused};
use super::{fail, load, say};
use crate::config::{Flags, Settings};
use crate::control::{self, ControlError};
use crate::private::{
    HeldQuery, Order, ParkedQuery, PurchasesQuery, ReleaseCommand, RetryCommand, VerifyCommand,
};
use crate::shops::Shops;

/// What to ask about a purchase.
#[derive(Clone, Debug, Subcommand)]
pub enum PurchaseCommand {
    /// Asks a store about what a client shows, and prints the verdict. Grants nothing.
    Verify {
        /// The game.
        #[arg(long, default_value = "demo")]
        app: AppId,
        /// The store: app_store, google_play or one_store.
        #[arg(long, value_parser = store)]
        store: StoreName,
        /// The evidence, a file with a JSON object; `-` reads standard input.
        #[arg(long, value_name = "FILE")]
        evidence: PathBuf,
        /// The account token of who says to have bought it [default: whoever]
        #[arg(long, value_name = "TOKEN")]
        account: Option<String>,
        /// The store's id of the product that it should be [default: any]
        #[arg(long)]
        product: Option<String>,
        /// Judges it as a tester's.
        #[arg(long)]
        tester: bool,
    },
    /// Shows what a member has bought, the newest first.
    List {
        /// Which member.
        #[command(flatten)]
        who: Who,
        /// What came before this purchase.
        #[arg(long, value_name = "ID")]
        before: Option<Uuid>,
        /// The most purchases, 1 to 100.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Shows what was paid and is held, and why, the oldest first.
    Held {
        /// The most purchases, 1 to 1000.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Shows what was paid, as players say, and no store could be asked about for seven days, the
    /// longest first.
    Parked {
        /// The most, 1 to 1000.
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Has the store asked again about what is parked, for another while.
    Retry {
        /// The evidence, as `parked` shows it.
        evidence: String,
    },
    /// Grants a purchase that is held, to its owner, or to a member if it is nobody's yet.
    Release {
        /// The claim, as `held` shows it.
        claim: String,
        /// Whose it becomes if it is nobody's.
        #[arg(long)]
        member: Option<MemberId>,
    },
}

fn store(word: &str) -> Result<StoreName, String> {
    StoreName::parse(word).ok_or_else(|| "expected app_store, google_play or one_store".to_owned())
}

/// Asks by the server that runs on the data folder, or directly when none runs.
pub async fn run(command: PurchaseCommand, flags: &Flags) -> ExitCode {
    let command = match order(command) {
        Ok(order) => return order_done(order, flags).await,
        Err(verify) => verify,
    };
    match judged(command, flags).await.and_then(|answer| pretty(&answer)) {
        Ok(answer) => say(&answer),
        Err(error) => fail(&error),
    }
}

/// What the databases are asked, or what is to be asked of a store.
fn order(command: PurchaseCommand) -> Result<Order, Verify> {
    match command {
        PurchaseCommand::Verify { app, store, evidence, account, product, tester } => {
            Err(Verify { app, store, evidence, account, product, tester })
        }
        PurchaseCommand::List { who: Who { app, member }, before, limit } => {
            Ok(Order::Purchases(PurchasesQuery { app, member, before, limit }))
        }
        PurchaseCommand::Held { limit } => Ok(Order::Held(HeldQuery { limit })),
        PurchaseCommand::Parked { limit } => Ok(Order::Parked(ParkedQuery { limit })),
        PurchaseCommand::Retry { evidence } => Ok(Order::Retry(RetryCommand { evidence })),
        PurchaseCommand::Release { claim, member } => {
            Ok(Order::Release(ReleaseCommand { claim, member }))
        }
    }
}

struct Verify {
    app: AppId,
    store: StoreName,
    evidence: PathBuf,
    account: Option<String>,
    product: Option<String>,
    tester: bool,
}

async fn judged(command: Verify, flags: &Flags) -> Result<Value, String> {
    let Verify { app, store, evidence, account, product, tester } = command;
    let evidence = read(&evidence)?;
    let command = VerifyCommand { app, store, evidence, account, product, tester };
    let settings = load(flags)?;
    if let Some(control) = control::read(&settings.data) {
        let body = serde_json::to_vec(&command).map_err(|error| error.to_string())?;
        match control.call_patiently("/commands/purchase/verify", &body).await {
            Ok(answer) => return serde_json::from_slice(&answer).map_err(|e| e.to_string()),
            // It ran once and does not any more.
            Err(ControlError::Nobody(_)) => {}
            Err(error @ ControlError::Refused(..)) => return Err(refused(&error)),
        }
    }
    let stores = shops(&settings)?.of(&command.app).await.map_err(|error| error.to_string())?;
    let judged = command.done_at(&stores).await.map_err(|error| error.to_string())?;
    serde_json::to_value(judged).map_err(|error| error.to_string())
}

/// The stores of the games in the settings, none of them opened.
pub(super) fn shops(settings: &Settings) -> Result<Shops, String> {
    let client = http_client().map_err(|error| format!("no HTTP client can be made: {error}"))?;
    let clock = Arc::new(SystemClock);
    let keys = KeyCache::new(client.clone(), clock.clone());
    Ok(Shops::new(&settings.apps, Parts { client, keys, clock }, None))
}

/// One byte more than is taken is read, so that it is told from what just fits.
fn read(path: &Path) -> Result<Value, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let mut text = Vec::new();
    let most = MAX_EVIDENCE as u64 + 1;
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(most).read_to_end(&mut text)
    } else {
        let file = std::fs::File::open(path).map_err(|error| told(&error))?;
        file.take(most).read_to_end(&mut text)
    };
    read.map_err(|error| told(&error))?;
    if text.len() > MAX_EVIDENCE {
        return Err(told(&format!("has more than {MAX_EVIDENCE} bytes")));
    }
    // What is wrong with it is not quoted: evidence is worth money.
    serde_json::from_slice(&text).map_err(|_| told(&"is not JSON"))
}
