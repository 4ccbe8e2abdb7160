//! What is asked of a backend about notices to the games' servers.

use futures_util::future::join_all;
use protocol::ids::MemberId;

use super::scene::{DAY, Game, INSTANT, Player, SECOND};
use super::shop::{Bought, at, lease, owned};
use crate::clock::Micros;
use crate::open::Storage;
use crate::outbox::{Due, Leasing, Notice, NoticesRead, Outcome, Sent};
use crate::purchases::{Said, Source, State};

/// Buys so many things, one each second from `from` on, of which the game is told.
async fn buys(player: &Player, from: u32, count: u32) {
    for second in from..from + count {
        owned(Bought::new(&player.game).posted(player, State::Paid, at(second)).await);
    }
}

fn leasing(now: Micros) -> Leasing {
    Leasing { now, until: lease(now), members: 10, each: 10 }
}

async fn leases(game: &Game, now: Micros) -> Vec<Due> {
    game.storage.outbox.lease(leasing(now)).await.unwrap()
}

/// The numbers that are leased, of one member.
async fn numbers(game: &Game, now: Micros) -> Vec<u64> {
    let due = leases(game, now).await;
    assert!(due.len() <= 1);
    due.iter().flat_map(|due| &due.notices).map(|notice| notice.seq).collect()
}

/// These were taken, a second after they were leased.
fn all_done(member: MemberId, done: &[u64], leased: Micros) -> Outcome {
    let (until, now) = (lease(leased), leased.after(SECOND));
    Outcome { member, until, done: done.to_vec(), failed: None, later: None, now }
}

async fn sent(game: &Game, outcome: Outcome) {
    assert_eq!(game.storage.outbox.sent(outcome).await, Ok(true));
}

fn read(game: &Game) -> NoticesRead {
    NoticesRead { app: game.app.clone(), member: None, sent: None, before: None, limit: 100 }
}

async fn notices(game: &Game, read: NoticesRead) -> Vec<Notice> {
    game.storage.outbox.notices(read).await.unwrap()
}

