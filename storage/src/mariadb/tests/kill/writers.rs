//! Those who write while servers are killed. Each does as a client would: what was refused is asked
//! for again, and so is what is not known, after a look or in a way that is harmless.

pub(in crate::mariadb::tests::kill) mod buyers;

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use protocol::push::BANNED;
use tokio::sync::watch;

use super::history::{Op, Said, Writing};
use crate::conformance::scene::{DAY, Game, Player, START, digest};
use crate::error::{Result, StorageError};
use crate::identity::{Digest, LoginOutcome, LoginWrite};
use crate::members::Member;
use crate::push::NewPush;
use crate::sessions::{RefreshOutcome, RefreshWrite};

/// What all writers share.
pub(super) struct Fire {
    game: Game,
    /// Two nodes, so that two logins of one person are under way at once.
    nodes: Vec<Game>,
    history: Writing,
    answered: watch::Sender<usize>,
    pub(super) acknowledged: AtomicUsize,
    /// Whether both servers are there. Who was refused waits for that.
    pub(super) up: watch::Sender<bool>,
    pub(super) stop: AtomicBool,
}

/// What did not come to an answer.
enum Open {
    Unknown,
    Refused,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Fire {
    pub(super) async fn new(game: Game, history: File) -> Self {
        Self {
            nodes: game.nodes(2).await,
            game,
            history: Writing::new(history),
            answered: watch::Sender::new(0),
            acknowledged: AtomicUsize::new(0),
            up: watch::Sender::new(true),
            stop: AtomicBool::new(false),
        }
    }

    /// Returns when so many more operations have come to an end.
    pub(super) async fn answers(&self, count: usize) {
        let mut answered = self.answered.subscribe();
        let until = *answered.borrow() + count;
        answered.wait_for(|answered| *answered >= until).await.unwrap();
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::SeqCst)
    }

    /// Asks for something and writes both down. `say` is what a good answer says.
    async fn ask<T: std::fmt::Debug>(
        &self,
        op: Op,
        call: impl Future<Output = Result<T>>,
        say: impl FnOnce(&T) -> Option<Vec<String>>,
    ) -> Result<T, Open> {
        let place = self.history.call(&op);
        let answer = call.await;
        let said = match &answer {
            Ok(answer) => match say(answer) {
                Some(words) => Said::Ok(words),
                None => Said::Wrong(format!("{answer:?}")),
            },
            Err(StorageError::OutcomeUnknown) => Said::Unknown,
            Err(error @ (StorageError::Corrupt(_) | StorageError::Setup(_))) => {
                Said::Wrong(error.to_string())
            }
            Err(_) => Said::Refused,
        };
        self.history.said(place, &said);
        self.acknowledged.fetch_add(usize::from(matches!(said, Said::Ok(_))), Ordering::SeqCst);
        self.answered.send_modify(|answered| *answered += 1);
        match answer {
            Ok(answer) => Ok(answer),
            Err(error) => {
                self.up.subscribe().wait_for(|up| *up).await.unwrap();
                tokio::task::yield_now().await;
                let unknown = error == StorageError::OutcomeUnknown;
                Err(if unknown { Open::Unknown } else { Open::Refused })
            }
        }
    }

    /// Writes until it is told to stop: most write to a member of their own, some log the same
    /// people in from two nodes at once, some ban and lift bans, some buy and spend.
    pub(super) async fn write(self: Arc<Self>, place: usize) {
        match place % 5 {
            0 => self.race(place).await,
            1 => self.ban_and_lift(place).await,
            2 => self.buys_and_spends(place).await,
            _ => self.live(place).await,
        }
    }

