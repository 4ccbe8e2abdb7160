//! A member's logins as they ought to be, told a second time and in other words than any
//! backend's: whatever happens to a member, both must say the same.
//!
//! The model keeps every token that was ever given and what has become of it, where a
//! backend keeps but two.

mod login;
#[cfg(test)]
pub(crate) mod stories;

use std::collections::BTreeSet;
use std::time::Duration;

use protocol::ids::LoginId;

use super::scene::{Game, INSTANT, Player, START, digest};
use crate::clock::Micros;
use crate::error::StorageError;
use crate::identity::LoginOutcome;
use crate::members::Ban;
use crate::open::Storage;
use crate::sessions::{End, EndedBy, NewLogin, RefreshOutcome, RefreshWrite, Standing, TakeOver};
use login::{Exchange, Login};

/// Something that happens. Logins are counted back from the newest, which is 0, and around.
#[derive(Clone, Debug)]
pub enum Op {
    /// The member logs in once more.
    Login,
    /// A device shows a token.
    Refresh {
        /// Of which login.
        login: usize,
        /// Which one.
        token: Shown,
        /// Whether it wants the session back.
        take_over: bool,
    },
    /// Time passes.
    Wait(Duration),
    /// One login, or all, are ended.
    End {
        /// Which, or at whose wish.
        login: usize,
        /// Whether all of them.
        everywhere: bool,
        /// By what.
        by: EndedBy,
    },
    /// What has expired is forgotten.
    Sweep,
    /// The member is kept out, in the place of an earlier ban.
    Ban {
        /// How long; without an end when absent.
        lasts: Option<Duration>,
    },
    /// The ban is lifted, if there is one.
    Unban,
}

/// Which token a device shows.
#[derive(Clone, Copy, Debug)]
pub enum Shown {
    /// The one that was given last.
    Present,
    /// The one whose exchange gave that.
    Previous,
    /// One that was given before, counted around; the present one if there is none.
    Older(usize),
    /// One that was never given, with the right tag.
    Unseen,
    /// The present one, with a wrong tag.
    Forged,
}

struct Model {
    player: Player,
    now: Micros,
    logins: Vec<Login>,
}

impl Model {
    fn epoch(&self) -> i64 {
        i64::try_from(self.logins.len()).expect("a short story")
    }

    /// The newest login holds the session: it is the last one, for none is taken away here.
    fn take(&mut self, login: TakeOver) -> (i64, Option<LoginId>) {
        let holder = self.logins.last().filter(|holder| holder.lives(self.now));
        let replaced = holder.map(|holder| holder.id);
        self.logins.push(Login::new(login, self.epoch() + 1, self.now));
        (self.epoch(), replaced)
    }

    /// The ban that counts now.
    fn ban(&self) -> Option<Ban> {
        let ban = self.player.member.ban.clone();
        ban.filter(|ban| ban.until.is_none_or(|until| until > self.now))
    }

    /// The member logs in once more, or is kept out.
    async fn login(&mut self) {
        let game = self.player.game.clone();
        let write = game.vouched(&self.player.key.subject, self.now);
        let said = game.login(write.clone()).await;
        let member = self.player.member.clone();
        let expected = match self.ban() {
            Some(ban) => LoginOutcome::Banned { member: member.id, ban },
            None => {
                let (epoch, replaced) = self.take(first(&write.login));
                LoginOutcome::LoggedIn { member, new_member: false, epoch, replaced }
            }
        };
        assert_eq!(said, expected);
    }

    fn refresh(&mut self, place: usize, write: &RefreshWrite) -> RefreshOutcome {
        let ban = self.ban();
        let replaced = place + 1 < self.logins.len();
        let member = self.player.member.clone();
        match self.logins[place].exchange(write, replaced, ban) {
            Exchange::Unknown => RefreshOutcome::Unknown,
            Exchange::Ended(by) => RefreshOutcome::Ended(by),
            Exchange::Reused => RefreshOutcome::Reused { member: member.id },
            Exchange::Expired => RefreshOutcome::Expired,
            Exchange::Banned(ban) => RefreshOutcome::Banned(ban),
            Exchange::Replaced => RefreshOutcome::Replaced,
            Exchange::TakenOver(new) => {
                let (epoch, replaced) = self.take(new);
                RefreshOutcome::TakenOver { member, epoch, replaced }
            }
            Exchange::Repeated { sealed, expires_at } => {
                RefreshOutcome::Repeated { member, sealed, expires_at }
            }
            Exchange::Rotated => RefreshOutcome::Rotated { member },
        }
    }

