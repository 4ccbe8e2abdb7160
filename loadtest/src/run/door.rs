//! Getting in, and getting back in: connect, log in, open, each as often as the wire asks.

mod next;
mod steps;

use protocol::sessions::OpenReply;
use tokio::time::{Instant, sleep, timeout};

use super::back_off::{BackOff, advice};
use super::known::Known;
use super::ledger::Row;
use super::line::Line;
use super::stage::Stage;
use crate::failure::{Closed, Failure};
use next::{Next, next, unreachable};

pub(super) use next::{may_come_back, sheds};

/// A player at the door.
struct Door<'a> {
    stage: &'a Stage,
    number: usize,
    /// When it was due, or lost its connection.
    since: Instant,
    back_off: BackOff,
    /// A connection on which it was told to wait.
    line: Option<Line>,
    /// Whether it has connected before.
    connected: bool,
    last_id: u64,
    /// What it is trying.
    step: Row,
}

/// Comes in as a new guest who was due then. `None` when the player gave up, which is told.
pub(super) async fn come_in(stage: &Stage, number: usize, due: Instant) -> Option<(Known, Line)> {
    let mut door = Door::new(stage, number, due);
    let mut known = None;
    let (line, reply) = door.enter(&mut known).await?;
    let mut known = known?;
    known.last_id = door.last_id;
    stage.ledger.took(Row::Entry, due.elapsed());
    door.check_open(&reply, &mut known);
    if !stage.roll.came_in(number, known.member) {
        stage.complaints.of(number, format!("is member {}, as another is", known.member));
    }
    Some((known, line))
}

/// Comes back after a connection was lost, and says whether the session went on; if it did
/// not, that is the server's word for why. `None` when the player gave up, which is told.
pub(super) async fn come_back(
    stage: &Stage,
    number: usize,
    known: &mut Known,
    closed: &Closed,
) -> Option<(Line, Option<&'static str>)> {
    let mut door = Door::new(stage, number, Instant::now());
    door.connected = true;
    door.last_id = known.last_id;
    sleep(door.back_off.wait(advice(closed))).await;
    let mut kept = Some(known.clone());
    let (line, reply) = door.enter(&mut kept).await?;
    *known = kept?;
    known.last_id = door.last_id;
    stage.ledger.took(Row::Back, door.since.elapsed());
    door.check_open(&reply, known);
    let not_resumed = match reply.resume_failed {
        _ if reply.resumed => None,
        Some(why) => Some(why.word()),
        None => Some("no reason given"),
    };
    stage.roll.back(number, not_resumed);
    Some((line, not_resumed))
}

impl<'a> Door<'a> {
    fn new(stage: &'a Stage, number: usize, since: Instant) -> Self {
        // Each player's chance is its own, and the same in each run.
        let seed = stage.plan.seed ^ (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self {
            stage,
            number,
            since,
            back_off: BackOff::new(seed),
            line: None,
            connected: false,
            last_id: 0,
            step: Row::Connect,
        }
    }

    /// Tries until it is in, or may not, or has tried for too long.
    async fn enter(&mut self, known: &mut Option<Known>) -> Option<(Line, OpenReply)> {
        loop {
            let failure = match self.attempt(known).await {
                Ok(entered) => return Some(entered),
                Err(failure) => failure,
            };
            let after = match next(&failure) {
                Next::Again(after) => after,
                Next::Shed(after) => {
                    self.stage.ledger.shed(self.step);
                    after
                }
                Next::Late => {
                    self.stage.complaints.of(self.number, &failure);
                    None
                }
                Next::Never => {
                    self.stage.complaints.of(self.number, format!("does not get in: {failure}"));
                    self.stage.roll.gone(self.number, false);
                    return None;
                }
            };
            let wait = self.back_off.wait(after);
            if self.since.elapsed() + wait > self.stage.plan.give_up {
                let seconds = self.since.elapsed().as_secs();
                let what = format!("is not in after {seconds} s: {failure}");
                self.stage.complaints.of(self.number, what);
                let nobody_there = matches!(failure, Failure::Unreachable { .. });
                self.stage.roll.gone(self.number, nobody_there);
                return None;
            }
            sleep(wait).await;
        }
    }

    async fn attempt(&mut self, known: &mut Option<Known>) -> Result<(Line, OpenReply), Failure> {
        let mut line = match self.line.take() {
            Some(line) => line,
            None => self.connect().await?,
        };
        match self.speak(&mut line, known).await {
            Ok(reply) => Ok((line, reply)),
            Err(failure) => {
                if failure.refused().is_some() {
                    // Whoever is told to wait waits on the connection it has.
                    self.line = Some(line);
                }
                Err(failure)
            }
        }
    }

    async fn connect(&mut self) -> Result<Line, Failure> {
        self.step = Row::Connect;
        let begun = if self.connected { Instant::now() } else { self.since };
        let patience = self.stage.plan.patience;
        let narrow = self.number < self.stage.plan.slow();
        let line = timeout(patience, async {
            let wire = self
                .stage
                .road
                .dial(self.number, narrow)
                .await
                .map_err(|error| unreachable(&self.stage.plan.server, &error))?;
            Line::upgrade(wire, &self.stage.url, self.stage.plan.format).await
        });
        let line =
            line.await.unwrap_or(Err(Failure::Late { what: "a connection", after: patience }))?;
        self.connected = true;
        self.stage.ledger.took(Row::Connect, begun.elapsed());
        Ok(line)
    }
}