    /// Someone who is posted to, acknowledges, and refreshes.
    async fn live(&self, place: usize) {
        let write = self.game.vouched(&format!("p{place}"), START);
        let Some(player) = self.enters(&self.game, write).await else { return };
        let mut token = player.login.token;
        let mut last = 0;
        for number in 1.. {
            if !self.goes_on() {
                return;
            }
            for half in ["a", "b"] {
                if let Some(seq) = self.posts(&player, &format!("{number}{half}"), last).await {
                    // The last ones stay.
                    last = seq.saturating_sub(7);
                }
            }
            self.acknowledges(&player, last).await;
            token = self.rotates(&player, token).await;
        }
    }

    /// Logs in, again and again until it is.
    async fn enters(&self, node: &Game, write: LoginWrite) -> Option<Player> {
        while self.goes_on() {
            // As a server would: each try is a login of its own.
            let write = node.vouched(&write.key.subject, START);
            if let Some(player) = self.logs_in(node, write).await {
                return Some(player);
            }
        }
        None
    }

    /// Tries to log in; `None` when that came to nothing or is not known.
    async fn logs_in(&self, node: &Game, write: LoginWrite) -> Option<Player> {
        let op = Op::Login {
            person: write.key.subject.clone(),
            login: write.login.id.0.simple().to_string(),
            token: hex(&write.login.token),
        };
        let call = async {
            match node.storage.identity.login(write.clone()).await {
                // A guest's secret is another's, or was not taken.
                Ok(LoginOutcome::Refused) => Err(StorageError::Unavailable(String::new())),
                answer => answer,
            }
        };
        let say = |outcome: &LoginOutcome| match outcome {
            LoginOutcome::LoggedIn { member: Member { id, .. }, epoch, .. } => {
                Some(vec![id.number().to_string(), epoch.to_string()])
            }
            LoginOutcome::Refused
            | LoginOutcome::NonceUsed
            | LoginOutcome::IdTaken
            | LoginOutcome::Banned { .. } => None,
        };
        match self.ask(op, call, say).await {
            Ok(LoginOutcome::LoggedIn { member, new_member, epoch, replaced }) => Some(Player {
                game: node.clone(),
                key: write.key,
                login: write.login,
                member,
                new_member,
                epoch,
                replaced,
            }),
            Ok(_) | Err(_) => None,
        }
    }

    /// Two nodes log the same new people in at once: those a provider vouches for, and guests.
    async fn race(&self, place: usize) {
        for number in 0.. {
            if !self.goes_on() {
                return;
            }
            let (person, secret) = (format!("r{place}-{number}"), digest());
            let [one, other] = [&self.nodes[0], &self.nodes[1]];
            if number % 2 == 0 {
                let write = self.game.vouched(&person, START);
                tokio::join!(self.enters(one, write.clone()), self.enters(other, write));
            } else {
                let guest = |node| self.enters_as_guest(node, &person, secret);
                tokio::join!(guest(one), guest(other));
            }
        }
    }

    async fn enters_as_guest(&self, node: &Game, person: &str, secret: Digest) {
        while self.goes_on() {
            let new = self.logs_in(node, node.new_guest(person, secret, START)).await;
            if new.is_some() {
                return;
            }
            // Another was first, or it was this one and was not told.
            if self.logs_in(node, node.guest(person, secret, START)).await.is_some() {
                return;
            }
        }
    }

    async fn posts(&self, player: &Player, body: &str, acked: u64) -> Option<u64> {
        let member = player.member.id;
        let mut open = false;
        while self.goes_on() {
            let op = Op::Push { member: member.number().to_string(), body: body.to_owned() };
            let push = NewPush {
                word: "message".to_owned(),
                body: body.to_owned(),
                expires_at: START.after(DAY),
            };
            let app = self.game.app.clone();
            let call = async {
                if open {
                    // What is not known is looked for before it is asked for again.
                    if let Some(seq) = self.finds(player, body, acked).await? {
                        return Ok(seq);
                    }
                }
                let posted = self.game.storage.inboxes.post(app, member, vec![push], START).await?;
                Ok(posted.map_or(0, |posted| posted[0].seq))
            };
            match self.ask(op, call, |seq| Some(vec![seq.to_string()])).await {
                Ok(seq) => return Some(seq),
                Err(Open::Unknown) => open = true,
                Err(Open::Refused) => {}
            }
        }
        None
    }

