//! Who did what: a table that is only ever added to.
//!
//! Each change of a [document](crate::documents) writes its act by itself; what changes no
//! document, such as a ban or an operator's login, is [appended](AuditDuty::append).

use std::fmt;

use async_trait::async_trait;
use protocol::ids::AppId;
use uuid::Uuid;

use crate::actor::records::{Key, Records};
use crate::clock::Micros;
use crate::documents::{Change, Document, Kind, MAX_BODY, MAX_KEY, MAX_WHAT, Sealed, Write, fits};
use crate::error::Result;
use crate::identity::Digest;

/// What calls about this are kept in order by.
const KEY: Key = Key::Domain("audit");

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Whoever runs the program's commands.
    Command,
    /// An operator, by the id of his account.
    Operator(Uuid),
}

impl Actor {
    /// Reads what [`Display`](fmt::Display) writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None => (text == "command").then_some(Self::Command),
            Some(("operator", id)) => id.parse().ok().map(Self::Operator),
            Some(_) => None,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command => f.write_str("command"),
            Self::Operator(id) => write!(f, "operator:{id}"),
        }
    }
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Its own id: a UUID of version 7.
    pub id: Uuid,
    /// When.
    pub at: Micros,
    /// By whom.
    pub by: Actor,
    /// The deed in a word, such as `maintenance.put`.
    pub what: String,
    /// Of what kind the document is that was changed, if one was.
    pub kind: Option<Kind>,
    /// Which document, or whatever else was acted upon.
    pub of: Option<Uuid>,
    /// In which game; `None` for the publisher.
    pub app: Option<AppId>,
    /// What it said before, as JSON.
    pub before: Option<String>,
    /// What it says since, as JSON; of an act that changed no document, what else there is to say.
    pub after: Option<String>,
    /// Whether the sealed part was changed.
    pub sealed_changed: bool,
    /// The actor's idempotency key, if he sent one.
    pub key: Option<String>,
}

/// What is kept with an act so that it can be told again to who sends its key again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) act: Act,
    pub(crate) request: Option<Digest>,
    pub(crate) handle: Option<String>,
    pub(crate) version: Option<i64>,
    pub(crate) revision: Option<i64>,
}

impl Made {
    /// By a change that made `after` of `before`.
    pub(crate) fn of(change: &Change, before: Option<&Document>, after: &Document) -> Self {
        let sealed = matches!(&change.write, Write::Put { sealed: Sealed::Set(_), .. });
        let act = Act {
            id: Uuid::now_v7(),
            at: change.now,
            by: change.by,
            what: change.what.to_owned(),
            kind: Some(change.kind),
            of: Some(change.id),
            app: change.app.clone(),
            before: before.map(|before| before.body.clone()),
            after: (!after.removed).then(|| after.body.clone()),
            sealed_changed: sealed,
            key: change.key.as_ref().map(|sent| sent.key.clone()),
        };
        Self {
            act,
            request: change.key.as_ref().map(|sent| sent.request),
            handle: after.handle.clone(),
            version: Some(after.version),
            revision: Some(after.revision),
        }
    }

    /// Of an act that changed no document.
    pub(crate) fn alone(act: Act) -> Self {
        Self { act, request: None, handle: None, version: None, revision: None }
    }

    /// The document as this act left it; `stands` is what stands now.
    pub(crate) fn document(self, stands: Option<Document>) -> Option<Document> {
        let (kind, id) = (self.act.kind?, self.act.of?);
        let (version, revision) = (self.version?, self.revision?);
        if let Some(stands) = stands
            && stands.version == version
        {
            return Some(stands);
        }
        let removed = self.act.after.is_none();
        Some(Document {
            kind,
            id,
            app: self.act.app,
            handle: self.handle,
            version,
            revision,
            body: self.act.after.or(self.act.before).unwrap_or_default(),
            sealed: None,
            removed,
            changed_at: self.act.at,
            changed_by: self.act.by,
        })
    }
}

/// Which acts are asked for.
#[derive(Clone, Debug, Default)]
pub struct ActsRead {
    /// Those in this game.
    pub app: Option<AppId>,
    /// Those of this actor.
    pub by: Option<Actor>,
    /// Those on documents of this kind.
    pub kind: Option<Kind>,
    /// Those on this document.
    pub of: Option<Uuid>,
    /// Those from this moment on.
    pub from: Option<Micros>,
    /// Those before this moment.
    pub to: Option<Micros>,
    /// Those behind this one, by its time and id, in the order in which they are told.
    pub after: Option<(Micros, Uuid)>,
    /// So many at most.
    pub limit: usize,
}

/// What a backend does for the audit.
#[async_trait]
pub trait AuditDuty: Send + Sync {
    /// Adds an act that changed no document. Says whether it is new: that its id, or this actor's
    /// key, was not there before; if it is not, nothing is written.
    async fn append(&self, act: Act) -> Result<bool>;
    /// The newest acts first.
    async fn acts(&self, read: ActsRead) -> Result<Vec<Act>>;
}

/// The typed handle for the audit.
#[derive(Clone)]
pub struct Audit(pub(crate) Records);

/// How each of these fails: see [`StorageError`](crate::error::StorageError).
impl Audit {
    /// As [`AuditDuty::append`].
    ///
    /// # Errors
    /// As said above, and `TooLong`. After `OutcomeUnknown` the same act may be added again.
    pub async fn append(&self, act: Act) -> Result<bool> {
        fits("an act's state before", act.before.as_ref().map_or(0, String::len), MAX_BODY)?;
        fits("an act's state after", act.after.as_ref().map_or(0, String::len), MAX_BODY)?;
        fits("an idempotency key", act.key.as_ref().map_or(0, String::len), MAX_KEY)?;
        fits("the word of a deed", act.what.len(), MAX_WHAT)?;
        self.0.call(KEY, |backend| async move { backend.append(act).await }).await
    }

    /// As [`AuditDuty::acts`].
    ///
    /// # Errors
    /// As said above.
    pub async fn page(&self, read: ActsRead) -> Result<Vec<Act>> {
        self.0.call(KEY, |backend| async move { backend.acts(read).await }).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actor_is_read_as_he_is_written() {
        for actor in [Actor::Command, Actor::Operator(Uuid::from_u128(7))] {
            assert_eq!(Actor::parse(&actor.to_string()), Some(actor));
        }
        for nobody in ["", "operator", "operator:", "operator:x", "command:", "Command"] {
            assert_eq!(Actor::parse(nobody), None, "{nobody}");
        }
    }
}
