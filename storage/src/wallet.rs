//! What members have, and the ledger that proves it.
//!
//! Nothing is ever had without an entry: each change is a *transfer*, kept for good, of lines by
//! double entry. What a member gets of an item another account gives, so the lines of a transfer
//! sum up to zero for each item. Balances are kept for members alone, beside their entries and
//! written with them; a balance is the sum of its entries, and [`WalletDuty::audit`] adds them up
//! to say so.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use protocol::ids::{AppId, LoginId, MemberId};
use protocol::purchases::Grant;
use protocol::text::Text;
use protocol::wallet::{Balances, CHANGED};
use protocol::words;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::actor::records::{Key, Records};
use crate::clock::Micros;
use crate::error::Result;
use crate::open::Truth;
use crate::purchases::owned::{json, uuid_of};
use crate::push::NewPush;

/// The most of one item that a transfer of a game's server may move, and that a member may have
/// afterwards: what JSON's readers can hold (RFC 8259, section 6).
pub const MOST: i64 = (1 << 53) - 1;
/// The most items of one transfer.
pub const MAX_LINES: usize = 32;

words! {
    /// Why something was moved, and so from or to whom.
    Cause {
        /// A purchase was granted, or taken back.
        Purchase = "purchase",
        /// The game gave it.
        Given = "given",
        /// The game took it.
        Spent = "spent",
    }
}

impl Cause {
    /// The account on the other side of the member's own.
    #[must_use]
    pub fn account(self) -> &'static str {
        match self {
            Self::Purchase => "sales",
            Self::Given => "given",
            Self::Spent => "spent",
        }
    }
}

/// The account of the member itself.
pub const MEMBER: &str = "member";

/// So much of an item, to the member or, if less than nothing, from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The item.
    pub item: Text<64>,
    /// How much; never 0.
    pub delta: i64,
}

/// A transfer that a game's server asks for.
#[derive(Clone, Debug)]
pub struct TransferWrite {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// Names the transfer: the same again is done once. [`TransferWrite::id_of`] makes it.
    pub id: Uuid,
    /// Why.
    pub cause: Cause,
    /// What is moved: each item once, none of 0, 1 to [`MAX_LINES`].
    pub lines: Vec<Line>,
    /// The game's own word for why; up to 128 bytes.
    pub note: Option<Text<128>>,
    /// The login on whose behalf, which must hold the session; `None` for the game's server.
    pub login: Option<LoginId>,
    /// The present time.
    pub now: Micros,
}

impl TransferWrite {
    /// The id of a transfer that is asked for under an idempotency key.
    #[must_use]
    pub fn id_of(app: &AppId, member: MemberId, key: &str) -> Uuid {
        let mut hash = Sha256::new();
        hash.update(b"transfer\0");
        hash.update(app.as_str());
        hash.update([0]);
        hash.update(member.number().to_be_bytes());
        hash.update(key);
        uuid_of(hash)
    }
}

/// What came of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transferred {
    /// It is done.
    Done {
        /// What the member had of each moved item right after it, in the lines' order.
        balances: Vec<Grant>,
        /// Whether it was done before.
        again: bool,
        /// The highest number in the member's inbox, if this wrote to it.
        pushed: Option<u64>,
    },
    /// Of that item there is too little, namely so much, and nothing was moved.
    TooLittle(Grant),
    /// Of that item there would be more than [`MOST`], for there is so much, and nothing was
    /// moved.
    TooMuch(Grant),
    /// Another transfer was made under that id.
    Differs,
    /// There is no such member in that game.
    Unknown,
}

/// A transfer as it is kept, from the member's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Its id.
    pub id: Uuid,
    /// Why.
    pub cause: Cause,
    /// What was moved.
    pub lines: Vec<Line>,
    /// The game's own word for why.
    pub note: Option<String>,
    /// When.
    pub at: Micros,
}

/// A place among a member's transfers, of which the newest come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// What is wanted came before this moment,
    pub at: Micros,
    /// or at this very moment and behind this transfer, if one is named.
    pub id: Option<Uuid>,
}

impl Before {
    /// From the newest on.
    pub(crate) const ALL: Self = Self { at: Micros(i64::MAX), id: None };

    /// The transfer behind which one is wanted that is of the very moment: none is behind nothing.
    pub(crate) fn behind(&self) -> Uuid {
        self.id.unwrap_or(Uuid::nil())
    }
}

/// What does not add up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discrepancy {
    /// The lines of a transfer do not sum up to zero.
    Transfer {
        /// Whose it is.
        member: MemberId,
        /// Its id.
        id: Uuid,
        /// Of which item.
        item: String,
        /// What they sum up to.
        sum: i128,
    },
    /// A balance is not the sum of its entries.
    Balance {
        /// Whose it is.
        member: MemberId,
        /// Of which item.
        item: String,
        /// What is kept; `None` if nothing is.
        kept: Option<i64>,
        /// What the entries sum up to.
        sum: i128,
    },
    /// What is in force of a purchase is not the sum of its transfers.
    Purchase {
        /// Whose it is.
        member: MemberId,
        /// The purchase.
        id: Uuid,
        /// Of which item.
        item: String,
        /// What is in force.
        in_force: i64,
        /// What the entries sum up to.
        sum: i128,
    },
}

