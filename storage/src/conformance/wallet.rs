//! What is asked of a backend about what members have.

use futures_util::future::join_all;
use protocol::wallet::Balances;

use super::scene::{Game, START};
use super::shop::{Bought, GEMS, adds_up, at, audit, grant, line, owned};
use crate::error::StorageError;
use crate::open::Storage;
use crate::purchases::State;
use crate::wallet::{Before, Cause, MOST, Transfer, TransferWrite, Transferred};

pub async fn what_the_game_gives_and_takes_is_kept_and_told(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    assert_eq!(player.has().await, []);
    let lines = [line("지도", 2), line("gem", 50)];
    let given = player.moves(player.transfer("quest", Cause::Given, &lines)).await;
    let balances = vec![grant("지도", 2), grant("gem", 50)];
    assert_eq!(
        given,
        Transferred::Done { balances: balances.clone(), again: false, pushed: Some(1) }
    );
    let spent = player.spends("sword", 20).await;
    let balances = vec![grant("gem", 30)];
    assert_eq!(
        spent,
        Transferred::Done { balances: balances.clone(), again: false, pushed: Some(2) }
    );
    assert_eq!(player.has().await, [grant("gem", 30), grant("지도", 2)]);
    let (app, member) = (game.app.clone(), player.member.id);
    let inbox = storage.inboxes.read(app, member, 1, START, 10).await.unwrap().pushes;
    assert_eq!(inbox[0].word, "wallet.changed");
    let changed: Balances = serde_json::from_str(&inbox[0].body).unwrap();
    assert_eq!(changed.balances, balances, "what changed alone");
    adds_up(&storage).await;
}

pub async fn the_same_transfer_twice_is_done_once_and_says_the_same(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    player.given("first", 100).await;
    let balances = vec![grant("gem", 70)];
    let done = |again, pushed| Transferred::Done { balances: balances.clone(), again, pushed };
    assert_eq!(player.spends("sword", 30).await, done(false, Some(2)));
    player.spends("shield", 60).await;
    // By now there would be too little.
    assert_eq!(player.spends("sword", 30).await, done(true, None));
    assert_eq!(player.gems().await, 10);
    assert_eq!(player.words().await.len(), 3);
    adds_up(&storage).await;
}

