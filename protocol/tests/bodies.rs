//! Every body is read back as it was written, in either format.

#![allow(clippy::expect_used, reason = "This whole file is a test.")]

use std::fmt::Debug;

use proptest::prelude::*;
use protocol::client::{Client, Platform, StoreName};
use protocol::codec::Format;
use protocol::content::{Changed, Known, Versions};
use protocol::error::{ErrorBody, ErrorCode, Retry};
use protocol::identity::{self, Credential, Identity, LoginReply, LoginRequest, Todo, Tokens};
use protocol::ids::{AppId, LoginId, MemberId, SessionId};
use protocol::launching::{Maintenance, ServiceWord, StatusReply, StatusRequest, Update};
use protocol::members::{MeReply, Member, MemberState};
use protocol::sessions::{
    self, Login, OpenReply, OpenRequest, PingReply, PingRequest, Resume, ResumeFailed,
};
use protocol::text::{Secret, Text};
use protocol::time::Micros;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

fn reads_back<T>(body: &T) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    for format in Format::ALL {
        let mut bytes = Vec::new();
        format.encode(body, &mut bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let read = format.decode_body::<T>(&bytes);
        prop_assert_eq!(read.as_ref(), Ok(body), "{:?}", format);
    }
    Ok(())
}

/// Text without control characters of at most `max` bytes, often of just so many.
fn plain(max: usize) -> impl Strategy<Value = String> {
    let any_char = any::<char>().prop_filter("a control character", |c| !c.is_control());
    let short = prop::collection::vec(any_char, 0..20).prop_map(move |chars| {
        let mut text = String::new();
        for c in chars {
            if text.len() + c.len_utf8() <= max {
                text.push(c);
            }
        }
        text
    });
    prop_oneof![9 => short, 1 => Just("a".repeat(max))]
}

fn text<const MAX: usize>() -> impl Strategy<Value = Text<MAX>> {
    plain(MAX).prop_map(|text| Text::new(&text).expect("plain and short enough"))
}

fn secret<const MAX: usize>() -> impl Strategy<Value = Secret<MAX>> {
    plain(MAX).prop_map(|text| Secret::new(&text).expect("plain and short enough"))
}

fn maybe<T: Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::of(strategy)
}

fn one_of<T: Clone + Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(all)
}

fn app() -> impl Strategy<Value = AppId> {
    "[a-z][a-z0-9_-]{0,31}".prop_map(|word| word.parse().expect("an app id"))
}

fn member_id() -> impl Strategy<Value = MemberId> {
    (1..=i64::MAX).prop_map(|number| MemberId::from_number(number).expect("positive"))
}

fn login_id() -> impl Strategy<Value = LoginId> {
    any::<u128>().prop_map(|bits| LoginId(Uuid::from_u128(bits)))
}

prop_compose! {
    fn session_id()(login in login_id(), open: u64) -> SessionId {
        SessionId { login, open }
    }
}

/// Times from the year 1000 to the year 9999, which clocks may show.
fn time() -> impl Strategy<Value = Micros> {
    (-30_610_224_000_000_000_i64..253_402_207_200_000_000).prop_map(Micros)
}

prop_compose! {
    fn client()(
        app in maybe(app()),
        version in text(),
        platform in one_of(Platform::ALL),
        store in maybe(one_of(StoreName::ALL)),
        device in maybe(text()),
        device_id in maybe(text()),
        lang in maybe(text()),
        country in maybe(text()),
    ) -> Client {
        Client { app, version, platform, store, device, device_id, lang, country }
    }
}

prop_compose! {
    fn credential()(
        guest in maybe(text()),
        secret in maybe(secret()),
        token in maybe(self::secret()),
    ) -> Credential {
        Credential { guest, secret, token }
    }
}

prop_compose! {
    fn tokens()(
        access_token in secret(),
        access_expires_s: u64,
        refresh_token in secret(),
        refresh_expires_s: u64,
    ) -> Tokens {
        Tokens { access_token, access_expires_s, refresh_token, refresh_expires_s }
    }
}

prop_compose! {
    fn member()(
        id in member_id(),
        state in one_of(MemberState::ALL),
        created_at in time(),
    ) -> Member {
        Member { id, state, created_at }
    }
}

prop_compose! {
    fn identity()(
        provider: String,
        linked_at in time(),
        last_login_at in time(),
    ) -> Identity {
        Identity { provider, linked_at, last_login_at }
    }
}

prop_compose! {
    fn update()(
        latest in maybe(any::<String>()),
        url in maybe(any::<String>()),
        message in maybe(any::<String>()),
    ) -> Update {
        Update { latest, url, message }
    }
}

