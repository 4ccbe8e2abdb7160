//! An operator's commands about one member.

mod desk;
mod log;

use std::collections::BTreeMap;

use actors::fault;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use protocol::error::ErrorBody;
use protocol::ids::{AppId, MemberId};
use protocol::members::MemberState;
use protocol::sessions::Login;
use protocol::text::Text;
use protocol::time::Micros;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use desk::on_record;
pub use desk::{Desk, Left};
pub use log::{LogOf, LogPage, LogQuery, PageStart, ShownRecord};

use super::Private;
use super::images::ImageOrder;
use super::launching::{ActsQuery, MaintenanceOrder, TesterOrder, VersionOrder};
use super::ledger::{AuditQuery, WalletQuery};
use super::purchases::{HeldQuery, ParkedQuery, PurchasesQuery, ReleaseCommand, RetryCommand};
use crate::http::Failure;

/// What is to be done about members, their games and operators. Written as JSON it is the body of the request to [`Order::path`].
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Order {
    /// Shows a member.
    Show(ShowCommand),
    /// Sends a member a message.
    Message(MessageCommand),
    /// Keeps a member out.
    Ban(BanCommand),
    /// Lets a member in again.
    Unban(Whom),
    /// Shows what a game's server is told.
    Notices(super::webhooks::NoticesQuery),
    /// Tells it again.
    Replay(super::webhooks::ReplayCommand),
    /// Makes, shows or changes an operator's account.
    Operator(super::operators::OperatorOrder),
    /// Shows what the game log has.
    Log(LogQuery),
    /// Shows what a member has bought.
    Purchases(PurchasesQuery),
    /// Shows what was paid and is held.
    Held(HeldQuery),
    /// Shows what no store could be asked about.
    Parked(ParkedQuery),
    /// Has a store asked again.
    Retry(RetryCommand),
    /// Grants what is held.
    Release(ReleaseCommand),
    /// Shows what a member has.
    Wallet(WalletQuery),
    /// Adds up a part of the ledger.
    Audit(AuditQuery),
    /// Something about a game's versions.
    Version(Box<VersionOrder>),
    /// What is done with images.
    Image(ImageOrder),
    /// Something about maintenance.
    Maintenance(Box<MaintenanceOrder>),
    /// Something about testers.
    Tester(TesterOrder),
    /// Something about notices or banners.
    Piece(super::content::PieceOrder),
    /// Shows what operators did.
    Acts(ActsQuery),
}

impl Order {
    /// Where the private listener takes it.
    #[must_use]
    pub fn path(&self) -> &'static str {
        match self {
            Self::Show(_) => "/commands/member/show",
            Self::Message(_) => "/commands/member/message",
            Self::Ban(_) => "/commands/member/ban",
            Self::Unban(_) => "/commands/member/unban",
            Self::Notices(_) => "/commands/webhooks/list",
            Self::Replay(_) => "/commands/webhooks/replay",
            Self::Operator(_) => "/commands/operator",
            Self::Log(_) => "/commands/gamelog",
            Self::Purchases(_) => "/commands/purchase/list",
            Self::Held(_) => "/commands/purchase/held",
            Self::Parked(_) => "/commands/purchase/parked",
            Self::Retry(_) => "/commands/purchase/retry",
            Self::Release(_) => "/commands/purchase/release",
            Self::Wallet(_) => "/commands/wallet/show",
            Self::Audit(_) => "/commands/ledger/audit",
            Self::Version(_) => "/commands/version",
            Self::Image(_) => "/commands/image",
            Self::Maintenance(_) => "/commands/maintenance",
            Self::Tester(_) => "/commands/tester",
            Self::Piece(_) => "/commands/piece",
            Self::Acts(_) => "/commands/audit",
        }
    }

    /// Has it done, and returns the answer as JSON.
    ///
    /// # Errors
    /// `member.unknown`, `body.invalid`, or what storage says.
    pub async fn done_at(self, desk: &Desk) -> Result<Value, ErrorBody> {
        match self {
            Self::Show(command) => desk.show(command).await.and_then(json),
            Self::Message(command) => desk.message(command).await.and_then(json),
            Self::Ban(command) => desk.ban(command).await.and_then(json),
            Self::Unban(whom) => desk.unban(whom).await.and_then(json),
            Self::Notices(query) => desk.notices(query).await.and_then(json),
            Self::Replay(command) => desk.replay(command).await.and_then(json),
            Self::Operator(order) => desk.operator(order).await,
            Self::Log(query) => desk.log(query).await.and_then(json),
            Self::Purchases(query) => desk.purchases(query).await.and_then(json),
            Self::Held(query) => desk.held(query).await.and_then(json),
            Self::Parked(query) => desk.parked(query).await.and_then(json),
            Self::Retry(command) => desk.retry(command).await.and_then(json),
            Self::Release(command) => desk.release(command).await.and_then(json),
            Self::Wallet(query) => desk.wallet(query).await.and_then(json),
            Self::Audit(query) => desk.audit(query).await.and_then(json),
            Self::Version(order) => desk.version(*order).await.and_then(json),
            Self::Image(order) => desk.image(order).await.and_then(json),
            Self::Maintenance(order) => desk.maintenance(*order).await.and_then(json),
            Self::Tester(order) => desk.tester(order).await.and_then(json),
            Self::Piece(order) => desk.piece(order).await.and_then(json),
            Self::Acts(query) => desk.acts(query).await.and_then(json),
        }
    }
}

