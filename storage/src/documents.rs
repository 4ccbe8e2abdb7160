//! What operators write for all players: versions, maintenance windows, testers, notices, and the
//! operators themselves.
//!
//! It is little, every node reads all of it, and it is kept on the home shard. Each change has a
//! place in the order of all changes, its *revision*, so that a node that knows everything up to
//! one asks for what came [since](DocumentsDuty::since) and misses nothing. With each change an
//! [act](crate::audit::Act) is written, in the same transaction.

use async_trait::async_trait;
use protocol::ids::AppId;
use protocol::words;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::actor::records::{Key, Records};
use crate::audit::Actor;
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::identity::Digest;

/// What calls about this are kept in order by.
const KEY: Key = Key::Domain("documents");

/// The longest body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;
/// The longest sealed part, in bytes.
pub const MAX_SEALED: usize = 4 * 1024;
/// The longest handle, in bytes.
pub const MAX_HANDLE: usize = 128;
/// The longest idempotency key, in bytes.
pub const MAX_KEY: usize = 128;
/// The longest word of a deed, in bytes.
pub const MAX_WHAT: usize = 64;

words! {
    /// What a document is.
    Kind {
        /// A version of a game's client.
        Version = "version",
        /// A maintenance window.
        Maintenance = "maintenance",
        /// A device or address that is let in during a maintenance.
        Tester = "tester",
        /// A notice.
        Notice = "notice",
        /// An image banner.
        Banner = "banner",
        /// What is known of an image.
        Image = "image",
        /// An operator's account.
        Operator = "operator",
    }
}

/// A document as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it is.
    pub kind: Kind,
    /// Which one: a UUID of version 7.
    pub id: Uuid,
    /// Whose it is; `None` for the publisher's, which is for all games. It never changes.
    pub app: Option<AppId>,
    /// What it is called; unique among those of its kind and game that stand. `None` where
    /// nothing has to be unique.
    pub handle: Option<String>,
    /// 1 at first, and one more with each change.
    pub version: i64,
    /// Its last change's place in the order of all changes.
    pub revision: i64,
    /// What it says, as JSON. The audit has it, too. What was removed says what it said last.
    pub body: String,
    /// What nobody else may read, such as a password's hash. The audit has only that it changed;
    /// what was removed has none.
    pub sealed: Option<Vec<u8>>,
    /// Whether it was taken away.
    pub removed: bool,
    /// When it was changed last.
    pub changed_at: Micros,
    /// By whom.
    pub changed_by: Actor,
}

/// What becomes of a document's sealed part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// It stays; a new document has none.
    Keep,
    /// It is this from now on.
    Set(Vec<u8>),
}

/// What is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// It says this from now on.
    Put {
        /// What it says, as JSON.
        body: String,
        /// Its sealed part.
        sealed: Sealed,
    },
    /// It is taken away, for good.
    Remove,
}

/// The key under which an actor asks for something once, and a digest of what is asked for under
/// it. Of two different requests under one key the second is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentKey {
    /// The key.
    pub key: String,
    /// A digest of the request.
    pub request: Digest,
}

impl SentKey {
    /// The key of a request whose content is these bytes: what was sent, not what was made of it,
    /// in which times, ids and salts differ.
    #[must_use]
    pub fn new(key: impl Into<String>, request: impl AsRef<[u8]>) -> Self {
        Self { key: key.into(), request: Sha256::digest(request.as_ref()).into() }
    }
}

/// A change of a document.
#[derive(Clone, Debug)]
pub struct Change {
    /// What it is.
    pub kind: Kind,
    /// Which one.
    pub id: Uuid,
    /// Whose it is. Another's document of this id is not found.
    pub app: Option<AppId>,
    /// What it is called from now on; of one that is taken away it does not count.
    pub handle: Option<String>,
    /// The version that it must have; `None`: it must be new.
    pub expected: Option<i64>,
    /// What is written.
    pub write: Write,
    /// By whom.
    pub by: Actor,
    /// The actor's key, if he sent one.
    pub key: Option<SentKey>,
    /// The deed in a word, such as `maintenance.put`.
    pub what: &'static str,
    /// The present time.
    pub now: Micros,
}

