//! Notices and banners: what players are shown, when, and what they do with it.
//!
//! A permanent actor keeps what operators wrote in memory, as [`launching`](crate::launching) does,
//! and asks for what is new twice a second on every node; whoever is asked for notices or banners
//! answers from there. Many times a second it looks at the clock: when what is shown to anybody
//! changes, those who are connected and whom it concerns are told ([`telling`]). Nothing is written
//! for it, for no member.
//!
//! What members do with it is theirs: what one saw or put away is a row of his own, written when he
//! does it. How often it happened is counted in memory and kept every ten seconds ([`tallies`]):
//! what was counted since is lost if the program is killed.

mod actor;
pub mod images;
pub mod picture;
pub mod piece;
mod shelves;
mod tallies;
mod telling;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use protocol::content::{BannersReply, Changed, Known, ListRequest, NoticesReply, Versions};
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::{AppId, RecordId};
use storage::clock::Clock;
use storage::documents::Kind;
use storage::error::StorageError;
use storage::open::Storage;
use tokio::sync::oneshot;

use crate::launching::audience::Audience;
use crate::launching::{Launching, same_app};
use crate::random;
use crate::sessions::{FaintSessions, Sessions};
use crate::supervisor::Peer;
pub(crate) use actor::{Args, ContentActor, Msg};
use picture::{Picture, Shelf, Tongue};
use piece::Piece;
use shelves::Shelves;
pub(crate) use tallies::Happened;
use tallies::Tallies;
use telling::View;

/// The typed handle.
#[derive(Clone)]
pub struct Content(Arc<Inner>);

struct Inner {
    /// What this node knows.
    picture: ArcSwap<Picture>,
    /// What those who are connected were told last; `None` before anything was known. It outlives
    /// the actor: its successor tells what came meanwhile.
    told: Mutex<Option<View>>,
    shelves: Shelves,
    tallies: Tallies,
    /// Through whom it speaks.
    voice: OnceLock<FaintSessions>,
    /// The actor's address, for whoever supervises it.
    peer: Peer<Msg>,
    launching: Launching,
    /// Where images are to be had, before their paths.
    base: Box<str>,
    clock: Arc<dyn Clock>,
}