pub async fn what_becomes_of_a_purchase_is_told_in_order(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    let purchase = owned(bought.posted(&player, State::Paid, at(1)).await);
    player.consumes(purchase.id, at(2)).await;
    player.consumes(purchase.id, at(3)).await;
    owned(bought.told(State::Refunded, at(4)).await);
    owned(bought.told(State::Refunded, at(5)).await);
    owned(bought.told_reversed(at(6)).await);
    let due = leases(&game, at(7)).await;
    assert_eq!(due.len(), 1);
    assert_eq!((&due[0].app, due[0].member), (&game.app, player.member.id));
    let told: Vec<_> =
        due[0].notices.iter().map(|notice| (notice.seq, &*notice.word, notice.at)).collect();
    let expected = [
        (1, "purchase.granted", at(1)),
        (2, "purchase.consumed", at(2)),
        (3, "purchase.refunded", at(4)),
        (4, "purchase.granted", at(6)),
    ];
    assert_eq!(told, expected);
    let mut ids: Vec<_> = due[0].notices.iter().map(|notice| notice.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    for notice in &due[0].notices {
        let body: serde_json::Value = serde_json::from_str(&notice.body).unwrap();
        assert_eq!(body["type"], notice.word);
        assert_eq!(body["data"]["purchase"]["id"], purchase.id.to_string());
        assert_eq!((notice.sent, notice.tries, &notice.why), (Sent::Waiting, 0, &None));
    }
}

pub async fn a_game_without_a_webhook_is_told_nothing(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let bought = Bought::new(&game);
    let said = bought.said(Source::Posted(player.member.id), State::Paid, at(1));
    let purchase = owned(bought.hear(Said { webhook: false, ..said }).await);
    let mut write = player.consume(purchase.id, at(2));
    write.webhook = false;
    storage.purchases.consume(write).await.unwrap();
    assert_eq!(notices(&game, read(&game)).await, []);
    assert_eq!(leases(&game, at(100)).await, []);
}

pub async fn a_member_is_leased_by_one_node_at_a_time(storage: Storage) {
    let game = Game::new(&storage);
    let nodes = game.nodes(2).await;
    let player = game.player().await;
    buys(&player, 1, 2).await;
    assert_eq!(leases(&game, at(1).before(INSTANT)).await, []);
    let asks = (0..10).map(|place| leases(&nodes[place % 2], at(10)));
    assert_eq!(join_all(asks).await.concat().len(), 1, "one gets it");
    // What comes now waits behind, and whoever sends has the member.
    buys(&player, 20, 1).await;
    assert_eq!(leases(&game, at(30)).await, []);
    assert_eq!(numbers(&game, lease(at(10))).await, [1, 2, 3], "whoever had it is gone");
}

pub async fn who_lost_the_lease_says_no_more_what_came_of_it(storage: Storage) {
    let game = Game::new(&storage);
    let nodes = game.nodes(2).await;
    let player = game.player().await;
    let member = player.member.id;
    buys(&player, 1, 2).await;
    let says = async |node: &Game, outcome| node.storage.outbox.sent(outcome).await;
    let (first, second) = (at(9), lease(at(9)));
    assert_eq!(leases(&nodes[0], first).await[0].until, lease(first));
    assert_eq!(leases(&nodes[1], second).await[0].until, lease(second), "whoever had it is late");
    let kept = notices(&game, read(&game)).await;
    let failed = Some((1, "410".to_owned()));
    let later = Some((1, at(10), "503".to_owned()));
    let late = |done: &[u64]| Outcome { now: at(70), ..all_done(member, done, first) };
    for outcome in
        [late(&[1, 2]), Outcome { failed, ..late(&[]) }, Outcome { later, ..late(&[]) }, late(&[])]
    {
        assert_eq!(says(&nodes[0], outcome).await, Ok(false));
        assert_eq!(notices(&game, read(&game)).await, kept, "it changes nothing");
    }
    assert_eq!(leases(&game, at(71)).await, [], "the other has it still");
    sent(&nodes[1], all_done(member, &[1], second)).await;
    let again = says(&nodes[1], all_done(member, &[2], second)).await;
    assert_eq!(again, Ok(false), "it was given back");
    // Who comes late and finds that nobody came in between is still right.
    assert_eq!(numbers(&nodes[0], at(73)).await, [2]);
    sent(&nodes[0], Outcome { now: at(9_000), ..all_done(member, &[2], at(73)) }).await;
    assert_eq!(leases(&game, at(100_000)).await, []);
}

pub async fn what_was_taken_is_done_and_the_rest_is_due_at_once(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    buys(&player, 1, 4).await;
    let first = storage.outbox.lease(Leasing { each: 2, ..leasing(at(9)) }).await.unwrap();
    assert_eq!(first[0].notices.len(), 2, "no more than asked");
    sent(&game, all_done(player.member.id, &[1, 2], at(9))).await;
    assert_eq!(numbers(&game, at(10)).await, [3, 4]);
    sent(&game, all_done(player.member.id, &[3, 4], at(10))).await;
    assert_eq!(leases(&game, at(100_000)).await, [], "nothing waits");
    // They stay, so that they can be sent again.
    let done = notices(&game, read(&game)).await;
    assert_eq!(done.iter().map(|notice| notice.seq).collect::<Vec<_>>(), [4, 3, 2, 1]);
    assert!(done.iter().all(|notice| notice.sent == Sent::Done && !notice.body.is_empty()));
    // Numbers go on, and what comes next is due.
    buys(&player, 200, 1).await;
    assert_eq!(numbers(&game, at(200)).await, [5]);
}

pub async fn what_was_not_taken_is_sent_later_and_nothing_overtakes_it(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let member = player.member.id;
    buys(&player, 1, 3).await;
    assert_eq!(numbers(&game, at(9)).await, [1, 2, 3]);
    let later = Some((2, at(500), "503".to_owned()));
    sent(&game, Outcome { later, ..all_done(member, &[1], at(9)) }).await;
    buys(&player, 20, 1).await;
    assert!(numbers(&game, at(500).before(INSTANT)).await.is_empty());
    let due = leases(&game, at(500)).await;
    let told: Vec<_> =
        due[0].notices.iter().map(|it| (it.seq, it.tries, it.why.as_deref())).collect();
    assert_eq!(told, [(2, 1, Some("503")), (3, 0, None), (4, 0, None)]);
    // Nobody took it within three days: it is set aside, and the next go on.
    let failed = Some((2, "410".to_owned()));
    sent(&game, Outcome { failed, ..all_done(member, &[], at(500)) }).await;
    assert_eq!(numbers(&game, at(501)).await, [3, 4]);
    sent(&game, all_done(member, &[3, 4], at(501))).await;
    let failed = notices(&game, NoticesRead { sent: Some(Sent::Failed), ..read(&game) }).await;
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].seq, failed[0].why.as_deref()), (2, Some("410")));
    assert_eq!(leases(&game, at(100_000)).await, []);
}

