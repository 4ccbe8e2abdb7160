//! What is said at the door, and whether the answers are right.

use protocol::error::ErrorCode;
use protocol::identity::{LoginReply, RefreshRequest, Tokens};
use protocol::operation::Operation;
use protocol::sessions::{OpenReply, OpenRequest};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::Door;
use crate::failure::Failure;
use crate::frame::{Incoming, Outgoing, typed, value};
use crate::run::ask::right;
use crate::run::known::Known;
use crate::run::ledger::Row;
use crate::run::line::{Heard, Line};

impl Door<'_> {
    /// Logs in, unless it is known who comes, and opens.
    pub(super) async fn speak(
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
        let LoginReply { member, new_member, tokens, credential, .. } =
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
        let body = OpenRequest { token, client: self.stage.client.clone(), resume, known: None };
        let reply = self.ask(line, Operation::SessionOpen, &value(&body)?).await?;
        typed("an answer to session.open", reply)
    }

    /// The access token expired while the player was away.
    async fn refresh(&mut self, line: &mut Line, known: &mut Known) -> Result<(), Failure> {
        let app = self.stage.app.clone();
        let refresh_token = known.tokens.refresh_token.clone();
        let body = RefreshRequest { app, refresh_token, take_over: false, client: None };
        let reply = self.ask(line, Operation::AuthRefresh, &value(&body)?).await?;
        let tokens: Tokens = typed("an answer to auth.refresh", reply)?;
        known.tokens = tokens;
        Ok(())
    }

    /// Checks what an open session is said to be, and learns from it.
    pub(super) fn check_open(&self, reply: &OpenReply, known: &mut Known) {
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
