//! What examples are put together from: fixed ids and times, and tokens that are none.

use protocol::client::{Client, Platform, StoreName};
use protocol::ids::{AppId, LoginId, MemberId, SessionId};
use protocol::launching::{Maintenance, ServiceWord, StatusReply, Update};
use protocol::members::{Ban, Member, MemberState};
use protocol::text::{Secret, Text};
use protocol::time::Micros;
use uuid::Uuid;

/// One example of a body: its name among those of its operation, a sentence, the body.
pub(crate) struct Example<T> {
    pub(crate) form: &'static str,
    pub(crate) what: &'static str,
    pub(crate) body: T,
}

pub(crate) fn example<T>(form: &'static str, what: &'static str, body: T) -> Example<T> {
    Example { form, what, body }
}

/// 2026-01-01T00:00:00.000001Z.
pub(crate) const NOW: Micros = Micros(1_767_225_600_000_001);
/// 2025-12-24T18:30:00.250000Z.
pub(crate) const BEFORE: Micros = Micros(1_766_601_000_250_000);

/// A clock's reading that needs all 17 digits, as browsers give them.
pub(crate) const T: f64 = 1_234.599_999_904_632_6;

pub(crate) fn app() -> AppId {
    "demo".parse().unwrap()
}

pub(crate) fn text<const MAX: usize>(text: &str) -> Text<MAX> {
    Text::new(text).unwrap()
}

pub(crate) fn secret<const MAX: usize>(text: &str) -> Secret<MAX> {
    Secret::new(text).unwrap()
}

pub(crate) fn member_id() -> MemberId {
    "0G3Q8TZ4M1A7C".parse().unwrap()
}

pub(crate) fn login_id() -> LoginId {
    LoginId(Uuid::from_u128(0x019a_ac4b_2e3f_7d55_8a53_0d1c_5a3b_9e10))
}

pub(crate) fn other_login_id() -> LoginId {
    LoginId(Uuid::from_u128(0x019a_1111_2222_7333_8444_5555_6666_7777))
}

pub(crate) fn session_id() -> SessionId {
    SessionId { login: login_id(), open: 0x5f0c_9d2b_7a6e_4431 }
}

pub(crate) fn purchase_id() -> Uuid {
    Uuid::from_u128(0x019a_bbbb_cccc_7ddd_8eee_ffff_0000_1111)
}

pub(crate) fn reservation() -> Uuid {
    Uuid::from_u128(0x019a_2222_3333_7444_8555_6666_7777_8888)
}

/// A ban with an end.
pub(crate) fn ban() -> Ban {
    Ban { reason: text("Cheating in the arena."), until: Some(NOW) }
}

/// A client that says only what it must.
pub(crate) fn brief_client() -> Client {
    Client {
        app: None,
        version: text("1.4.0"),
        platform: Platform::Web,
        store: None,
        device: None,
        device_id: None,
        lang: None,
        country: None,
    }
}

/// A client that says all there is.
pub(crate) fn full_client() -> Client {
    Client {
        app: Some(app()),
        version: text("1.4.0"),
        platform: Platform::Android,
        store: Some(StoreName::GooglePlay),
        device: Some(text("내 폰 \"9\"")),
        device_id: Some(text("5b0c-77")),
        lang: Some(text("ko")),
        country: Some(text("KR")),
    }
}

pub(crate) fn member() -> Member {
    Member { id: member_id(), state: MemberState::Active, created_at: BEFORE }
}

/// A maintenance as a client is told of it.
pub(crate) fn maintenance(check_after_ms: Option<u64>) -> Maintenance {
    Maintenance {
        id: Uuid::from_u128(0x019a_3333_4444_7555_8666_7777_8888_9999),
        from: BEFORE,
        to: NOW,
        message: Some("점검 중입니다.".to_owned()),
        page: Some("https://game.example/maintenance".to_owned()),
        check_after_ms,
    }
}

/// An update as a client is told of it.
pub(crate) fn update() -> Update {
    Update {
        latest: Some("1.10.0".to_owned()),
        url: Some("market://details?id=com.example.game".to_owned()),
        message: Some("Please update.".to_owned()),
    }
}

pub(crate) fn in_service() -> StatusReply {
    StatusReply {
        status: ServiceWord::InService.number(),
        word: ServiceWord::InService,
        message: None,
        update: None,
        maintenance: None,
        planned: None,
        content: None,
        server_address: "ws://127.0.0.1:7350/v1/ws".to_owned(),
        time: NOW,
    }
}
