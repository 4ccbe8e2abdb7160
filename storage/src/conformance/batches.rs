//! What is asked of a backend that is given many at once: each item says what it would say
//! alone, whatever stands beside it.
//!
//! Two crowds are made alike, out of people in all sorts of states. One is asked in a batch, the
//! other one by one; what both say, and what is kept of them afterwards, must be the same.

pub mod logins;

use std::time::Duration;

pub use logins::{Newcomer, play_logins};

use super::scene::{DAY, Game, LIFETIME, Player, SECOND, START, candidate, digest};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::open::Storage;
use crate::push::{AckWrite, NewPush, PostWrite};
use crate::sessions::{
    End, EndWrite, EndedBy, LoginsRead, RefreshOutcome, RefreshWrite, StandingRead,
};
use protocol::ids::AppId;

/// The state of somebody who shows a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The token is good.
    Good,
    /// It was exchanged moments ago.
    Lost,
    /// It was used before.
    Used,
    /// Its tag is wrong.
    Forged,
    /// It has expired.
    Late,
    /// A newer login took its place.
    Replaced,
    /// A newer login took its place, and it takes it back.
    TakesBack,
    /// Its login was ended.
    Ended,
    /// It names another member than its own.
    Misnamed,
    /// There is no such login.
    Nobody,
}

impl Holder {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Good,
        Self::Lost,
        Self::Used,
        Self::Forged,
        Self::Late,
        Self::Replaced,
        Self::TakesBack,
        Self::Ended,
        Self::Misnamed,
        Self::Nobody,
    ];

    /// Brings somebody into this state, and says what will be shown.
    async fn make(self, game: &Game) -> (Player, RefreshWrite) {
        let player = game.player().await;
        let token = player.login.token;
        let now = START.after(DAY);
        let write = player.exchange(token, now);
        let write = match self {
            Self::Good => write,
            Self::Lost => {
                player.rotates(token, now.before(SECOND)).await;
                write
            }
            Self::Used => {
                let second = player.rotates(token, START.after(SECOND)).await;
                player.rotates(second, START.after(2 * SECOND)).await;
                write
            }
            Self::Forged => RefreshWrite { tag: digest(), ..write },
            Self::Late => player.exchange(token, START.after(LIFETIME)),
            Self::Replaced => {
                player.again(START.after(SECOND)).await;
                write
            }
            Self::TakesBack => {
                player.again(START.after(SECOND)).await;
                player.take_over(token, now)
            }
            Self::Ended => {
                player.ends(EndedBy::Logout, START).await;
                write
            }
            Self::Misnamed => {
                let member = Some(game.player().await.member.id);
                RefreshWrite { member, tag: digest(), ..write }
            }
            Self::Nobody => RefreshWrite { member: Some(candidate()), tag: digest(), ..write },
        };
        (player, write)
    }
}

/// What was said, told without the names that differ between the crowds.
fn told(player: &Player, write: &RefreshWrite, said: Result<RefreshOutcome>) -> String {
    match said.unwrap() {
        RefreshOutcome::Rotated { member } => format!("rotated {}", member == player.member),
        RefreshOutcome::Repeated { member, sealed, expires_at } => {
            let another = sealed != write.next_sealed;
            format!("repeated {} {another} {expires_at:?}", member == player.member)
        }
        RefreshOutcome::TakenOver { member, epoch, replaced } => {
            format!("taken over {} {epoch} {}", member == player.member, replaced.is_some())
        }
        RefreshOutcome::Reused { member } => format!("reused {}", member == player.member.id),
        other => format!("{other:?}"),
    }
}

async fn kept(player: &Player, now: Micros) -> String {
    let standing = player.standing().await;
    let (logins, epoch) = player.listed(now, 100).await;
    let login = standing.login;
    let (count, inbox) = (logins.len(), standing.inbox);
    format!(
        "{:?} {:?} {:?} {count} {epoch} {inbox}",
        login.ended, login.refreshed_at, login.expires_at
    )
}