    /// The number of a push that may be there. The lock that an acknowledgement takes is given
    /// up by whatever was under way.
    async fn finds(&self, player: &Player, body: &str, acked: u64) -> Result<Option<u64>> {
        let (app, member) = (self.game.app.clone(), player.member.id);
        let inboxes = &self.game.storage.inboxes;
        // That it is not known whether nothing was acknowledged is no matter.
        match inboxes.ack(app.clone(), member, player.login.id, 0).await {
            Ok(_) => {}
            Err(StorageError::OutcomeUnknown) => {
                return Err(StorageError::Unavailable("the lock".to_owned()));
            }
            Err(error) => return Err(error),
        }
        let inbox = inboxes.read(app, member, acked, START, usize::MAX).await?;
        Ok(inbox.pushes.iter().find(|push| push.body == body).map(|push| push.seq))
    }

    async fn acknowledges(&self, player: &Player, up_to: u64) {
        let member = player.member.id;
        while self.goes_on() && up_to > 0 {
            let op = Op::Ack { member: member.number().to_string(), up_to };
            let (app, login) = (self.game.app.clone(), player.login.id);
            let call = self.game.storage.inboxes.ack(app, member, login, up_to);
            let say = |acked: &u64| (*acked == up_to).then(|| vec![acked.to_string()]);
            if self.ask(op, call, say).await.is_ok() {
                return;
            }
        }
    }

    /// Exchanges a token until it is told what took its place.
    async fn rotates(&self, player: &Player, token: Digest) -> Digest {
        while self.goes_on() {
            let write = player.exchange(token, START);
            // What is sealed is told again: it says which token that was.
            let write = RefreshWrite { next_sealed: write.next.to_vec(), ..write };
            let (next, login) = (write.next, player.login.id.0.simple().to_string());
            let op = Op::Rotate { login, shown: hex(&token), next: hex(&next) };
            let stands = |outcome: &RefreshOutcome| match outcome {
                RefreshOutcome::Rotated { .. } => Some(next),
                RefreshOutcome::Repeated { sealed, .. } => sealed.as_slice().try_into().ok(),
                RefreshOutcome::TakenOver { .. }
                | RefreshOutcome::Unknown
                | RefreshOutcome::Expired
                | RefreshOutcome::Ended(_)
                | RefreshOutcome::Banned(_)
                | RefreshOutcome::Replaced
                | RefreshOutcome::Reused { .. } => None,
            };
            let call = self.game.storage.sessions.refresh(write);
            let say = |outcome: &RefreshOutcome| Some(vec![hex(&stands(outcome)?)]);
            if let Ok(outcome) = self.ask(op, call, say).await {
                return stands(&outcome).unwrap_or(token);
            }
        }
        token
    }

    /// An operator who bans somebody and lifts it, again and again.
    async fn ban_and_lift(&self, place: usize) {
        let write = self.game.vouched(&format!("b{place}"), START);
        let Some(player) = self.enters(&self.game, write).await else { return };
        let member = player.member.id;
        let members = &self.game.storage.members;
        while self.goes_on() {
            let mut write = self.game.ban(member, START, None);
            write.push.body = write.ban.id.simple().to_string();
            let ban = write.push.body.clone();
            let op = Op::Ban { member: member.number().to_string(), ban };
            let say = |seq: &Option<u64>| Some(vec![(*seq)?.to_string()]);
            // Banning again is harmless, and so is lifting what is lifted.
            if self.ask(op, members.ban(write), say).await.is_err() {
                continue;
            }
            let op = Op::Unban { member: member.number().to_string() };
            let (app, word) = (self.game.app.clone(), BANNED.to_owned());
            let call = members.unban(app, member, word, START);
            let _ = self.ask(op, call, |member| member.is_some().then(Vec::new)).await;
        }
    }
}
