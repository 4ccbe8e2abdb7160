//! The one table of operations, served by every door.
//!
//! A row is a name, what it does to the truth, the doors that serve it, and its two
//! types. From the rows are made: the names, the typed requests by who may ask, the
//! typed replies, and the documents. A handler matches on the enums made here, so an
//! operation without a handler does not compile.

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::codec::Format;
use crate::error::ErrorBody;

/// Who may ask for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, before any login (`*` in the contract).
    Public,
    /// The connection itself: the socket's own task answers, or the HTTP door.
    Connection,
    /// A member who is logged in; the member's session answers.
    Member,
}

/// What an operation does to the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: it may be asked again freely.
    Reads,
    /// Something.
    Changes,
}

/// Which doors serve an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doors {
    /// The websocket and HTTP alike.
    Both,
    /// The websocket alone: over HTTP the bearer token says it all.
    Socket,
}

/// What the documents need of every row: its types' schemas.
pub trait Visitor {
    /// Called once a row.
    fn operation<Request: ToSchema, Reply: ToSchema>(&mut self, operation: Operation);
}

macro_rules! operations {
    ($($(#[doc = $edoc:literal])+ $access:ident $requests:ident {
        $($(#[doc = $doc:literal])+
        $op:ident $name:literal $effect:ident $doors:ident $request:ty => $reply:ty;)+
    })+) => {
        /// Every operation, by name alone.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation { $($($(#[doc = $doc])+ $op,)+)+ }

        impl Operation {
            /// Every operation, in the order of the table.
            pub const ALL: &'static [Self] = &[$($(Self::$op,)+)+];

            /// The name on the wire.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $($(Self::$op => $name,)+)+ }
            }

            /// The operation of a name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($($name => Some(Self::$op),)+)+ _ => None }
            }

            /// Who may ask for it.
            #[must_use]
            pub fn access(self) -> Access {
                match self { $($(Self::$op => Access::$access,)+)+ }
            }

            /// What it does to the truth.
            #[must_use]
            pub fn effect(self) -> Effect {
                match self { $($(Self::$op => Effect::$effect,)+)+ }
            }

            /// Which doors serve it.
            #[must_use]
            pub fn doors(self) -> Doors {
                match self { $($(Self::$op => Doors::$doors,)+)+ }
            }

            /// What it does, in a sentence or two.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self { $($(Self::$op => concat!($($doc),+).trim_ascii(),)+)+ }
            }

            /// Shows every row's types to `visitor`.
            pub fn visit(visitor: &mut impl Visitor) {
                $($(visitor.operation::<$request, $reply>(Self::$op);)+)+
            }

            /// Reads the body of a request for this operation.
            ///
            /// # Errors
            /// `body.invalid`, naming the field.
            pub fn decode(self, format: Format, body: &[u8]) -> Result<Request, ErrorBody> {
                Ok(match self { $($(
                    Self::$op => Request::$access($requests::$op(format.decode_body(body)?)),
                )+)+ })
            }
        }

        impl Operation {
            /// Reads the body of an answer to this operation.
            ///
            /// # Errors
            /// As [`Operation::decode`], when it is none.
            pub fn decode_reply(self, format: Format, body: &[u8]) -> Result<Reply, ErrorBody> {
                Ok(match self { $($(Self::$op => Reply::$op(format.decode_body(body)?),)+)+ })
            }
        }

        /// A typed request, by who may ask.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Request { $($(#[doc = $edoc])+ $access($requests),)+ }

        /// Writes the body alone.
        impl Serialize for Request {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Self::$access(request) => request.serialize(serializer),)+ }
            }
        }

        $(
            $(#[doc = $edoc])+
            #[derive(Clone, Debug, PartialEq)]
            pub enum $requests { $($(#[doc = $doc])+ $op($request),)+ }

            /// Writes the body alone.
            impl Serialize for $requests {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    match self { $(Self::$op(body) => body.serialize(serializer),)+ }
                }
            }

            impl $requests {
                /// The operation that is asked for.
                #[must_use]
                pub fn operation(&self) -> Operation {
                    match self { $(Self::$op(_) => Operation::$op,)+ }
                }
            }
        )+

        /// A typed answer. It is written as the body alone.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Reply { $($($(#[doc = $doc])+ $op($reply),)+)+ }

        impl Reply {
            /// The operation that is answered.
            #[must_use]
            pub fn operation(&self) -> Operation {
                match self { $($(Self::$op(_) => Operation::$op,)+)+ }
            }
        }

        impl Serialize for Reply {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $($(Self::$op(body) => body.serialize(serializer),)+)+ }
            }
        }
    };
}