/// Shows the tokens of a crowd in one batch and one by one.
///
/// # Panics
/// When an item says, or leaves behind, something else in the batch.
pub async fn play_refreshes(storage: &Storage, crowd: &[Holder]) {
    let (truth, game) = (storage.records.truth(), Game::new(storage));
    let (mut together, mut alone) = (Vec::new(), Vec::new());
    for holder in crowd {
        together.push(holder.make(&game).await);
        alone.push(holder.make(&game).await);
    }
    let writes = together.iter().map(|(_, write)| write.clone()).collect();
    let answers = truth.refresh_all(writes).await;
    assert_eq!(answers.len(), crowd.len());
    for (place, said) in answers.into_iter().enumerate() {
        let ((player, write), (lone, lone_write)) = (&together[place], &alone[place]);
        let lone_said = truth.refresh(lone_write.clone()).await;
        let holder = crowd[place];
        assert_eq!(told(player, write, said), told(lone, lone_write, lone_said), "{holder:?}");
        let now = START.after(DAY + Duration::from_secs(1));
        assert_eq!(kept(player, now).await, kept(lone, now).await, "{holder:?}");
    }
    let read = |(player, _): &(Player, RefreshWrite)| StandingRead {
        app: game.app.clone(),
        member: player.member.id,
        login: player.login.id,
    };
    let standings = truth.standing_all(together.iter().map(read).collect()).await;
    for ((player, _), standing) in together.iter().zip(standings) {
        assert_eq!(standing.unwrap(), Some(player.standing().await));
    }
}

fn push(text: &str) -> NewPush {
    let (word, body) = ("message".to_owned(), format!("\"{text}\""));
    NewPush { word, body, expires_at: START.after(DAY) }
}

pub async fn inboxes_of_many_are_written_read_and_acknowledged_at_once(storage: Storage) {
    let (truth, game, other) = (storage.records.truth(), Game::new(&storage), Game::new(&storage));
    let (mut members, mut logins) = (Vec::new(), Vec::new());
    for _ in 0..9 {
        let player = game.player().await;
        members.push(player.member.id);
        logins.push(player.login.id);
    }
    // A newer login holds this one's session.
    logins[7] = protocol::ids::LoginId(uuid::Uuid::nil());
    let app = |place: usize| if place == 4 { other.app.clone() } else { game.app.clone() };
    let post = |(place, member): (usize, &protocol::ids::MemberId)| PostWrite {
        app: app(place),
        member: *member,
        pushes: (0..place).map(|count| push(&format!("{place}.{count}"))).collect(),
        now: START,
    };
    // Two to one member stand in their order.
    let again = PostWrite { pushes: vec![push("again")], ..post((3, &members[3])) };
    let posts = members.iter().enumerate().map(post).chain([again]).collect();
    let posted = truth.post_all(posts).await;
    assert_eq!(posted[4], Ok(None), "a member of another game");
    for (place, posted) in posted.iter().enumerate().filter(|(place, _)| *place != 4) {
        let numbers: Vec<_> = posted.iter().flatten().flatten().map(|push| push.seq).collect();
        let all = if place == 9 { vec![4] } else { (1..=place as u64).collect() };
        assert_eq!(numbers, all);
    }
    let ack = |(place, member): (usize, &protocol::ids::MemberId)| AckWrite {
        app: app(place),
        member: *member,
        login: logins[place],
        up_to: (place as u64).saturating_sub(1),
    };
    let acked = truth.ack_all(members.iter().enumerate().map(ack).collect()).await;
    let expected = [0, 0, 1, 2, 0, 4, 5, 6, 7].map(Ok).into_iter().enumerate();
    let replaced = |(place, acked)| if place == 7 { Err(StorageError::Replaced) } else { acked };
    assert_eq!(acked, expected.map(replaced).collect::<Vec<_>>());
    let read = |(place, member): (usize, &protocol::ids::MemberId)| crate::push::InboxRead {
        app: app(place),
        member: *member,
        after: 0,
        now: START,
        limit: 100,
    };
    let inboxes = truth.inbox_all(members.iter().enumerate().map(read).collect()).await;
    for (place, inbox) in inboxes.into_iter().enumerate() {
        let ask = read((place, &members[place]));
        let alone = truth.inbox(ask.app, ask.member, 0, START, 100).await.unwrap();
        assert_eq!(inbox.unwrap(), alone);
        let waiting = match place {
            0 | 4 => 0,
            3 => 2,
            7 => 7,
            _ => 1,
        };
        assert_eq!(alone.pushes.len(), waiting, "{place}");
    }
}

