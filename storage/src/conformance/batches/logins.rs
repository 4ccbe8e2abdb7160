//! Logins of many people at once.

use crate::conformance::scene::{DAY, Game, START, digest};
use crate::error::Result;
use crate::identity::{LoginOutcome, LoginWrite, Proof};
use crate::open::Storage;

/// Somebody who wants to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newcomer {
    /// A person that nobody has seen before.
    Person,
    /// A person who was here before.
    Known,
    /// A guest that is made now.
    NewGuest,
    /// A guest who comes back.
    Guest,
    /// A guest with a wrong secret.
    Thief,
    /// A guest that there is not.
    Absent,
    /// A person with a fresh nonce.
    WithNonce,
    /// A person with a nonce that was used.
    UsedNonce,
    /// A person for whom an id was drawn that is another's.
    IdTaken,
}

impl Newcomer {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Person,
        Self::Known,
        Self::NewGuest,
        Self::Guest,
        Self::Thief,
        Self::Absent,
        Self::WithNonce,
        Self::UsedNonce,
        Self::IdTaken,
    ];

    async fn make(self, game: &Game) -> LoginWrite {
        let subject = uuid::Uuid::now_v7().to_string();
        let secret = digest();
        let person = game.vouched(&subject, START.after(DAY));
        let with =
            |nonce| LoginWrite { nonce: Some((nonce, START.after(2 * DAY))), ..person.clone() };
        match self {
            Self::Person => person,
            Self::Known => {
                game.enter(game.vouched(&subject, START)).await;
                person
            }
            Self::NewGuest => game.new_guest(&subject, secret, START.after(DAY)),
            Self::Guest => {
                game.enter(game.new_guest(&subject, secret, START)).await;
                game.guest(&subject, secret, START.after(DAY))
            }
            Self::Thief => {
                game.enter(game.new_guest(&subject, secret, START)).await;
                LoginWrite {
                    proof: Proof::Secret(digest()),
                    ..game.guest(&subject, secret, START.after(DAY))
                }
            }
            Self::Absent => game.guest(&subject, secret, START.after(DAY)),
            Self::WithNonce => with(digest()),
            Self::UsedNonce => {
                let nonce = digest();
                let used = LoginWrite {
                    nonce: Some((nonce, START.after(2 * DAY))),
                    ..game.vouched("who used it", START)
                };
                game.enter(used).await;
                with(nonce)
            }
            Self::IdTaken => LoginWrite { candidate: game.player().await.member.id, ..person },
        }
    }
}

/// What was said, told without the names that differ between the crowds.
async fn told(game: &Game, write: &LoginWrite, said: Result<LoginOutcome>) -> String {
    match said.unwrap() {
        LoginOutcome::LoggedIn { member, new_member, epoch, replaced } => {
            let standing = game.standing(member.id, write.login.id).await.unwrap();
            let drawn = member.id == write.candidate;
            let count = game.identities(member.id).await.len();
            let replaced = replaced.is_some();
            format!("{new_member} {drawn} {epoch} {replaced} {} {count}", standing.login.epoch)
        }
        other => format!("{other:?} {}", game.member(write.candidate).await.is_some()),
    }
}

/// Logs a crowd in, in one batch and one by one.
///
/// # Panics
/// When an item says, or leaves behind, something else in the batch.
pub async fn play_logins(storage: &Storage, crowd: &[Newcomer]) {
    let (truth, game) = (storage.records.truth(), Game::new(storage));
    let (mut together, mut alone) = (Vec::new(), Vec::new());
    for newcomer in crowd {
        together.push(newcomer.make(&game).await);
        alone.push(newcomer.make(&game).await);
    }
    let answers = truth.login_all(together.clone()).await;
    assert_eq!(answers.len(), crowd.len());
    for (place, said) in answers.into_iter().enumerate() {
        let lone_said = truth.login(alone[place].clone()).await;
        let said = told(&game, &together[place], said).await;
        let lone_said = told(&game, &alone[place], lone_said).await;
        assert_eq!(said, lone_said, "{:?}", crowd[place]);
    }
}

pub async fn two_logins_of_one_person_in_a_batch_are_both_done(storage: Storage) {
    let (truth, game) = (storage.records.truth(), Game::new(&storage));
    let writes = vec![game.vouched("one", START), game.vouched("one", START)];
    let mut epochs = Vec::new();
    let mut members = Vec::new();
    for said in truth.login_all(writes).await {
        match said.unwrap() {
            LoginOutcome::LoggedIn { member, epoch, .. } => {
                epochs.push(epoch);
                members.push(member.id);
            }
            other => panic!("not logged in: {other:?}"),
        }
    }
    epochs.sort_unstable();
    assert_eq!(epochs, [1, 2]);
    assert_eq!(members[0], members[1]);
}
