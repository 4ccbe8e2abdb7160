//! What is asked about what was shown.

use futures_util::future::join_all;
use protocol::client::StoreName;
use uuid::Uuid;

use crate::clock::Micros;
use crate::conformance::scene::{Game, INSTANT};
use crate::conformance::shop::{Bought, at, lease, owned};
use crate::identity::Digest;
use crate::open::Storage;
use crate::purchases::{Closing, Evidence, EvidenceEnd, Received, Said, Shown, Source, State};

fn evidence(game: &Game, source: Source) -> Evidence {
    Evidence {
        app: game.app.clone(),
        store: StoreName::GooglePlay,
        source,
        mark: format!("mark {}", Uuid::now_v7()),
        body: r#"{"token":"영수증"}"#.to_owned(),
        reservation: Some(Uuid::now_v7()),
    }
}

async fn receive(game: &Game, evidence: &Evidence, now: Micros) -> Received {
    game.storage.purchases.receive(evidence.clone(), now, lease(now)).await.unwrap()
}

async fn waiting(game: &Game, now: Micros) -> Vec<Digest> {
    let waiting = game.storage.purchases.waiting(now, lease(now), 100).await.unwrap();
    waiting.into_iter().map(|received| received.digest).collect()
}

async fn close(game: &Game, evidence: &Evidence, end: EvidenceEnd, now: Micros) {
    let closing = Closing { digest: evidence.digest(), source: evidence.source, end, now };
    game.storage.purchases.close(closing).await.unwrap();
}

/// What a member shows, and what a store tells.
async fn both(game: &Game) -> [Evidence; 2] {
    let player = game.player().await;
    [Source::Posted(player.member.id), Source::Told].map(|source| evidence(game, source))
}

pub async fn evidence_is_kept_whole_and_known_again(storage: Storage) {
    let game = Game::new(&storage);
    for shown in both(&game).await {
        let first = receive(&game, &shown, at(1)).await;
        let expected = Received {
            digest: shown.digest(),
            evidence: shown.clone(),
            again: false,
            shown: Shown::Waiting,
            claim: None,
            why: None,
            tries: 0,
            at: at(1),
        };
        assert_eq!(first, expected);
        let again = receive(&game, &shown, at(2)).await;
        assert_eq!(again, Received { again: true, ..expected.clone() });
        // It is leased from when it was shown last.
        assert!(waiting(&game, lease(at(2)).before(INSTANT)).await.is_empty());
        let now = lease(at(2));
        let leased = storage.purchases.waiting(now, lease(now), 100).await.unwrap();
        assert_eq!(leased, [Received { again: true, ..expected }]);
        close(&game, &shown, EvidenceEnd::Nothing, now).await;
    }
}

pub async fn evidence_that_is_received_twenty_times_at_once_is_new_once(storage: Storage) {
    let game = Game::new(&storage);
    let nodes = game.nodes(2).await;
    for shown in both(&game).await {
        let receives = (0..20).map(|place| receive(&nodes[place % 2], &shown, at(1)));
        let new = join_all(receives).await.into_iter().filter(|received| !received.again);
        assert_eq!(new.count(), 1);
    }
}

pub async fn the_same_shown_by_two_is_two_pieces_of_evidence(storage: Storage) {
    let game = Game::new(&storage);
    let (one, two) = (game.player().await, game.player().await);
    let shown = evidence(&game, Source::Posted(one.member.id));
    let others = [
        Evidence { source: Source::Posted(two.member.id), ..shown.clone() },
        Evidence { source: Source::Told, ..shown.clone() },
        Evidence { app: Game::new(&storage).app, ..shown.clone() },
        Evidence { store: StoreName::OneStore, ..shown.clone() },
        Evidence { mark: "another".to_owned(), ..shown.clone() },
    ];
    assert!(!receive(&game, &shown, at(1)).await.again);
    for other in &others {
        assert!(!receive(&game, other, at(1)).await.again);
    }
    close(&game, &shown, EvidenceEnd::Refused("forged".to_owned()), at(2)).await;
    for other in &others {
        let there = receive(&game, other, at(3)).await;
        assert_eq!((there.again, there.shown), (true, Shown::Waiting));
    }
}

pub async fn evidence_waits_for_one_node_at_a_time(storage: Storage) {
    let game = Game::new(&storage);
    let nodes = game.nodes(2).await;
    for shown in both(&game).await {
        receive(&game, &shown, at(1)).await;
        assert!(waiting(&game, at(60)).await.is_empty(), "whoever received it has it");
        let asks = (0..10).map(|place| waiting(&nodes[place % 2], at(61)));
        let leased = join_all(asks).await.concat();
        assert_eq!(leased, [shown.digest()], "one gets it");
        assert!(waiting(&game, at(120)).await.is_empty());
        assert_eq!(waiting(&game, at(121)).await, [shown.digest()], "whoever had it is gone");
        close(&game, &shown, EvidenceEnd::Nothing, at(122)).await;
        assert!(waiting(&game, at(10_000)).await.is_empty());
    }
}

