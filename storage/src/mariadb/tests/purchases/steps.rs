//! A process that is killed between the steps: whoever comes next finishes what it left.

use super::House;
use crate::clock::Micros;
use crate::conformance::scene::{SECOND, candidate};
use crate::conformance::shop::{Bought, GEMS, adds_up, at, bag, lease, left_at, owned, whose};
use crate::mariadb::purchases::hear::{Step, hear_until};
use crate::open::Storage;
use crate::purchases::{Closing, Evidence, EvidenceEnd, Heard, Named, Said, Shown, Source, State};

const STEPS: [Step; 2] = [Step::Decided, Step::Followed];

async fn cut(house: &House, said: Said, last: Step) {
    hear_until(&house.backend.router, said, last).await;
}

async fn finish(storage: &Storage, before: Micros) -> Vec<u64> {
    let finished = storage.purchases.finish(left_at(before, 100)).await.unwrap();
    finished.into_iter().filter_map(|it| it.pushed).collect()
}

#[tokio::test]
async fn whoever_meets_a_pending_claim_lets_its_owners_rows_follow() {
    for step in STEPS {
        let house = House::new().await;
        for (bought, player) in house.pairs().await {
            let said = bought.said(Source::Posted(player.member.id), State::Paid, at(1));
            cut(&house, said.clone(), step).await;
            let there = step == Step::Followed;
            assert_eq!(player.has().await, if there { bag(GEMS) } else { vec![] }, "{step:?}");
            let again = bought.posted(&player, State::Paid, at(2)).await;
            let Heard::Owned { purchase, known: true, pushed, .. } = again else {
                panic!("{step:?}: {again:?}");
            };
            assert_eq!((purchase.id, pushed), (said.candidate, (!there).then_some(2)), "{step:?}");
            house.is_granted_once(&player).await;
        }
    }
}

#[tokio::test]
async fn the_very_word_that_was_cut_is_told_what_it_would_have_been_told() {
    for step in STEPS {
        let house = House::new().await;
        for (bought, player) in house.pairs().await {
            let said = bought.said(Source::Posted(player.member.id), State::Paid, at(1));
            cut(&house, said.clone(), step).await;
            let heard = bought.hear(said).await;
            assert!(matches!(heard, Heard::Owned { known: false, .. }), "{step:?}: {heard:?}");
            house.is_granted_once(&player).await;
        }
    }
}

#[tokio::test]
async fn what_was_left_is_finished_and_what_is_under_way_is_not() {
    for step in STEPS {
        let house = House::new().await;
        let pairs = house.pairs().await;
        for (bought, player) in &pairs {
            let said = bought.said(Source::Posted(player.member.id), State::Paid, at(1));
            cut(&house, said, step).await;
        }
        assert_eq!(
            finish(&house.storage, at(1)).await,
            Vec::<u64>::new(),
            "they are not old enough"
        );
        assert_eq!(house.pending().await, 4);
        let told = finish(&house.storage, at(1).after(SECOND)).await;
        let expected = if step == Step::Decided { vec![2; 4] } else { vec![] };
        assert_eq!(told, expected, "{step:?}");
        assert_eq!(house.pending().await, 0);
        for (_, player) in &pairs {
            house.is_granted_once(player).await;
        }
        assert_eq!(finish(&house.storage, at(9)).await, Vec::<u64>::new());
    }
}

/// As many as are taken at once cannot be finished, and one that came later can.
#[tokio::test]
async fn what_cannot_be_finished_makes_room_and_is_tried_again() {
    const LIMIT: usize = 5;
    let house = House::new().await;
    let (lost, player) = (candidate(), house.player_on(1).await);
    for second in (1..).take(LIMIT) {
        let bought = house.bought_on(0).naming(Named::Member(lost));
        cut(&house, bought.said(Source::Told, State::Paid, at(second)), Step::Decided).await;
    }
    let newer = house.bought_on(0);
    let said = newer.said(Source::Posted(player.member.id), State::Paid, at(9));
    cut(&house, said, Step::Decided).await;
    let finish = async |now| {
        let finished = house.storage.purchases.finish(left_at(now, LIMIT)).await.unwrap();
        whose(&finished)
    };
    assert_eq!(finish(at(20)).await, [], "these were left first");
    assert_eq!(finish(at(20)).await, [(player.member.id, Some(2))]);
    house.is_granted_once(&player).await;
    assert_eq!(finish(at(20)).await, []);
    // What can be by now is finished when its rest is over.
    let mended = format!(
        "UPDATE purchase_claim SET owner = {} WHERE owner = {}",
        player.member.id.number(),
        lost.number()
    );
    house.kept.scene.databases[0].run(&mended).await;
    assert_eq!(finish(at(79)).await, []);
    assert_eq!(finish(at(80)).await.len(), LIMIT);
    assert_eq!((house.pending().await, player.transfers().await.len()), (0, LIMIT + 1));
    adds_up(&house.storage).await;
}

