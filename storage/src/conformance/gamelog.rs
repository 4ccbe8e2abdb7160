//! What is asked of a backend about the game log.

use std::collections::BTreeSet;
use std::time::Duration;

use protocol::client::{Platform, StoreName};
use protocol::close::CloseCode;
use protocol::error::ErrorCode;
use protocol::ids::{LoginId, MemberId};
use protocol::purchases::{Environment, PurchaseState};
use protocol::text::Text;
use uuid::Uuid;

use super::scene::{Game, INSTANT, SECOND, START, candidate};
use crate::clock::Micros;
use crate::gamelog::{Event, Keep, KeptRecord, LogRecord, Of, Since};
use crate::members::By;
use crate::open::Storage;
use crate::sessions::EndedBy;
use crate::wallet::{Cause, Line};

/// The page that says what each kind has.
const DOCS: &str = include_str!("../../../docs/gamelog.md");

fn record(game: &Game, member: MemberId, at: Micros, event: Event) -> LogRecord {
    LogRecord { id: Uuid::now_v7(), at, app: game.app.clone(), member: Some(member), event }
}

fn opened(game: &Game, member: MemberId, at: Micros) -> LogRecord {
    record(game, member, at, Event::SessionOpened { login: LoginId(Uuid::now_v7()) })
}

fn kept(record: &LogRecord) -> KeptRecord {
    record.kept()
}

async fn keep<'a>(game: &Game, records: impl IntoIterator<Item = &'a LogRecord>) {
    for record in records {
        game.storage.gamelog.record(record.clone());
    }
    game.storage.gamelog.delivered().await.unwrap();
}

async fn shown(
    game: &Game,
    member: MemberId,
    since: impl Into<Since>,
    limit: usize,
) -> Vec<KeptRecord> {
    game.storage.gamelog.of_member(game.app.clone(), member, since, limit).await.unwrap()
}

pub async fn every_event_comes_back_as_it_was_handed_over(storage: Storage) {
    let (game, member) = (Game::new(&storage), candidate());
    let login = LoginId(Uuid::now_v7());
    let provider = "공급자 🏯".to_owned();
    let code = Some(CloseCode::ALL[0]);
    let events = [
        Event::LoggedIn {
            provider: provider.clone(),
            login,
            new_member: true,
            platform: Platform::Ios,
        },
        Event::LoginRefused { provider: provider.clone(), code: ErrorCode::ALL[0] },
        Event::IdentityLinked { provider },
        Event::TookOver { login },
        Event::LoggedOut { logins: vec![login; 1_000], by: EndedBy::LogoutEverywhere },
        Event::MemberBanned { ban: login.0, until: Some(START), by: By::Command },
        Event::MemberBanned { ban: login.0, until: None, by: By::Command },
        Event::MemberUnbanned { ban: login.0, by: By::Command },
        Event::MemberMessaged { seq: 1, by: By::Command },
        Event::AppAnnounced { told: 0, by: By::Server },
        Event::WalletMoved {
            transfer: login.0,
            cause: Cause::Spent,
            lines: vec![Line { item: Text::new("gem").unwrap(), delta: -7 }],
            key: "main".into(),
        },
        Event::PurchaseReserved {
            reservation: login.0,
            product: "gem_100".into(),
            store: StoreName::AppStore,
        },
        Event::PurchaseSubmitted { store: StoreName::OneStore, reservation: None },
        Event::PurchaseRefused { store: StoreName::GooglePlay, reason: "signature".into() },
        Event::PurchaseRetried { store: StoreName::OneStore, by: By::Command },
        Event::PurchaseChanged {
            purchase: login.0,
            state: PurchaseState::Granted,
            store: StoreName::AppStore,
            environment: Environment::Sandbox,
            product: None,
            refunded_bp: 2_500,
        },
        Event::PurchaseConsumed { purchase: login.0, by_server: true },
        Event::SessionOpened { login },
        Event::SessionResumed { login, seq: u64::MAX },
        Event::PushSent { login, from: 1, to: u64::MAX },
        Event::PushAcknowledged { login, seq: 0 },
        Event::ContentSeen { login, contents: vec![Uuid::from_u128(1), Uuid::from_u128(2)] },
        Event::ContentClicked { login, content: Uuid::from_u128(2) },
        Event::ContentDismissed { login, content: Uuid::from_u128(1), until: Some(Micros(1)) },
        Event::ContentDismissed { login, content: Uuid::from_u128(2), until: None },
        Event::SessionClosed { login, code, open_ms: u64::MAX },
        Event::SessionClosed { login, code: None, open_ms: 0 },
    ];
    for event in &events {
        assert_eq!(Keep::of(event.kind()), event.keep(), "{}", event.kind());
        let row = DOCS.lines().find(|row| row.starts_with(&format!("| `{}` |", event.kind())));
        for field in event.fields().as_object().unwrap().keys() {
            assert!(row.unwrap().contains(&format!("`{field}`")), "{field} of {}", event.kind());
        }
    }
    let kinds: BTreeSet<_> = events.iter().map(Event::kind).collect();
    assert_eq!(kinds, Event::KINDS.iter().copied().collect(), "each is here, and listed");
    let at = |place| START.after(SECOND * u32::try_from(place).unwrap());
    let records: Vec<_> = events
        .into_iter()
        .enumerate()
        .map(|(place, event)| record(&game, member, at(place), event))
        .collect();
    keep(&game, &records).await;
    let kept: Vec<_> = records.iter().map(kept).collect();
    assert_eq!(shown(&game, member, START, 100).await, kept);
}

