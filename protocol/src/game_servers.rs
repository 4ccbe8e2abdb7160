//! What the games' own servers ask, with a key of their game, under `/server/v1`.
//!
//! A row of the table is a name, the scope that a key needs for it, whether it needs an
//! `Idempotency-Key`, and its two types. A game's server speaks of the game that its key is of,
//! so no request names a game.

use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::codec::Format;
use crate::error::{ErrorBody, ErrorCode};
use crate::ids::{LoginId, MemberId};
use crate::limits::TOKEN_BYTES;
use crate::members::{Ban, MemberState};
use crate::purchases::{ConsumeReply, Grant, Purchase};
use crate::text::{Secret, Text};
use crate::time::Micros;
use crate::wallet::Balances;

crate::words! {
    /// What a key may be used for.
    #[derive(PartialOrd, Ord)]
    Scope {
        /// Players' tokens.
        Sessions = "sessions",
        /// Who a member is.
        Members = "members",
        /// What was bought.
        Purchases = "purchases",
        /// What members have, and changing it.
        Wallet = "wallet",
        /// Speaking to members, and keeping them out.
        Moderation = "moderation",
    }
}

/// Whether an operation needs an `Idempotency-Key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// It may be asked for again as it is.
    Free,
    /// It is done once under each key.
    Keyed,
    /// It is done once under a key if there is one, and each time without.
    Offered,
}

/// What the documents need of every row: its types' schemas.
pub trait Visitor {
    /// Called once a row.
    fn operation<Request: ToSchema, Reply: ToSchema>(&mut self, operation: ServerOperation);
}

macro_rules! server_operations {
    ($($(#[doc = $doc:literal])+
    $op:ident $name:literal $scope:ident $keyed:ident $request:ty => $reply:ty;)+) => {
        /// Every operation for games' servers, by name alone.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ServerOperation { $($(#[doc = $doc])+ $op,)+ }

        impl ServerOperation {
            /// Every operation, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$op,)+];

            /// The name; its path is `/server/v1/` and the name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$op => $name,)+ }
            }

            /// The operation of a name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$op),)+ _ => None }
            }

            /// What a key has to be good for.
            #[must_use]
            pub fn scope(self) -> Scope {
                match self { $(Self::$op => Scope::$scope,)+ }
            }

            /// Whether it needs an `Idempotency-Key`.
            #[must_use]
            pub fn idempotency(self) -> Idempotency {
                match self { $(Self::$op => Idempotency::$keyed,)+ }
            }

            /// What it does, in a sentence or two.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self { $(Self::$op => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// Shows every row's types to `visitor`.
            pub fn visit(visitor: &mut impl Visitor) {
                $(visitor.operation::<$request, $reply>(Self::$op);)+
            }

            /// Reads the body of a request for this operation.
            ///
            /// # Errors
            /// `body.invalid`, naming the field.
            pub fn decode(self, body: &[u8]) -> Result<ServerRequest, ErrorBody> {
                let body = if body.is_empty() { Format::Json.empty_map() } else { body };
                Ok(match self { $(
                    Self::$op => ServerRequest::$op(Format::Json.decode_body(body)?),
                )+ })
            }
        }

        /// A typed request of a game's server.
        #[derive(Clone, Debug, PartialEq)]
        pub enum ServerRequest { $($(#[doc = $doc])+ $op($request),)+ }

        /// A typed answer to a game's server. It is written as the body alone.
        #[derive(Clone, Debug, PartialEq)]
        pub enum ServerReply { $($(#[doc = $doc])+ $op($reply),)+ }

        impl Serialize for ServerReply {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Self::$op(body) => body.serialize(serializer),)+ }
            }
        }
    };
}

server_operations! {
    /// Whose an access token is, and whether it stands: the login goes on, holds the session,
    /// and its member is not kept out.
    SessionsVerify "sessions/verify" Sessions Free VerifyRequest => VerifyReply;
    /// Who a member is.
    MembersGet "members/get" Members Free MemberRequest => MemberReply;
    /// Sends a member a message. It waits in the member's inbox until it has arrived. Asked for
    /// twice under one `Idempotency-Key`, it is sent once; without, twice.
    MembersMessage "members/message" Moderation Offered MessageRequest => MessageReply;
    /// Keeps a member out, at once and wherever it is logged in, in the place of an earlier ban.
    MembersBan "members/ban" Moderation Free BanRequest => BanReply;
    /// Lets a member in again. One who is not kept out stays as it is.
    MembersUnban "members/unban" Moderation Free UnbanRequest => UnbanReply;
    /// A member's purchases: all, the newest first, or those to be consumed, the oldest first.
    PurchasesList "purchases/list" Purchases Free PurchasesRequest => PurchasesReply;
    /// Marks a purchase as taken. The game gave what it is for; doing it twice is harmless.
    PurchasesConsume "purchases/consume" Purchases Free ConsumePurchaseRequest => ConsumeReply;
    /// What a member has.
    WalletBalances "wallet/balances" Wallet Free WalletRequest => Balances;
    /// Takes items from a member, all of them or none.
    WalletSpend "wallet/spend" Wallet Keyed MoveRequest => MoveReply;
    /// Gives items to a member, all of them or none.
    WalletGrant "wallet/grant" Wallet Keyed MoveRequest => MoveReply;
    /// Every change of what a member has, the newest first.
    WalletTransfers "wallet/transfers" Wallet Free TransfersRequest => TransfersReply;
}

impl ServerOperation {
    /// The HTTP path that serves it.
    #[must_use]
    pub fn http_path(self) -> String {
        format!("/server/v1/{}", self.name())
    }
}

/// The body of `sessions/verify`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VerifyRequest {
    /// The access token that a player showed.
    #[schema(value_type = String, example = "eyJ...")]
    pub token: Secret<TOKEN_BYTES>,
}

/// The answer to `sessions/verify`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VerifyReply {
    /// Whether the player may be let in with it.
    pub valid: bool,
    /// Why not: `auth.refused`, `auth.expired`, `auth.logged_out`, `auth.reused`,
    /// `session.replaced` or `member.banned`. Absent when it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ErrorCode>,
    /// Whose it is; absent when it is no token of this game, or has expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "0G3Q8TZ4M1A7C")]
    pub member: Option<MemberId>,
    /// Of which login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub login: Option<LoginId>,
    /// When it expires. Ask again by then: a player that goes on has a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Micros>,
}

