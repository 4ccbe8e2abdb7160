//! What is asked of a backend about operators' sessions.

use uuid::Uuid;

use super::scene::{INSTANT, SECOND, digest};
use super::shop::at;
use crate::clock::Micros;
use crate::identity::Digest;
use crate::open::Storage;
use crate::operators::{Ended, MOST_SESSIONS, OperatorSession};

fn session(operator: Uuid, now: Micros) -> OperatorSession {
    OperatorSession {
        id: Uuid::now_v7(),
        operator,
        address: "2001:db8::7".to_owned(),
        agent: "Firefox 🦊".to_owned(),
        created_at: now,
        seen_at: now,
        proven_at: now,
        ends_at: now.after(100 * SECOND),
    }
}

async fn enter(storage: &Storage, operator: Uuid, now: Micros) -> (Digest, OperatorSession) {
    let (token, session) = (digest(), session(operator, now));
    storage.operators.enter(token, session.clone()).await.unwrap();
    (token, session)
}

async fn kept(storage: &Storage, token: Digest) -> Option<OperatorSession> {
    storage.operators.session(token).await.unwrap()
}

pub async fn an_operators_session_is_kept_whole_under_its_token_alone(storage: Storage) {
    let (token, session) = enter(&storage, Uuid::now_v7(), at(1)).await;
    assert_eq!(kept(&storage, token).await, Some(session.clone()));
    assert_eq!(kept(&storage, digest()).await, None);
    // The answer was lost, and it was written again.
    storage.operators.enter(token, session.clone()).await.unwrap();
    assert_eq!(storage.operators.sessions(session.operator).await.unwrap(), [session]);
}

pub async fn what_was_seen_and_proven_of_an_operator_never_moves_back(storage: Storage) {
    let (token, session) = enter(&storage, Uuid::now_v7(), at(1)).await;
    let (other, untouched) = enter(&storage, session.operator, at(1)).await;
    for moment in [at(5), at(3), at(5)] {
        storage.operators.seen(token, moment).await.unwrap();
    }
    for moment in [at(4), at(2), at(4)] {
        assert!(storage.operators.proven(token, moment).await.unwrap());
    }
    let moved = OperatorSession { seen_at: at(5), proven_at: at(4), ..session };
    assert_eq!(kept(&storage, token).await, Some(moved));
    assert_eq!(kept(&storage, other).await, Some(untouched));
    assert!(!storage.operators.proven(digest(), at(9)).await.unwrap());
}

pub async fn an_operators_sessions_are_listed_with_the_newest_first_and_ended(storage: Storage) {
    let (one, another) = (Uuid::now_v7(), Uuid::now_v7());
    let mut all = Vec::new();
    for second in 1..=4 {
        all.push(enter(&storage, one, at(second)).await);
    }
    let (others, theirs) = enter(&storage, another, at(1)).await;
    let listed = storage.operators.sessions(one).await.unwrap();
    let expected: Vec<_> = all.iter().rev().map(|(_, session)| session.clone()).collect();
    assert_eq!(listed, expected);

    let end = async |which| storage.operators.end(one, which).await.unwrap();
    assert_eq!(end(Ended::One(theirs.id)).await, 0, "it is another operator's");
    assert_eq!(end(Ended::One(all[0].1.id)).await, 1);
    assert_eq!(end(Ended::One(all[0].1.id)).await, 0);
    assert_eq!(kept(&storage, all[0].0).await, None);
    assert_eq!(end(Ended::Others(all[2].1.id)).await, 2);
    assert_eq!(storage.operators.sessions(one).await.unwrap(), [all[2].1.clone()]);
    assert_eq!(end(Ended::All).await, 1);
    assert_eq!(kept(&storage, all[2].0).await, None);
    assert_eq!(kept(&storage, others).await, Some(theirs));
}

pub async fn one_operator_has_no_more_sessions_than_may_be(storage: Storage) {
    let operator = Uuid::now_v7();
    let (first, _) = enter(&storage, operator, at(1)).await;
    let (second, _) = enter(&storage, operator, at(2)).await;
    // The older of the two is the one that is used.
    storage.operators.seen(first, at(50)).await.unwrap();
    for moment in 3..=u32::try_from(MOST_SESSIONS).unwrap() {
        enter(&storage, operator, at(moment)).await;
    }
    assert!(kept(&storage, second).await.is_some(), "at the bound all are there");
    let (last, _) = enter(&storage, operator, at(60)).await;
    assert_eq!(kept(&storage, second).await, None, "it was seen longest ago");
    assert!(kept(&storage, first).await.is_some() && kept(&storage, last).await.is_some());
    assert_eq!(storage.operators.sessions(operator).await.unwrap().len(), MOST_SESSIONS);
}

pub async fn operators_sessions_that_ended_or_idle_are_forgotten(storage: Storage) {
    let operator = Uuid::now_v7();
    let (idle, _) = enter(&storage, operator, at(1)).await;
    let (used, _) = enter(&storage, operator, at(1)).await;
    let (later, _) = enter(&storage, operator, at(30)).await;
    storage.operators.seen(used, at(20)).await.unwrap();
    let sweep = async |now, seen, limit| storage.operators.sweep(now, seen, limit).await.unwrap();
    assert_eq!(sweep(at(101), at(1), 9).await, 0, "not before their moment");
    assert_eq!(sweep(at(101), at(2), 9).await, 1);
    assert_eq!(kept(&storage, idle).await, None);
    assert_eq!(sweep(at(101).after(INSTANT), at(2), 9).await, 1);
    assert_eq!(kept(&storage, used).await, None);
    assert!(kept(&storage, later).await.is_some());
    enter(&storage, operator, at(30)).await;
    assert_eq!(sweep(at(500), at(2), 1).await, 1, "no more than asked");
    assert_eq!(sweep(at(500), at(2), 9).await, 1);
}
