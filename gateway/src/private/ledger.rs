//! What members have, and the ledger that proves it.

use actors::fault;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use protocol::error::ErrorBody;
use protocol::ids::{AppId, MemberId};
use protocol::purchases::Grant;
use protocol::time::Micros;
use serde::{Deserialize, Serialize};
use storage::wallet::{Audited, Discrepancy, Transfer};
use uuid::Uuid;

use super::Private;
use super::members::{Desk, Order, done};

/// The most transfers that are shown.
const MOST: usize = 1_000;
/// The most entries that are added up at once.
const MOST_ENTRIES: usize = 100_000;

/// The body of `/commands/wallet/show`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WalletQuery {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// The most transfers, up to 1000.
    pub limit: usize,
}

/// The body of `/commands/ledger/audit`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct AuditQuery {
    /// On which server, counted from 0.
    pub server: usize,
    /// Behind which member.
    pub after: Option<MemberId>,
    /// About how many entries, from 1 to 100000.
    pub limit: usize,
}

/// The answer to `/commands/wallet/show`.
#[derive(Debug, Serialize)]
pub(in crate::private) struct ShownWallet {
    /// What there is of each item.
    balances: Vec<Grant>,
    /// How it came to that, the newest first.
    transfers: Vec<ShownTransfer>,
}

#[derive(Debug, Serialize)]
struct ShownTransfer {
    id: Uuid,
    at: Micros,
    cause: &'static str,
    lines: Vec<Grant>,
    note: Option<String>,
}

impl From<Transfer> for ShownTransfer {
    fn from(transfer: Transfer) -> Self {
        let line = |line: storage::wallet::Line| Grant { item: line.item, amount: line.delta };
        Self {
            id: transfer.id,
            at: transfer.at,
            cause: transfer.cause.word(),
            lines: transfer.lines.into_iter().map(line).collect(),
            note: transfer.note,
        }
    }
}

/// The answer to `/commands/ledger/audit`.
#[derive(Debug, Serialize, Deserialize)]
pub struct AuditPage {
    /// How many servers there are.
    pub servers: usize,
    /// How many entries were added up.
    pub entries: u64,
    /// How many balances were compared.
    pub balances: u64,
    /// How many purchases were compared.
    pub purchases: u64,
    /// What does not add up, each in words.
    pub discrepancies: Vec<String>,
    /// Behind which member it goes on; null at the end of this server.
    pub next: Option<MemberId>,
}

impl Desk {
    pub(in crate::private) async fn wallet(
        &self,
        query: WalletQuery,
    ) -> Result<ShownWallet, ErrorBody> {
        let WalletQuery { app, member, limit } = query;
        if limit > MOST {
            return Err(ErrorBody::invalid("limit", "is over 1000"));
        }
        let wallet = &self.storage.wallet;
        let balances = wallet.balances(app.clone(), member).await;
        let transfers = wallet.transfers(app, member, None, limit).await;
        Ok(ShownWallet {
            balances: balances.map_err(|error| fault::of_storage(&error))?,
            transfers: transfers
                .map_err(|error| fault::of_storage(&error))?
                .into_iter()
                .map(ShownTransfer::from)
                .collect(),
        })
    }

    pub(in crate::private) async fn audit(
        &self,
        query: AuditQuery,
    ) -> Result<AuditPage, ErrorBody> {
        let AuditQuery { server, after, limit } = query;
        if !(1..=MOST_ENTRIES).contains(&limit) {
            return Err(ErrorBody::invalid("limit", "is not from 1 to 100000"));
        }
        let wallet = &self.storage.wallet;
        let servers = wallet.servers().await.map_err(|error| fault::of_storage(&error))?;
        if server >= servers {
            return Err(ErrorBody::invalid("server", format!("is not under {servers}")));
        }
        let audited = wallet.audit(server, after, limit).await;
        let Audited { entries, balances, purchases, discrepancies, next } =
            audited.map_err(|error| fault::of_storage(&error))?;
        let discrepancies = discrepancies.iter().map(said).collect();
        Ok(AuditPage { servers, entries, balances, purchases, discrepancies, next })
    }
}

fn said(discrepancy: &Discrepancy) -> String {
    match discrepancy {
        Discrepancy::Transfer { member, id, item, sum } => {
            format!("transfer {id} of member {member}: the lines of {item} sum up to {sum}, not 0")
        }
        Discrepancy::Balance { member, item, kept, sum } => {
            let kept = kept.map_or("nothing".to_owned(), |kept| kept.to_string());
            format!("member {member} has {kept} of {item}, and the entries sum up to {sum}")
        }
        Discrepancy::Purchase { member, id, item, in_force, sum } => format!(
            "purchase {id} of member {member}: {in_force} of {item} is in force, \
             and its entries sum up to {sum}"
        ),
    }
}

pub(super) async fn wallet(
    State(private): State<Private>,
    Json(query): Json<WalletQuery>,
) -> Response {
    done(&private, Order::Wallet(query)).await
}

pub(super) async fn audit(
    State(private): State<Private>,
    Json(query): Json<AuditQuery>,
) -> Response {
    done(&private, Order::Audit(query)).await
}
