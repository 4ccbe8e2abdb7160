//! Who did what.

use std::collections::BTreeMap;

use actors::operators::forbidden;
use protocol::error::ErrorBody;
use protocol::ids::{AppId, RecordId};
use protocol::operators::refusal::Refusal;
use protocol::operators::rights::{In, Resource, Right};
use protocol::operators::{Act as Shown, OperatorName, Page};
use protocol::time::Micros;
use serde::Deserialize;
use serde_json::Value;
use storage::audit::{Act, Actor, ActsRead};
use storage::documents::Kind;
use uuid::Uuid;

use super::Admin;
use super::answer::Answer;
use super::request::{Asked, page};

/// What the audit is asked for with.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActsQuery {
    /// Those of `command`, or of `operator:` and an id.
    by: Option<String>,
    /// Those on documents of this kind.
    kind: Option<Kind>,
    /// Those on this document.
    of: Option<RecordId>,
    /// Those from this moment on.
    from: Option<Micros>,
    /// Those before this moment.
    to: Option<Micros>,
    /// Where the page before ended.
    after: Option<String>,
    /// How many at most.
    limit: Option<usize>,
}

impl Admin {
    pub(super) async fn audit(&self, asked: Asked, app: Option<AppId>) -> Result<Answer, Refusal> {
        let query: ActsQuery = asked.query()?;
        let wrong = |field: &str, what: &str| ErrorBody::invalid(field, format!("is not {what}"));
        let by = query.by.as_deref().map(|by| {
            Actor::parse(by).ok_or_else(|| wrong("by", "`command`, or `operator:` and an id"))
        });
        let after = query
            .after
            .as_deref()
            .map(|after| place(after).ok_or_else(|| wrong("after", "the `next` of a page")));
        let limit = page(query.limit)?;
        let (resource, right) = (Resource::Operators, Right::Read);
        let sees_operators = asked.caller()?.account.may(resource, right, &In::All);
        if query.kind == Some(Kind::Operator) && !sees_operators {
            return Err(forbidden(resource, right, &In::All));
        }
        let read = ActsRead {
            app,
            by: by.transpose()?,
            kind: query.kind,
            of: query.of.map(|RecordId(id)| id),
            from: query.from,
            to: query.to,
            after: after.transpose()?,
            limit,
        };
        let acts = self.gate.node.storage.audit.page(read).await;
        let acts = acts.map_err(|error| actors::fault::of_storage(&error))?;
        let next = acts.last().filter(|_| acts.len() == limit);
        let next = next.map(|last| format!("{}.{}", last.at.0, last.id.simple()));
        // Left out once they were read: a page may be shorter by them, and still have a next.
        let seen = |act: &Act| sees_operators || act.kind != Some(Kind::Operator);
        let acts: Vec<Act> = acts.into_iter().filter(seen).collect();
        let names = self.names(&acts).await?;
        let items = acts.into_iter().map(|act| shown(act, &names)).collect();
        Answer::of(&Page { items, next })
    }

    /// What the operators of a page are called now.
    async fn names(&self, acts: &[Act]) -> Result<BTreeMap<Uuid, Option<OperatorName>>, Refusal> {
        let mut names = BTreeMap::new();
        for act in acts {
            if let Actor::Operator(id) = act.by
                && !names.contains_key(&id)
            {
                // One who was removed is only an id.
                let operator = self.operators.known(id).await?;
                names.insert(id, operator.map(|operator| operator.name));
            }
        }
        Ok(names)
    }
}

/// Where a page ended: a moment and an act's id.
fn place(text: &str) -> Option<(Micros, Uuid)> {
    let (at, id) = text.split_once('.')?;
    Some((Micros(at.parse().ok()?), Uuid::parse_str(id).ok()?))
}

fn shown(act: Act, names: &BTreeMap<Uuid, Option<OperatorName>>) -> Shown {
    let by_name = match act.by {
        Actor::Command => None,
        Actor::Operator(id) => names.get(&id).cloned().flatten(),
    };
    let said = |text: Option<String>| {
        text.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
    };
    Shown {
        id: RecordId(act.id),
        at: act.at,
        by: act.by.to_string(),
        by_name,
        what: act.what,
        kind: act.kind.map(|kind| kind.word().to_owned()),
        of: act.of.map(RecordId),
        app: act.app,
        before: said(act.before),
        after: said(act.after),
        secret_changed: act.sealed_changed,
    }
}
