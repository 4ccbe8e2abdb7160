//! Examples of every operation's request. A new operation does not compile without one.

use protocol::client::StoreName;
use protocol::content::{self, ClickRequest, DismissRequest, Known, SeenRequest, StateRequest};
use protocol::identity::{
    Credential, ListRequest, LoginRequest, LogoutEverywhereRequest, LogoutRequest, NonceRequest,
    RefreshRequest,
};
use protocol::launching::StatusRequest;
use protocol::members::MeRequest;
use protocol::operation::{ConnectionRequest, MemberRequest, Operation, PublicRequest, Request};
use protocol::purchases::{
    ConsumeRequest, HistoryRequest, ProductsRequest, ReserveRequest, SubmitRequest,
    UnconsumedRequest,
};
use protocol::push;
use protocol::sessions::{self, CloseRequest, OpenRequest, PingRequest, Resume};
use protocol::wallet::BalancesRequest;
use serde::{Serialize, Serializer};

use crate::content::{banner_id, notice_id};
use crate::parts::{
    Example, T, app, brief_client, example, full_client, purchase_id, reservation, secret,
    session_id, text,
};

const EMPTY: &str = "The body is an empty map.";

pub(crate) fn of(operation: Operation) -> Vec<Example<Request>> {
    match operation {
        Operation::LaunchStatus => public(PublicRequest::LaunchStatus, launch_status()),
        Operation::NoticeList => public(PublicRequest::NoticeList, content_list()),
        Operation::BannerList => public(PublicRequest::BannerList, content_list()),
        Operation::AuthNonce => public(PublicRequest::AuthNonce, auth_nonce()),
        Operation::AuthLogin => public(PublicRequest::AuthLogin, auth_login()),
        Operation::AuthRefresh => public(PublicRequest::AuthRefresh, auth_refresh()),
        Operation::SessionOpen => connection(ConnectionRequest::SessionOpen, session_open()),
        Operation::SessionRefresh => {
            connection(ConnectionRequest::SessionRefresh, session_refresh())
        }
        Operation::SessionPing => connection(ConnectionRequest::SessionPing, session_ping()),
        Operation::SessionClose => {
            connection(ConnectionRequest::SessionClose, empty(CloseRequest {}))
        }
        Operation::AuthLogout => member(MemberRequest::AuthLogout, empty(LogoutRequest {})),
        Operation::AuthLogoutEverywhere => {
            member(MemberRequest::AuthLogoutEverywhere, empty(LogoutEverywhereRequest {}))
        }
        Operation::IdentityList => member(MemberRequest::IdentityList, empty(ListRequest {})),
        Operation::MemberMe => member(MemberRequest::MemberMe, empty(MeRequest {})),
        Operation::InboxList => member(MemberRequest::InboxList, inbox_list()),
        Operation::InboxAck => member(
            MemberRequest::InboxAck,
            vec![example("full", "All up to the third arrived.", push::AckRequest { seq: 3 })],
        ),
        Operation::SessionList => {
            member(MemberRequest::SessionList, empty(sessions::ListRequest {}))
        }
        Operation::ProductList => member(MemberRequest::ProductList, product_list()),
        Operation::PurchaseReserve => member(MemberRequest::PurchaseReserve, purchase_reserve()),
        Operation::PurchaseSubmit => member(MemberRequest::PurchaseSubmit, purchase_submit()),
        Operation::PurchaseUnconsumed => {
            member(MemberRequest::PurchaseUnconsumed, empty(UnconsumedRequest {}))
        }
        Operation::PurchaseConsume => {
            let request = ConsumeRequest { purchase: purchase_id() };
            let what = "The game's client took what the purchase grants.";
            member(MemberRequest::PurchaseConsume, vec![example("full", what, request)])
        }
        Operation::PurchaseHistory => member(MemberRequest::PurchaseHistory, purchase_history()),
        Operation::WalletBalances => {
            member(MemberRequest::WalletBalances, empty(BalancesRequest {}))
        }
        Operation::ContentSeen => {
            let request = SeenRequest { ids: vec![notice_id(), banner_id()] };
            let what = "The player was shown a notice and a banner.";
            member(MemberRequest::ContentSeen, vec![example("full", what, request)])
        }
        Operation::ContentDismiss => member(MemberRequest::ContentDismiss, content_dismiss()),
        Operation::ContentClick => {
            let request = ClickRequest { id: banner_id() };
            let what = "The player clicked a banner.";
            member(MemberRequest::ContentClick, vec![example("full", what, request)])
        }
        Operation::ContentState => member(MemberRequest::ContentState, empty(StateRequest {})),
    }
}