pub async fn a_transfer_that_is_asked_for_twenty_times_at_once_is_done_once(storage: Storage) {
    let game = Game::new(&storage);
    let nodes = game.nodes(2).await;
    let player = game.player().await;
    let gives = nodes.iter().cycle().take(20).map(|node| {
        let write = player.transfer("once", Cause::Given, &[line("gem", 5)]);
        node.storage.wallet.transfer(write)
    });
    let mut new = 0;
    for given in join_all(gives).await {
        match given.unwrap() {
            Transferred::Done { balances, again, pushed } => {
                assert_eq!(balances, [grant("gem", 5)]);
                assert_eq!(again, pushed.is_none());
                new += u32::from(!again);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((new, player.gems().await), (1, 5));
    adds_up(&storage).await;
}

pub async fn another_transfer_under_the_same_id_is_refused(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    player.given("first", 100).await;
    player.spends("sword", 30).await;
    let asked = player.transfer("sword", Cause::Spent, &[line("gem", -30)]);
    let lines = |lines: &[_]| TransferWrite { lines: lines.to_vec(), ..asked.clone() };
    let others = [
        lines(&[line("gem", -31)]),
        lines(&[line("box", -30)]),
        lines(&[line("gem", -30), line("box", 1)]),
        lines(&[line("gem", 30)]),
        TransferWrite { cause: Cause::Given, ..asked.clone() },
    ];
    for other in others {
        assert_eq!(player.moves(other).await, Transferred::Differs);
    }
    assert_eq!((player.gems().await, player.transfers().await.len()), (70, 2));
    // Another member's of the same key is another transfer.
    let other = game.player().await;
    assert!(matches!(other.given("first", 1).await, Transferred::Done { again: false, .. }));
}

pub async fn what_is_not_there_is_not_spent(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    assert_eq!(player.spends("a", 1).await, Transferred::TooLittle(grant("gem", 0)));
    player.given("b", 10).await;
    assert_eq!(player.spends("a", 11).await, Transferred::TooLittle(grant("gem", 10)));
    // All or nothing.
    let lines = [line("gem", -5), line("box", -1)];
    let both = player.transfer("both", Cause::Spent, &lines);
    assert_eq!(player.moves(both).await, Transferred::TooLittle(grant("box", 0)));
    assert_eq!(player.has().await, [grant("gem", 10)]);
    assert_eq!((player.transfers().await.len(), player.words().await.len()), (1, 1));
    // What was refused may be asked for again.
    assert!(matches!(player.spends("a", 10).await, Transferred::Done { again: false, .. }));
    assert_eq!(player.has().await, [grant("gem", 0)]);
    adds_up(&storage).await;
}

pub async fn nobody_gets_more_than_can_be_told(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    assert!(matches!(player.given("a", MOST).await, Transferred::Done { .. }));
    assert_eq!(player.given("b", 1).await, Transferred::TooMuch(grant("gem", MOST)));
    assert_eq!(player.given("c", i64::MAX).await, Transferred::TooMuch(grant("gem", MOST)));
    assert_eq!(player.has().await, [grant("gem", MOST)]);
    // What was bought is granted all the same, and can be spent.
    owned(Bought::new(&game).posted(&player, State::Paid, at(1)).await);
    assert_eq!(player.gems().await, MOST + GEMS);
    assert!(matches!(player.spends("d", 1).await, Transferred::Done { .. }));
    assert_eq!(player.given("e", 1).await, Transferred::TooMuch(grant("gem", MOST + GEMS - 1)));
    assert_eq!(
        player.spends("f", i64::MAX).await,
        Transferred::TooLittle(grant("gem", MOST + GEMS - 1))
    );
    adds_up(&storage).await;
}

pub async fn fifty_spends_at_once_never_reach_below_zero(storage: Storage) {
    let game = Game::new(&storage);
    let nodes = game.nodes(2).await;
    let player = game.player().await;
    player.given("all", 100).await;
    let spends = (0..50).map(|place: usize| {
        let write = player.transfer(&place.to_string(), Cause::Spent, &[line("gem", -7)]);
        nodes[place % 2].storage.wallet.transfer(write)
    });
    let mut after = Vec::new();
    for spent in join_all(spends).await {
        match spent.unwrap() {
            Transferred::Done { balances, again: false, .. } => after.push(balances[0].amount),
            Transferred::TooLittle(left) => assert_eq!(left, grant("gem", 2)),
            other => panic!("{other:?}"),
        }
    }
    after.sort_unstable();
    assert_eq!(after, (0..14).map(|spent| 2 + 7 * spent).collect::<Vec<_>>());
    assert_eq!(player.gems().await, 2);
    adds_up(&storage).await;
}

pub async fn a_login_that_was_replaced_spends_nothing(storage: Storage) {
    let game = Game::new(&storage);
    let old = game.player().await;
    old.given("all", 10).await;
    let new = old.again(at(1)).await;
    let spend = |login| TransferWrite {
        login: Some(login),
        ..old.transfer("sword", Cause::Spent, &[line("gem", -1)])
    };
    let refused = storage.wallet.transfer(spend(old.login.id)).await;
    assert_eq!(refused, Err(StorageError::Replaced));
    assert_eq!(old.gems().await, 10);
    let done = storage.wallet.transfer(spend(new.login.id)).await;
    assert!(matches!(done, Ok(Transferred::Done { again: false, .. })), "{done:?}");
}

pub async fn nothing_is_moved_of_a_member_of_another_game(storage: Storage) {
    let (game, strange) = (Game::new(&storage), Game::new(&storage));
    let player = game.player().await;
    player.given("all", 10).await;
    let app = strange.app.clone();
    let there = |cause, delta| TransferWrite {
        app: app.clone(),
        ..player.transfer("there", cause, &[line("gem", delta)])
    };
    assert_eq!(player.moves(there(Cause::Given, 5)).await, Transferred::Unknown);
    assert_eq!(player.moves(there(Cause::Spent, -5)).await, Transferred::Unknown);
    assert_eq!(storage.wallet.balances(app.clone(), player.member.id).await, Ok(vec![]));
    let transfers = storage.wallet.transfers(app, player.member.id, None, 10).await;
    assert_eq!(transfers, Ok(vec![]));
    assert_eq!(player.has().await, [grant("gem", 10)]);
}

pub async fn transfers_are_listed_with_the_newest_first(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    owned(Bought::new(&game).posted(&player, State::Paid, at(1)).await);
    let mut writes = Vec::new();
    for second in 2..=4 {
        let lines = [line("box", 1), line("gem", -i64::from(second))];
        let write = player.transfer(&second.to_string(), Cause::Spent, &lines);
        let write = TransferWrite { now: at(second), ..write };
        player.moves(write.clone()).await;
        writes.insert(0, write);
    }
    let expected: Vec<_> = writes
        .into_iter()
        .map(|write| Transfer {
            id: write.id,
            cause: write.cause,
            lines: write.lines,
            note: write.note.map(|note| note.to_string()),
            at: write.now,
        })
        .collect();
    let all = player.transfers().await;
    assert_eq!((all.len(), &all[..3]), (4, &*expected));
    assert_eq!((all[3].cause, all[3].note.clone()), (Cause::Purchase, None));
    let (app, member) = (game.app.clone(), player.member.id);
    let read = async |before, limit| {
        storage.wallet.transfers(app.clone(), member, before, limit).await.unwrap()
    };
    assert_eq!(read(None, 2).await, expected[..2]);
    let since = |second| Some(Before { at: at(second), id: None });
    assert_eq!(read(since(3), 2).await, all[2..]);
    assert_eq!(read(since(1), 2).await, []);
}

pub async fn transfers_of_one_moment_come_in_pages_without_a_loss(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    for (key, second) in [("a", 1), ("b", 2), ("c", 2), ("d", 2), ("e", 2), ("f", 2), ("g", 3)] {
        let write = player.transfer(key, Cause::Given, &[line("box", 1), line("gem", 1)]);
        player.moves(TransferWrite { now: at(second), ..write }).await;
    }
    let all = player.transfers().await;
    assert_eq!(all.len(), 7);
    assert!(all.is_sorted_by_key(|it| std::cmp::Reverse((it.at, it.id))));
    let (app, member) = (game.app.clone(), player.member.id);
    for most in 1..=7 {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = storage.wallet.transfers(app.clone(), member, before, most).await.unwrap();
            assert!(page.len() <= most);
            let Some(last) = page.last() else { break };
            before = Some(Before { at: last.at, id: Some(last.id) });
            seen.extend(page);
        }
        assert_eq!(seen, all, "{most} on a page");
    }
}

pub async fn an_audit_in_parts_sees_everything_once(storage: Storage) {
    let mut players = Vec::new();
    for _ in 0..3 {
        let game = Game::new(&storage);
        for _ in 0..4 {
            let player = game.player().await;
            player.given("first", 10).await;
            let bought = Bought::new(&game);
            owned(bought.posted(&player, State::Paid, at(1)).await);
            owned(bought.told_part(1, at(2)).await);
            players.push(player);
        }
        // Bought, and nothing to be had by it.
        owned(Bought::new(&game).posted(&game.player().await, State::Pending, at(1)).await);
    }
    for limit in [1, 7, 100, usize::MAX] {
        let all = audit(&storage, limit).await;
        // By double entry: one given, two bought, two of them taken back in part.
        assert_eq!((all.entries, all.balances, all.purchases), (12 * 10, 12 * 2, 12 + 3));
        assert_eq!(all.discrepancies, []);
    }
    assert_eq!(players[0].has().await, [grant("box", 2), grant("gem", 10 + GEMS - 1)]);
}