/// Another document of the same kind that a change hangs on: it is written only while that one
/// stands at this version, for what was decided was decided by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upon {
    /// Which one.
    pub id: Uuid,
    /// The version that was looked at.
    pub version: i64,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is written; so it stands.
    Written(Document),
    /// This actor sent this key before, with the same request: what that made. Its sealed part
    /// is left out if it was changed since.
    Repeated(Document),
    /// This actor sent this key before, with another request. Nothing is written.
    KeyReused,
    /// It has another version than expected, namely this; or the one that it hangs on has, which
    /// then is this. Nothing is written.
    Stale(Document),
    /// The id or the handle is taken, by this. Nothing is written.
    Exists(Document),
    /// There is none, or it was taken away. Nothing is written.
    Missing,
}

/// Whose documents are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    Everybodys,
    /// The publisher's own.
    Publishers,
    /// A game's own.
    Games(AppId),
}

/// What a backend does for documents.
#[async_trait]
pub trait DocumentsDuty: Send + Sync {
    /// Changes a document and writes the act, both or neither; with `upon` only while that one
    /// stands as it says. Changes are committed in the order of their revisions.
    async fn change(&self, change: Change, upon: Option<Upon>) -> Result<Changed>;
    /// A document, also one that was taken away.
    async fn document(&self, kind: Kind, id: Uuid) -> Result<Option<Document>>;
    /// The document of that name which stands.
    async fn named(
        &self,
        kind: Kind,
        app: Option<AppId>,
        handle: String,
    ) -> Result<Option<Document>>;
    /// What was changed since a revision, in the order of revisions, the removed too: each
    /// document once, as its last change left it.
    async fn since(&self, revision: i64, limit: usize) -> Result<Vec<Document>>;
    /// The documents of a kind that stand, in the order of their ids, those behind `after`.
    async fn documents(
        &self,
        kind: Kind,
        whose: Whose,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Document>>;
    /// The revision of the last change; 0 if there was none.
    async fn head(&self) -> Result<i64>;
}

/// The typed handle for documents.
#[derive(Clone)]
pub struct Documents(pub(crate) Records);

/// How each of these fails: see [`StorageError`].
impl Documents {
    /// As [`DocumentsDuty::change`].
    ///
    /// # Errors
    /// As said above, and `TooLong`. After `OutcomeUnknown` it may be written; with a key it may
    /// be sent again.
    pub async fn change(&self, change: Change) -> Result<Changed> {
        self.written(change, None).await
    }

    /// The same, only while another document of its kind stands as it was when this was decided.
    /// A request that is repeated under its key finds what it made, whatever became of that one.
    ///
    /// # Errors
    /// As [`Documents::change`].
    pub async fn change_upon(&self, change: Change, upon: Upon) -> Result<Changed> {
        self.written(change, Some(upon)).await
    }

    async fn written(&self, change: Change, upon: Option<Upon>) -> Result<Changed> {
        change.fits()?;
        self.0.call(KEY, move |it| async move { it.change(change, upon).await }).await
    }

    /// As [`DocumentsDuty::document`].
    ///
    /// # Errors
    /// As said above.
    pub async fn get(&self, kind: Kind, id: Uuid) -> Result<Option<Document>> {
        self.0.call(KEY, move |it| async move { it.document(kind, id).await }).await
    }

    /// As [`DocumentsDuty::named`].
    ///
    /// # Errors
    /// As said above.
    pub async fn named(
        &self,
        kind: Kind,
        app: Option<AppId>,
        handle: String,
    ) -> Result<Option<Document>> {
        self.0.call(KEY, move |it| async move { it.named(kind, app, handle).await }).await
    }

