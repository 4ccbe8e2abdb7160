//! Documents of every kind: listed, shown, made, changed and taken away alike.
//!
//! A kind is one file that says what is sent for one and who checks and writes it; the ways of
//! asking, the version, the key and the answers are here, once for all.

mod content;
mod images;
mod maintenance;
mod testers;
mod versions;

use actors::fault;
use actors::office::{By, Office, Refused};
use actors::operators::Caller;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::{AppId, RecordId};
use protocol::operators::refusal::{OperatorCode, Refusal};
use protocol::operators::{Document as Shown, Done, Nothing, Page};
use protocol::time::Micros;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use storage::audit::Actor;
use storage::documents::{Document, Kind, SentKey, Whose};
use uuid::Uuid;

use super::Admin;
use super::answer::Answer;
use super::request::{Asked, PageQuery, page};
pub(super) use content::{Banners, Notices};
pub(super) use images::{Images, UPLOAD_BYTES, declared};
pub(super) use maintenance::Maintenance;
pub(super) use testers::Testers;
pub(super) use versions::Versions;

/// Whose document is written, which one and over which version of it, where it is there already.
pub(super) struct Place<'a> {
    office: &'a Office,
    by: By,
    app: Option<&'a AppId>,
}

/// A kind of document that operators write.
pub(super) trait Typed {
    /// What it is.
    const KIND: Kind;
    /// What is sent for one, all of it.
    type Sent: DeserializeOwned + Send;

    /// Checks what was sent and makes one of it.
    fn made(
        place: &Place<'_>,
        sent: Self::Sent,
    ) -> impl Future<Output = Result<Document, Refused>> + Send;

    /// Checks what was sent and has it say that, if it is at that version.
    fn changed(
        place: &Place<'_>,
        which: (Uuid, i64),
        sent: Self::Sent,
    ) -> impl Future<Output = Result<Document, Refused>> + Send;

    /// Takes one away, if it is at that version.
    fn removed(
        place: &Place<'_>,
        which: (Uuid, i64),
    ) -> impl Future<Output = Result<Document, Refused>> + Send;

    /// How one stands by the clock, in a word, where that is not in what it says.
    fn state(body: &Value, now: Micros) -> Option<String>;
}

/// What is listed and shown of a kind of document, however it is written.
pub(super) trait Listed {
    /// What it is.
    const KIND: Kind;

    /// As [`Typed::state`].
    fn state(body: &Value, now: Micros) -> Option<String>;
}

impl<T: Typed> Listed for T {
    const KIND: Kind = <T as Typed>::KIND;

    fn state(body: &Value, now: Micros) -> Option<String> {
        <T as Typed>::state(body, now)
    }
}

impl Admin {
    pub(super) async fn documents<T: Listed>(&self, asked: Asked) -> Result<Answer, Refusal> {
        let PageQuery { after, limit } = asked.query()?;
        let (limit, app) = (page(limit)?, asked.params.app()?);
        let whose = app.map_or(Whose::Publishers, Whose::Games);
        let after = after.map(|RecordId(id)| id);
        let found = self.office().list(T::KIND, whose, after, limit).await;
        let items: Vec<Shown> = found
            .map_err(|it| self.told::<T>(it))?
            .into_iter()
            .map(|it| self.shown::<T>(it))
            .collect();
        let next = items.last().filter(|_| items.len() == limit).map(|last| last.id.to_string());
        Answer::of(&Page { items, next })
    }

    pub(super) async fn document_show<T: Listed>(&self, asked: Asked) -> Result<Answer, Refusal> {
        let (app, id) = (asked.params.app()?, asked.params.id()?);
        self.document::<T>(self.office().find(T::KIND, app.as_ref(), id).await)
    }

    pub(super) async fn document_create<T: Typed>(&self, asked: Asked) -> Result<Answer, Refusal> {
        let (sent, key) = (asked.body.decoded()?, asked.needed_key(asked.body.bytes())?);
        let (app, office) = (asked.params.app()?, self.office());
        let place =
            Place { office: &office, by: by(asked.caller()?, Some(key)), app: app.as_ref() };
        Ok(self.document::<T>(T::made(&place, sent).await)?.made())
    }