operations! {
    /// A request that needs no login.
    Public PublicRequest {
        /// Whether the game is in service for this client, and where.
        LaunchStatus "launch.status" Reads Both
            crate::launching::StatusRequest => crate::launching::StatusReply;
        /// The notices that this client is shown now.
        NoticeList "notice.list" Reads Both
            crate::content::ListRequest => crate::content::NoticesReply;
        /// The image banners that this client is shown now.
        BannerList "banner.list" Reads Both
            crate::content::ListRequest => crate::content::BannersReply;
        /// A nonce for the identity provider's SDK, good for one login.
        AuthNonce "auth.nonce" Reads Both
            crate::identity::NonceRequest => crate::identity::NonceReply;
        /// Logs in with a guest's or a provider's credential; a person not seen before becomes a member.
        AuthLogin "auth.login" Changes Both
            crate::identity::LoginRequest => crate::identity::LoginReply;
        /// Exchanges a refresh token for new tokens.
        AuthRefresh "auth.refresh" Changes Both
            crate::identity::RefreshRequest => crate::identity::Tokens;
    }
    /// A request about the connection itself.
    Connection ConnectionRequest {
        /// Opens a session on this websocket, or goes on with one.
        SessionOpen "session.open" Changes Socket
            crate::sessions::OpenRequest => crate::sessions::OpenReply;
        /// Tells the session a newer access token of the same login, before the old one expires.
        SessionRefresh "session.refresh" Changes Both
            crate::sessions::RefreshRequest => crate::sessions::RefreshReply;
        /// Measures the way there and back.
        SessionPing "session.ping" Reads Both
            crate::sessions::PingRequest => crate::sessions::PingReply;
        /// Closes the session and the connection; the login stays.
        SessionClose "session.close" Changes Socket
            crate::sessions::CloseRequest => crate::sessions::CloseReply;
    }
    /// A request of a member who is logged in.
    Member MemberRequest {
        /// Ends this login: its tokens stop, its sessions close.
        AuthLogout "auth.logout" Changes Both
            crate::identity::LogoutRequest => crate::identity::LogoutReply;
        /// Ends every login of this member, on every device.
        AuthLogoutEverywhere "auth.logout_everywhere" Changes Both
            crate::identity::LogoutEverywhereRequest => crate::identity::LogoutReply;
        /// By what this member can log in.
        IdentityList "identity.list" Reads Both
            crate::identity::ListRequest => crate::identity::ListReply;
        /// Who is logged in.
        MemberMe "member.me" Reads Both
            crate::members::MeRequest => crate::members::MeReply;
        /// The member's pushes that must arrive, and are not acknowledged; waits for one if asked to.
        InboxList "inbox.list" Reads Both
            crate::push::ListRequest => crate::push::ListReply;
        /// Acknowledges pushes: everything up to a number has arrived.
        InboxAck "inbox.ack" Changes Both
            crate::push::AckRequest => crate::push::AckReply;
        /// Where this member is logged in.
        SessionList "session.list" Reads Both
            crate::sessions::ListRequest => crate::sessions::ListReply;
        /// What the game sells now.
        ProductList "product.list" Reads Both
            crate::purchases::ProductsRequest => crate::purchases::ProductsReply;
        /// Says what is about to be bought, and gets the token that tells the store whose it is.
        PurchaseReserve "purchase.reserve" Changes Both
            crate::purchases::ReserveRequest => crate::purchases::ReserveReply;
        /// Shows what a store gave for a purchase: it is verified there, and granted once.
        PurchaseSubmit "purchase.submit" Changes Both
            crate::purchases::SubmitRequest => crate::purchases::SubmitReply;
        /// Purchases that are granted and that the game has not taken yet.
        PurchaseUnconsumed "purchase.unconsumed" Reads Both
            crate::purchases::UnconsumedRequest => crate::purchases::UnconsumedReply;
        /// Marks a purchase as taken, once.
        PurchaseConsume "purchase.consume" Changes Both
            crate::purchases::ConsumeRequest => crate::purchases::ConsumeReply;
        /// The member's purchases, the newest first.
        PurchaseHistory "purchase.history" Reads Both
            crate::purchases::HistoryRequest => crate::purchases::HistoryReply;
        /// What the member has of the game's items and currencies.
        WalletBalances "wallet.balances" Reads Both
            crate::wallet::BalancesRequest => crate::wallet::Balances;
        /// Says which notices and banners the player was shown.
        ContentSeen "content.seen" Changes Both
            crate::content::SeenRequest => crate::content::NotedReply;
        /// Puts a notice or banner away, for some days or for good, on every device of the member.
        ContentDismiss "content.dismiss" Changes Both
            crate::content::DismissRequest => crate::content::DismissReply;
        /// Says that the player clicked a notice or banner.
        ContentClick "content.click" Changes Both
            crate::content::ClickRequest => crate::content::NotedReply;
        /// What the member saw and put away of the notices and banners that there are.
        ContentState "content.state" Reads Both
            crate::content::StateRequest => crate::content::StateReply;
    }
}

impl Operation {
    /// The HTTP path that serves it: the dot is a slash.
    #[must_use]
    pub fn http_path(self) -> String {
        format!("/v1/{}", self.name().replace('.', "/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_are_their_own() {
        for operation in Operation::ALL {
            assert_eq!(Operation::parse(operation.name()), Some(*operation));
            assert!(operation.summary().ends_with('.'), "{}", operation.name());
        }
        assert_eq!(Operation::parse("purchase.steal"), None);
        assert_eq!(Operation::SessionList.http_path(), "/v1/session/list");
    }
}