/// A part of an audit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audited {
    /// How many entries were added up.
    pub entries: u64,
    /// How many balances were compared.
    pub balances: u64,
    /// How many purchases were compared.
    pub purchases: u64,
    /// What does not add up.
    pub discrepancies: Vec<Discrepancy>,
    /// Behind which member the next part begins on this server; `None` at its end.
    pub next: Option<MemberId>,
}

/// What a backend does for wallets.
#[async_trait]
pub trait WalletDuty: Send + Sync {
    /// What a member has, in the order of the items. What there never was is not among it.
    async fn balances(&self, app: AppId, member: MemberId) -> Result<Vec<Grant>>;
    /// Moves something to or from a member, with the push `wallet.changed`, all or nothing. What
    /// is taken must be there, and a balance below zero can be spent by nobody.
    async fn transfer(&self, write: TransferWrite) -> Result<Transferred>;
    /// Moves something of different members, each as [`WalletDuty::transfer`], in their order.
    async fn transfer_all(&self, writes: Vec<TransferWrite>) -> Vec<Result<Transferred>> {
        join_all(writes.into_iter().map(|write| self.transfer(write))).await
    }
    /// A member's transfers, the newest first and those of one moment by their ids, at most
    /// `limit`, behind `before`.
    async fn transfers(
        &self,
        app: AppId,
        member: MemberId,
        before: Option<Before>,
        limit: usize,
    ) -> Result<Vec<Transfer>>;
    /// Adds up the entries of the members behind `after` on one server, of about `limit` entries
    /// and of whole members, all as they were at one moment.
    async fn audit(&self, server: usize, after: Option<MemberId>, limit: usize) -> Result<Audited>;
    /// How many servers there are to audit.
    fn servers(&self) -> usize;
}

/// How long the push is kept.
const PUSH_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a member is told of what it has now.
#[must_use]
pub fn push(balances: Vec<Grant>, now: Micros) -> NewPush {
    let body = json(&Balances { balances });
    NewPush { word: CHANGED.into(), body, expires_at: now.after(PUSH_LIFE) }
}

/// The typed handle for wallets.
#[derive(Clone)]
pub struct Wallet(pub(crate) Records);

/// How each of these fails: see [`StorageError`](crate::error::StorageError).
impl Wallet {
    /// As [`WalletDuty::balances`].
    ///
    /// # Errors
    /// As said above.
    pub async fn balances(&self, app: AppId, member: MemberId) -> Result<Vec<Grant>> {
        let key = Key::Member(member);
        self.0.call(key, move |it| async move { it.balances(app, member).await }).await
    }

    /// As [`WalletDuty::transfer`].
    ///
    /// # Errors
    /// As said above. After `OutcomeUnknown` the same transfer may be asked for again.
    pub async fn transfer(&self, write: TransferWrite) -> Result<Transferred> {
        self.transfer_then(write, |_| ()).await
    }

    /// As [`Wallet::transfer`]. `then` sees what came of it, also if its caller was told that the
    /// outcome is unknown.
    ///
    /// # Errors
    /// As [`Wallet::transfer`].
    pub async fn transfer_then(
        &self,
        write: TransferWrite,
        then: impl FnOnce(&Transferred) + Send + 'static,
    ) -> Result<Transferred> {
        let key = Key::Member(write.member);
        let work = move |it: Arc<dyn Truth>| async move { it.transfer(write).await };
        self.0.call_then(key, work, then).await
    }

    /// As [`WalletDuty::transfers`].
    ///
    /// # Errors
    /// As said above.
    pub async fn transfers(
        &self,
        app: AppId,
        member: MemberId,
        before: Option<Before>,
        limit: usize,
    ) -> Result<Vec<Transfer>> {
        let key = Key::Member(member);
        self.0
            .call(key, move |it| async move { it.transfers(app, member, before, limit).await })
            .await
    }

    /// As [`WalletDuty::audit`].
    ///
    /// # Errors
    /// As said above.
    pub async fn audit(
        &self,
        server: usize,
        after: Option<MemberId>,
        limit: usize,
    ) -> Result<Audited> {
        self.0.call(Key::Home, move |it| async move { it.audit(server, after, limit).await }).await
    }

    /// As [`WalletDuty::servers`].
    ///
    /// # Errors
    /// As said above.
    pub async fn servers(&self) -> Result<usize> {
        self.0.call(Key::Home, move |it| async move { Ok(it.servers()) }).await
    }
}