    pub(super) async fn document_change<T: Typed>(&self, asked: Asked) -> Result<Answer, Refusal> {
        let (sent, which) = (asked.body.decoded()?, asked.which()?);
        let (key, app, office) =
            (asked.key(asked.body.bytes())?, asked.params.app()?, self.office());
        let place = Place { office: &office, by: by(asked.caller()?, key), app: app.as_ref() };
        let changed = T::changed(&place, which, sent).await;
        self.document::<T>(office.or_again(&place.by, changed).await)
    }

    pub(super) async fn document_remove<T: Typed>(&self, asked: Asked) -> Result<Answer, Refusal> {
        let (Nothing {}, which) = (asked.body.decoded()?, asked.which()?);
        let (key, app, office) = (asked.key(b"")?, asked.params.app()?, self.office());
        let place = Place { office: &office, by: by(asked.caller()?, key), app: app.as_ref() };
        T::removed(&place, which).await.map_err(|refused| self.told::<T>(refused))?;
        Answer::of(&Done {})
    }

    fn office(&self) -> Office {
        let node = &self.gate.node;
        let documents = node.storage.documents.clone();
        let told = (node.launching.clone(), node.content.clone());
        let office = Office::new(documents, Some(told), node.clock.clone());
        office.with_images(node.storage.images.clone())
    }

    fn document<T: Listed>(&self, written: Result<Document, Refused>) -> Result<Answer, Refusal> {
        let document = written.map_err(|refused| self.told::<T>(refused))?;
        let version = document.version;
        Ok(Answer::of(&self.shown::<T>(document))?.at(version))
    }

    fn shown<T: Listed>(&self, document: Document) -> Shown {
        let body: Value = serde_json::from_str(&document.body).unwrap_or(Value::Null);
        Shown {
            id: RecordId(document.id),
            app: document.app,
            version: document.version,
            state: T::state(&body, self.operators.now()),
            body,
            changed_at: document.changed_at,
            changed_by: document.changed_by.to_string(),
        }
    }

    /// What an operator is told of what was not written, with what stands.
    fn told<T: Listed>(&self, refused: Refused) -> Refusal {
        let message = refused.to_string();
        let stands = |code, document: Document| {
            let stands = serde_json::to_value(self.shown::<T>(document)).unwrap_or_default();
            Refusal::new(code, message.clone()).with(stands)
        };
        match refused {
            Refused::Invalid { field, reason } => ErrorBody::invalid(&field, reason).into(),
            Refused::Stale(document) => stands(OperatorCode::Stale, *document),
            Refused::Exists(document) => stands(OperatorCode::Exists, *document),
            Refused::InUse(users) => {
                Refusal::new(OperatorCode::InUse, message).with(listed(&users))
            }
            Refused::Missing(_) => Refusal::new(OperatorCode::Missing, message),
            Refused::Full { .. } => Refusal::new(OperatorCode::Full, message),
            Refused::KeyReused => ErrorBody::new(ErrorCode::OpKeyReused, message).into(),
            Refused::Storage(error) => fault::of_storage(&error).into(),
        }
    }
}

impl Asked {
    /// Which document, and the version that is changed.
    fn which(&self) -> Result<(Uuid, i64), Refusal> {
        Ok((self.params.id()?, self.version()?))
    }
}

/// The most that are told of those which use something.
const USERS: usize = 20;

/// What uses something: that, and no more of it, for it may be another game's.
fn listed(users: &[Document]) -> Value {
    let one = |user: &Document| json!({"id": user.id, "kind": user.kind, "app": user.app});
    users.iter().take(USERS).map(one).collect()
}

fn by(caller: &Caller, key: Option<SentKey>) -> By {
    By { actor: Actor::Operator(caller.id), key }
}
