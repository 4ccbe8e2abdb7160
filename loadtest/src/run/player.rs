//! One player: a task that owns one websocket, and outlives it.
//!
//! While its session is open it waits for, in this order:
//! 1. what the scenario has for it, in its [`Seat`];
//! 2. frames of the server, or room for what could not be sent;
//! 3. the time at which an answer is missing.

use std::collections::VecDeque;
use std::sync::Arc;

use protocol::error::ErrorBody;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::ask::Ask;
use super::door;
use super::known::Known;
use super::ledger::Row;
use super::line::{Heard, Line, Room};
use super::seat::{Due, Order, Seat};
use super::slow_reader;
use super::stage::Stage;
use crate::failure::{Closed, Failure};
use crate::frame::{Incoming, Outgoing, Push};

/// A player whose session was opened.
pub(super) struct Player {
    pub(super) stage: Arc<Stage>,
    pub(super) seat: Arc<Seat>,
    pub(super) known: Known,
    /// What there was no room or connection to ask yet.
    waiting: VecDeque<Due>,
    /// What was asked and not answered, in the order of its numbers.
    pub(super) pending: VecDeque<Pending>,
    leaving: bool,
}

/// A request that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    pub(super) id: u64,
    pub(super) due: Due,
    sent: Instant,
    /// Whether it was complained about.
    late: bool,
}

/// How a connection ended for its player.
enum End {
    /// The player took its leave.
    Left,
    /// The player has stopped reading.
    Slow(Box<Line>),
    /// The connection is lost, and the player may come back.
    Lost(Closed),
    /// The player has no more business here.
    Gone,
}

/// Plays from when it is due until it leaves or gives up.
pub(super) async fn play(stage: Arc<Stage>, seat: Arc<Seat>, due: Instant) {
    // In boxes of their own: what coming in needs, an idle player need not hold.
    let entered = Box::pin(door::come_in(&stage, seat.number, due)).await;
    let Some((known, mut line)) = entered else {
        return give_up(&stage, &seat, 0);
    };
    let (waiting, pending) = (VecDeque::new(), VecDeque::new());
    let mut player = Player { stage, seat, known, waiting, pending, leaving: false };
    let number = player.seat.number;
    loop {
        let lost = match player.stay(line).await {
            End::Lost(closed) => closed,
            End::Left => {
                player.stage.roll.left(number);
                break;
            }
            End::Slow(line) => {
                Box::pin(slow_reader::read_nothing(&mut player, *line)).await;
                player.stage.roll.left(number);
                break;
            }
            End::Gone => {
                player.stage.roll.gone(number, false);
                break;
            }
        };
        match Box::pin(player.come_back(lost)).await {
            Some(back) => line = back,
            None => break,
        }
    }
    let own = player.waiting.iter().chain(player.pending.iter().map(|pending| &pending.due));
    let unanswered = own.filter(|due| due.ask.counts()).count();
    give_up(&player.stage, &player.seat, unanswered);
}

/// What is still to be asked will not be.
fn give_up(stage: &Stage, seat: &Seat, unanswered: usize) {
    seat.close();
    let unasked = std::iter::from_fn(|| seat.next_ask()).count();
    stage.requests.lost(unanswered + unasked);
}

impl Player {
    async fn stay(&mut self, mut line: Line) -> End {
        let mut timer = std::pin::pin!(sleep_until(Instant::now()));
        let mut armed = false;
        loop {
            tokio::select! {
                biased;
                () = self.seat.bell() => {
                    if let Some(order) = self.open_mail() {
                        match order {
                            Order::Cut => {
                                line.cut();
                                return End::Lost(Closed::cut());
                            }
                            Order::StopReading => return End::Slow(Box::new(line)),
                            Order::Leave => self.leave(),
                            // It has never stopped.
                            Order::ReadAgain => {}
                        }
                    }
                }
                heard = line.hear(!self.waiting.is_empty()) => match heard {
                    Ok(Heard::Frame(frame)) => self.on_frame(&mut line, frame),
                    Ok(Heard::Room) => {}
                    Err(failure) => return self.on_end(failure),
                },
                () = timer.as_mut(), if armed => {
                    armed = false;
                    self.on_time();
                }
            }
            self.send(&mut line);
            // The timer is set anew only when it has fired, not with each request.
            if !armed && let Some(pending) = self.pending.iter().find(|pending| !pending.late) {
                timer.as_mut().reset(pending.sent + self.stage.plan.patience);
                armed = true;
            }
        }
    }

    fn open_mail(&mut self) -> Option<Order> {
        while let Some(due) = self.seat.next_ask() {
            self.stage.ledger.late(due.at.elapsed());
            self.waiting.push_back(due);
        }
        self.seat.next_order()
    }

    /// Takes what came while the player was away; that it waited is not this program's doing.
    fn catch_up(&mut self) {
        self.waiting.extend(std::iter::from_fn(|| self.seat.next_ask()));
    }

    fn leave(&mut self) {
        self.leaving = true;
        self.waiting.push_back(Due { ask: Ask::Close, at: Instant::now() });
    }

    /// Sends what waits, as far as there is room.
    fn send(&mut self, line: &mut Line) {
        while !self.waiting.is_empty() && line.room() != Room::No {
            let Some(due) = self.waiting.pop_front() else { return };
            let id = self.known.next_id();
            let sent = Instant::now();
            self.pending.push_back(Pending { id, due, sent, late: false });
            self.put(line, id, due.ask);
        }
    }

