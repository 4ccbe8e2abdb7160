//! What a player makes of what the server says.

use protocol::error::ErrorBody;
use serde_json::Value;
use tokio::time::Instant;

use super::{End, Pending, Player};
use crate::failure::{Closed, Failure};
use crate::frame::{Incoming, Outgoing, Push};
use crate::run::ask::Ask;
use crate::run::door;
use crate::run::ledger::Row;
use crate::run::line::Line;
use crate::run::pushes::{Fault, Read};
use crate::run::requests::Requests;
use crate::run::seat::Due;

impl Player {
    pub(super) fn on_frame(&mut self, line: &mut Line, frame: Incoming) {
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

    fn count(&self, ask: Ask, count: impl FnOnce(&Requests)) {
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
            let read = Read { at_open: self.seq_at_open, now: self.known.seq };
            let range = (first.unwrap_or(0), seq);
            let text = push.body.get("text").and_then(Value::as_str);
            let word = &push.word;
            match self.stage.pushes.came(self.seat.number, read, range, text) {
                Ok(()) => {}
                Err(Fault::OutOfOrder) => {
                    self.complain(format!("push {seq} ({word}) where {} is due", read.now + 1));
                }
                Err(Fault::Doubled) => self.complain(format!("push {seq} ({word}) came twice")),
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

    /// How a connection that ended leaves the player.
    pub(super) fn on_end(&self, failure: Failure) -> End {
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
}