/// The body of `members/get`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberRequest {
    /// The member.
    #[schema(value_type = String, example = "0G3Q8TZ4M1A7C")]
    pub member: MemberId,
}

/// The answer to `members/get`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MemberReply {
    /// The member.
    #[schema(value_type = String, example = "0G3Q8TZ4M1A7C")]
    pub member: MemberId,
    /// Where the membership stands.
    pub state: MemberState,
    /// What keeps it out; absent when nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ban: Option<Ban>,
    /// When it first came.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Micros,
    /// By which providers it can log in.
    pub providers: Vec<String>,
}

/// The body of `members/message`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageRequest {
    /// The member.
    #[schema(value_type = String, example = "0G3Q8TZ4M1A7C")]
    pub member: MemberId,
    /// A heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 128)]
    pub title: Option<Text<128>>,
    /// The text.
    #[schema(value_type = String, max_length = 2048)]
    pub text: Text<2048>,
    /// For how long it waits for the member, in seconds, 1 second to 90 days; 30 days if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 7_776_000)]
    pub expires_s: Option<u64>,
}

/// The answer to `members/message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageReply {
    /// The message's number in the member's inbox.
    pub seq: u64,
    /// Whether it was sent before, under the same `Idempotency-Key`.
    #[serde(default)]
    pub seen_before: bool,
}

/// The body of `members/ban`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BanRequest {
    /// The member.
    #[schema(value_type = String, example = "0G3Q8TZ4M1A7C")]
    pub member: MemberId,
    /// What the player is told.
    #[schema(value_type = String, max_length = 512)]
    pub reason: Text<512>,
    /// When it ends; without it there is no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Micros>,
}

/// The answer to `members/ban`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BanReply {
    /// The number, in the member's inbox, of the push that tells of it.
    pub seq: u64,
}

/// The body of `members/unban`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnbanRequest {
    /// The member.
    #[schema(value_type = String, example = "0G3Q8TZ4M1A7C")]
    pub member: MemberId,
}

/// The answer to `members/unban`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UnbanReply {
    /// What kept the member out; absent when nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifted: Option<Ban>,
}