    /// As [`DocumentsDuty::since`].
    ///
    /// # Errors
    /// As said above.
    pub async fn since(&self, revision: i64, limit: usize) -> Result<Vec<Document>> {
        self.0.call(KEY, move |it| async move { it.since(revision, limit).await }).await
    }

    /// As [`DocumentsDuty::documents`].
    ///
    /// # Errors
    /// As said above.
    pub async fn list(
        &self,
        kind: Kind,
        whose: Whose,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Document>> {
        let read = move |it: std::sync::Arc<dyn crate::open::Truth>| async move {
            it.documents(kind, whose, after, limit).await
        };
        self.0.call(KEY, read).await
    }

    /// As [`DocumentsDuty::head`].
    ///
    /// # Errors
    /// As said above.
    pub async fn head(&self) -> Result<i64> {
        self.0.call(KEY, |it| async move { it.head().await }).await
    }
}

impl Upon {
    /// Whether that document as it stands is in the way.
    pub(crate) fn refused(self, stands: Option<Document>) -> Option<Changed> {
        match stands {
            Some(stands) if stands.version == self.version && !stands.removed => None,
            Some(stands) => Some(Changed::Stale(stands)),
            None => Some(Changed::Missing),
        }
    }
}

impl Change {
    /// # Errors
    /// `TooLong` of what is over its bound.
    fn fits(&self) -> Result<()> {
        if let Write::Put { body, sealed } = &self.write {
            fits("a document's body", body.len(), MAX_BODY)?;
            if let Sealed::Set(sealed) = sealed {
                fits("a document's sealed part", sealed.len(), MAX_SEALED)?;
            }
        }
        fits("a document's handle", self.handle.as_ref().map_or(0, String::len), MAX_HANDLE)?;
        fits("an idempotency key", self.key.as_ref().map_or(0, |sent| sent.key.len()), MAX_KEY)?;
        fits("the word of a deed", self.what.len(), MAX_WHAT)
    }

    /// What the document is after this change, which nothing is in the way of.
    pub(crate) fn made(&self, before: Option<&Document>, revision: i64) -> Document {
        let (body, sealed, removed) = match &self.write {
            Write::Put { body, sealed: Sealed::Set(sealed) } => {
                (body.clone(), Some(sealed.clone()), false)
            }
            Write::Put { body, sealed: Sealed::Keep } => {
                (body.clone(), before.and_then(|before| before.sealed.clone()), false)
            }
            Write::Remove => {
                (before.map_or_else(String::new, |before| before.body.clone()), None, true)
            }
        };
        let named = before.and_then(|before| before.handle.clone());
        Document {
            kind: self.kind,
            id: self.id,
            app: self.app.clone(),
            handle: if removed { named } else { self.handle.clone() },
            version: before.map_or(1, |before| before.version.saturating_add(1)),
            revision,
            body,
            sealed,
            removed,
            changed_at: self.now,
            changed_by: self.by,
        }
    }

    /// Whether the document as it stands is in the way of this change.
    pub(crate) fn refused(&self, stands: Option<&Document>) -> Option<Changed> {
        match (self.expected, stands) {
            (None, Some(stands)) => Some(Changed::Exists(stands.clone())),
            (None, None) if self.write == Write::Remove => Some(Changed::Missing),
            (None, None) => None,
            (Some(_), None) => Some(Changed::Missing),
            (Some(_), Some(stands)) if stands.removed || stands.app != self.app => {
                Some(Changed::Missing)
            }
            (Some(expected), Some(stands)) if stands.version != expected => {
                Some(Changed::Stale(stands.clone()))
            }
            (Some(_), Some(_)) => None,
        }
    }
}

/// # Errors
/// `TooLong`.
pub(crate) fn fits(what: &'static str, long: usize, most: usize) -> Result<()> {
    if long > most { Err(StorageError::TooLong { what, most }) } else { Ok(()) }
}