/// The body of a typed request alone.
pub(crate) struct Body<'a>(pub(crate) &'a Request);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Request::Public(PublicRequest::LaunchStatus(body)) => body.serialize(to),
            Request::Public(PublicRequest::NoticeList(body)) => body.serialize(to),
            Request::Public(PublicRequest::BannerList(body)) => body.serialize(to),
            Request::Public(PublicRequest::AuthNonce(body)) => body.serialize(to),
            Request::Public(PublicRequest::AuthLogin(body)) => body.serialize(to),
            Request::Public(PublicRequest::AuthRefresh(body)) => body.serialize(to),
            Request::Connection(ConnectionRequest::SessionOpen(body)) => body.serialize(to),
            Request::Connection(ConnectionRequest::SessionRefresh(body)) => body.serialize(to),
            Request::Connection(ConnectionRequest::SessionPing(body)) => body.serialize(to),
            Request::Connection(ConnectionRequest::SessionClose(body)) => body.serialize(to),
            Request::Member(MemberRequest::AuthLogout(body)) => body.serialize(to),
            Request::Member(MemberRequest::AuthLogoutEverywhere(body)) => body.serialize(to),
            Request::Member(MemberRequest::IdentityList(body)) => body.serialize(to),
            Request::Member(MemberRequest::MemberMe(body)) => body.serialize(to),
            Request::Member(MemberRequest::InboxList(body)) => body.serialize(to),
            Request::Member(MemberRequest::InboxAck(body)) => body.serialize(to),
            Request::Member(MemberRequest::SessionList(body)) => body.serialize(to),
            Request::Member(MemberRequest::ProductList(body)) => body.serialize(to),
            Request::Member(MemberRequest::PurchaseReserve(body)) => body.serialize(to),
            Request::Member(MemberRequest::PurchaseSubmit(body)) => body.serialize(to),
            Request::Member(MemberRequest::PurchaseUnconsumed(body)) => body.serialize(to),
            Request::Member(MemberRequest::PurchaseConsume(body)) => body.serialize(to),
            Request::Member(MemberRequest::PurchaseHistory(body)) => body.serialize(to),
            Request::Member(MemberRequest::WalletBalances(body)) => body.serialize(to),
            Request::Member(MemberRequest::ContentSeen(body)) => body.serialize(to),
            Request::Member(MemberRequest::ContentDismiss(body)) => body.serialize(to),
            Request::Member(MemberRequest::ContentClick(body)) => body.serialize(to),
            Request::Member(MemberRequest::ContentState(body)) => body.serialize(to),
        }
    }
}

fn typed<T>(examples: Vec<Example<T>>, request: impl Fn(T) -> Request) -> Vec<Example<Request>> {
    let typed = |from: Example<T>| example(from.form, from.what, request(from.body));
    examples.into_iter().map(typed).collect()
}

fn public<T>(to: fn(T) -> PublicRequest, examples: Vec<Example<T>>) -> Vec<Example<Request>> {
    typed(examples, |body| Request::Public(to(body)))
}

fn connection<T>(
    to: fn(T) -> ConnectionRequest,
    examples: Vec<Example<T>>,
) -> Vec<Example<Request>> {
    typed(examples, |body| Request::Connection(to(body)))
}

fn member<T>(to: fn(T) -> MemberRequest, examples: Vec<Example<T>>) -> Vec<Example<Request>> {
    typed(examples, |body| Request::Member(to(body)))
}

fn empty<T>(body: T) -> Vec<Example<T>> {
    vec![example("empty", EMPTY, body)]
}

fn launch_status() -> Vec<Example<StatusRequest>> {
    let request = |client| StatusRequest { app: app(), client };
    vec![
        example("minimal", "The client says only what it must.", request(brief_client())),
        example("full", "The client says all there is.", request(full_client())),
    ]
}

fn content_list() -> Vec<Example<content::ListRequest>> {
    let request = |known| content::ListRequest { app: app(), client: full_client(), known };
    vec![
        example("full", "The client has no list yet.", request(None)),
        example("known", "It has one.", request(Some(text("5f0c2a9e1b7d4c36")))),
    ]
}

fn content_dismiss() -> Vec<Example<DismissRequest>> {
    let request = |days| DismissRequest { id: notice_id(), days };
    vec![
        example("minimal", "For as many days as it says itself.", request(None)),
        example("full", "For a week.", request(Some(7))),
    ]
}

fn auth_nonce() -> Vec<Example<NonceRequest>> {
    vec![example("full", "The game is all there is to say.", NonceRequest { app: app() })]
}

