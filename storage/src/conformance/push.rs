//! What is asked of a backend about inboxes.

use futures_util::future::join_all;

use super::scene::{DAY, Game, Player, SECOND, START};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::open::Storage;
use crate::push::{Inbox, KeptPush, NewPush, PostOnce, PostedOnce};
use protocol::ids::MemberId;

fn push(body: &str) -> NewPush {
    let (word, body) = ("message".to_owned(), format!("{{\"text\":\"{body}\"}}"));
    NewPush { word, body, expires_at: START.after(DAY) }
}

async fn post(game: &Game, member: MemberId, bodies: &[&str]) -> Vec<KeptPush> {
    let pushes = bodies.iter().map(|body| push(body)).collect();
    let posted = game.storage.inboxes.post(game.app.clone(), member, pushes, START).await;
    posted.unwrap().expect("the member has an inbox")
}

async fn read(game: &Game, member: MemberId, after: u64, now: Micros) -> Inbox {
    game.storage.inboxes.read(game.app.clone(), member, after, now, 100).await.unwrap()
}

async fn ack(player: &Player, up_to: u64) -> Result<u64> {
    let (app, member) = (player.game.app.clone(), player.member.id);
    player.game.storage.inboxes.ack(app, member, player.login.id, up_to).await
}

fn numbers(pushes: &[KeptPush]) -> Vec<u64> {
    pushes.iter().map(|push| push.seq).collect()
}

pub async fn pushes_are_numbered_from_1_without_a_gap_and_read_back_whole(storage: Storage) {
    let game = Game::new(&storage);
    let member = game.player().await.member.id;
    assert_eq!(read(&game, member, 0, START).await, Inbox::default());
    let first = post(&game, member, &["a", "b"]).await;
    let second = post(&game, member, &["c"]).await;
    assert_eq!((numbers(&first), numbers(&second)), (vec![1, 2], vec![3]));
    let inbox = read(&game, member, 0, START).await;
    assert_eq!(inbox.pushes, [first, second].concat());
    assert_eq!((inbox.seq, inbox.acked), (3, 0));
    assert_eq!(numbers(&read(&game, member, 2, START).await.pushes), [3]);
}

pub async fn posts_at_once_get_each_number_once(storage: Storage) {
    let game = Game::new(&storage);
    let member = game.player().await.member.id;
    let posts = join_all((0..30).map(|_| post(&game, member, &["x", "y"]))).await;
    let mut all: Vec<u64> = posts.iter().flat_map(|pushes| numbers(pushes)).collect();
    all.sort_unstable();
    assert_eq!(all, (1..=60).collect::<Vec<_>>());
    let inbox = read(&game, member, 0, START).await;
    assert_eq!((inbox.seq, inbox.pushes.len()), (60, 60));
}

pub async fn an_acknowledgement_is_cumulative_and_never_goes_back(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let member = player.member.id;
    post(&game, member, &["a", "b", "c"]).await;
    let ack = async |up_to| ack(&player, up_to).await.unwrap();
    assert_eq!(ack(2).await, 2);
    assert_eq!(ack(1).await, 2);
    assert_eq!(numbers(&read(&game, member, 0, START).await.pushes), [3]);
    assert_eq!(ack(u64::MAX).await, 3, "there has been no higher number");
    let inbox = read(&game, member, 0, START).await;
    assert_eq!((inbox.pushes.len(), inbox.seq, inbox.acked), (0, 3, 3));
    assert_eq!(numbers(&post(&game, member, &["d"]).await), [4], "numbers go on");
}

pub async fn a_login_that_was_replaced_acknowledges_nothing(storage: Storage) {
    let game = Game::new(&storage);
    let old = game.player().await;
    post(&game, old.member.id, &["a", "b"]).await;
    assert_eq!(ack(&old, 1).await, Ok(1));
    let new = old.again(START).await;
    assert_eq!(ack(&old, 2).await, Err(StorageError::Replaced));
    let inbox = read(&game, old.member.id, 0, START).await;
    assert_eq!((numbers(&inbox.pushes), inbox.acked), (vec![2], 1));
    assert_eq!(ack(&new, 2).await, Ok(2));
}

pub async fn what_has_expired_is_neither_read_nor_kept(storage: Storage) {
    let game = Game::new(&storage);
    let member = game.player().await.member.id;
    let mut soon = push("soon");
    soon.expires_at = START.after(SECOND);
    let pushes = vec![push("a"), soon, push("c")];
    game.storage.inboxes.post(game.app.clone(), member, pushes, START).await.unwrap();
    let later = START.after(2 * SECOND);
    assert_eq!(numbers(&read(&game, member, 0, START).await.pushes), [1, 2, 3]);
    assert_eq!(numbers(&read(&game, member, 0, later).await.pushes), [1, 3]);
    assert_eq!(game.storage.inboxes.expire(later, 10).await, Ok(1));
    assert_eq!(game.storage.inboxes.expire(later, 10).await, Ok(0));
    assert_eq!(numbers(&read(&game, member, 0, START).await.pushes), [1, 3]);
}