/// The body of `purchases/list`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PurchasesRequest {
    /// The member.
    #[schema(value_type = String, example = "0G3Q8TZ4M1A7C")]
    pub member: MemberId,
    /// Only what is granted and not consumed, the oldest first. Otherwise all, the newest first.
    #[serde(default)]
    pub unconsumed: bool,
    /// What comes behind this purchase, in that order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub after: Option<Uuid>,
    /// At most so many, 1 to 100; 50 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub limit: Option<u16>,
}

/// The answer to `purchases/list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PurchasesReply {
    /// The purchases.
    pub purchases: Vec<Purchase>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub after: Option<Uuid>,
}

/// The body of `purchases/consume`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConsumePurchaseRequest {
    /// The member.
    #[schema(value_type = String, example = "0G3Q8TZ4M1A7C")]
    pub member: MemberId,
    /// The purchase's id.
    #[schema(value_type = String)]
    pub purchase: Uuid,
}

/// The body of `wallet/balances`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WalletRequest {
    /// The member.
    #[schema(value_type = String, example = "0G3Q8TZ4M1A7C")]
    pub member: MemberId,
}

/// The body of `wallet/spend` and of `wallet/grant`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MoveRequest {
    /// The member.
    #[schema(value_type = String, example = "0G3Q8TZ4M1A7C")]
    pub member: MemberId,
    /// What: 1 to 32 items, each once, of each 1 to 2^53-1.
    #[schema(min_items = 1, max_items = 32)]
    pub items: Vec<Grant>,
    /// The game's own word for why; it is kept with the transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 128)]
    pub note: Option<Text<128>>,
}

/// The answer to `wallet/spend` and to `wallet/grant`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MoveReply {
    /// The transfer's id.
    #[schema(value_type = String)]
    pub transfer: Uuid,
    /// What the member had of each of these items right after it.
    pub balances: Vec<Grant>,
    /// Whether it was done before, under the same `Idempotency-Key`.
    pub seen_before: bool,
}

/// The body of `wallet/transfers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransfersRequest {
    /// The member.
    #[schema(value_type = String, example = "0G3Q8TZ4M1A7C")]
    pub member: MemberId,
    /// What came before this moment; from the newest on if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub before: Option<Micros>,
    /// And what happened at that very moment behind this transfer: what the answer before said
    /// under this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub before_id: Option<Uuid>,
    /// At most so many, 1 to 100; 50 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub limit: Option<u16>,
}

/// The answer to `wallet/transfers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransfersReply {
    /// The transfers.
    pub transfers: Vec<TransferTold>,
    /// Where to go on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub before: Option<Micros>,
    /// Where exactly; there whenever `before` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub before_id: Option<Uuid>,
}

/// A transfer, from the member's side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransferTold {
    /// Its id.
    #[schema(value_type = String)]
    pub id: Uuid,
    /// Why: `purchase`, `given` or `spent`.
    #[schema(example = "spent")]
    pub cause: String,
    /// What was moved, to the member or, if less than nothing, from it.
    pub items: Vec<Grant>,
    /// The game's own word for why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Micros,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_are_their_own() {
        for operation in ServerOperation::ALL {
            assert_eq!(ServerOperation::parse(operation.name()), Some(*operation));
            assert!(operation.summary().ends_with('.'), "{}", operation.name());
        }
        assert_eq!(ServerOperation::parse("wallet/steal"), None);
        assert_eq!(ServerOperation::WalletSpend.http_path(), "/server/v1/wallet/spend");
    }

    #[test]
    fn what_moves_money_needs_a_key() {
        let keyed = |it: &&ServerOperation| it.idempotency() == Idempotency::Keyed;
        let keyed: Vec<_> = ServerOperation::ALL.iter().filter(keyed).map(|it| it.name()).collect();
        assert_eq!(keyed, ["wallet/spend", "wallet/grant"]);
    }

    #[test]
    fn a_field_that_is_wrong_is_named() {
        let says = |body: &str| ServerOperation::WalletSpend.decode(body.as_bytes()).unwrap_err();
        assert_eq!(says("").code, ErrorCode::BodyInvalid);
        let error = says(r#"{"member":"0G3Q8TZ4M1A7C","items":[{"item":"gem","amount":"x"}]}"#);
        assert!(error.message.contains("items[0].amount"), "{error}");
    }
}
