//! Getting in, and getting back in: connect, log in, open, each as often as the wire asks.

use std::io::ErrorKind;
use std::time::Duration;

use protocol::error::{ErrorBody, ErrorCode};
use protocol::identity::{LoginReply, RefreshRequest, Tokens};
use protocol::operation::Operation;
use protocol::sessions::{OpenReply, OpenRequest};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::ask::right;
use super::back_off::{BackOff, advice};
use super::known::Known;
use super::ledger::Row;
use super::line::{Heard, Line};
use super::stage::Stage;
use crate::failure::{Closed, Failure};
use crate::frame::{Incoming, Outgoing, typed, value};

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

    async fn speak(
        &mut self,
        line: &mut Line,
        known: &mut Option<Known>,
    ) -> Result<OpenReply, Failure> {
        let known = match known {
            Some(known) => known,
            None => known.insert(self.log_in(line).await?),
        };
        match self.open(line, known).await {
            Err(failure) if failure.code() == Some(ErrorCode::AuthExpired) => {
                self.refresh(line, known).await?;
                self.open(line, known).await
            }
            outcome => outcome,
        }
    }

    async fn log_in(&mut self, line: &mut Line) -> Result<Known, Failure> {
        self.step = Row::Login;
        let reply = self.ask(line, Operation::AuthLogin, &self.stage.login).await?;
        let LoginReply { member, new_member, tokens, credential } =
            typed("an answer to auth.login", reply)?;
        if !new_member || credential.is_none() {
            let what = format!("auth.login of a new guest found member {}", member.id);
            self.stage.complaints.of(self.number, what);
        }
        Ok(Known { member: member.id, tokens, session: None, seq: 0, last_id: 0 })
    }

    async fn open(&mut self, line: &mut Line, known: &Known) -> Result<OpenReply, Failure> {
        let resume = known.resume();
        self.step = if resume.is_some() { Row::Resume } else { Row::Open };
        let token = known.tokens.access_token.clone();
        let body = OpenRequest { token, client: self.stage.client.clone(), resume };
        let reply = self.ask(line, Operation::SessionOpen, &value(&body)?).await?;
        typed("an answer to session.open", reply)
    }

    /// The access token expired while the player was away.
    async fn refresh(&mut self, line: &mut Line, known: &mut Known) -> Result<(), Failure> {
        let app = self.stage.app.clone();
        let refresh_token = known.tokens.refresh_token.clone();
        let body = RefreshRequest { app, refresh_token, take_over: false };
        let reply = self.ask(line, Operation::AuthRefresh, &value(&body)?).await?;
        let tokens: Tokens = typed("an answer to auth.refresh", reply)?;
        known.tokens = tokens;
        Ok(())
    }

    /// Checks what an open session is said to be, and learns from it.
    fn check_open(&self, reply: &OpenReply, known: &mut Known) {
        let asked = known.resume();
        let check = || {
            let (came, due) = (reply.member, known.member);
            right(came == due, || format!("session.open of {due} is of member {came}"))?;
            right(reply.heartbeat_s > 0, || "a heartbeat of 0 s".to_owned())?;
            let goes_on = asked.is_some_and(|of| {
                of.session == reply.session && reply.seq >= of.seq && reply.resume_failed.is_none()
            });
            let fails = asked.is_some() == reply.resume_failed.is_some();
            let honest = if reply.resumed { goes_on } else { fails };
            right(honest, || format!("session.open with {asked:?} got {reply:?}"))
        };
        if let Err(what) = check() {
            self.stage.complaints.of(self.number, what);
        }
        known.session = Some(reply.session);
        if !reply.resumed {
            // What was pushed until now is not to follow on this session.
            known.seq = reply.seq;
        }
    }

    async fn ask(
        &mut self,
        line: &mut Line,
        operation: Operation,
        body: &Value,
    ) -> Result<Value, Failure> {
        self.last_id += 1;
        let (id, begun) = (self.last_id, Instant::now());
        match line.put(Outgoing::Request { id, op: operation.name(), body }) {
            // Why it ended may be waiting to be read.
            Ok(()) | Err(Failure::Closed(_)) => {}
            Err(other) => return Err(other),
        }
        let after = self.stage.plan.patience;
        let answer = timeout(after, answer(line, id)).await;
        let answer = answer.unwrap_or(Err(Failure::Late { what: operation.name(), after }))?;
        self.stage.ledger.took(self.step, begun.elapsed());
        Ok(answer)
    }
}

