//! Many at once, over two nodes of the same servers, in whatever order: they come to an end, and
//! the books are right.

use futures_util::future::join_all;

use super::House;
use crate::clock::SystemClock;
use crate::conformance::scene::Player;
use crate::conformance::shop::{Bought, GEMS, adds_up, at, line};
use crate::error::{Result, StorageError};
use crate::mariadb::MariaDb;
use crate::purchases::{Heard, Named, PurchasesDuty, Said, Source, Stand, State};
use crate::wallet::{Cause, TransferWrite, Transferred, WalletDuty};

impl House {
    /// Two processes.
    async fn two(&self) -> [MariaDb; 2] {
        let settings = &self.kept.scene.settings;
        let open = || async { MariaDb::open(settings, &SystemClock).await.unwrap() };
        [open().await, open().await]
    }
}

/// Asks until nothing is locked any more.
async fn hear_all(node: &MariaDb, says: Vec<Said>) -> Vec<Heard> {
    let mut heard: Vec<Option<Heard>> = says.iter().map(|_| None).collect();
    loop {
        let left: Vec<usize> = (0..says.len()).filter(|at| heard[*at].is_none()).collect();
        if left.is_empty() {
            return heard.into_iter().flatten().collect();
        }
        let all = node.hear_all(left.iter().map(|at| says[*at].clone()).collect()).await;
        for (at, answer) in left.into_iter().zip(all) {
            heard[at] = unlocked(answer);
        }
    }
}

async fn transfer_all(node: &MariaDb, writes: Vec<TransferWrite>) -> Vec<Transferred> {
    let mut done: Vec<Option<Transferred>> = writes.iter().map(|_| None).collect();
    loop {
        let left: Vec<usize> = (0..writes.len()).filter(|at| done[*at].is_none()).collect();
        if left.is_empty() {
            return done.into_iter().flatten().collect();
        }
        let all = node.transfer_all(left.iter().map(|at| writes[*at].clone()).collect()).await;
        for (at, answer) in left.into_iter().zip(all) {
            done[at] = unlocked(answer);
        }
    }
}

fn unlocked<T>(answer: Result<T>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(StorageError::Locked) => None,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_words_of_one_purchase_by_two_members_over_two_nodes_grant_it_once() {
    let house = House::new().await;
    let nodes = house.two().await;
    for (bought, one) in house.pairs().await {
        let two = house.game.player().await;
        let posts = (0..50).map(|post| {
            let by = if post % 4 < 2 { &one } else { &two };
            let said = bought.said(Source::Posted(by.member.id), State::Paid, at(1));
            nodes[post % 2].hear(said)
        });
        let heard: Vec<Heard> = join_all(posts).await.into_iter().map(Result::unwrap).collect();
        let new = |heard: &&Heard| matches!(heard, Heard::Owned { known: false, .. });
        assert_eq!(heard.iter().filter(new).count(), 1);
        let others = |heard: &&Heard| matches!(heard, Heard::Others { .. });
        let owner = bought.claim().await.unwrap().owner;
        // 26 are the first's.
        let expected = if owner == Some(one.member.id) { 24 } else { 26 };
        assert_eq!(heard.iter().filter(others).count(), expected);
        assert_eq!(one.gems().await + two.gems().await, GEMS);
        assert_eq!(one.words().await.len() + two.words().await.len(), 2);
        adds_up(&house.storage).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refunds_that_race_grants_leave_nothing() {
    let house = House::new().await;
    let nodes = house.two().await;
    for round in 0..6 {
        let pairs = house.pairs().await;
        let words = pairs.iter().flat_map(|(bought, player)| {
            let paid = bought.said(Source::Posted(player.member.id), State::Paid, at(1));
            let refunded = bought.said(Source::Told, State::Refunded, at(2));
            [(0, paid), (1, refunded)]
        });
        let heard = join_all(words.map(|(node, said)| nodes[(node + round) % 2].hear(said))).await;
        assert!(heard.iter().all(Result::is_ok), "{heard:?}");
        for (bought, player) in &pairs {
            let claim = bought.claim().await.unwrap();
            assert!(matches!(claim.stand, Stand::Void | Stand::Refunded), "{:?}", claim.stand);
            let kept = &player.history(player.looks_back()).await[0];
            assert_eq!((kept.stand, player.gems().await), (claim.stand, 0));
            let moved = if claim.stand == Stand::Refunded { [0, 2] } else { [0, 0] };
            assert!(moved.contains(&player.transfers().await.len()));
        }
    }
    adds_up(&house.storage).await;
}

/// What everybody buys, and spends, in some order.
struct Crowd {
    players: Vec<Player>,
    bought: Vec<(Bought, usize)>,
}

impl Crowd {
    async fn new(house: &House, count: usize) -> Self {
        let mut players = Vec::new();
        for place in 0..count {
            players.push(house.player_on(place % 2).await);
        }
        let bought = (0..3 * count).map(|place| {
            let owner = place % count;
            let named = Named::Member(players[owner].member.id);
            (house.bought_on(place / 3 % 2).naming(named), owner)
        });
        Self { bought: bought.collect(), players }
    }

    fn words(&self, state: State, second: u32, turn: usize) -> Vec<Said> {
        let mut says: Vec<Said> = self
            .bought
            .iter()
            .map(|(bought, _)| bought.said(Source::Told, state, at(second)))
            .collect();
        ordered(&mut says, turn);
        says
    }

    fn spends(&self, turn: usize) -> Vec<TransferWrite> {
        let spend = |player: &Player| {
            player.transfer(
                &format!("turn {turn}"),
                Cause::Spent,
                &[line("box", -1), line("gem", -1)],
            )
        };
        let mut writes: Vec<TransferWrite> = self.players.iter().map(spend).collect();
        ordered(&mut writes, turn);
        writes
    }
}

fn ordered<T>(all: &mut [T], turn: usize) {
    if turn.is_multiple_of(2) {
        all.reverse();
    } else {
        all.rotate_left(turn % all.len().max(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_over_the_same_members_in_crossing_orders_come_to_an_end() {
    let house = House::new().await;
    let nodes = house.two().await;
    let crowd = Crowd::new(&house, 8).await;
    let grants = (0..6).map(|turn| hear_all(&nodes[turn % 2], crowd.words(State::Paid, 1, turn)));
    for heard in join_all(grants).await {
        assert_eq!(heard.len(), crowd.bought.len());
    }
    for player in &crowd.players {
        assert_eq!(player.gems().await, 3 * GEMS);
    }
    // Some are given back while others are spent.
    let spends = (0..6).map(|turn| transfer_all(&nodes[turn % 2], crowd.spends(turn)));
    let refunds = (0..2).map(|turn| hear_all(&nodes[turn], crowd.words(State::Refunded, 2, turn)));
    let (spent, _) = futures_util::future::join(join_all(spends), join_all(refunds)).await;
    let done = |it: &&Transferred| matches!(it, Transferred::Done { again: false, .. });
    let done = i64::try_from(spent.iter().flatten().filter(done).count()).unwrap();
    let mut owed = 0;
    for player in &crowd.players {
        owed -= player.gems().await;
    }
    assert_eq!(owed, done, "what was spent is owed, and nothing else");
    adds_up(&house.storage).await;
}