    fn put(&self, line: &mut Line, id: u64, ask: Ask) {
        let put = ask.body(id, &self.known, &self.stage).and_then(|body| {
            line.put(Outgoing::Request { id, op: ask.operation().name(), body: &body })
        });
        match put {
            // How a broken connection ended is heard next.
            Ok(()) | Err(Failure::Closed(_)) => {}
            Err(failure) => self.complain(failure),
        }
    }

    fn on_frame(&mut self, line: &mut Line, frame: Incoming) {
        match frame {
            Incoming::Answer { id, outcome } => self.on_answer(id, outcome),
            Incoming::Push(push) => self.on_push(line, &push),
        }
    }

    fn on_answer(&mut self, id: u64, outcome: Result<Value, ErrorBody>) {
        let Some(place) = self.pending.iter().position(|pending| pending.id == id) else {
            return self.complain(format!("an answer to {id}, which is not due: {outcome:?}"));
        };
        let Some(Pending { due: Due { ask, at }, .. }) = self.pending.remove(place) else {
            return;
        };
        let row = Row::Asked(ask);
        match outcome {
            Err(error) if door::sheds(&error) => {
                self.stage.ledger.shed(row);
                self.count(ask, |requests| requests.shed());
                return;
            }
            Err(error) => self.complain(format!("{} #{id}: {error}", ask.operation().name())),
            Ok(answer) => {
                if let Err(wrong) = ask.check(id, answer, &mut self.known) {
                    self.complain(format!("{} #{id}: {wrong}", ask.operation().name()));
                } else if ask == Ask::NewTokens {
                    self.waiting.push_back(Due { ask: Ask::Renew, at: Instant::now() });
                }
            }
        }
        self.stage.ledger.took(row, at.elapsed());
        self.count(ask, |requests| requests.answered());
    }

    fn count(&self, ask: Ask, count: impl FnOnce(&super::stage::Requests)) {
        if ask.counts() {
            count(&self.stage.requests);
        }
    }

    fn on_push(&mut self, line: &mut Line, push: &Push) {
        if let Some(seq) = push.seq {
            // An expired range comes as one push, which says where it begins.
            let first = match push.word.as_str() {
                "inbox.gap" => push.body.get("from").and_then(Value::as_u64),
                _ => Some(seq),
            };
            let due = self.known.seq + 1;
            if first != Some(due) {
                self.complain(format!("push {seq} ({}) where {due} is due", push.word));
            }
            self.known.seq = self.known.seq.max(seq);
            // A broken connection is heard of next.
            let _ = line.put(Outgoing::Ack { ack: self.known.seq });
        }
        match push.word.as_str() {
            "session.expiring" => {
                self.waiting.push_back(Due { ask: Ask::NewTokens, at: Instant::now() });
            }
            "session.replaced" => self.complain("was replaced, and is nowhere else"),
            // What else the server has to say is for a player to read.
            _ => {}
        }
    }

    /// Complains about every answer that is missing by now.
    fn on_time(&mut self) {
        let (now, patience) = (Instant::now(), self.stage.plan.patience);
        let mut missing = Vec::new();
        for pending in self.pending.iter_mut().filter(|it| !it.late && it.sent + patience <= now) {
            pending.late = true;
            missing.push((pending.id, pending.due.ask));
        }
        for (id, ask) in missing {
            let (op, ms) = (ask.operation().name(), patience.as_millis());
            self.complain(format!("no answer to {op} #{id} within {ms} ms"));
        }
    }

    fn on_end(&self, failure: Failure) -> End {
        let closed = match failure {
            Failure::Closed(closed) if self.leaving && closed.code == 1000 => return End::Left,
            Failure::Closed(closed) => closed,
            other => {
                self.complain(other);
                return End::Gone;
            }
        };
        // The server may stop, be killed, or have too much to do. The other reasons to close
        // say that the player did something wrong, and it did not.
        let blameless = matches!(closed.code, Closed::CUT | 4000 | 4006 | 4007);
        if !blameless || self.leaving {
            self.complain(format!("was closed: {closed}"));
        }
        if door::may_come_back(&closed) && !self.leaving { End::Lost(closed) } else { End::Gone }
    }

    async fn come_back(&mut self, closed: Closed) -> Option<Line> {
        let (stage, number) = (self.stage.clone(), self.seat.number);
        stage.roll.lost(number, closed.code);
        let (mut line, not_resumed) =
            door::come_back(&stage, number, &mut self.known, &closed).await?;
        self.catch_up();
        let unanswered = std::mem::take(&mut self.pending);
        if not_resumed.is_some() {
            // Another session's numbers are its own, so it is asked anew.
            let dues = unanswered.into_iter().map(|pending| pending.due);
            self.waiting = dues.chain(std::mem::take(&mut self.waiting)).collect();
            return Some(line);
        }
        for Pending { id, due, .. } in unanswered {
            // Under the same number it is done once, whether or not it had arrived.
            self.pending.push_back(Pending { id, due, sent: Instant::now(), late: false });
            self.put(&mut line, id, due.ask);
        }
        Some(line)
    }

    /// A request of this number was sent by a player who reads nothing; nobody waits for it.
    pub(super) fn asked_slowly(&mut self, id: u64) {
        let sent = Instant::now();
        let due = Due { ask: Ask::Logins, at: sent };
        self.pending.push_back(Pending { id, due, sent, late: true });
    }

    /// Says what is wrong.
    pub(super) fn complain(&self, what: impl std::fmt::Display) {
        self.stage.complaints.of(self.seat.number, what);
    }
}
