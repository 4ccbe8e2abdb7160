//! Logging in and out, and what is one's own.

use protocol::ids::RecordId;
use protocol::operators::refusal::{OperatorCode, Refusal};
use protocol::operators::{
    Done, EndedSessions, LoggedIn, LoginRequest, Nothing, OwnPasswordRequest, Page, ProveRequest,
    Proven,
};
use storage::operators::Ended;

use super::Admin;
use super::answer::Answer;
use super::request::Asked;

impl Admin {
    /// A session that the browser had is not the one it gets, and ends.
    pub(super) async fn login(&self, asked: Asked) -> Result<Answer, Refusal> {
        let request: LoginRequest = asked.body.decoded()?;
        let entered = self.operators.login(&request, asked.from).await?;
        if let Some(old) = &asked.token {
            self.operators.leave(old).await?;
        }
        let me = entered.caller.me();
        let said = LoggedIn { csrf: me.csrf.clone(), me };
        Ok(Answer::of(&said)?.with_session(&entered.token))
    }

    pub(super) async fn logout(&self, asked: Asked) -> Result<Answer, Refusal> {
        let (caller, Nothing {}) = (asked.caller()?, asked.body.decoded()?);
        self.operators.end_sessions(caller.id, Ended::One(caller.session.id)).await?;
        Ok(Answer::of(&Done {})?.without_session())
    }

    pub(super) async fn prove(&self, asked: Asked) -> Result<Answer, Refusal> {
        let ProveRequest { totp } = asked.body.decoded()?;
        let until = self.operators.prove(asked.caller()?, totp.expose()).await?;
        Answer::of(&Proven { proven_until: until })
    }

    pub(super) fn me(&self, asked: &Asked) -> Result<Answer, Refusal> {
        Answer::of(&asked.caller()?.me())
    }

    pub(super) async fn my_password(&self, asked: Asked) -> Result<Answer, Refusal> {
        let request: OwnPasswordRequest = asked.body.decoded()?;
        self.operators.change_password(asked.caller()?, &request).await?;
        Answer::of(&Done {})
    }

    pub(super) async fn my_sessions(&self, asked: Asked) -> Result<Answer, Refusal> {
        let caller = asked.caller()?;
        let items = self.operators.sessions(caller.id, caller.session.id).await?;
        Answer::of(&Page { items, next: None })
    }

    pub(super) async fn my_session_end(&self, asked: Asked) -> Result<Answer, Refusal> {
        let (caller, id) = (asked.caller()?, asked.params.id()?);
        let Nothing {} = asked.body.decoded()?;
        let ended = self.operators.end_sessions(caller.id, Ended::One(id)).await?;
        if ended == 0 {
            let message = format!("you have no session {}", RecordId(id));
            return Err(Refusal::new(OperatorCode::Missing, message));
        }
        let answer = Answer::of(&EndedSessions { ended })?;
        Ok(if id == caller.session.id { answer.without_session() } else { answer })
    }
}
