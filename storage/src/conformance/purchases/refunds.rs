//! What is asked about money that was given back.

use futures_util::future::join_all;
use protocol::purchases::{Environment, PurchaseState};

use crate::conformance::scene::Game;
use crate::conformance::shop::{BOXES, Bought, GEMS, adds_up, at, bag, grant, left_at, owned};
use crate::open::Storage;
use crate::purchases::{Heard, Hold, RefundCount, Said, Source, Stand, State};
use crate::wallet::Transferred;

pub async fn what_is_refunded_before_it_is_posted_is_never_granted(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    assert_eq!(bought.told(State::Refunded, at(5)).await, Heard::Nobodys { hold: None });
    for second in [1, 5, 100] {
        let posted = owned(bought.posted(&player, State::Paid, at(second)).await);
        assert_eq!((posted.stand, posted.state()), (Stand::Void, PurchaseState::Refunded));
    }
    assert_eq!(bought.release(None, at(200)).await, None);
    assert_eq!((player.has().await, player.transfers().await), (vec![], vec![]));
    assert_eq!(player.words().await, ["purchase.updated"]);
    adds_up(&storage).await;
}

pub async fn a_refund_is_taken_back_once(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    owned(bought.posted(&player, State::Paid, at(1)).await);
    let nodes = game.nodes(2).await;
    let refunds = (0..20).map(|place| {
        let bought = bought.through(&nodes[place % 2]);
        async move { owned(bought.told(State::Refunded, at(9)).await) }
    });
    for refunded in join_all(refunds).await {
        assert_eq!((refunded.stand, refunded.refunded_bp), (Stand::Refunded, 10_000));
    }
    assert_eq!((player.has().await, player.transfers().await.len()), (bag(0), 2));
    assert_eq!(player.words().await.len(), 4);
    // A later word of it is no second refund.
    owned(bought.told(State::Refunded, at(20)).await);
    assert_eq!((player.has().await, player.words().await.len()), (bag(0), 4));
    adds_up(&storage).await;
}

pub async fn a_post_never_brings_back_what_was_refunded(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    let first = owned(bought.posted(&player, State::Paid, at(1)).await);
    owned(bought.told(State::Refunded, at(5)).await);
    for second in [1, 5, 6, 1000] {
        let posted = bought.said(Source::Posted(player.member.id), State::Paid, at(second));
        let again = owned(bought.hear(posted.clone()).await);
        assert_eq!((again.id, again.stand), (first.id, Stand::Refunded));
        let reversed = owned(bought.hear(Said { reversed: true, ..posted }).await);
        assert_eq!(reversed.stand, Stand::Refunded, "that only the store can say");
    }
    assert_eq!(player.has().await, bag(0));
}

pub async fn a_refund_that_is_undone_is_granted_again_once(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    owned(bought.posted(&player, State::Paid, at(1)).await);
    for round in 0..3 {
        let second = 10 * (round + 1);
        owned(bought.told(State::Refunded, at(second)).await);
        owned(bought.told(State::Refunded, at(second)).await);
        assert_eq!(player.has().await, bag(0));
        // By a word that says so, be it of the same moment; and again.
        let back = owned(bought.told_reversed(at(second)).await);
        assert_eq!((back.stand, back.refunded_bp), (Stand::Granted, 0));
        owned(bought.told_reversed(at(second)).await);
        assert_eq!(player.has().await, bag(GEMS));
    }
    assert_eq!(player.transfers().await.len(), 7);
    adds_up(&storage).await;
}

pub async fn a_refund_that_is_undone_before_it_is_heard_of_takes_nothing(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    owned(bought.posted(&player, State::Paid, at(1)).await);
    owned(bought.told_reversed(at(20)).await);
    let late = owned(bought.told(State::Refunded, at(10)).await);
    assert_eq!(late.stand, Stand::Granted);
    assert_eq!((player.has().await, player.transfers().await.len()), (bag(GEMS), 1));
}

