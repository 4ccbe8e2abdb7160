//! One player: a task that owns one websocket, and outlives it.
//!
//! While its session is open it waits for, in this order:
//! 1. what the scenario has for it, in its [`Seat`];
//! 2. frames of the server, or room for what could not be sent;
//! 3. the time at which an answer is missing.

mod heard;

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::ask::Ask;
use super::door;
use super::known::Known;
use super::line::{Heard, Line, Room};
use super::seat::{Due, Order, Seat};
use super::slow_reader;
use super::stage::Stage;
use crate::failure::{Closed, Failure};
use crate::frame::Outgoing;

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
    /// The highest push number when the connection's session was opened.
    seq_at_open: u64,
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
    let seq_at_open = known.seq;
    let mut player = Player { stage, seat, known, waiting, pending, leaving: false, seq_at_open };
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

    /// Complains once about the answers that are missing by now.
    fn on_time(&mut self) {
        let (now, patience) = (Instant::now(), self.stage.plan.patience);
        let (mut missing, mut first) = (0, None);
        for pending in self.pending.iter_mut().filter(|it| !it.late && it.sent + patience <= now) {
            pending.late = true;
            missing += 1;
            first.get_or_insert((pending.id, pending.due.ask.operation().name()));
        }
        if let Some((id, op)) = first {
            let more =
                if missing > 1 { format!(" and {} more", missing - 1) } else { String::new() };
            self.complain(format!("no answer to {op} #{id}{more} in {} s", patience.as_secs_f64()));
        }
    }

    async fn come_back(&mut self, closed: Closed) -> Option<Line> {
        let (stage, number) = (self.stage.clone(), self.seat.number);
        stage.roll.lost(number, closed.code);
        let (mut line, not_resumed) =
            door::come_back(&stage, number, &mut self.known, &closed).await?;
        self.seq_at_open = self.known.seq;
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