prop_compose! {
    fn maintenance()(
        id: u128,
        from in time(),
        to in time(),
        message in maybe(any::<String>()),
        page in maybe(any::<String>()),
        check_after_ms in maybe(any::<u64>()),
    ) -> Maintenance {
        Maintenance { id: Uuid::from_u128(id), from, to, message, page, check_after_ms }
    }
}

prop_compose! {
    fn versions()(notices: String, banners: String) -> Versions {
        Versions { notices, banners }
    }
}

prop_compose! {
    fn status_reply()(
        status: u16,
        word in one_of(ServiceWord::ALL),
        message in maybe(any::<String>()),
        update in maybe(update()),
        maintenance in maybe(maintenance()),
        planned in maybe(self::maintenance()),
        content in maybe(versions()),
        server_address: String,
        time in time(),
    ) -> StatusReply {
        let (update, maintenance) = (update.map(Box::new), maintenance.map(Box::new));
        let (planned, content) = (planned.map(Box::new), content.map(Box::new));
        StatusReply {
            status, word, message, update, maintenance, planned, content, server_address, time,
        }
    }
}

prop_compose! {
    fn login()(
        id in login_id(),
        current: bool,
        replaced: bool,
        platform in one_of(Platform::ALL),
        device in maybe(any::<String>()),
        created_at in time(),
        refreshed_at in time(),
    ) -> Login {
        Login { id, current, replaced, platform, device, created_at, refreshed_at }
    }
}

/// What an error's `detail` may be: a map, whose values may be anything.
fn detail() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let value = leaf
        .prop_recursive(3, 12, 4, |inner| prop::collection::vec(inner, 0..4).prop_map(Value::from));
    prop::collection::btree_map(any::<String>(), value, 0..4)
        .prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn a_status_request_reads_back(app in app(), client in client()) {
        reads_back(&StatusRequest { app, client })?;
    }

    #[test]
    fn a_status_reply_reads_back(reply in status_reply()) {
        reads_back(&reply)?;
    }

    #[test]
    fn a_login_request_reads_back(
        app in app(),
        provider in text(),
        credential in maybe(credential()),
        nonce in maybe(text()),
        client in client(),
    ) {
        reads_back(&LoginRequest { app, provider, credential, nonce, client })?;
    }

    #[test]
    fn a_login_reply_reads_back_with_its_tokens_among_its_own_fields(
        member in member(),
        new_member: bool,
        tokens in tokens(),
        credential in maybe(credential()),
    ) {
        reads_back(&tokens)?;
        let todo = Todo { unconsumed_purchases: u32::from(new_member) };
        reads_back(&LoginReply { member, new_member, tokens, credential, todo })?;
    }

    #[test]
    fn a_refresh_request_reads_back(
        app in app(), refresh_token in secret(), take_over: bool, client in maybe(client()),
        token in secret(),
    ) {
        reads_back(&identity::RefreshRequest { app, refresh_token, take_over, client })?;
        reads_back(&sessions::RefreshRequest { token })?;
    }

    #[test]
    fn an_open_request_reads_back(
        token in secret(),
        client in client(),
        resume in maybe((session_id(), any::<u64>())),
        known in maybe((maybe(text()), maybe(text()))),
    ) {
        let known = known.map(|(notices, banners)| Known { notices, banners });
        let resume = resume.map(|(session, seq)| Resume { session, seq });
        reads_back(&OpenRequest { token, client, resume, known })?;
    }

    #[test]
    fn an_open_reply_reads_back(
        session in session_id(),
        member in member_id(),
        resumed: bool,
        resume_failed in maybe(one_of(ResumeFailed::ALL)),
        (seq, heartbeat_s) in any::<(u64, u64)>(),
        time in time(),
        launch in status_reply(),
        changed in prop::collection::vec(one_of(Changed::ALL), 0..2),
    ) {
        reads_back(&OpenReply {
            session, member, resumed, resume_failed, seq, time, heartbeat_s, changed, launch,
        })?;
    }

    #[test]
    fn a_ping_reads_back_to_the_last_bit(t in maybe(any::<f64>()), time in time()) {
        reads_back(&PingRequest { t })?;
        reads_back(&PingReply { t, time })?;
    }

    #[test]
    fn lists_read_back(
        logins in prop::collection::vec(login(), 0..4),
        identities in prop::collection::vec(identity(), 0..4),
        member in member(),
    ) {
        reads_back(&sessions::ListReply { logins })?;
        reads_back(&identity::ListReply { identities: identities.clone() })?;
        reads_back(&MeReply { member, identities })?;
    }

    #[test]
    fn an_error_reads_back(
        code in one_of(ErrorCode::ALL),
        message: String,
        retry in one_of(&[Retry::Never, Retry::Later, Retry::SameId]),
        retry_after_ms in maybe(any::<u64>()),
        detail in maybe(detail()),
    ) {
        reads_back(&ErrorBody { code, message, retry, retry_after_ms, detail })?;
    }
}