pub async fn a_refund_that_comes_again_after_it_was_undone_takes_nothing(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    owned(bought.posted(&player, State::Paid, at(1)).await);
    owned(bought.told(State::Refunded, at(10)).await);
    owned(bought.told_reversed(at(20)).await);
    owned(bought.told(State::Refunded, at(10)).await);
    assert_eq!(player.has().await, bag(GEMS));
    // But a new refund does.
    owned(bought.told(State::Refunded, at(30)).await);
    assert_eq!(player.has().await, bag(0));
    adds_up(&storage).await;
}

pub async fn a_part_is_taken_back_and_then_the_whole(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    owned(bought.posted(&player, State::Paid, at(1)).await);
    // A third of 3 boxes and of 100 gems: what is taken back is rounded up.
    let part = owned(bought.told_part(3_333, at(10)).await);
    assert_eq!((part.stand, part.refunded_bp), (Stand::Granted, 3_333));
    let left = [grant("box", BOXES - 1), grant("gem", GEMS - 34)];
    assert_eq!(player.has().await, left);
    owned(bought.told_part(3_333, at(11)).await);
    owned(bought.told_part(1_000, at(5)).await);
    let posted = owned(bought.posted(&player, State::Paid, at(1)).await);
    assert_eq!(posted.refunded_bp, 3_333, "a post gives nothing back");
    assert_eq!(player.has().await, left);
    owned(bought.told_part(6_667, at(12)).await);
    assert_eq!(player.has().await, [grant("box", 0), grant("gem", GEMS - 67)]);
    owned(bought.told(State::Refunded, at(13)).await);
    assert_eq!(player.has().await, bag(0));
    assert_eq!(player.transfers().await.len(), 4);
    owned(bought.told_reversed(at(14)).await);
    assert_eq!(player.has().await, bag(GEMS));
    adds_up(&storage).await;
}

pub async fn what_was_partly_refunded_before_it_was_granted_is_held(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    assert!(matches!(bought.told_part(5_000, at(1)).await, Heard::Nobodys { .. }));
    let heard = bought.posted(&player, State::Paid, at(1)).await;
    assert!(matches!(heard, Heard::Owned { hold: Some(Hold::PartlyRefunded), .. }), "{heard:?}");
    assert_eq!(player.has().await, []);
    let released = owned(bought.release(None, at(2)).await.unwrap());
    assert_eq!((released.stand, released.refunded_bp), (Stand::Granted, 5_000));
    assert_eq!(player.has().await, [grant("box", 1), grant("gem", 50)]);
    adds_up(&storage).await;
}

pub async fn what_was_spent_is_owed_after_a_refund_and_nothing_is_spent_meanwhile(
    storage: Storage,
) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    owned(bought.posted(&player, State::Paid, at(1)).await);
    assert!(matches!(player.spends("all of it", GEMS).await, Transferred::Done { .. }));
    owned(bought.told(State::Refunded, at(9)).await);
    assert_eq!(player.gems().await, -GEMS);
    assert_eq!(player.spends("more", 1).await, Transferred::TooLittle(grant("gem", -GEMS)));
    assert!(matches!(player.given("a little", 30).await, Transferred::Done { .. }));
    assert_eq!(player.spends("more", 1).await, Transferred::TooLittle(grant("gem", 30 - GEMS)));
    assert!(matches!(player.given("enough", GEMS).await, Transferred::Done { .. }));
    assert!(matches!(player.spends("more", 1).await, Transferred::Done { again: false, .. }));
    assert_eq!(player.gems().await, 29);
    adds_up(&storage).await;
}

pub async fn what_was_consumed_is_taken_back_all_the_same(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    let purchase = owned(bought.posted(&player, State::Paid, at(1)).await);
    player.consumes(purchase.id, at(2)).await;
    let refunded = owned(bought.told(State::Refunded, at(9)).await);
    assert_eq!((refunded.stand, refunded.consumed_at), (Stand::Refunded, Some(at(2))));
    assert_eq!(player.has().await, bag(0));
    // Nothing of it is to be taken once more when the refund is undone.
    let back = owned(bought.told_reversed(at(10)).await);
    assert_eq!((back.stand, back.consumed_at), (Stand::Granted, Some(at(2))));
    adds_up(&storage).await;
}

