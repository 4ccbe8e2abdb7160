//! What an audit finds, and what a claim that was left pending becomes.

use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use super::fresh;
use crate::conformance::scene::{Game, Player};
use crate::conformance::shop::{Bought, GEMS, adds_up, at, audit, bag, left_at, owned, whose};
use crate::open::Storage;
use crate::purchases::{Heard, Purchase, State};
use crate::wallet::{Cause, Discrepancy};

/// A member who bought something, and was given and spent gems, among others who did the same.
async fn crowd() -> (Storage, TempDir, Player, Purchase) {
    let (storage, folder) = fresh().await;
    storage.start_alone().await.unwrap();
    let game = Game::new(&storage);
    let mut bought = Vec::new();
    for _ in 0..5 {
        let player = game.player().await;
        let purchase = owned(Bought::new(&game).posted(&player, State::Paid, at(1)).await);
        player.given("quest", 7).await;
        player.spends("sword", 50).await;
        bought.push((player, purchase));
    }
    adds_up(&storage).await;
    let (player, purchase) = bought.swap_remove(2);
    (storage, folder, player, purchase)
}

/// Writes behind everybody's back, which changes one row.
fn plant(folder: &TempDir, statement: &str, player: &Player) {
    let connection = Connection::open(folder.path().join("daemun.db")).unwrap();
    let changed = connection.execute(statement, [player.member.id.number()]);
    assert_eq!(changed, Ok(1), "{statement}");
}

#[tokio::test]
async fn an_audit_finds_a_wrong_balance() {
    let (storage, folder, player, _) = crowd().await;
    let member = player.member.id;
    let statement = "UPDATE wallet SET balance = balance + 1 WHERE member = ?1 AND item = 'gem'";
    plant(&folder, statement, &player);
    let wrong = |kept| {
        let (item, sum) = ("gem".to_owned(), i128::from(GEMS - 43));
        Discrepancy::Balance { member, item, kept, sum }
    };
    for limit in [1, 1000] {
        let found = audit(&storage, limit).await.discrepancies;
        assert_eq!(found, [wrong(Some(GEMS - 42))]);
    }
    plant(&folder, "DELETE FROM wallet WHERE member = ?1 AND item = 'gem'", &player);
    assert_eq!(audit(&storage, 1000).await.discrepancies, [wrong(None)]);
}

#[tokio::test]
async fn an_audit_finds_a_wrong_entry() {
    let (storage, folder, player, _) = crowd().await;
    let member = player.member.id;
    let spent = player.transfers().await.into_iter().find(|it| it.cause == Cause::Spent).unwrap();
    let statement = "UPDATE ledger SET delta = delta + 5
                     WHERE member = ?1 AND cause = 'spent' AND account = 'spent'";
    plant(&folder, statement, &player);
    let item = "gem".to_owned();
    let found = audit(&storage, 1000).await.discrepancies;
    assert_eq!(found, [Discrepancy::Transfer { member, id: spent.id, item, sum: 5 }]);
}

#[tokio::test]
async fn an_audit_finds_an_entry_that_nobody_owes() {
    let (storage, folder, player, purchase) = crowd().await;
    let member = player.member.id;
    let statement = "DELETE FROM ledger
                     WHERE member = ?1 AND purchase IS NOT NULL AND account = 'member'
                         AND item = 'gem'";
    let granted = player.transfers().await.into_iter().find(|it| it.lines.len() == 2).unwrap();
    plant(&folder, statement, &player);
    let (item, gems) = ("gem".to_owned(), i128::from(GEMS));
    let found = audit(&storage, 1000).await.discrepancies;
    let expected = [
        Discrepancy::Transfer { member, id: granted.id, item: item.clone(), sum: -gems },
        Discrepancy::Balance { member, item: item.clone(), kept: Some(GEMS - 43), sum: -43 },
        Discrepancy::Purchase { member, id: purchase.id, item, in_force: GEMS, sum: 0 },
    ];
    assert_eq!(found, expected);
}

#[tokio::test]
async fn an_audit_finds_a_purchase_that_is_in_force_without_entries() {
    let (storage, folder, player, purchase) = crowd().await;
    let member = player.member.id;
    plant(&folder, "UPDATE purchase SET stand = 'refunded' WHERE member = ?1", &player);
    let wrong = |item: &str, sum: i64| {
        let (id, item, sum) = (purchase.id, item.to_owned(), i128::from(sum));
        Discrepancy::Purchase { member, id, item, in_force: 0, sum }
    };
    let found = audit(&storage, 1000).await.discrepancies;
    assert_eq!(found, [wrong("box", 3), wrong("gem", GEMS)]);
    plant(&folder, "DELETE FROM purchase WHERE member = ?1", &player);
    let found = audit(&storage, 1000).await.discrepancies;
    assert_eq!(found, [wrong("box", 3), wrong("gem", GEMS)]);
}