pub async fn a_record_written_twice_is_kept_once(storage: Storage) {
    let (game, member) = (Game::new(&storage), candidate());
    let first = opened(&game, member, START);
    let again = LogRecord { at: START.after(SECOND), ..opened(&game, member, START) };
    let again = LogRecord { id: first.id, ..again };
    keep(&game, [&first, &first]).await;
    // In a batch of its own, beside one that is new: that one is kept all the same.
    let beside = opened(&game, member, START.after(2 * SECOND));
    keep(&game, [&again, &beside]).await;
    assert_eq!(shown(&game, member, START, 100).await, [kept(&first), kept(&beside)]);
}

pub async fn a_members_records_come_oldest_first(storage: Storage) {
    let (game, member) = (Game::new(&storage), candidate());
    let moments = [3, 1, 2, 0].map(|second| START.after(second * SECOND));
    let mut records = moments.map(|at| opened(&game, member, at));
    keep(&game, &records).await;
    records.sort_by_key(|record| record.at);
    assert_eq!(shown(&game, member, START, 100).await, records.each_ref().map(kept));
}

pub async fn a_members_records_begin_at_the_moment_asked_for_and_are_bounded(storage: Storage) {
    let (game, member) = (Game::new(&storage), candidate());
    let moment = |seconds| START.after(Duration::from_secs(seconds));
    let records = [0, 1, 2, 3].map(|second| opened(&game, member, moment(second)));
    keep(&game, &records).await;
    let kept = records.each_ref().map(kept);
    assert_eq!(shown(&game, member, moment(1), 100).await, kept[1..]);
    assert_eq!(shown(&game, member, moment(1).after(INSTANT), 100).await, kept[2..]);
    assert_eq!(shown(&game, member, START, 3).await, kept[..3]);
    assert_eq!(shown(&game, member, moment(4), 100).await, []);
}

pub async fn a_members_records_are_shown_in_their_own_game_alone(storage: Storage) {
    let (game, other, member) = (Game::new(&storage), Game::new(&storage), candidate());
    let (here, there) = (opened(&game, member, START), opened(&other, member, START));
    let nobodys = LogRecord { member: None, ..opened(&game, member, START) };
    let anothers = opened(&game, candidate(), START);
    keep(&game, [&here, &there, &nobodys, &anothers]).await;
    assert_eq!(shown(&game, member, START, 100).await, [kept(&here)]);
    assert_eq!(shown(&other, member, START, 100).await, [kept(&there)]);
}

pub async fn a_members_records_are_read_on_behind_any_of_them(storage: Storage) {
    let (game, member) = (Game::new(&storage), candidate());
    // Many of one moment, so that a page ends between them.
    let moments = [0, 1, 1, 1, 1, 1, 2].map(|second| START.after(second * SECOND));
    let mut records = moments.map(|at| opened(&game, member, at));
    keep(&game, &records).await;
    records.sort_by_key(|record| (record.at, record.id));
    let records = records.each_ref().map(kept);
    for page in 1..=records.len() {
        let (mut read, mut since) = (Vec::new(), Since::from(START));
        loop {
            let more = shown(&game, member, since, page).await;
            let Some(last) = more.last() else { break };
            since = last.into();
            read.extend(more);
        }
        assert_eq!(read, records, "{page} at a time");
    }
}

pub async fn records_are_listed_by_their_kind_whosever_they_are(storage: Storage) {
    let (game, other) = (Game::new(&storage), Game::new(&storage));
    let refused = |game: &Game, at, member| {
        let event = Event::LoginRefused { provider: "guest".into(), code: ErrorCode::ALL[0] };
        LogRecord { member, ..record(game, candidate(), at, event) }
    };
    let at = |second: u32| START.after(SECOND * second);
    let (first, second, third) = (
        refused(&game, at(0), None),
        refused(&game, at(1), Some(candidate())),
        refused(&game, at(2), None),
    );
    let elsewhere = refused(&other, at(1), None);
    let of_another_kind = opened(&game, candidate(), at(1));
    keep(&game, [&third, &second, &elsewhere, &of_another_kind, &first]).await;
    let listed = |since: Since, limit| {
        let of = Of::Kind("login_refused".to_owned());
        game.storage.gamelog.list(game.app.clone(), of, since, limit)
    };
    let all = [&first, &second, &third].map(kept);
    assert_eq!(listed(START.into(), 100).await.unwrap(), all);
    assert_eq!(listed(START.into(), 2).await.unwrap(), all[..2]);
    assert_eq!(listed((&all[0]).into(), 100).await.unwrap(), all[1..]);
    assert_eq!(listed(at(3).into(), 100).await.unwrap(), []);
}