pub async fn posts_and_refunds_of_many_at_once_leave_nothing_granted(storage: Storage) {
    let game = Game::new(&storage);
    let nodes = game.nodes(2).await;
    let players = [game.player().await, game.player().await];
    let all: Vec<_> = (0..10).map(|_| Bought::new(&game)).collect();
    let words = all.iter().flat_map(|bought| {
        let players = &players;
        nodes.iter().cycle().take(8).enumerate().map(move |(word, node)| {
            let source = match word % 4 {
                0 => Source::Posted(players[0].member.id),
                1 => Source::Posted(players[1].member.id),
                _ => Source::Told,
            };
            // The last word of all is that it was given back.
            let (state, second) = match word {
                0..6 => (State::Paid, 1),
                _ => (State::Refunded, 9),
            };
            let bought = bought.through(node);
            async move { bought.hear(bought.said(source, state, at(second))).await }
        })
    });
    join_all(words).await;
    storage.purchases.finish(left_at(at(10_000), 100)).await.unwrap();
    for bought in &all {
        let stand = bought.claim().await.unwrap().stand;
        assert!(matches!(stand, Stand::Refunded | Stand::Void), "{stand:?}");
    }
    for player in &players {
        assert!(player.has().await.iter().all(|grant| grant.amount == 0));
        let history = player.history(player.looks_back()).await;
        assert!(history.iter().all(|it| it.state() == PurchaseState::Refunded), "{history:?}");
    }
    adds_up(&storage).await;
}

pub async fn what_was_given_back_is_counted_for_each_member(storage: Storage) {
    let game = Game::new(&storage);
    let (player, other) = (game.player().await, game.player().await);
    let (app, member) = (game.app.clone(), player.member.id);
    let counted = async |app| storage.purchases.refunds(app, member).await.unwrap();
    assert_eq!(counted(app.clone()).await, RefundCount::default());
    let whole = Bought::new(&game);
    let (part, undone) = (Bought::new(&game), Bought::new(&game));
    let (kept, void) = (Bought::new(&game), Bought::new(&game));
    for bought in [&whole, &part, &undone, &kept] {
        owned(bought.posted(&player, State::Paid, at(1)).await);
    }
    owned(whole.told(State::Refunded, at(2)).await);
    owned(part.told_part(2_500, at(2)).await);
    owned(undone.told(State::Refunded, at(2)).await);
    owned(undone.told_reversed(at(3)).await);
    // Nothing was granted for it, and another's is not this member's.
    owned(void.posted(&player, State::Refunded, at(1)).await);
    let others = Bought::new(&game);
    owned(others.posted(&other, State::Paid, at(1)).await);
    owned(others.told(State::Refunded, at(2)).await);
    // Nor is what nobody paid for, nor what has no price a sum.
    let mut sandbox = Bought::new(&game);
    sandbox.key.environment = Environment::Sandbox;
    owned(sandbox.posted(&player, State::Paid, at(1)).await);
    owned(sandbox.told(State::Refunded, at(2)).await);
    let unpriced = Bought::new(&game);
    for (state, second) in [(State::Paid, 1), (State::Refunded, 2)] {
        let mut said = unpriced.said(Source::Posted(member), state, at(second));
        said.facts.price = None;
        owned(unpriced.hear(said).await);
    }
    let count = counted(app).await;
    assert_eq!(count.purchases, 3);
    let sums: Vec<_> = count.sums.into_iter().collect();
    assert_eq!(sums, [("KRW".to_owned(), 1_100_000_000 + 275_000_000)]);
    assert_eq!(counted(Game::new(&storage).app.clone()).await, RefundCount::default());
}
