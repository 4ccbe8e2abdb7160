//! Examples of every operation's reply. A new operation does not compile without one.

use protocol::client::{Platform, StoreName};
use protocol::codec::Format;
use protocol::content::{Changed, DismissReply, NotedReply, StateReply};
use protocol::error::ErrorBody;
use protocol::identity::{
    self, Credential, Identity, LoginReply, LogoutReply, NonceReply, Todo, Tokens,
};
use protocol::launching::{ServiceWord, StatusReply};
use protocol::members::MeReply;
use protocol::operation::{Operation, Reply};
use protocol::purchases::{
    ConsumeReply, Environment, Grant, HistoryReply, Kind, Product, ProductsReply, Purchase,
    PurchaseState, ReserveReply, SubmitReply, UnconsumedReply,
};
use protocol::push;
use protocol::sessions::{self, CloseReply, Login, OpenReply, PingReply, ResumeFailed};
use protocol::wallet::Balances;
use uuid::Uuid;

use crate::content;
use crate::parts::{
    BEFORE, Example, NOW, T, example, in_service, login_id, maintenance, member, member_id,
    other_login_id, purchase_id, reservation, secret, session_id, text, update,
};

pub(crate) fn of(operation: Operation) -> Vec<Example<Reply>> {
    match operation {
        Operation::LaunchStatus => launch_status(),
        Operation::NoticeList => one("Two notices.", Reply::NoticeList(content::notices())),
        Operation::BannerList => one("One banner.", Reply::BannerList(content::banners())),
        Operation::AuthNonce => auth_nonce(),
        Operation::AuthLogin => auth_login(),
        Operation::AuthRefresh => auth_refresh(),
        Operation::SessionOpen => session_open(),
        Operation::SessionRefresh => session_refresh(),
        Operation::SessionPing => session_ping(),
        Operation::SessionClose => session_close(),
        Operation::AuthLogout => auth_logout(),
        Operation::AuthLogoutEverywhere => auth_logout_everywhere(),
        Operation::IdentityList => identity_list(),
        Operation::MemberMe => member_me(),
        Operation::InboxList => inbox_list(),
        Operation::InboxAck => {
            one("Three are acknowledged.", Reply::InboxAck(push::AckReply { acked: 3 }))
        }
        Operation::SessionList => session_list(),
        Operation::ProductList => product_list(),
        Operation::PurchaseReserve => purchase_reserve(),
        Operation::PurchaseSubmit => purchase_submit(),
        Operation::PurchaseUnconsumed => {
            let reply = UnconsumedReply { purchases: vec![purchase()] };
            one("A purchase that nobody took yet.", Reply::PurchaseUnconsumed(reply))
        }
        Operation::PurchaseConsume => {
            let reply = ConsumeReply { purchase: taken(), seen_before: false };
            one("It is taken.", Reply::PurchaseConsume(reply))
        }
        Operation::PurchaseHistory => purchase_history(),
        Operation::WalletBalances => {
            let reply = Balances { balances: vec![grant("bonus", -5), grant("gem", 100)] };
            one("What was taken back after it was spent is owed.", Reply::WalletBalances(reply))
        }
        Operation::ContentSeen => one("It is noted.", Reply::ContentSeen(NotedReply {})),
        Operation::ContentDismiss => {
            let reply = DismissReply { until: Some(NOW) };
            one("It is put away until then.", Reply::ContentDismiss(reply))
        }
        Operation::ContentClick => one("It is noted.", Reply::ContentClick(NotedReply {})),
        Operation::ContentState => {
            let reply = StateReply { regards: content::regards() };
            one("One is put away for some days, another for good.", Reply::ContentState(reply))
        }
    }
}

