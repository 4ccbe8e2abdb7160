//! Rows that another process has locked, and items that cannot be: their neighbours go on.

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use protocol::ids::MemberId;

use super::{House, server_of};
use crate::conformance::scene::candidate;
use crate::conformance::shop::{Bought, GEMS, adds_up, at, bag, grant, left_at, line};
use crate::error::StorageError;
use crate::purchases::{Heard, Named, PurchasesDuty, Said, Source, State};
use crate::wallet::{Cause, Transferred, WalletDuty};

/// How often a batch is said until all of it is taken in.
const TRIES: usize = 5;

/// A transaction of somebody else that holds a row.
async fn hold(house: &House, shard: u16, row: &str) -> Conn {
    let mut other = house.kept.scene.databases[server_of(shard)].connect().await;
    other.query_drop("START TRANSACTION").await.unwrap();
    other.query_drop(format!("SELECT 1 FROM {row} FOR UPDATE")).await.unwrap();
    other
}

fn lock_of(member: MemberId) -> String {
    format!("member_session WHERE member = {}", member.number())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn who_is_locked_is_left_out_of_a_batch_and_told_the_same_later() {
    let house = House::new().await;
    let (locked, free) = (house.game.player().await, house.game.player().await);
    let says: Vec<Said> = [&locked, &free]
        .map(|player| {
            let bought = Bought::new(&house.game);
            bought.said(Source::Posted(player.member.id), State::Paid, at(1))
        })
        .into();
    let mut other = hold(&house, locked.member.id.shard(), &lock_of(locked.member.id)).await;
    let heard = house.backend.hear_all(says.clone()).await;
    assert_eq!(heard[0], Err(StorageError::Locked));
    assert!(matches!(heard[1], Ok(Heard::Owned { known: false, .. })), "{heard:?}");
    let spends =
        [&locked, &free].map(|player| player.transfer("sword", Cause::Spent, &[line("gem", -1)]));
    let spent = house.backend.transfer_all(spends.clone().into()).await;
    assert_eq!(spent[0], Err(StorageError::Locked));
    assert!(matches!(spent[1], Ok(Transferred::Done { again: false, .. })), "{spent:?}");
    other.query_drop("ROLLBACK").await.unwrap();
    // The claim is there by now, and was made by this very word.
    let [first, second]: [Said; 2] = says.try_into().unwrap();
    let heard = house.backend.hear(first).await;
    assert!(matches!(heard, Ok(Heard::Owned { known: false, pushed: Some(2), .. })), "{heard:?}");
    let heard = house.backend.hear(second).await;
    assert!(matches!(heard, Ok(Heard::Owned { known: false, pushed: None, .. })), "{heard:?}");
    let spent = house.backend.transfer_all(spends.into()).await;
    assert!(matches!(spent[0], Ok(Transferred::Done { again: false, .. })));
    assert!(matches!(spent[1], Ok(Transferred::Done { again: true, .. })));
    assert_eq!((locked.gems().await, free.gems().await), (GEMS - 1, GEMS - 1));
    adds_up(&house.storage).await;
}

#[tokio::test]
async fn a_claim_that_is_locked_is_left_out_of_a_batch() {
    let house = House::new().await;
    let player = house.game.player().await;
    let (locked, free) = (Bought::new(&house.game), Bought::new(&house.game));
    locked.posted(&player, State::Pending, at(1)).await;
    let row = format!("purchase_claim WHERE claim = X'{}'", hex(&locked.key.digest()));
    let mut other = hold(&house, locked.key.shard(), &row).await;
    let says =
        [&locked, &free].map(|it| it.said(Source::Posted(player.member.id), State::Paid, at(2)));
    let heard = house.backend.hear_all(says.clone().into()).await;
    assert_eq!(heard[0], Err(StorageError::Locked));
    assert!(matches!(heard[1], Ok(Heard::Owned { .. })), "{heard:?}");
    other.query_drop("ROLLBACK").await.unwrap();
    // Behind the storage's actors what is locked, be it by whoever marks the claim, comes again.
    for bought in [&locked, &free] {
        bought.posted(&player, State::Paid, at(2)).await;
    }
    assert_eq!(player.has().await, [grant("box", 6), grant("gem", 2 * GEMS)]);
}

#[tokio::test]
async fn what_cannot_be_counted_fails_alone() {
    let house = House::new().await;
    let (rich, poor) = (house.game.player().await, house.game.player().await);
    let all = Bought::new(&house.game).granting(&[grant("gem", i64::MAX)]);
    all.posted(&rich, State::Paid, at(1)).await;
    let bought = [&rich, &poor].map(|player| (Bought::new(&house.game), player));
    let says = bought
        .each_ref()
        .map(|(bought, player)| bought.said(Source::Posted(player.member.id), State::Paid, at(1)));
    let heard = house.backend.hear_all(says.into()).await;
    assert!(matches!(heard[0], Err(StorageError::Corrupt(_))), "{heard:?}");
    assert!(matches!(heard[1], Ok(Heard::Owned { .. })), "{heard:?}");
    assert_eq!(rich.has().await, [grant("gem", i64::MAX)]);
    assert_eq!(poor.has().await, bag(GEMS));
    assert_eq!(rich.words().await.len(), 2, "of what failed nothing is told");
    assert!(bought[0].0.claim().await.unwrap().pending, "it is not forgotten");
    adds_up(&house.storage).await;
}

#[tokio::test]
async fn a_purchase_of_an_absent_member_fails_alone_and_waits() {
    let house = House::new().await;
    let player = house.game.player().await;
    let lost = Bought::new(&house.game).naming(Named::Member(candidate()));
    let found = Bought::new(&house.game);
    let says =
        [&lost, &found].map(|it| it.said(Source::Posted(player.member.id), State::Paid, at(1)));
    let heard = house.backend.hear_all(says.into()).await;
    assert!(matches!(heard[0], Err(StorageError::Corrupt(_))), "{heard:?}");
    assert!(matches!(heard[1], Ok(Heard::Owned { .. })), "{heard:?}");
    assert!(lost.claim().await.unwrap().pending);
    // Whoever finishes what was left goes on to what can be.
    let left = Bought::new(&house.game);
    left.posted(&player, State::Paid, at(2)).await;
    for database in &house.kept.scene.databases {
        database.run("UPDATE purchase_claim SET pending = 1").await;
    }
    let finished = house.backend.finish(left_at(at(9), 100)).await.unwrap().finished;
    assert!(finished.iter().all(|it| it.pushed.is_none()), "{finished:?}");
    assert_eq!(house.pending().await, 1, "what can be is finished all the same");
    adds_up(&house.storage).await;
}

#[tokio::test]
async fn two_words_of_one_purchase_in_a_batch_are_taken_in_one_after_the_other() {
    let house = House::new().await;
    for (claim, owner) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let mut tries = 0;
        while !takes_in_three_words(&house, claim, owner).await {
            tries += 1;
            assert!(tries < TRIES, "a batch was held up {TRIES} times by nobody else");
        }
        adds_up(&house.storage).await;
    }
}

/// Says three words of a purchase at once. `false` when a part of the batch was left out, as it may
/// be when a try before it was given up and the server has not noticed yet; then they are said again
/// one by one, as the storage's actors have what was left out come again.
async fn takes_in_three_words(house: &House, claim: usize, owner: usize) -> bool {
    let (bought, player) = (house.bought_on(claim), house.player_on(owner).await);
    let paid = bought.said(Source::Posted(player.member.id), State::Paid, at(1));
    let refunded = bought.said(Source::Told, State::Refunded, at(2));
    let words = vec![paid.clone(), refunded, paid];
    let heard = house.backend.hear_all(words.clone()).await;
    let left_out = |it: &Result<Heard, StorageError>| {
        matches!(it, Err(StorageError::Locked | StorageError::OutcomeUnknown))
    };
    if heard.iter().any(left_out) {
        for word in words {
            bought.hear(word).await;
        }
        assert_eq!(player.gems().await, 0);
        return false;
    }
    assert!(heard.iter().all(Result::is_ok), "{heard:?}");
    assert_eq!((player.gems().await, player.words().await.len()), (0, 4));
    true
}