impl Content {
    /// A handle that knows nothing until its actor has read it. `public_url` is where players
    /// reach this server, without a slash at its end.
    #[must_use]
    pub fn new(public_url: &str, launching: &Launching, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            picture: ArcSwap::default(),
            told: Mutex::default(),
            shelves: Shelves::default(),
            tallies: Tallies::new(random::uuid(clock.now())),
            voice: OnceLock::new(),
            peer: Peer::new(),
            launching: launching.clone(),
            base: public_url.trim_end_matches('/').into(),
            clock,
        }))
    }

    /// A handle that knows nothing and never will: for who runs no server.
    #[must_use]
    pub fn closed(clock: Arc<dyn Clock>) -> Self {
        Self::new("", &Launching::new("", false, clock.clone()), clock)
    }

    /// Has it speak to those who are connected; the first time counts. It does not keep them.
    pub fn speak_to(&self, sessions: &Sessions) {
        let _ = self.0.voice.set(sessions.faint());
    }

    /// What operators wrote, as this node knows it.
    #[must_use]
    pub fn picture(&self) -> Arc<Picture> {
        self.0.picture.load_full()
    }

    /// Answers `notice.list`.
    ///
    /// # Errors
    /// `app.unknown`; `body.invalid` when the client names another game.
    pub fn notices(&self, request: &ListRequest, from: IpAddr) -> Result<NoticesReply, ErrorBody> {
        let audience = self.audience(request, from)?;
        let picture = self.picture();
        if let Some(known) = &request.known {
            let version = self.versions(&audience).notices;
            if **known == *version {
                return Ok(NoticesReply { version, unchanged: true, notices: Vec::new() });
            }
        }
        Ok(self.shelf(&picture, Kind::Notice, &audience, |shelf| {
            let notices = shelf.notices(&picture.images(self.base()));
            NoticesReply { version: shelf.version, unchanged: false, notices }
        }))
    }

    /// Answers `banner.list`.
    ///
    /// # Errors
    /// As [`Content::notices`].
    pub fn banners(&self, request: &ListRequest, from: IpAddr) -> Result<BannersReply, ErrorBody> {
        let audience = self.audience(request, from)?;
        let picture = self.picture();
        if let Some(known) = &request.known {
            let version = self.versions(&audience).banners;
            if **known == *version {
                return Ok(BannersReply { version, unchanged: true, banners: Vec::new() });
            }
        }
        Ok(self.shelf(&picture, Kind::Banner, &audience, |shelf| {
            let banners = shelf.banners(&picture.images(self.base()));
            BannersReply { version: shelf.version, unchanged: false, banners }
        }))
    }

    /// What lists there are for an audience.
    #[must_use]
    pub fn versions(&self, audience: &Audience) -> Versions {
        let (picture, now) = (self.picture(), self.0.clock.now());
        let find = |default: Option<&str>| {
            let tongue = Tongue { lang: audience.lang.as_deref(), default };
            let version = |kind| picture.shelf(kind, audience, tongue, now).version;
            Versions { notices: version(Kind::Notice), banners: version(Kind::Banner) }
        };
        let default = self.language(&audience.app);
        self.0.shelves.versions(&picture, now, audience, default, find)
    }

    /// A notice or banner of a game that was published and not taken away; `None` of one that was
    /// taken away.
    ///
    /// # Errors
    /// `content.unknown` of one that never was.
    pub(crate) fn find(
        &self,
        app: &AppId,
        RecordId(id): RecordId,
    ) -> Result<Option<Arc<Piece>>, ErrorBody> {
        let picture = self.0.picture.load();
        match picture.find(app, id) {
            Some(piece) => Ok(Some(piece.clone())),
            None if picture.is_gone(id) => Ok(None),
            None => {
                let message = format!("there is no notice or banner {id} in this game");
                Err(ErrorBody::new(ErrorCode::ContentUnknown, message))
            }
        }
    }

    /// Counts what happened to a notice or banner.
    pub(crate) fn count(&self, id: uuid::Uuid, happened: Happened) {
        self.0.tallies.count(id, happened, self.0.clock.now());
    }

    fn audience(&self, request: &ListRequest, from: IpAddr) -> Result<Audience, ErrorBody> {
        let launching = &self.0.launching;
        let game = launching.game(&request.app)?;
        same_app(&game.id, request.client.app.as_ref())?;
        Ok(launching.rules().audience(&game.id, &request.client, from))
    }

    fn shelf<T>(
        &self,
        picture: &Picture,
        kind: Kind,
        audience: &Audience,
        read: impl FnOnce(Shelf<'_>) -> T,
    ) -> T {
        let default = self.language(&audience.app);
        let tongue = Tongue { lang: audience.lang.as_deref(), default: default.as_deref() };
        read(picture.shelf(kind, audience, tongue, self.0.clock.now()))
    }

    fn language(&self, app: &AppId) -> Option<String> {
        self.0.launching.language(app)
    }

    fn base(&self) -> &str {
        &self.0.base
    }

    /// Has it read what operators wrote since, and returns when that counts.
    ///
    /// # Errors
    /// `Unavailable` when the actor is not there to do it.
    pub async fn look(&self) -> Result<(), StorageError> {
        self.ask(|reply_to| Msg::Look(Some(reply_to))).await
    }

    /// Has it keep what was counted on this node, and returns when it did, or could not.
    ///
    /// # Errors
    /// As [`Content::look`].
    pub async fn keep(&self) -> Result<(), StorageError> {
        self.ask(|reply_to| Msg::Keep(Some(reply_to))).await
    }

    async fn ask(&self, msg: impl FnOnce(oneshot::Sender<()>) -> Msg) -> Result<(), StorageError> {
        let gone = || StorageError::Unavailable("the content actor is not running".into());
        let (reply_to, reply) = oneshot::channel();
        self.0.peer.cast(msg(reply_to)).map_err(|_| gone())?;
        reply.await.map_err(|_| gone())
    }

    /// Its address, for whoever supervises it.
    pub(crate) fn peer(&self) -> Peer<Msg> {
        self.0.peer.clone()
    }

    /// The actor and its arguments, for whoever supervises it.
    pub(crate) fn actor(&self, storage: &Storage) -> (ContentActor, Args) {
        (ContentActor, Args::new(storage, self.clone()))
    }
}

/// Of the lists that a client has, those that are not what there is.
#[must_use]
pub fn changed(known: &Known, versions: &Versions) -> Vec<Changed> {
    let other = |known: &Option<protocol::text::Text<32>>, version: &str| {
        known.as_ref().is_some_and(|known| **known != *version)
    };
    let notices = other(&known.notices, &versions.notices).then_some(Changed::Notices);
    let banners = other(&known.banners, &versions.banners).then_some(Changed::Banners);
    notices.into_iter().chain(banners).collect()
}