/// Reads a reply's body as a client that has the types does.
pub(crate) fn read(from: Operation, format: Format, body: &[u8]) -> Result<Reply, ErrorBody> {
    Ok(match from {
        Operation::LaunchStatus => Reply::LaunchStatus(format.decode_body(body)?),
        Operation::NoticeList => Reply::NoticeList(format.decode_body(body)?),
        Operation::BannerList => Reply::BannerList(format.decode_body(body)?),
        Operation::AuthNonce => Reply::AuthNonce(format.decode_body(body)?),
        Operation::AuthLogin => Reply::AuthLogin(format.decode_body(body)?),
        Operation::AuthRefresh => Reply::AuthRefresh(format.decode_body(body)?),
        Operation::SessionOpen => Reply::SessionOpen(format.decode_body(body)?),
        Operation::SessionRefresh => Reply::SessionRefresh(format.decode_body(body)?),
        Operation::SessionPing => Reply::SessionPing(format.decode_body(body)?),
        Operation::SessionClose => Reply::SessionClose(format.decode_body(body)?),
        Operation::AuthLogout => Reply::AuthLogout(format.decode_body(body)?),
        Operation::AuthLogoutEverywhere => Reply::AuthLogoutEverywhere(format.decode_body(body)?),
        Operation::IdentityList => Reply::IdentityList(format.decode_body(body)?),
        Operation::MemberMe => Reply::MemberMe(format.decode_body(body)?),
        Operation::InboxList => Reply::InboxList(format.decode_body(body)?),
        Operation::InboxAck => Reply::InboxAck(format.decode_body(body)?),
        Operation::SessionList => Reply::SessionList(format.decode_body(body)?),
        Operation::ProductList => Reply::ProductList(format.decode_body(body)?),
        Operation::PurchaseReserve => Reply::PurchaseReserve(format.decode_body(body)?),
        Operation::PurchaseSubmit => Reply::PurchaseSubmit(format.decode_body(body)?),
        Operation::PurchaseUnconsumed => Reply::PurchaseUnconsumed(format.decode_body(body)?),
        Operation::PurchaseConsume => Reply::PurchaseConsume(format.decode_body(body)?),
        Operation::PurchaseHistory => Reply::PurchaseHistory(format.decode_body(body)?),
        Operation::WalletBalances => Reply::WalletBalances(format.decode_body(body)?),
        Operation::ContentSeen => Reply::ContentSeen(format.decode_body(body)?),
        Operation::ContentDismiss => Reply::ContentDismiss(format.decode_body(body)?),
        Operation::ContentClick => Reply::ContentClick(format.decode_body(body)?),
        Operation::ContentState => Reply::ContentState(format.decode_body(body)?),
    })
}

fn one(what: &'static str, reply: Reply) -> Vec<Example<Reply>> {
    vec![example("full", what, reply)]
}

fn launch_status() -> Vec<Example<Reply>> {
    let status = |word: ServiceWord| StatusReply { status: word.number(), word, ..in_service() };
    let maintained = StatusReply {
        maintenance: Some(Box::new(maintenance(Some(61_500)))),
        update: Some(Box::new(update())),
        ..status(ServiceWord::Maintenance)
    };
    let closed = StatusReply {
        message: Some("Thank you for playing.".to_owned()),
        planned: Some(Box::new(maintenance(None))),
        ..status(ServiceWord::Closed)
    };
    vec![
        example("full", "The game is in service.", Reply::LaunchStatus(in_service())),
        example(
            "maintenance",
            "Under maintenance, and an update is there too.",
            Reply::LaunchStatus(maintained),
        ),
        example("closed", "The version's service has ended.", Reply::LaunchStatus(closed)),
    ]
}

fn auth_nonce() -> Vec<Example<Reply>> {
    let reply = NonceReply { nonce: "a-nonce".to_owned(), expires_s: 600 };
    one("A nonce for one login.", Reply::AuthNonce(reply))
}

fn tokens() -> Tokens {
    Tokens {
        access_token: secret("an-access-token"),
        access_expires_s: 3600,
        refresh_token: secret("a-refresh-token"),
        refresh_expires_s: 5_184_000,
    }
}