    fn end(&mut self, which: Option<usize>, by: EndedBy) -> BTreeSet<LoginId> {
        let mut ended = BTreeSet::new();
        for (place, login) in self.logins.iter_mut().enumerate() {
            let meant = which.is_none_or(|which| which == place);
            if meant && login.ended.is_none() && !login.forgotten {
                login.ended = Some(by);
                ended.insert(login.id);
            }
        }
        ended
    }

    fn sweep(&mut self) {
        let now = self.now;
        if let Some((_holder, others)) = self.logins.split_last_mut() {
            for login in others.iter_mut().filter(|login| login.expires_at < now) {
                login.forgotten = true;
            }
        }
    }

    /// Lets it happen, in the storage and here, and compares what both say.
    async fn happens(&mut self, op: &Op) {
        let (game, member) = (self.player.game.clone(), self.player.member.id);
        let count = self.logins.len();
        match op {
            Op::Login => self.login().await,
            Op::Refresh { login, token, take_over } => {
                let place = count - 1 - login % count;
                let write = self.exchange(place, *token, *take_over);
                let said = game.refresh(write.clone()).await;
                assert_eq!(said, self.refresh(place, &write));
            }
            Op::Wait(duration) => self.now = self.now.after(*duration),
            Op::End { login, everywhere, by } => {
                let place = count - 1 - login % count;
                let which = if *everywhere { End::All } else { End::One };
                let which = which(self.logins[place].id);
                let ended =
                    game.storage.sessions.end(game.app.clone(), member, which, *by, self.now);
                let said = ended.await.map(BTreeSet::from_iter);
                if *everywhere && place + 1 < count {
                    assert_eq!(said, Err(StorageError::Replaced));
                } else {
                    let place = if *everywhere { None } else { Some(place) };
                    assert_eq!(said, Ok(self.end(place, *by)));
                }
            }
            Op::Sweep => {
                // How many rows went is not compared: earlier stories' rows may be there.
                game.storage.sessions.sweep(self.now, usize::MAX).await.unwrap();
                self.sweep();
            }
            Op::Ban { lasts } => {
                let until = lasts.map(|lasts| self.now.after(lasts));
                self.player.member.ban = Some(game.bans(member, self.now, until).await.0);
            }
            Op::Unban => {
                let was = game.unban(member, self.now).await;
                assert_eq!(was, Some(self.player.member.clone()));
                self.player.member.ban = None;
            }
        }
    }

    fn exchange(&self, place: usize, shown: Shown, take_over: bool) -> RefreshWrite {
        let login = &self.logins[place];
        let token = login.shown(shown);
        let write = if take_over {
            self.player.take_over(token, self.now)
        } else {
            self.player.exchange(token, self.now)
        };
        let tag = if matches!(shown, Shown::Forged) { digest() } else { login.tag };
        RefreshWrite { login: login.id, tag, ..write }
    }

    /// What is kept is what the model says, login for login.
    async fn compare(&self) {
        let live = self.logins.iter().rev().filter(|login| login.lives(self.now));
        let live: Vec<_> = live.map(|login| login.id).collect();
        assert_eq!(self.player.listed(self.now, usize::MAX).await, (live, self.epoch()));
        for login in &self.logins {
            let standing = self.player.game.standing(self.player.member.id, login.id).await;
            let whose = standing.as_ref().map(|standing| &standing.member);
            assert!(whose.is_none_or(|member| *member == self.player.member));
            let kept = standing.map(|Standing { login, epoch, .. }| {
                (epoch, login.epoch, login.refreshed_at, login.expires_at, login.ended)
            });
            let told = (self.epoch(), login.epoch, login.refreshed_at, login.expires_at);
            let told = (told.0, told.1, told.2, told.3, login.ended);
            assert_eq!(kept, (!login.forgotten).then_some(told), "{:?}", login.id);
        }
    }
}

/// What the model knows a new login by.
fn first(login: &NewLogin) -> TakeOver {
    let NewLogin { id, tag, token, .. } = *login;
    TakeOver { id, tag, token, sealed: Vec::new() }
}

/// Plays a story of one member, and compares what is said and kept after each step.
///
/// # Panics
/// When the storage and the model do not agree.
pub async fn play(storage: &Storage, story: &[Op]) {
    let player = Game::new(storage).player().await;
    let logins = vec![Login::new(first(&player.login), 1, START)];
    let mut model = Model { player, now: START, logins };
    for op in story {
        // No two things happen at one moment, so that the newest login is one login.
        model.now = model.now.after(INSTANT);
        model.happens(op).await;
        model.compare().await;
    }
}