pub async fn evidence_is_tried_again_when_it_was_said_and_parked_when_it_is_enough(
    storage: Storage,
) {
    let game = Game::new(&storage);
    for shown in both(&game).await {
        receive(&game, &shown, at(1)).await;
        for tries in 1..=3 {
            let now = at(1000 * tries);
            let later = EvidenceEnd::Later(now, "timeout".to_owned());
            close(&game, &shown, later, at(1000 * tries - 500)).await;
            assert!(waiting(&game, now.before(INSTANT)).await.is_empty());
            let leased = storage.purchases.waiting(now, lease(now), 100).await.unwrap();
            assert_eq!(leased.len(), 1);
            assert_eq!((leased[0].tries, leased[0].why.as_deref()), (tries, Some("timeout")));
            assert_eq!(leased[0].evidence, shown);
        }
        close(&game, &shown, EvidenceEnd::Parked("too long".to_owned()), at(4000)).await;
        assert!(waiting(&game, at(100_000)).await.is_empty());
        // A word of another try comes late.
        let late = EvidenceEnd::Later(at(4001), "timeout".to_owned());
        close(&game, &shown, late, at(4001)).await;
        assert!(waiting(&game, at(100_000)).await.is_empty());
        // Whoever shows it once more sets it going again.
        let changed = Evidence { body: "{}".to_owned(), ..shown.clone() };
        let again = receive(&game, &changed, at(5000)).await;
        assert_eq!((again.shown, again.again, again.at), (Shown::Waiting, true, at(1)));
        assert_eq!(again.evidence, changed);
        let now = lease(at(5000));
        let leased = storage.purchases.waiting(now, lease(now), 100).await.unwrap();
        assert_eq!(leased.into_iter().map(|it| it.evidence).collect::<Vec<_>>(), [changed]);
        close(&game, &shown, EvidenceEnd::Nothing, now).await;
    }
}

pub async fn evidence_that_is_parked_is_listed_and_tried_again_when_somebody_wants_it(
    storage: Storage,
) {
    let game = Game::new(&storage);
    let of = async |limit| -> Vec<Digest> {
        let parked = storage.purchases.parked(limit).await.unwrap();
        parked.into_iter().map(|it| it.digest).collect()
    };
    let mut expected = Vec::new();
    for (second, shown) in (10..).step_by(10).zip(both(&game).await) {
        receive(&game, &shown, at(1)).await;
        let later = EvidenceEnd::Later(at(2), "timeout".to_owned());
        close(&game, &shown, later, at(1)).await;
        assert_eq!(of(10).await, expected, "it waits");
        close(&game, &shown, EvidenceEnd::Again, at(2)).await;
        let kept = storage.purchases.shown(shown.digest()).await.unwrap().unwrap();
        assert_eq!((kept.shown, kept.tries), (Shown::Waiting, 1), "what waits is not disturbed");
        close(&game, &shown, EvidenceEnd::Parked("too long".to_owned()), at(second)).await;
        expected.push(shown.digest());
    }
    assert_eq!(of(10).await.len(), 2);
    let servers = storage.records.truth().servers();
    assert!(of(1).await.len() <= servers, "no more from each server than asked");
    if servers == 1 {
        assert_eq!(of(10).await, expected, "the longest first");
    }
    for shown in both(&game).await {
        assert_eq!(storage.purchases.shown(shown.digest()).await, Ok(None), "another's");
    }
    for digest in expected.clone() {
        let kept = storage.purchases.shown(digest).await.unwrap().unwrap();
        assert_eq!((kept.shown, kept.why.as_deref()), (Shown::Parked, Some("too long")));
        assert!(!kept.evidence.body.is_empty(), "it can be asked about");
        let now = at(100);
        let again = Closing { digest, source: kept.evidence.source, end: EvidenceEnd::Again, now };
        storage.purchases.close(again).await.unwrap();
        let kept = storage.purchases.shown(digest).await.unwrap().unwrap();
        assert_eq!((kept.shown, kept.tries, kept.at), (Shown::Waiting, 0, at(1)));
    }
    assert!(of(10).await.is_empty());
    assert!(waiting(&game, at(100).before(INSTANT)).await.is_empty());
    let mut due = waiting(&game, at(100)).await;
    due.sort_unstable();
    expected.sort_unstable();
    assert_eq!(due, expected);
}