fn auth_login() -> Vec<Example<Reply>> {
    let reply = |new_member, credential, unconsumed_purchases| {
        let todo = Todo { unconsumed_purchases };
        Reply::AuthLogin(LoginReply {
            member: member(),
            new_member,
            tokens: tokens(),
            credential,
            todo,
        })
    };
    let kept = Credential {
        guest: Some(text("a-guest-id")),
        secret: Some(secret("a-guest-secret")),
        token: None,
    };
    vec![
        example("minimal", "A member who was here before.", reply(false, None, 0)),
        example(
            "full",
            "A new guest is shown, this once, what its client must keep.",
            reply(true, Some(kept), 0),
        ),
        example("todo", "Two purchases wait to be taken.", reply(false, None, 2)),
    ]
}

fn auth_refresh() -> Vec<Example<Reply>> {
    one("New tokens; the old refresh token is used up.", Reply::AuthRefresh(tokens()))
}

fn session_open() -> Vec<Example<Reply>> {
    let reply = |resumed, resume_failed, seq| {
        Reply::SessionOpen(OpenReply {
            session: session_id(),
            member: member_id(),
            resumed,
            resume_failed,
            seq,
            time: NOW,
            heartbeat_s: 25,
            changed: Vec::new(),
            launch: in_service(),
        })
    };
    let launch = StatusReply { content: Some(Box::new(content::versions())), ..in_service() };
    let changed = Reply::SessionOpen(OpenReply {
        session: session_id(),
        member: member_id(),
        resumed: false,
        resume_failed: None,
        seq: 0,
        time: NOW,
        heartbeat_s: 25,
        changed: vec![Changed::Notices],
        launch,
    });
    vec![
        example("minimal", "A new session.", reply(false, None, 0)),
        example("resumed", "The session goes on; missed pushes follow.", reply(true, None, 43)),
        example(
            "other_login",
            "A new session, for the one asked for is of another login.",
            reply(false, Some(ResumeFailed::OtherLogin), 0),
        ),
        example(
            "not_kept",
            "A new session, for the server no longer has what was missed.",
            reply(false, Some(ResumeFailed::NotKept), 0),
        ),
        example("changed", "The client's notices are not those that there are.", changed),
    ]
}

fn session_refresh() -> Vec<Example<Reply>> {
    let access_expires_s = 3600;
    let reply = sessions::RefreshReply { access_expires_s };
    one("The session is good for another hour.", Reply::SessionRefresh(reply))
}

fn session_ping() -> Vec<Example<Reply>> {
    let reply = |t| Reply::SessionPing(PingReply { t, time: NOW });
    vec![
        example("minimal", "Nothing was sent to come back.", reply(None)),
        example("full", "The client's number comes back to the last bit.", reply(Some(T))),
    ]
}

fn session_close() -> Vec<Example<Reply>> {
    one("The body is an empty map; a close follows.", Reply::SessionClose(CloseReply {}))
}

fn auth_logout() -> Vec<Example<Reply>> {
    let reply = LogoutReply { ended: 1 };
    one("This login has ended.", Reply::AuthLogout(reply))
}

fn auth_logout_everywhere() -> Vec<Example<Reply>> {
    let reply = LogoutReply { ended: 3 };
    one("The member's three logins have ended.", Reply::AuthLogoutEverywhere(reply))
}

fn identities() -> Vec<Identity> {
    let identity = |provider: &str, linked_at| Identity {
        provider: provider.to_owned(),
        linked_at,
        last_login_at: NOW,
    };
    vec![identity("guest", BEFORE), identity("google", NOW)]
}

fn identity_list() -> Vec<Example<Reply>> {
    let reply = |identities| Reply::IdentityList(identity::ListReply { identities });
    vec![
        example("minimal", "A list may be empty.", reply(Vec::new())),
        example("full", "Two ways to log in.", reply(identities())),
    ]
}

fn member_me() -> Vec<Example<Reply>> {
    let reply = MeReply { member: member(), identities: identities() };
    one("The member, and two ways to log in.", Reply::MemberMe(reply))
}

