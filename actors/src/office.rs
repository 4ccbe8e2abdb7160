//! What operators do about launching and content, whichever way they come: checked, written, and
//! known on this node at once.

mod images;
mod pieces;
mod refused;
mod testers;
mod versions;
mod windows;

#[cfg(test)]
mod tests;

use protocol::ids::AppId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;
use storage::audit::Actor;
use storage::clock::{Clock, Micros};
use storage::documents::{
    Change, Changed, Document, Documents, Kind, MAX_BODY, Sealed, SentKey, Whose, Write,
};
use storage::error::StorageError;
use storage::images::Images;
use uuid::Uuid;

use crate::content::Content;
use crate::launching::Launching;
use crate::random;
pub use images::{MAX_IMAGES, Uploaded};
pub use pieces::MAX_PIECES;
pub use refused::Refused;
pub use testers::MAX_TESTERS;
pub use versions::MAX_VERSIONS;
pub use windows::{Amend, MAX_WINDOWS, MOST_WINDOWS};

/// Who does it.
#[derive(Clone, Debug)]
pub struct By {
    /// Who.
    pub actor: Actor,
    /// The key under which he does it once.
    pub key: Option<SentKey>,
}

impl By {
    /// Whoever runs a command.
    #[must_use]
    pub fn command() -> Self {
        Self { actor: Actor::Command, key: None }
    }
}

/// Does what operators want done.
#[derive(Clone)]
pub struct Office {
    documents: Documents,
    /// Told of what was written; `None` where no server runs.
    told: Option<(Launching, Content)>,
    /// Where the bytes of images are.
    images: Images,
    clock: Arc<dyn Clock>,
}

/// A version that no document has.
const NEVER: i64 = 0;

/// The version that a change expects: never one that is later than what was looked at for it, for
/// then what was looked at is old.
fn no_later(expected: Option<i64>, stands: &Document) -> i64 {
    match expected {
        Some(expected) if expected > stands.version => NEVER,
        Some(expected) => expected,
        None => stands.version,
    }
}

/// Each text is as long as it may be, and all of them together are too long: the longest is named.
fn too_long(fields: &Value, length: usize) -> Refused {
    let long = |(_, value): &(&String, &Value)| value.to_string().len();
    let longest = fields.as_object().and_then(|fields| fields.iter().max_by_key(long));
    let field = longest.map_or("", |(field, _)| field);
    let reason = format!(
        "is the longest of what has {length} bytes together, in all languages; {MAX_BODY} fit"
    );
    Refused::invalid(field, reason)
}

/// Where a document is written, and over what.
struct Place {
    kind: Kind,
    id: Uuid,
    app: Option<AppId>,
    handle: Option<String>,
    expected: Option<i64>,
}

/// How each of these fails: as [`Refused`] says. Nothing is written then, but after
/// `OutcomeUnknown` of storage it may be.
impl Office {
    /// An office over these documents.
    #[must_use]
    pub fn new(
        documents: Documents,
        told: Option<(Launching, Content)>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { documents, told, images: Images::default(), clock }
    }

    fn now(&self) -> Micros {
        self.clock.now()
    }

    /// Takes a version, a tester, a notice or a banner away. With `expected` only if it is at that version.
    ///
    /// # Errors
    /// As said above.
    pub async fn remove(
        &self,
        by: &By,
        kind: Kind,
        app: Option<&AppId>,
        id: Uuid,
        expected: Option<i64>,
    ) -> Result<Document, Refused> {
        let what = match kind {
            Kind::Version => "version.remove",
            Kind::Tester => "tester.remove",
            Kind::Notice => "notice.remove",
            Kind::Banner => "banner.remove",
            Kind::Maintenance | Kind::Image | Kind::Operator => {
                return Err(Refused::Missing(kind));
            }
        };
        let found = self.documents.get(kind, id).await?.filter(|it| it.app.as_ref() == app);
        // Of one that is gone storage says whether it was this that took it away.
        let found = found.ok_or(Refused::Missing(kind))?;
        let expected = Some(no_later(expected, &found));
        let place = Place { kind, id, app: app.cloned(), handle: None, expected };
        self.write(by, place, Write::Remove, what).await
    }

