//! What is asked of a backend about the audit.

use std::time::Duration;

use uuid::Uuid;

use super::documents::new;
use super::scene::{Game, INSTANT, SECOND};
use super::shop::at;
use crate::audit::{Act, Actor, ActsRead};
use crate::clock::Micros;
use crate::documents::{Change, Changed, Kind, Sealed, SentKey, Write};
use crate::open::Storage;

pub(crate) fn act(game: &Game, by: Actor, at: Micros) -> Act {
    Act {
        id: Uuid::now_v7(),
        at,
        by,
        what: "member.ban".to_owned(),
        kind: None,
        of: None,
        app: Some(game.app.clone()),
        before: None,
        after: Some("{\"member\":\"é\"}".to_owned()),
        sealed_changed: false,
        key: None,
    }
}

async fn page(storage: &Storage, read: ActsRead) -> Vec<Act> {
    storage.audit.page(read).await.unwrap()
}

pub async fn a_change_is_told_with_what_was_before_and_after(storage: Storage) {
    let game = Game::new(&storage);
    let seal = |body: &str| Write::Put { body: body.to_owned(), sealed: Sealed::Set(vec![7]) };
    let first = Change { write: seal("1"), ..new(&game, "") };
    let next = |version, write| Change {
        expected: Some(version),
        write,
        by: Actor::Operator(Uuid::from_u128(7)),
        key: Some(SentKey::new(format!("{}-{version}", game.app), "")),
        now: at(10).after(Duration::from_secs(version.unsigned_abs())),
        ..first.clone()
    };
    let put = Write::Put { body: "2".to_owned(), sealed: Sealed::Keep };
    for change in [first.clone(), next(1, put), next(2, Write::Remove)] {
        let changed = storage.documents.change(change).await.unwrap();
        assert!(matches!(changed, Changed::Written(_)), "{changed:?}");
    }
    let read = ActsRead { app: Some(game.app.clone()), limit: 10, ..Default::default() };
    let acts = page(&storage, read).await;
    let told: Vec<_> = acts
        .iter()
        .map(|it| (it.before.as_deref(), it.after.as_deref(), it.sealed_changed))
        .collect();
    let expected =
        [(Some("2"), None, false), (Some("1"), Some("2"), false), (None, Some("1"), true)];
    assert_eq!(told, expected);
    assert!(acts.iter().all(|it| it.of == Some(first.id) && it.kind == Some(Kind::Notice)));
    assert_eq!(acts[0].key.clone().unwrap(), format!("{}-2", game.app));
    assert_eq!((acts[0].by, acts[2].by), (Actor::Operator(Uuid::from_u128(7)), Actor::Command));
    assert_eq!((acts[0].at, acts[0].what.as_str()), (at(12), "notice.put"));
}

pub async fn an_act_is_appended_once(storage: Storage) {
    let game = Game::new(&storage);
    let one = act(&game, Actor::Command, at(1));
    assert!(storage.audit.append(one.clone()).await.unwrap());
    assert!(!storage.audit.append(Act { at: at(2), ..one.clone() }).await.unwrap());
    let key = Uuid::now_v7().to_string();
    let keyed = |by| Act { key: Some(key.clone()), ..act(&game, by, at(3)) };
    assert!(storage.audit.append(keyed(Actor::Command)).await.unwrap());
    assert!(!storage.audit.append(keyed(Actor::Command)).await.unwrap());
    assert!(storage.audit.append(keyed(Actor::Operator(Uuid::from_u128(1)))).await.unwrap());
    let read = ActsRead { app: Some(game.app.clone()), limit: 10, ..Default::default() };
    let acts = page(&storage, read).await;
    assert_eq!((acts.len(), acts.last()), (3, Some(&one)));
    // A change under a key under which something else was done is refused.
    let sent = Some(SentKey::new(key, ""));
    let change = Change { key: sent, ..new(&game, "{}") };
    assert_eq!(storage.documents.change(change).await.unwrap(), Changed::KeyReused);
}

pub async fn acts_are_told_newest_first_in_pages_and_by_what_is_asked(storage: Storage) {
    let (game, other) = (Game::new(&storage), Game::new(&storage));
    let operator = Actor::Operator(Uuid::now_v7());
    let mut all = Vec::new();
    for number in 0..12 {
        let by = if number % 3 == 0 { operator } else { Actor::Command };
        // Some at the same moment.
        let one = act(&game, by, at(100 + number / 4));
        storage.audit.append(one.clone()).await.unwrap();
        all.push(one);
    }
    storage.audit.append(act(&other, operator, at(101))).await.unwrap();
    all.sort_by_key(|act| std::cmp::Reverse((act.at, act.id)));
    let read = || ActsRead { app: Some(game.app.clone()), limit: 100, ..Default::default() };
    assert_eq!(page(&storage, read()).await, all);
    let (mut told, mut after) = (Vec::new(), None);
    loop {
        let some = page(&storage, ActsRead { after, limit: 5, ..read() }).await;
        let Some(last) = some.last() else { break };
        after = Some((last.at, last.id));
        told.extend(some);
    }
    assert_eq!(told, all);
    let by = page(&storage, ActsRead { by: Some(operator), ..read() }).await;
    assert_eq!(by.len(), 4);
    let (from, to) = (Some(at(101)), Some(at(102)));
    let within = page(&storage, ActsRead { from, to, ..read() }).await;
    assert!(within.len() == 4 && within.iter().all(|act| act.at == at(101)));
    let from = Some(at(102).after(INSTANT));
    assert_eq!(page(&storage, ActsRead { from, ..read() }).await, []);
    let from = Some(at(102).before(SECOND));
    assert_eq!(page(&storage, ActsRead { from, ..read() }).await.len(), 8);
    assert_eq!(page(&storage, ActsRead { kind: Some(Kind::Notice), ..read() }).await, []);
}