pub async fn a_standing_says_how_far_the_inbox_reaches_and_is_acknowledged(storage: Storage) {
    let game = Game::new(&storage);
    let player = game.player().await;
    let reaches = async || {
        let standing = player.standing().await;
        (standing.inbox, standing.acked)
    };
    assert_eq!(reaches().await, (0, 0));
    post(&game, player.member.id, &["a", "b", "c"]).await;
    assert_eq!(reaches().await, (3, 0));
    ack(&player, 2).await.unwrap();
    assert_eq!(reaches().await, (3, 2));
}

pub async fn nobody_has_an_inbox_in_another_game(storage: Storage) {
    let (game, other) = (Game::new(&storage), Game::new(&storage));
    let player = game.player().await;
    let member = player.member.id;
    post(&game, member, &["a"]).await;
    let strange = storage.inboxes.post(other.app.clone(), member, vec![push("b")], START).await;
    assert_eq!(strange, Ok(None));
    assert_eq!(read(&other, member, 0, START).await, Inbox::default());
    let login = player.login.id;
    assert_eq!(storage.inboxes.ack(other.app.clone(), member, login, 1).await, Ok(0));
    assert_eq!(numbers(&read(&game, member, 0, START).await.pushes), [1]);
}

pub async fn what_is_posted_under_a_name_is_posted_once(storage: Storage) {
    let game = Game::new(&storage);
    let nodes = game.nodes(2).await;
    let (player, other) = (game.player().await, game.player().await);
    let write = |member, key: &str, body: &str, now| PostOnce {
        app: game.app.clone(),
        member,
        id: PostOnce::id_of(&game.app, member, key),
        digest: [body.len().try_into().unwrap(); 32],
        push: push(body),
        known_until: START.after(DAY),
        now,
    };
    let member = player.member.id;
    let once = async |game: &Game, write: PostOnce| {
        // As whoever asks for it does: again when nobody knows, or others hold the row.
        for _ in 0..10 {
            match game.storage.inboxes.post_once(write.clone()).await {
                Err(StorageError::Locked | StorageError::OutcomeUnknown) => {}
                posted => return posted.unwrap(),
            }
        }
        panic!("it was not posted in ten tries");
    };
    let asks = (0..20).map(|at| once(&nodes[at % 2], write(member, "a", "one", START)));
    let answers = join_all(asks).await;
    let posted = |seq, again| PostedOnce::Posted { seq, again };
    assert!(answers.iter().all(|it| [posted(1, false), posted(1, true)].contains(it)));
    assert_eq!(answers.iter().filter(|it| **it == posted(1, false)).count(), 1, "one posts it");
    assert_eq!(once(&game, write(member, "a", "other", START)).await, PostedOnce::Differs);
    assert_eq!(once(&game, write(member, "b", "one", START)).await, posted(2, false));
    assert_eq!(once(&game, write(other.member.id, "a", "one", START)).await, posted(1, false));
    let nobody = write(member, "a", "one", START);
    let nobody = PostOnce { app: Game::new(&storage).app.clone(), ..nobody };
    assert_eq!(once(&game, nobody).await, PostedOnce::Unknown);
    // It was acknowledged long since, and is known all the same.
    let login = player.login.id;
    storage.inboxes.ack(game.app.clone(), member, login, 2).await.unwrap();
    let last = START.after(DAY);
    assert_eq!(once(&game, write(member, "a", "one", last)).await, posted(1, true));
    assert_eq!(read(&game, member, 0, START).await.pushes, []);
    // Until it is forgotten, no more of them at a time than asked.
    let late = last.after(SECOND);
    assert_eq!(once(&game, write(member, "a", "one", late)).await, posted(3, false));
    let known = PostOnce { known_until: late.after(DAY), ..write(member, "c", "one", late) };
    assert_eq!(once(&game, known.clone()).await, posted(4, false));
    let mut gone = 0;
    for _ in 0..10 {
        gone += storage.inboxes.expire(late, 1).await.unwrap();
    }
    // Three pushes that nobody acknowledged, and the three names that are over.
    assert_eq!(gone, 6);
    assert_eq!(once(&game, known).await, posted(4, true));
}