fn session_list() -> Vec<Example<Reply>> {
    let current = Login {
        id: login_id(),
        current: true,
        replaced: false,
        platform: Platform::Android,
        device: Some("내 폰 \"9\"".to_owned()),
        created_at: NOW,
        refreshed_at: NOW,
    };
    let replaced = Login {
        id: other_login_id(),
        current: false,
        replaced: true,
        platform: Platform::Web,
        device: None,
        created_at: BEFORE,
        refreshed_at: BEFORE,
    };
    let reply = sessions::ListReply { logins: vec![current, replaced] };
    one(
        "The login that asks, and one it replaced, whose device has no name.",
        Reply::SessionList(reply),
    )
}

fn inbox_list() -> Vec<Example<Reply>> {
    let gap = push::InboxPush {
        seq: 2,
        push: push::GAP.to_owned(),
        body: serde_json::json!({"from": 1, "to": 2}),
        at: NOW,
    };
    let message = push::InboxPush {
        seq: 3,
        push: push::MESSAGE.to_owned(),
        body: serde_json::json!({"title": "Sorry", "text": "A gift for your patience."}),
        at: NOW,
    };
    let reply = push::ListReply { pushes: vec![gap, message], seq: 3 };
    vec![
        example("full", "A range that expired, and a message.", Reply::InboxList(reply)),
        example(
            "empty",
            "Nothing waits.",
            Reply::InboxList(push::ListReply { pushes: vec![], seq: 3 }),
        ),
    ]
}

fn grant(item: &str, amount: i64) -> Grant {
    Grant { item: text(item), amount }
}

fn product_list() -> Vec<Example<Reply>> {
    let product = |id: &str, store_product, until| Product {
        id: text(id),
        kind: Kind::Consumable,
        grants: vec![grant("bonus", 5), grant("gem", 100)],
        store_product,
        until,
    };
    let sold = vec![
        product("gem_100", Some(text("com.example.gem100")), Some(NOW)),
        product("gem_100_always", None, None),
    ];
    one(
        "Two products, one of them for a while.",
        Reply::ProductList(ProductsReply { products: sold }),
    )
}

fn purchase_reserve() -> Vec<Example<Reply>> {
    let reply = ReserveReply {
        reservation: reservation(),
        account_token: Uuid::from_u128(0x00f4_2bc1_6a91_8d5e_a1b2_c3d4_e5f6_0718),
        store_product: text("com.example.gem100"),
    };
    one("What is handed to the store.", Reply::PurchaseReserve(reply))
}

/// Granted, and not taken yet.
fn purchase() -> Purchase {
    Purchase {
        id: purchase_id(),
        product: Some(text("gem_100")),
        quantity: 1,
        store: StoreName::AppStore,
        environment: Environment::Production,
        state: PurchaseState::Granted,
        grants: vec![grant("bonus", 5), grant("gem", 100)],
        refunded_bp: None,
        purchased_at: Some(BEFORE),
        consumed_at: None,
    }
}

fn taken() -> Purchase {
    Purchase { consumed_at: Some(NOW), ..purchase() }
}

fn purchase_submit() -> Vec<Example<Reply>> {
    let reply = |purchase, seen_before, finish| {
        Reply::PurchaseSubmit(SubmitReply { purchase, seen_before, finish })
    };
    let pending = Purchase {
        product: None,
        state: PurchaseState::Pending,
        grants: Vec::new(),
        purchased_at: None,
        ..purchase()
    };
    vec![
        example("full", "It is granted.", reply(purchase(), false, true)),
        example("pending", "It is real and not paid yet.", reply(pending, true, false)),
    ]
}

fn purchase_history() -> Vec<Example<Reply>> {
    let refunded = Purchase {
        state: PurchaseState::Refunded,
        refunded_bp: Some(10_000),
        environment: Environment::Sandbox,
        ..taken()
    };
    let page = HistoryReply { purchases: vec![purchase(), refunded], before: Some(purchase_id()) };
    vec![
        example("full", "A page with more behind it.", Reply::PurchaseHistory(page)),
        example("empty", "Nothing was bought.", Reply::PurchaseHistory(HistoryReply::default())),
    ]
}