#[tokio::test]
async fn sums_beyond_every_integer_are_told() {
    let (storage, folder, player, _) = crowd().await;
    let member = player.member.id;
    let connection = Connection::open(folder.path().join("daemun.db")).unwrap();
    for transfer in [Uuid::now_v7(), Uuid::now_v7()] {
        connection
            .execute(
                "INSERT INTO ledger (member, transfer, line, account, item, delta, cause, at)
                 VALUES (?1, ?2, 0, 'member', 'gem', ?3, 'given', 0)",
                rusqlite::params![member.number(), transfer, i64::MAX],
            )
            .unwrap();
    }
    let found = audit(&storage, 1000).await.discrepancies;
    let sum = 2 * i128::from(i64::MAX) + i128::from(GEMS - 43);
    let (item, kept) = ("gem".to_owned(), Some(GEMS - 43));
    assert!(found.contains(&Discrepancy::Balance { member, item, kept, sum }), "{found:?}");
}

/// A claim that says whose it is, and an owner without rows: as another backend may leave it.
#[tokio::test]
async fn a_claim_that_was_left_pending_is_finished_once() {
    let (storage, folder, player, _) = crowd().await;
    let game = player.game.clone();
    let newcomer = game.player().await;
    let bought = Bought::new(&game);
    assert_eq!(bought.told(State::Paid, at(5)).await, Heard::Nobodys { hold: None });
    let left = "UPDATE purchase_claim SET owner = ?1, stand = 'granted', granted_at = changed_at,
                    version = version + 1, pending = 1 WHERE owner IS NULL";
    plant(&folder, left, &newcomer);
    let finish = async |before| storage.purchases.finish(left_at(before, 10)).await.unwrap();
    assert_eq!(finish(at(5)).await, [], "it may be under way");
    let finished = finish(at(6)).await;
    assert_eq!(whose(&finished), [(newcomer.member.id, Some(2))]);
    assert_eq!(
        newcomer.purchase(finished[0].purchase.id).await,
        Some(finished[0].purchase.clone())
    );
    assert_eq!(finish(at(100)).await, []);
    assert_eq!(newcomer.has().await, bag(GEMS));
    // Whoever meets one finishes it, too.
    plant(&folder, "UPDATE purchase_claim SET pending = 1 WHERE owner = ?1", &newcomer);
    owned(bought.posted(&newcomer, State::Paid, at(5)).await);
    assert!(!bought.claim().await.unwrap().pending);
    assert_eq!(newcomer.has().await, bag(GEMS));
    adds_up(&storage).await;
}

#[tokio::test]
async fn a_claim_that_cannot_be_followed_holds_up_no_other() {
    let (storage, folder, player, _) = crowd().await;
    let game = player.game.clone();
    let (stranger, newcomer) = (Game::new(&storage).player().await, game.player().await);
    for owner in [&stranger, &newcomer] {
        Bought::new(&game).told(State::Paid, at(5)).await;
        let left = "UPDATE purchase_claim SET owner = ?1, stand = 'granted', pending = 1,
                        version = version + 1 WHERE owner IS NULL";
        plant(&folder, left, owner);
    }
    let finished = storage.purchases.finish(left_at(at(6), 10)).await.unwrap();
    assert_eq!(whose(&finished), [(newcomer.member.id, Some(2))]);
    assert_eq!(storage.purchases.finish(left_at(at(6), 10)).await, Ok(vec![]));
    assert_eq!((newcomer.has().await, stranger.has().await), (bag(GEMS), vec![]));
    adds_up(&storage).await;
}

/// As many as are taken at once cannot be finished, and one that came later can.
#[tokio::test]
async fn what_cannot_be_finished_makes_room_and_is_tried_again() {
    const LIMIT: usize = 5;
    let (storage, folder, player, _) = crowd().await;
    let game = player.game.clone();
    let (stranger, newcomer) = (Game::new(&storage).player().await, game.player().await);
    let leave = "UPDATE purchase_claim SET owner = ?1, stand = 'granted', pending = 1,
                     version = version + 1 WHERE owner IS NULL";
    for second in (1..).take(LIMIT) {
        Bought::new(&game).told(State::Paid, at(second)).await;
        plant(&folder, leave, &stranger);
    }
    Bought::new(&game).told(State::Paid, at(9)).await;
    plant(&folder, leave, &newcomer);
    let finish = async |now| storage.purchases.finish(left_at(now, LIMIT)).await.unwrap();
    assert_eq!(finish(at(20)).await, [], "these were left first");
    assert_eq!(whose(&finish(at(20)).await), [(newcomer.member.id, Some(2))]);
    assert_eq!(finish(at(20)).await, []);
    // What can be by now is finished when its rest is over.
    let connection = Connection::open(folder.path().join("daemun.db")).unwrap();
    let mended = "UPDATE purchase_claim SET owner = ?1 WHERE pending = 1";
    assert_eq!(connection.execute(mended, [newcomer.member.id.number()]), Ok(LIMIT));
    assert_eq!(finish(at(79)).await, []);
    assert_eq!(finish(at(80)).await.len(), LIMIT);
    assert_eq!(newcomer.history(newcomer.looks_back()).await.len(), LIMIT + 1);
    adds_up(&storage).await;
}
