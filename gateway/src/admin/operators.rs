//! Operators' accounts.

use actors::operators::By;
use protocol::operators::refusal::Refusal;
use protocol::operators::{
    Done, EndedSessions, NewOperator, Nothing, Operator, OperatorChange, Page, PasswordRequest,
};
use serde_json::json;

use super::Admin;
use super::answer::Answer;
use super::request::{Asked, PageQuery, page};

impl Admin {
    pub(super) async fn operators_page(&self, asked: Asked) -> Result<Answer, Refusal> {
        let PageQuery { after, limit } = asked.query()?;
        let limit = page(limit)?;
        let items = self.operators.list(after.map(|after| after.0), limit).await?;
        let next = items.last().filter(|_| items.len() == limit).map(|last| last.id.to_string());
        Answer::of(&Page { items, next })
    }

    pub(super) async fn operator_create(&self, asked: Asked) -> Result<Answer, Refusal> {
        let new: NewOperator = asked.body.decoded()?;
        let said = json!({"name": new.name, "roles": new.roles, "grants": new.grants});
        let key = asked.needed_key(said.to_string().as_bytes())?;
        let by = By::Operator(asked.caller()?);
        let made = self.operators.create(by, &new, Some(key)).await?;
        Ok(Answer::of(&made)?.made().at(made.operator.version))
    }

    pub(super) async fn operator_show(&self, asked: Asked) -> Result<Answer, Refusal> {
        shown(&self.operators.show(asked.params.id()?).await?)
    }

    pub(super) async fn operator_change(&self, asked: Asked) -> Result<Answer, Refusal> {
        let change: OperatorChange = asked.body.decoded()?;
        let (name, disabled) = (&change.name, change.disabled);
        let said = json!({"name": name, "roles": change.roles, "grants": change.grants,
            "disabled": disabled});
        let key = asked.key(said.to_string().as_bytes())?;
        let (by, who) = (By::Operator(asked.caller()?), (asked.params.id()?, asked.version()?));
        shown(&self.operators.change(by, who, &change, key).await?)
    }

    pub(super) async fn operator_remove(&self, asked: Asked) -> Result<Answer, Refusal> {
        let (Nothing {}, key) = (asked.body.decoded()?, asked.key(b"")?);
        let (by, who) = (By::Operator(asked.caller()?), (asked.params.id()?, asked.version()?));
        self.operators.remove(by, who, key).await?;
        Answer::of(&Done {})
    }

    pub(super) async fn operator_password(&self, asked: Asked) -> Result<Answer, Refusal> {
        let PasswordRequest { password } = asked.body.decoded()?;
        let key = asked.key(b"")?;
        let (by, who) = (By::Operator(asked.caller()?), (asked.params.id()?, asked.version()?));
        shown(&self.operators.set_password(by, who, password.expose(), key).await?)
    }

    pub(super) async fn operator_totp(&self, asked: Asked) -> Result<Answer, Refusal> {
        let (Nothing {}, key) = (asked.body.decoded()?, asked.needed_key(b"")?);
        let (by, who) = (By::Operator(asked.caller()?), (asked.params.id()?, asked.version()?));
        let made = self.operators.set_totp(by, who, Some(key)).await?;
        Ok(Answer::of(&made)?.at(made.operator.version))
    }

    pub(super) async fn operator_sessions(&self, asked: Asked) -> Result<Answer, Refusal> {
        let (asks, id) = (asked.caller()?.session.id, asked.params.id()?);
        self.operators.show(id).await?;
        let items = self.operators.sessions(id, asks).await?;
        Answer::of(&Page { items, next: None })
    }

    pub(super) async fn operator_sessions_end(&self, asked: Asked) -> Result<Answer, Refusal> {
        let (Nothing {}, id) = (asked.body.decoded()?, asked.params.id()?);
        let by = By::Operator(asked.caller()?);
        let ended = self.operators.send_away(by, id).await?;
        Answer::of(&EndedSessions { ended })
    }
}

fn shown(operator: &Operator) -> Result<Answer, Refusal> {
    Ok(Answer::of(operator)?.at(operator.version))
}