pub async fn evidence_that_was_answered_says_so_and_keeps_nothing_shown(storage: Storage) {
    let game = Game::new(&storage);
    let claim = Bought::new(&game).key.digest();
    let ends = [
        (EvidenceEnd::Done(claim), Shown::Done, Some(claim), None),
        (EvidenceEnd::Nothing, Shown::Done, None, None),
        (EvidenceEnd::Refused("forged".to_owned()), Shown::Refused, None, Some("forged")),
    ];
    for (end, stands, claim, why) in ends {
        for shown in both(&game).await {
            receive(&game, &shown, at(1)).await;
            close(&game, &shown, end.clone(), at(2)).await;
            // Words of other tries come late.
            let late = EvidenceEnd::Later(at(3), "timeout".to_owned());
            close(&game, &shown, late, at(3)).await;
            close(&game, &shown, EvidenceEnd::Parked("too long".to_owned()), at(3)).await;
            let other = match stands {
                Shown::Refused => EvidenceEnd::Nothing,
                Shown::Done | Shown::Waiting | Shown::Parked => {
                    EvidenceEnd::Refused("cancelled".to_owned())
                }
            };
            close(&game, &shown, other, at(3)).await;
            let again = receive(&game, &shown, at(4)).await;
            assert_eq!((again.again, again.shown, again.claim), (true, stands, claim));
            assert_eq!((again.why.as_deref(), again.tries, again.at), (why, 0, at(1)));
            assert_eq!(again.evidence.body, "");
            assert!(waiting(&game, at(100_000)).await.is_empty());
        }
    }
}

pub async fn evidence_is_done_with_the_word_that_answers_it(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    for source in [Source::Posted(player.member.id), Source::Told] {
        let (bought, shown) = (Bought::new(&game), evidence(&game, source));
        receive(&game, &shown, at(1)).await;
        let said = bought.said(source, State::Paid, at(2));
        bought.hear(Said { evidence: Some(shown.digest()), ..said }).await;
        let again = receive(&game, &shown, at(3)).await;
        assert_eq!((again.shown, again.claim), (Shown::Done, Some(bought.key.digest())));
        assert!(waiting(&game, at(100_000)).await.is_empty());
        // From there the answer is found again.
        let claim = storage.purchases.claim(again.claim.unwrap()).await.unwrap();
        assert_eq!(claim, bought.claim().await);
        // Shown evidence of which nobody knows is no reason not to take in what was said.
        let said = bought.said(Source::Posted(player.member.id), State::Paid, at(4));
        let evidence = Some(evidence(&game, source).digest());
        owned(bought.hear(Said { evidence, ..said }).await);
    }
}

pub async fn evidence_is_leased_with_the_longest_due_first(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let all = [3, 1, 2].map(|second| (second, evidence(&game, Source::Posted(player.member.id))));
    for (second, shown) in &all {
        receive(&game, shown, at(*second)).await;
    }
    let now = at(100);
    let take = async |limit| -> Vec<_> {
        let taken = storage.purchases.waiting(now, lease(now), limit).await.unwrap();
        taken.into_iter().map(|received| received.digest).collect()
    };
    assert_eq!(take(2).await, [all[1].1.digest(), all[2].1.digest()]);
    assert_eq!(take(2).await, [all[0].1.digest()]);
    assert_eq!(take(2).await, [] as [Digest; 0]);
}

pub async fn evidence_that_was_answered_is_forgotten_after_its_time(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let all: Vec<_> = (0..5).map(|_| evidence(&game, Source::Posted(player.member.id))).collect();
    for shown in &all {
        receive(&game, shown, at(1)).await;
    }
    let refused = || EvidenceEnd::Refused("forged".to_owned());
    close(&game, &all[0], EvidenceEnd::Nothing, at(2)).await;
    close(&game, &all[1], refused(), at(2)).await;
    close(&game, &all[2], refused(), at(3)).await;
    close(&game, &all[3], EvidenceEnd::Parked("too long".to_owned()), at(2)).await;
    let forget =
        async |before, limit| storage.purchases.forget_evidence(before, limit).await.unwrap();
    assert_eq!(forget(at(2), 10).await, 0);
    assert_eq!(forget(at(3), 1).await, 1, "no more than asked");
    assert_eq!(forget(at(3), 10).await, 1);
    assert_eq!(forget(at(3), 10).await, 0);
    let mut known = Vec::new();
    for shown in &all {
        known.push(receive(&game, shown, at(9)).await.again);
    }
    assert_eq!(known, [false, false, true, true, true]);
}