fn json(answer: impl Serialize) -> Result<Value, ErrorBody> {
    serde_json::to_value(answer).map_err(|error| fault::internal(&error.to_string()))
}

/// The body of `/commands/member/show`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShowCommand {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// Whether what a replica has is good enough, which spares the primary.
    #[serde(default)]
    pub lagging: bool,
}

/// The body of `/commands/member/unban`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Whom {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
}

/// The body of `/commands/member/message`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MessageCommand {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// A heading.
    pub title: Option<Text<128>>,
    /// The text.
    pub text: Text<2048>,
    /// How long it waits for the member, in seconds.
    pub expires_s: Option<u64>,
}

/// The body of `/commands/member/ban`. With neither `until` nor `for_s` it has no end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BanCommand {
    /// The game.
    pub app: AppId,
    /// The member.
    pub member: MemberId,
    /// What the player is told.
    pub reason: Text<512>,
    /// When it ends.
    pub until: Option<Micros>,
    /// How long it lasts, in seconds, at most 100 years.
    pub for_s: Option<u64>,
}

/// The answer to `/commands/member/message`.
#[derive(Debug, Serialize)]
pub struct Messaged {
    /// The message's number in the member's inbox.
    pub seq: u64,
}

/// The answer to `/commands/member/ban`.
#[derive(Debug, Serialize)]
pub struct Banned {
    /// When it ends; null when it has no end.
    pub until: Option<Micros>,
    /// The number, in the member's inbox, of the push that tells of it.
    pub seq: u64,
}

/// The answer to `/commands/member/unban`.
#[derive(Debug, Serialize)]
pub struct Unbanned {
    /// What kept the member out; null when nothing did.
    pub lifted: Option<ShownBan>,
}

/// The answer to `/commands/member/show`.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// The member.
    pub member: MemberId,
    /// Where the membership stands.
    pub state: MemberState,
    /// What keeps the member out; null when nothing does.
    pub ban: Option<ShownBan>,
    /// When the member first came.
    pub created_at: Micros,
    /// By which providers it can log in.
    pub providers: Vec<String>,
    /// Its logins that have neither ended nor expired, the newest first.
    pub logins: Vec<Login>,
    /// The highest number of its inbox.
    pub inbox: u64,
    /// The highest number that it acknowledged.
    pub acked: u64,
    /// What was given back of its purchases.
    pub refunds: Refunds,
    /// How many milliseconds ago, at most, it was like this; null when it is now.
    pub lag_ms: Option<u64>,
}

/// What was given back of a member's purchases after it was granted, sandboxes left out.
#[derive(Debug, Serialize)]
pub struct Refunds {
    /// Of how many purchases all or a part was given back, counted up to 10,000.
    pub purchases: u64,
    /// How much money of each currency, in millionths, as far as the stores say what was paid.
    pub sums: BTreeMap<String, i64>,
}

/// A ban, as an operator is shown it.
#[derive(Debug, Serialize)]
pub struct ShownBan {
    /// By what the game log names it.
    pub id: String,
    /// What the player is told.
    pub reason: Text<512>,
    /// When it ends; null when it has no end.
    pub until: Option<Micros>,
    /// When it was made.
    pub at: Micros,
    /// By whom.
    pub by: storage::members::By,
}

pub(super) async fn show(
    State(private): State<Private>,
    Json(command): Json<ShowCommand>,
) -> Response {
    done(&private, Order::Show(command)).await
}

pub(super) async fn message(
    State(private): State<Private>,
    Json(command): Json<MessageCommand>,
) -> Response {
    done(&private, Order::Message(command)).await
}

pub(super) async fn ban(
    State(private): State<Private>,
    Json(command): Json<BanCommand>,
) -> Response {
    done(&private, Order::Ban(command)).await
}

pub(super) async fn log(State(private): State<Private>, Json(query): Json<LogQuery>) -> Response {
    done(&private, Order::Log(query)).await
}

pub(super) async fn unban(State(private): State<Private>, Json(whom): Json<Whom>) -> Response {
    done(&private, Order::Unban(whom)).await
}

pub(super) async fn done(private: &Private, order: Order) -> Response {
    let desk = Desk::of(&private.gate.node);
    // A task of its own: what is begun is finished, connections told included, even if
    // whoever asked is gone.
    let work = tokio::spawn(async move { order.done_at(&desk).await });
    let failed = |_| Err(fault::internal("the command failed on the way"));
    match work.await.unwrap_or_else(failed) {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => Failure(error).into_response(),
    }
}
