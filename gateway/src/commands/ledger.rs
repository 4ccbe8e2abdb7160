//! `daemun ledger`: what members have, and whether it adds up.

use std::io::Write;
use std::process::ExitCode;

use clap::Subcommand;

use super::member::{Who, carry_out, order_done};
use super::{fail, load, say};
use crate::config::{Flags, Settings};
use crate::private::{AuditPage, AuditQuery, Order, WalletQuery};

/// How many entries are added up at once.
const ENTRIES: usize = 20_000;
/// The most discrepancies that are said; the rest are counted.
const MOST_SAID: u64 = 1_000;

/// What to do with the ledger.
#[derive(Clone, Debug, Subcommand)]
pub enum LedgerCommand {
    /// Shows what a member has, and how it came to that.
    Show {
        /// Which member.
        #[command(flatten)]
        who: Who,
        /// The most transfers, up to 1000.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Adds every entry up: each transfer to zero, each balance and each purchase to its entries.
    /// Says what does not add up, and exits 1 if anything does not. It may run beside a server.
    Verify,
}

/// Runs the command by the server that runs on the data folder, or on the databases when none
/// runs.
pub async fn run(command: LedgerCommand, flags: &Flags) -> ExitCode {
    match command {
        LedgerCommand::Show { who: Who { app, member }, limit } => {
            order_done(Order::Wallet(WalletQuery { app, member, limit }), flags).await
        }
        LedgerCommand::Verify => match load(flags) {
            Ok(settings) => match verify(&settings).await {
                Ok(Sum { wrong: 0, said, .. }) => say(&said),
                Ok(Sum { wrong, said, .. }) => {
                    fail(&format!("the ledger does not add up in {wrong} places; {said}"))
                }
                Err(error) => fail(&error),
            },
            Err(error) => fail(&error),
        },
    }
}

#[derive(Default)]
struct Sum {
    entries: u64,
    balances: u64,
    purchases: u64,
    wrong: u64,
    said: String,
}

async fn verify(settings: &Settings) -> Result<Sum, String> {
    let mut sum = Sum::default();
    let (mut server, mut after) = (0, None);
    loop {
        let query = AuditQuery { server, after, limit: ENTRIES };
        let page = carry_out(settings, Order::Audit(query)).await?;
        let page: AuditPage = serde_json::from_value(page).map_err(|error| error.to_string())?;
        sum.entries += page.entries;
        sum.balances += page.balances;
        sum.purchases += page.purchases;
        for discrepancy in &page.discrepancies {
            sum.wrong += 1;
            if sum.wrong <= MOST_SAID {
                // If standard output is closed, the exit status says it too.
                let _ = writeln!(std::io::stdout(), "{discrepancy}");
            }
        }
        after = page.next;
        if after.is_none() {
            server += 1;
            if server >= page.servers {
                break;
            }
        }
    }
    sum.said = format!(
        "{} entries, {} balances and {} purchases were added up\n",
        sum.entries, sum.balances, sum.purchases
    );
    Ok(sum)
}
