//! Has messages posted to the players, at random moments.
//!
//! A player's messages are posted one after another, so that their order is known; messages of
//! different players go side by side.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::desk::{Desk, Posted};
use super::plan::Messages;
use super::stage::Stage;

/// How many posts may wait for an answer. What is due beyond that waits, too.
const AT_A_TIME: usize = 128;

/// Whoever posts.
pub(super) struct Poster {
    stage: Arc<Stage>,
    desk: Arc<Desk>,
    messages: Messages,
    dice: Rng,
    /// Whose message was posted and not answered.
    busy: HashSet<usize>,
    on_the_way: JoinSet<(usize, bool)>,
}

impl Poster {
    /// The one of the plan, if messages are part of it.
    pub(super) fn of(stage: &Arc<Stage>) -> Option<Self> {
        let messages = stage.plan.messages.clone()?;
        Some(Self {
            stage: stage.clone(),
            desk: Arc::new(Desk::new(messages.access.clone())),
            dice: Rng::with_seed(stage.plan.seed ^ 0x706F_7374),
            messages,
            busy: HashSet::new(),
            on_the_way: JoinSet::new(),
        })
    }

    /// Posts for ever to the first so many players. What is on its way stays so when this is
    /// dropped.
    pub(super) async fn post_on(&mut self, players: usize) {
        let pacer = self.stage.pacer();
        let mut due = Instant::now();
        loop {
            // Moments that are independent of each other, as those of requests.
            let wait = -(1.0 - self.dice.f64()).ln() / self.messages.rate;
            due += Duration::from_secs_f64(wait);
            pacer.until(due).await;
            while self.on_the_way.len() >= AT_A_TIME {
                self.one_ends().await;
            }
            while let Some(ended) = self.on_the_way.try_join_next() {
                self.ended(ended);
            }
            self.post_to_one_of(players);
            tokio::task::consume_budget().await;
        }
    }

    /// Waits until no message is on its way.
    pub(super) async fn finish(&mut self) {
        while !self.on_the_way.is_empty() {
            self.one_ends().await;
        }
    }

    async fn one_ends(&mut self) {
        if let Some(ended) = self.on_the_way.join_next().await {
            self.ended(ended);
        }
    }

    fn ended(&mut self, ended: Result<(usize, bool), tokio::task::JoinError>) {
        // Where one may still arrive, a later one could overtake it: nothing more is posted.
        if let Ok((player, true)) = ended {
            self.busy.remove(&player);
        }
    }

    fn post_to_one_of(&mut self, players: usize) {
        if players == 0 {
            return;
        }
        let player = self.dice.usize(..players);
        let Some(member) = self.stage.roll.member(player) else { return };
        if !self.busy.insert(player) {
            return;
        }
        let (stage, desk) = (self.stage.clone(), self.desk.clone());
        self.on_the_way.spawn(async move {
            let (message, text) = stage.pushes.next(player);
            match desk.post(&stage.app, member, &text).await {
                Posted::As(seq) => stage.pushes.posted(player, message, seq),
                Posted::NotTaken => stage.pushes.not_taken(),
                Posted::Refused(why) => {
                    stage.pushes.not_taken();
                    stage.complaints.of(player, format!("its message was not taken: {why}"));
                }
                Posted::Unknown => {
                    stage.pushes.unknown();
                    return (player, false);
                }
            }
            (player, true)
        });
    }
}