/// Whoever brings the newer word may be killed before the owner's rows follow, too.
#[tokio::test]
async fn a_claim_that_rests_is_finished_at_once_when_newer_word_comes() {
    let house = House::new().await;
    let (lost, player) = (candidate(), house.player_on(1).await);
    let bought = house.bought_on(0).naming(Named::Member(lost));
    cut(&house, bought.said(Source::Told, State::Paid, at(1)), Step::Decided).await;
    assert_eq!(finish(&house.storage, at(20)).await, Vec::<u64>::new(), "nobody is there");
    let mended = format!("UPDATE purchase_claim SET owner = {}", player.member.id.number());
    house.kept.scene.databases[0].run(&mended).await;
    // The same word again is no newer.
    cut(&house, bought.said(Source::Told, State::Paid, at(1)), Step::Decided).await;
    assert_eq!(finish(&house.storage, at(22)).await, Vec::<u64>::new(), "it rests");
    cut(&house, bought.said(Source::Told, State::Refunded, at(22)), Step::Decided).await;
    assert_eq!(finish(&house.storage, at(23)).await, [1], "it was never granted");
    assert_eq!((house.pending().await, player.gems().await), (0, 0));
    adds_up(&house.storage).await;
}

#[tokio::test]
async fn a_refund_that_meets_a_grant_on_its_way_takes_back_what_was_granted_or_nothing() {
    for step in STEPS {
        let house = House::new().await;
        for (bought, player) in house.pairs().await {
            let said = bought.said(Source::Posted(player.member.id), State::Paid, at(1));
            cut(&house, said, step).await;
            cut(&house, bought.said(Source::Told, State::Refunded, at(2)), step).await;
            finish(&house.storage, at(9)).await;
            let purchase = &player.history(player.looks_back()).await[0];
            assert_eq!((purchase.refunded_bp, purchase.version), (10_000, 2));
            assert_eq!(player.gems().await, 0);
            // The grant that came to nothing left no trace; the other one is taken back.
            let transfers = if step == Step::Followed { 2 } else { 0 };
            assert_eq!(player.transfers().await.len(), transfers, "{step:?}");
            adds_up(&house.storage).await;
        }
    }
}

#[tokio::test]
async fn a_released_purchase_whose_release_was_cut_is_granted() {
    let house = House::new().await;
    for (bought, player) in house.pairs().await {
        let bought = bought.held(crate::purchases::Hold::Price);
        owned(bought.posted(&player, State::Paid, at(1)).await);
        assert!(bought.release(None, at(2)).await.is_some());
        // As if its process had been killed before the owner's rows followed.
        let number = player.member.id.number();
        for database in &house.kept.scene.databases {
            database.run("UPDATE purchase_claim SET pending = 1").await;
        }
        finish(&house.storage, at(9)).await;
        house.count(&format!("SELECT COUNT(*) FROM wallet WHERE member = {number}")).await;
        assert_eq!((player.has().await, player.transfers().await.len()), (bag(GEMS), 1));
    }
    assert_eq!(house.pending().await, 0);
    adds_up(&house.storage).await;
}

fn shown(bought: &Bought, source: Source) -> Evidence {
    Evidence {
        app: bought.game.app.clone(),
        store: bought.key.store,
        source,
        mark: bought.key.key.clone(),
        body: "{}".to_owned(),
        reservation: None,
    }
}

#[tokio::test]
async fn evidence_whose_process_was_killed_is_closed_by_whoever_asks_again() {
    for step in STEPS {
        let house = House::new().await;
        let purchases = &house.storage.purchases;
        for (bought, player) in house.pairs().await {
            for source in [Source::Posted(player.member.id), Source::Told] {
                let shown = shown(&bought, source);
                purchases.receive(shown.clone(), at(1), lease(at(1))).await.unwrap();
                let said = Said {
                    evidence: Some(shown.digest()),
                    ..bought.said(source, State::Paid, at(1))
                };
                cut(&house, said.clone(), step).await;
                let kept = purchases.receive(shown.clone(), at(2), lease(at(2))).await.unwrap();
                assert!(step == Step::Followed || kept.shown == Shown::Waiting, "{step:?}");
                bought.hear(said).await;
                let kept = purchases.receive(shown.clone(), at(3), lease(at(3))).await.unwrap();
                assert_eq!((kept.shown, kept.claim), (Shown::Done, Some(bought.key.digest())));
                assert_eq!(
                    (kept.evidence.body, kept.evidence.mark),
                    (String::new(), String::new())
                );
                // Whoever asked the store at the same time comes late.
                let end = EvidenceEnd::Refused("late".to_owned());
                let late = Closing { digest: shown.digest(), source, end, now: at(4) };
                purchases.close(late).await.unwrap();
                let kept = purchases.receive(shown, at(5), lease(at(5))).await.unwrap();
                assert_eq!(kept.shown, Shown::Done);
            }
            house.is_granted_once(&player).await;
        }
    }
}