pub async fn a_notice_is_sent_again_behind_what_waits(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let member = player.member.id;
    buys(&player, 1, 3).await;
    numbers(&game, at(9)).await;
    let failed = Some((2, "410".to_owned()));
    sent(&game, Outcome { failed, ..all_done(member, &[1], at(9)) }).await;
    let before = notices(&game, read(&game)).await;
    let replay = async |app: &Game, seq| {
        storage.outbox.replay(app.app.clone(), member, seq, at(50)).await.unwrap()
    };
    assert!(!replay(&game, 3).await, "it waits already");
    assert!(!replay(&game, 9).await);
    assert!(!replay(&Game::new(&storage), 2).await);
    assert!(replay(&game, 2).await);
    assert!(!replay(&game, 2).await, "it has another number");
    assert!(replay(&game, 1).await);
    let due = leases(&game, at(50)).await;
    let again: Vec<_> = due[0].notices.iter().map(|it| (it.seq, it.id, it.body.clone())).collect();
    let [third, second, first] = &*before else { panic!("{before:?}") };
    let of = |seq, notice: &Notice| (seq, notice.id, notice.body.clone());
    assert_eq!(again, [of(3, third), of(4, second), of(5, first)]);
    for notice in &due[0].notices[1..] {
        assert_eq!((notice.sent, notice.tries, &notice.why), (Sent::Waiting, 0, &None));
        assert_eq!(notice.at, at(50), "or it would fail at once");
    }
    assert_eq!(notices(&game, read(&game)).await.len(), 3);
    // It makes a member due of whom nothing waited.
    sent(&game, all_done(member, &[3, 4, 5], at(50))).await;
    assert!(replay(&game, 5).await);
    assert_eq!(numbers(&game, at(60)).await, [6]);
}

pub async fn members_are_leased_with_the_longest_due_first(storage: Storage) {
    let game = Game::new(&storage);
    let mut members = Vec::new();
    for second in [3, 1, 2] {
        let player = game.player().await;
        buys(&player, second, 1).await;
        members.push(player.member.id);
    }
    let servers = storage.records.truth().servers();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let due = storage.outbox.lease(Leasing { members: 1, ..leasing(at(9)) }).await.unwrap();
        assert!(due.len() <= servers, "no more from each server than asked");
        seen.extend(due.into_iter().map(|due| due.member));
    }
    // Of more servers each has an order of its own.
    if servers == 1 {
        assert_eq!(seen, [members[1], members[2], members[0]]);
    }
    seen.sort_unstable();
    members.sort_unstable();
    assert_eq!(seen, members);
}

pub async fn notices_are_looked_at_with_the_newest_first(storage: Storage) {
    let (game, strange) = (Game::new(&storage), Game::new(&storage));
    let (one, two) = (game.player().await, game.player().await);
    for second in 1..=3 {
        buys(&one, 10 * second, 1).await;
        buys(&two, 10 * second + 1, 1).await;
    }
    assert_eq!(leases(&game, at(50)).await.len(), 2);
    sent(&game, all_done(two.member.id, &[1], at(50))).await;
    let of = async |read| -> Vec<_> {
        notices(&game, read).await.into_iter().map(|it| (it.member, it.seq)).collect()
    };
    let [first, second] = [one.member.id, two.member.id];
    let all = [(second, 3), (first, 3), (second, 2), (first, 2), (second, 1), (first, 1)];
    assert_eq!(of(read(&game)).await, all);
    assert_eq!(of(read(&strange)).await, []);
    let members = NoticesRead { member: Some(first), ..read(&game) };
    assert_eq!(of(members.clone()).await, [(first, 3), (first, 2), (first, 1)]);
    assert_eq!(of(NoticesRead { limit: 1, ..members.clone() }).await, [(first, 3)]);
    let before = Some(at(30));
    assert_eq!(of(NoticesRead { before, ..members.clone() }).await, [(first, 2), (first, 1)]);
    assert_eq!(of(NoticesRead { app: strange.app.clone(), ..members }).await, []);
    let before = NoticesRead { before, ..read(&game) };
    assert_eq!(of(before).await, all[2..]);
    let done = NoticesRead { sent: Some(Sent::Done), ..read(&game) };
    assert_eq!(of(done).await, [(second, 1)]);
}

pub async fn what_was_told_is_forgotten_after_its_time(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    buys(&player, 1, 4).await;
    numbers(&game, at(9)).await;
    let failed = Some((2, "410".to_owned()));
    sent(&game, Outcome { failed, ..all_done(player.member.id, &[1, 3], at(9)) }).await;
    let forget = async |before, limit| storage.outbox.forget_notices(before, limit).await.unwrap();
    assert_eq!(forget(at(1), 10).await, 0);
    assert_eq!(forget(at(3), 1).await, 1, "no more than asked");
    assert_eq!(forget(at(3), 10).await, 1);
    assert_eq!(forget(at(9).after(DAY), 10).await, 1);
    assert_eq!(forget(at(9).after(DAY), 10).await, 0, "what waits stays");
    assert_eq!(numbers(&game, at(10)).await, [4]);
    sent(&game, all_done(player.member.id, &[4], at(10))).await;
    assert_eq!(forget(at(9).after(DAY), 10).await, 1);
    // Numbers are given once.
    buys(&player, 20, 1).await;
    assert_eq!(numbers(&game, at(20)).await, [5]);
}