/// Waits for the one answer that is due.
async fn answer(line: &mut Line, due: u64) -> Result<Value, Failure> {
    loop {
        match line.hear(false).await? {
            Heard::Frame(Incoming::Answer { id, outcome }) if id == due => {
                return outcome.map_err(Failure::Refused);
            }
            Heard::Frame(Incoming::Answer { id, .. }) => {
                return Err(Failure::Strange(format!("an answer to {id} where {due} is due")));
            }
            Heard::Frame(Incoming::Push(push)) if push.seq.is_some() => {
                return Err(Failure::Strange(format!("{push:?} before a session is open")));
            }
            Heard::Frame(Incoming::Push(_)) | Heard::Room => {}
        }
    }
}

/// What to do after a failure.
#[derive(Debug, PartialEq)]
enum Next {
    /// Try again, not sooner than the server says.
    Again(Option<Duration>),
    /// The same, and count that the server has too much to do.
    Shed(Option<Duration>),
    /// Try again, and complain.
    Late,
    /// Complain, and give up.
    Never,
}

fn next(failure: &Failure) -> Next {
    match failure {
        Failure::Refused(error) if sheds(error) => Next::Shed(after(error.retry_after_ms)),
        Failure::NotUpgraded { status: 429 | 503, body } => Next::Shed(after(retry_after_ms(body))),
        Failure::Closed(closed) if may_come_back(closed) => Next::Again(advice(closed)),
        Failure::Unreachable { .. } => Next::Again(None),
        Failure::Late { .. } => Next::Late,
        Failure::Refused(_)
        | Failure::NotUpgraded { .. }
        | Failure::Closed(_)
        | Failure::Strange(_)
        | Failure::Unsendable(_) => Next::Never,
    }
}

/// Whether an error says that the server, or its limiter, has enough.
pub(super) fn sheds(error: &ErrorBody) -> bool {
    matches!(error.code, ErrorCode::LimitOverloaded | ErrorCode::LimitRate)
}

/// Whether the wire asks a client to come back after this end.
pub(super) fn may_come_back(closed: &Closed) -> bool {
    closed.code == Closed::CUT || matches!(closed.code, 4000..=4499)
}

fn after(ms: Option<u64>) -> Option<Duration> {
    ms.map(Duration::from_millis)
}

/// The advice in the body of a refused upgrade, if as much of it came.
fn retry_after_ms(body: &str) -> Option<u64> {
    #[derive(Deserialize)]
    struct Refusal {
        err: ErrorBody,
    }
    serde_json::from_str::<Refusal>(body).ok()?.err.retry_after_ms
}

fn unreachable(server: &str, error: &std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::ConnectionRefused
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::TimedOut => {
            Failure::Unreachable { address: server.to_owned(), why: error.to_string() }
        }
        // The fault is on this side: no port, no file is left.
        _ => Failure::Unsendable(format!("no connection to {server}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_come_again_does_and_says_why_if_not() {
        let closed = |code, reason: &str| Failure::Closed(Closed { code, reason: reason.into() });
        let second = Some(Duration::from_secs(1));
        let error = |code| ErrorBody::new(code, "").after_ms(1_000);
        let body = serde_json::json!({ "err": error(ErrorCode::LimitOverloaded) }).to_string();
        for (failure, due) in [
            (Failure::Refused(error(ErrorCode::LimitOverloaded)), Next::Shed(second)),
            (Failure::Refused(error(ErrorCode::LimitRate)), Next::Shed(second)),
            (Failure::Refused(error(ErrorCode::Internal)), Next::Never),
            (Failure::NotUpgraded { status: 503, body }, Next::Shed(second)),
            (Failure::NotUpgraded { status: 503, body: "half a bo".into() }, Next::Shed(None)),
            (Failure::NotUpgraded { status: 403, body: String::new() }, Next::Never),
            (closed(4000, r#"{"retry_after_ms":1000}"#), Next::Again(second)),
            (closed(1006, ""), Next::Again(None)),
            (closed(4502, "replaced"), Next::Never),
            (closed(1002, ""), Next::Never),
            (Failure::Late { what: "it", after: Duration::ZERO }, Next::Late),
            (Failure::Strange(String::new()), Next::Never),
        ] {
            assert_eq!(next(&failure), due, "{failure}");
        }
    }

    #[test]
    fn a_port_that_is_not_left_is_not_the_servers_fault() {
        let of = |kind: ErrorKind| unreachable("there", &kind.into());
        assert!(matches!(of(ErrorKind::ConnectionRefused), Failure::Unreachable { .. }));
        assert!(matches!(of(ErrorKind::AddrNotAvailable), Failure::Unsendable(_)));
    }
}