pub async fn members_are_found_many_at_once(storage: Storage) {
    let (truth, game) = (storage.records.truth(), Game::new(&storage));
    let mut asked = Vec::new();
    for _ in 0..5 {
        asked.push((game.app.clone(), game.player().await.member.id));
    }
    asked.push((Game::new(&storage).app, asked[0].1));
    asked.push((game.app.clone(), candidate()));
    asked.push(asked[0].clone());
    let found = truth.member_all(asked.clone()).await;
    for ((app, member), found) in asked.into_iter().zip(found) {
        assert_eq!(found, truth.member(app, member).await);
    }
}

pub async fn lists_of_many_say_what_each_says_alone(storage: Storage) {
    let (truth, game) = (storage.records.truth(), Game::new(&storage));
    let mut asked = Vec::new();
    for _ in 0..5 {
        let player = game.player().await;
        player.again(START.after(SECOND)).await;
        asked.push((game.app.clone(), player.member.id));
    }
    asked.push((Game::new(&storage).app, asked[0].1));
    asked.push((game.app.clone(), candidate()));
    asked.push(asked[0].clone());
    let identities = truth.identities_all(asked.clone()).await;
    for ((app, member), found) in asked.iter().zip(identities) {
        assert_eq!(found, truth.identities(app.clone(), *member).await);
    }
    let read = |(place, (app, member)): (usize, &(_, _))| LoginsRead {
        app: AppId::clone(app),
        member: *member,
        now: START,
        limit: place % 3,
    };
    let logins = truth.logins_all(asked.iter().enumerate().map(read).collect()).await;
    for (at, found) in asked.iter().enumerate().zip(logins) {
        let LoginsRead { app, member, now, limit } = read(at);
        let alone = truth.logins(app, member, now, limit).await.unwrap();
        assert_eq!(found.unwrap(), alone);
        assert_eq!(alone.0.len(), if at.0 < 5 || at.0 == 7 { at.0 % 3 } else { 0 });
    }
}

pub async fn logins_of_many_are_ended_each_by_its_own_right(storage: Storage) {
    let (truth, game, other) = (storage.records.truth(), Game::new(&storage), Game::new(&storage));
    let mut pairs = Vec::new();
    for _ in 0..6 {
        let old = game.player().await;
        let new = old.again(START).await;
        pairs.push((old, new));
    }
    let end = |(place, (old, new)): (usize, &(Player, Player))| EndWrite {
        app: if place == 5 { other.app.clone() } else { game.app.clone() },
        member: old.member.id,
        which: match place {
            0 => End::One(old.login.id),
            2 => End::All(old.login.id),
            3 => End::One(new.login.id),
            _ => End::All(new.login.id),
        },
        by: EndedBy::Logout,
        now: START,
    };
    let said = truth.end_all(pairs.iter().enumerate().map(end).collect()).await;
    for ((place, (old, new)), said) in pairs.iter().enumerate().zip(said) {
        let (old, new) = (old.login.id, new.login.id);
        let said = said.map(|mut ended| {
            ended.sort_unstable();
            ended
        });
        let mut both = vec![old, new];
        both.sort_unstable();
        let expected = match place {
            0 => Ok(vec![old]),
            2 => Err(StorageError::Replaced),
            3 => Ok(vec![new]),
            5 => Ok(Vec::new()),
            _ => Ok(both),
        };
        assert_eq!(said, expected, "{place}");
    }
}
