//! One login of the model, and the rules of its tokens.

use protocol::ids::LoginId;

use super::Shown;
use crate::clock::Micros;
use crate::conformance::scene::{LIFETIME, WINDOW, digest};
use crate::identity::Digest;
use crate::members::Ban;
use crate::sessions::{EndedBy, RefreshWrite, TakeOver};

/// What became of a token.
#[derive(Clone, Debug)]
enum Fate {
    /// It was given and not shown yet.
    Live,
    /// It was exchanged for the live one.
    Answered { at: Micros, sealed: Vec<u8> },
    /// It is good for nothing any more.
    Spent,
}

struct Token {
    digest: Digest,
    fate: Fate,
}

/// What an exchange comes to, as one login sees it.
pub(super) enum Exchange {
    Unknown,
    Ended(EndedBy),
    Reused,
    Expired,
    Banned(Ban),
    Replaced,
    TakenOver(TakeOver),
    Repeated { sealed: Vec<u8>, expires_at: Micros },
    Rotated,
}

/// A login, with all the tokens it ever had.
pub(super) struct Login {
    pub(super) id: LoginId,
    pub(super) tag: Digest,
    pub(super) epoch: i64,
    pub(super) refreshed_at: Micros,
    pub(super) expires_at: Micros,
    pub(super) ended: Option<EndedBy>,
    pub(super) forgotten: bool,
    tokens: Vec<Token>,
    /// Which token took the session back, when, and what it was answered.
    answered: Option<(Digest, Micros, Vec<u8>)>,
}

impl Login {
    pub(super) fn new(first: TakeOver, epoch: i64, now: Micros) -> Self {
        Self {
            id: first.id,
            tag: first.tag,
            epoch,
            refreshed_at: now,
            expires_at: now.after(LIFETIME),
            ended: None,
            forgotten: false,
            tokens: vec![Token { digest: first.token, fate: Fate::Live }],
            answered: None,
        }
    }

    pub(super) fn lives(&self, now: Micros) -> bool {
        !self.forgotten && self.ended.is_none() && now < self.expires_at
    }

    /// The token that a device shows, if it has one of that kind.
    pub(super) fn shown(&self, shown: Shown) -> Digest {
        let spent = || self.tokens.iter().filter(|token| matches!(token.fate, Fate::Spent));
        let found = match shown {
            Shown::Unseen => return digest(),
            Shown::Present | Shown::Forged => None,
            Shown::Previous => {
                self.tokens.iter().find(|token| matches!(token.fate, Fate::Answered { .. }))
            }
            Shown::Older(place) => spent().nth(place % spent().count().max(1)),
        };
        let live = || self.tokens.iter().find(|token| matches!(token.fate, Fate::Live));
        found.or_else(live).expect("a login has a live token").digest
    }

    /// What an exchange at this login comes to. `replaced` is whether another one holds the
    /// session, `ban` what keeps the member out.
    pub(super) fn exchange(
        &mut self,
        write: &RefreshWrite,
        replaced: bool,
        ban: Option<Ban>,
    ) -> Exchange {
        if self.forgotten || self.tag != write.tag {
            return Exchange::Unknown;
        }
        if let Some(by) = self.ended {
            return match self.answered.clone() {
                Some((token, at, sealed))
                    if write.take_over.is_some()
                        && token == write.token
                        && write.now < at.after(WINDOW) =>
                {
                    let expires_at = self.expires_at;
                    ban.map_or(Exchange::Repeated { sealed, expires_at }, Exchange::Banned)
                }
                _ => Exchange::Ended(by),
            };
        }
        let token = self.tokens.iter().find(|token| token.digest == write.token);
        match (token.map_or(Fate::Spent, |token| token.fate.clone()), ban) {
            (Fate::Spent, _) => {
                self.ended = Some(EndedBy::Reuse);
                Exchange::Reused
            }
            (_, _) if !self.lives(write.now) => Exchange::Expired,
            (_, Some(ban)) => Exchange::Banned(ban),
            (_, None) if replaced => self.back(write),
            (Fate::Answered { at, sealed }, None) if write.now < at.after(WINDOW) => {
                Exchange::Repeated { sealed, expires_at: self.expires_at }
            }
            (Fate::Live | Fate::Answered { .. }, None) => self.give(write),
        }
    }

    fn back(&mut self, write: &RefreshWrite) -> Exchange {
        let Some(new) = write.take_over.clone() else { return Exchange::Replaced };
        self.ended = Some(EndedBy::TakeOver);
        self.answered = Some((write.token, write.now, new.sealed.clone()));
        self.refreshed_at = write.now;
        self.expires_at = write.expires_at;
        Exchange::TakenOver(new)
    }

    /// The shown token is exchanged: it becomes the one that was answered, what is not it
    /// is spent, and the next is live.
    fn give(&mut self, write: &RefreshWrite) -> Exchange {
        for token in &mut self.tokens {
            token.fate = Fate::Spent;
            if token.digest == write.token {
                token.fate = Fate::Answered { at: write.now, sealed: write.next_sealed.clone() };
            }
        }
        self.tokens.push(Token { digest: write.next, fate: Fate::Live });
        self.refreshed_at = write.now;
        self.expires_at = write.expires_at;
        Exchange::Rotated
    }
}