fn auth_login() -> Vec<Example<LoginRequest>> {
    let guest = |credential| LoginRequest {
        app: app(),
        provider: text("guest"),
        credential,
        nonce: None,
        client: brief_client(),
    };
    let kept = Credential {
        guest: Some(text("a-guest-id")),
        secret: Some(secret("a-guest-secret")),
        token: None,
    };
    let token = Credential { token: Some(secret("an-id-token")), ..Credential::default() };
    vec![
        example("new_guest", "A guest comes for the first time.", guest(None)),
        example("known_guest", "A guest comes back with what it kept.", guest(Some(kept))),
        example(
            "full",
            "A player comes with a provider's ID token and the nonce that is in it.",
            LoginRequest {
                app: app(),
                provider: text("google"),
                credential: Some(token),
                nonce: Some(text("a-nonce")),
                client: full_client(),
            },
        ),
    ]
}

fn auth_refresh() -> Vec<Example<RefreshRequest>> {
    let request = |take_over| RefreshRequest {
        app: app(),
        refresh_token: secret("a-refresh-token"),
        take_over,
        client: None,
    };
    let updated = RefreshRequest { client: Some(full_client()), ..request(false) };
    vec![
        example("plain", "The login goes on.", request(false)),
        example(
            "take_over",
            "A login that another device replaced takes the session back.",
            request(true),
        ),
        example("client", "The client says what it is since its update.", updated),
    ]
}

fn session_open() -> Vec<Example<OpenRequest>> {
    let resume = Resume { session: session_id(), seq: 41 };
    vec![
        example(
            "minimal",
            "A new session.",
            OpenRequest {
                token: secret("an-access-token"),
                client: brief_client(),
                resume: None,
                known: None,
            },
        ),
        example(
            "full",
            "The session goes on after the push with the number 41.",
            OpenRequest {
                token: secret("an-access-token"),
                client: full_client(),
                resume: Some(resume),
                known: None,
            },
        ),
        example(
            "known",
            "A new session of a client that has both lists.",
            OpenRequest {
                token: secret("an-access-token"),
                client: brief_client(),
                resume: None,
                known: Some(Known {
                    notices: Some(text("5f0c2a9e1b7d4c36")),
                    banners: Some(text("0b77d1c2a3e4f506")),
                }),
            },
        ),
    ]
}

fn session_refresh() -> Vec<Example<sessions::RefreshRequest>> {
    let token = secret("a-newer-access-token");
    vec![example(
        "full",
        "A newer access token of the same login.",
        sessions::RefreshRequest { token },
    )]
}

fn session_ping() -> Vec<Example<PingRequest>> {
    vec![
        example("empty", EMPTY, PingRequest { t: None }),
        example(
            "full",
            "A number of the client's own, which is to come back to the last bit.",
            PingRequest { t: Some(T) },
        ),
    ]
}

fn inbox_list() -> Vec<Example<push::ListRequest>> {
    let waiting = push::ListRequest { after: Some(3), limit: Some(20), wait_s: Some(30) };
    vec![
        example("minimal", "Whatever waits.", push::ListRequest::default()),
        example("full", "What is behind a number, waiting for it.", waiting),
    ]
}

fn product_list() -> Vec<Example<ProductsRequest>> {
    vec![
        example("empty", EMPTY, ProductsRequest::default()),
        example(
            "full",
            "What is sold in one store.",
            ProductsRequest { store: Some(StoreName::OneStore) },
        ),
    ]
}

fn purchase_reserve() -> Vec<Example<ReserveRequest>> {
    let request = ReserveRequest { product: text("gem_100"), store: StoreName::AppStore };
    vec![example("full", "A product is about to be bought.", request)]
}

fn purchase_submit() -> Vec<Example<SubmitRequest>> {
    let evidence = |fields| match fields {
        serde_json::Value::Object(fields) => fields,
        other => panic!("{other}"),
    };
    vec![
        example(
            "minimal",
            "What Google Play gave.",
            SubmitRequest {
                store: StoreName::GooglePlay,
                evidence: evidence(serde_json::json!({"token": "a-token", "product": "gem_100"})),
                reservation: None,
            },
        ),
        example(
            "full",
            "What the App Store gave for what was reserved.",
            SubmitRequest {
                store: StoreName::AppStore,
                evidence: evidence(serde_json::json!({"jws": "a.signed.transaction"})),
                reservation: Some(reservation()),
            },
        ),
    ]
}

fn purchase_history() -> Vec<Example<HistoryRequest>> {
    let rest = HistoryRequest { before: Some(purchase_id()), limit: Some(20) };
    vec![
        example("empty", EMPTY, HistoryRequest::default()),
        example("full", "What came before a purchase.", rest),
    ]
}