    /// What stands of a kind, in the order of their ids, those behind `after`.
    ///
    /// # Errors
    /// As said above.
    pub async fn list(
        &self,
        kind: Kind,
        whose: Whose,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Document>, Refused> {
        Ok(self.documents.list(kind, whose, after, limit).await?)
    }

    /// A document that stands.
    ///
    /// # Errors
    /// As said above.
    pub async fn find(
        &self,
        kind: Kind,
        app: Option<&AppId>,
        id: Uuid,
    ) -> Result<Document, Refused> {
        let found = self.documents.get(kind, id).await?;
        let stands = found.filter(|it| !it.removed && it.app.as_ref() == app);
        stands.ok_or(Refused::Missing(kind))
    }

    /// What was done, or else what this key did before: whoever repeats a request is told what
    /// came of it the first time, though there be no room for it now, or it come too late.
    ///
    /// # Errors
    /// What was refused, or as said above.
    pub async fn or_again(
        &self,
        by: &By,
        done: Result<Document, Refused>,
    ) -> Result<Document, Refused> {
        let refused = match (done, &by.key) {
            (
                Err(
                    refused
                    @ (Refused::Invalid { .. } | Refused::Missing(_) | Refused::Full { .. }),
                ),
                Some(_),
            ) => refused,
            (done, _) => return done,
        };
        // Nothing has this id, so that storage finds what the key did, or nothing to change.
        let kind = Kind::Maintenance;
        let (id, expected) = (Uuid::nil(), Some(NEVER));
        let place = Place { kind, id, app: None, handle: None, expected };
        match self.write(by, place, Write::Remove, "document.again").await {
            Err(Refused::Missing(_)) => Err(refused),
            again => again,
        }
    }

    fn body<T: DeserializeOwned>(&self, document: &Document) -> Result<T, Refused> {
        serde_json::from_str(&document.body).map_err(|error| {
            let what = format!("the body of {} {}: {error}", document.kind.word(), document.id);
            Refused::Storage(StorageError::Corrupt(what))
        })
    }

    /// Where what has a name goes: over what has it, or to a place of its own.
    async fn place(
        &self,
        kind: Kind,
        app: Option<&AppId>,
        handle: String,
        expected: Option<i64>,
    ) -> Result<Place, Refused> {
        let stands = self.documents.named(kind, app.cloned(), handle.clone()).await?;
        let id = stands.as_ref().map_or_else(|| random::uuid(self.now()), |stands| stands.id);
        let expected = match (stands, expected) {
            (Some(stands), None) => Some(stands.version),
            (None, None) => None,
            // Whether it is so storage says, after it looked whether this was asked for before.
            (_, Some(0)) => None,
            (_, Some(expected)) => Some(expected),
        };
        let id = if expected.is_none() { random::uuid(self.now()) } else { id };
        Ok(Place { kind, id, app: app.cloned(), handle: Some(handle), expected })
    }

    async fn room(&self, kind: Kind, app: Option<&AppId>, most: usize) -> Result<(), Refused> {
        let whose = app.map_or(Whose::Publishers, |app| Whose::Games(app.clone()));
        let some = self.documents.list(kind, whose, None, most).await?;
        if some.len() >= most { Err(Refused::Full { kind, most }) } else { Ok(()) }
    }

    async fn put(
        &self,
        by: &By,
        place: Place,
        body: &impl Serialize,
        what: &'static str,
    ) -> Result<Document, Refused> {
        let cannot = |error| Refused::invalid("", format!("cannot be written: {error}"));
        let fields = serde_json::to_value(body).map_err(cannot)?;
        let body = serde_json::to_string(body).map_err(cannot)?;
        if body.len() > MAX_BODY {
            return Err(too_long(&fields, body.len()));
        }
        self.write(by, place, Write::Put { body, sealed: Sealed::Keep }, what).await
    }

    /// A place of its own, for what has no name.
    fn new_place(&self, kind: Kind, app: Option<&AppId>) -> Place {
        let id = random::uuid(self.now());
        Place { kind, id, app: app.cloned(), handle: None, expected: None }
    }

    /// The place of what stands; with `expected` only if it is at that version.
    fn place_of(&self, stands: &Document, expected: Option<i64>) -> Place {
        Place {
            kind: stands.kind,
            id: stands.id,
            app: stands.app.clone(),
            handle: stands.handle.clone(),
            expected: Some(no_later(expected, stands)),
        }
    }

    async fn write(
        &self,
        by: &By,
        place: Place,
        write: Write,
        what: &'static str,
    ) -> Result<Document, Refused> {
        let Place { kind, id, app, handle, expected } = place;
        let change = Change {
            kind,
            id,
            app,
            handle,
            expected,
            write,
            by: by.actor,
            key: by.key.clone(),
            what,
            now: self.now(),
        };
        let document = match self.documents.change(change).await? {
            Changed::Written(document) | Changed::Repeated(document) => document,
            Changed::KeyReused => return Err(Refused::KeyReused),
            Changed::Stale(stands) => return Err(Refused::Stale(Box::new(stands))),
            Changed::Exists(stands) => return Err(Refused::Exists(Box::new(stands))),
            Changed::Missing => return Err(Refused::Missing(kind)),
        };
        if let Some((launching, content)) = &self.told {
            // Their actors look by themselves soon, should they not be there just now.
            let _ = match kind {
                Kind::Notice | Kind::Banner | Kind::Image => content.look().await,
                Kind::Version | Kind::Maintenance | Kind::Tester | Kind::Operator => {
                    launching.look().await
                }
            };
        }
        Ok(document)
    }
}
