//! A node: what a door holds, and asks.

use std::net::IpAddr;
use std::sync::Arc;

use crate::presence::Roll;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::identity::{RefreshRequest as RefreshLogin, Tokens};
use protocol::ids::{AppId, SessionId};
use protocol::operation::{MemberRequest, PublicRequest, Reply};
use protocol::sessions::{
    OpenReply, OpenRequest, RefreshReply, RefreshRequest, Resume, ResumeFailed,
};
use storage::clock::{Clock, Micros};
use storage::error::StorageError;
use storage::gamelog::Event;
use storage::open::Storage;

use crate::apps::Game;
use crate::content::images::Workshop;
use crate::content::{self, Content};
use crate::identity::IdentityService;
use crate::identity::tokens::Caller;
use crate::launching::{self, Launching};
use crate::operators::Vault;
use crate::purchases::desk::Desk;
use crate::random;
use crate::sessions::{Attachment, Connection, Sessions};

/// The domains' handles, and the dispatch of what needs no login.
#[derive(Clone)]
pub struct Node {
    /// This node among the others.
    pub roll: Roll,
    /// Whether games are in service.
    pub launching: Launching,
    /// Notices and banners.
    pub content: Content,
    /// Logins.
    pub identity: IdentityService,
    /// Sessions.
    pub sessions: Sessions,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Origins of this server's own pages, which may speak for every game.
    pub own_origins: Arc<[String]>,
    /// How often a socket is pinged, in seconds; clients are told.
    pub heartbeat_s: u64,
    /// The truth, for those who ask whether it answers.
    pub storage: Storage,
    /// Where purchases come in.
    pub desk: Desk,
    /// Where images are read and written anew.
    pub workshop: Workshop,
    /// Under which keys operators' second factors are kept.
    pub vault: Vault,
}

/// A session that was opened on a connection.
pub struct Opened {
    /// Its place in the member's slot.
    pub attachment: Attachment,
    /// Whose it is.
    pub caller: Caller,
    /// The highest push number that the client has.
    pub delivered: u64,
    /// What the client is told.
    pub reply: OpenReply,
}

impl Node {
    /// Answers a request that needs no login. `origin` is what a browser said, `from` where it
    /// comes from. Who is not let in now is refused before anything of his is used up.
    ///
    /// # Errors
    /// The operation's own.
    pub async fn public(
        &self,
        from: IpAddr,
        origin: Option<&str>,
        request: PublicRequest,
    ) -> Result<Reply, ErrorBody> {
        match request {
            PublicRequest::LaunchStatus(r) => {
                let mut status = self.launching.status(&r, from)?;
                let audience = self.launching.rules().audience(&r.app, &r.client, from);
                status.content = Some(Box::new(self.content.versions(&audience)));
                Ok(Reply::LaunchStatus(status))
            }
            PublicRequest::NoticeList(r) => {
                self.game_for(&r.app, origin)?;
                self.content.notices(&r, from).map(Reply::NoticeList)
            }
            PublicRequest::BannerList(r) => {
                self.game_for(&r.app, origin)?;
                self.content.banners(&r, from).map(Reply::BannerList)
            }
            PublicRequest::AuthNonce(r) => {
                self.game_for(&r.app, origin)?;
                Ok(Reply::AuthNonce(self.identity.nonce(&r)))
            }
            PublicRequest::AuthLogin(r) => {
                let game = self.game_for(&r.app, origin)?;
                self.launching.admit_client(&game.id, &r.client, from)?;
                self.identity.login(&game, &r).await.map(Reply::AuthLogin)
            }
            PublicRequest::AuthRefresh(r) => {
                let game = self.game_for(&r.app, origin)?;
                self.refresh_login(&game, &r, from).await.map(Reply::AuthRefresh)
            }
        }
    }

    async fn refresh_login(
        &self,
        game: &Game,
        request: &RefreshLogin,
        from: IpAddr,
    ) -> Result<Tokens, ErrorBody> {
        // Also where nobody is kept out now: its token may be good when somebody is.
        let kept = match &request.client {
            None => self.identity.client_of(game, request).await?,
            Some(_) => None,
        };
        let client = request.client.as_ref().or(kept.as_ref());
        if let Some(client) = client {
            launching::same_app(&game.id, client.app.as_ref())?;
            self.launching.admit_client(&game.id, client, from)?;
        }
        self.identity.refresh(game, request, client).await
    }

    /// Answers a member's request. It is on its way before this returns; the future is
    /// the answer. A caller without a connection whose client is not let in now may do nothing but
    /// log out; an open connection of such a client is told and closed.
    ///
    /// # Errors
    /// `origin.refused`, `launch.*`; in the future, the operation's own.
    pub fn member(
        &self,
        from: IpAddr,
        origin: Option<&str>,
        caller: Caller,
        request: MemberRequest,
    ) -> Result<impl Future<Output = Result<Reply, ErrorBody>> + Send + use<>, ErrorBody> {
        self.game_for(&caller.app, origin)?;
        let leaves = matches!(
            request,
            MemberRequest::AuthLogout(_) | MemberRequest::AuthLogoutEverywhere(_)
        );
        if let (Some(client), false) = (&caller.client, leaves) {
            self.launching.admit_claim(&caller.app, client.as_ref().as_ref(), from)?;
        }
        Ok(self.sessions.request(caller, request))
    }

    /// Who an access token says is calling.
    ///
    /// # Errors
    /// `auth.refused`, or `auth.expired`.
    pub fn caller(&self, token: &str) -> Result<Caller, ErrorBody> {
        self.identity.tokens().verify(token)
    }

    /// Opens a session on a connection.
    ///
    /// # Errors
    /// `auth.*`, `session.replaced`, `origin.refused`, `app.unknown`, `body.invalid`, `launch.*`,
    /// or what storage says.
    pub async fn open(
        &self,
        from: IpAddr,
        origin: Option<&str>,
        request: &OpenRequest,
        connection: Arc<dyn Connection>,
    ) -> Result<Opened, ErrorBody> {
        let caller = self.caller(request.token.expose())?.connected();
        let game = self.game_for(&caller.app, origin)?;
        launching::same_app(&game.id, request.client.app.as_ref())?;
        let audience = self.launching.audience(&game.id, &request.client, from);
        self.launching.admit(&audience)?;
        let (attachment, standing) =
            self.sessions.open(&caller, connection, Some(audience.clone())).await?;
        // A maintenance that began meanwhile found it attached, or is found here.
        self.launching.admit(&audience)?;
        let inbox = standing.inbox;
        let resumed = request.resume.map(|resume| resumable(&resume, &caller, inbox));
        let (session, delivered, resume_failed) = match (request.resume, resumed) {
            (Some(resume), Some(Ok(()))) => {
                self.sessions.replies().recall(resume.session).await;
                (resume.session, resume.seq, None)
            }
            (_, failed) => {
                let open = u64::from_be_bytes(random::bytes());
                let session = SessionId { login: caller.login, open };
                (session, inbox, failed.and_then(Result::err))
            }
        };
        let login = caller.login;
        let event = match resumed {
            Some(Ok(())) => Event::SessionResumed { login, seq: delivered },
            Some(Err(_)) | None => Event::SessionOpened { login },
        };
        self.sessions.log(&caller, event);
        let versions = self.content.versions(&audience);
        let changed = request.known.as_ref().map(|known| content::changed(known, &versions));
        let mut launch = self.launching.status_of(&audience)?;
        launch.content = Some(Box::new(versions));
        let reply = OpenReply {
            session,
            member: caller.member,
            resumed: matches!(resumed, Some(Ok(()))),
            resume_failed,
            seq: inbox,
            time: self.clock.now(),
            heartbeat_s: self.heartbeat_s,
            changed: changed.unwrap_or_default(),
            launch,
        };
        Ok(Opened { attachment, caller, delivered, reply })
    }

    /// Answers `session.refresh`: a newer token of the same login. Returns the caller with
    /// the newer token's end.
    ///
    /// # Errors
    /// `auth.refused`, or `auth.expired`.
    pub fn refresh(
        &self,
        caller: &Caller,
        request: &RefreshRequest,
    ) -> Result<(Caller, RefreshReply), ErrorBody> {
        let newer = self.caller(request.token.expose())?;
        let newer = if caller.client.is_none() { newer.connected() } else { newer };
        if (newer.member, newer.login) != (caller.member, caller.login) {
            let message = "the access token is of another login";
            return Err(ErrorBody::new(ErrorCode::AuthRefused, message));
        }
        let access_expires_s = newer.expires_at.since(self.now()).as_secs();
        Ok((newer, RefreshReply { access_expires_s }))
    }

    /// Whether a page of this origin may connect at all: some game's own, or ours.
    #[must_use]
    pub fn knows_origin(&self, origin: &str) -> bool {
        self.is_own(origin) || self.launching.games().values().any(|game| game.allows(origin))
    }

    /// Asks storage for something small.
    ///
    /// # Errors
    /// What storage says.
    pub async fn storage_answers(&self) -> Result<(), StorageError> {
        self.storage.apps.list().await.map(|_| ())
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> Micros {
        self.clock.now()
    }

    fn is_own(&self, origin: &str) -> bool {
        self.own_origins.iter().any(|own| own == origin)
    }

    /// The game of a word, if a page of this origin may speak for it.
    ///
    /// # Errors
    /// `app.unknown`, or `origin.refused`.
    pub fn game_for(&self, app: &AppId, origin: Option<&str>) -> Result<Arc<Game>, ErrorBody> {
        let game = self.launching.game(app)?;
        match origin {
            Some(origin) if !game.allows(origin) && !self.is_own(origin) => {
                let message = format!("pages of {origin} may not speak for `{app}`");
                Err(ErrorBody::new(ErrorCode::OriginRefused, message))
            }
            Some(_) | None => Ok(game),
        }
    }
}

/// The most push numbers that a resume sends after the client; beyond it, the client reads
/// its inbox.
const RESUME_PUSHES: u64 = 1_000;

/// Whether a session goes on: of this very login, from a number that was sent, and not too
/// far back. Nothing has to be remembered for it: the login's row and the inbox say it all,
/// so it works after a restart as well.
fn resumable(resume: &Resume, caller: &Caller, inbox: u64) -> Result<(), ResumeFailed> {
    if resume.session.login != caller.login {
        return Err(ResumeFailed::OtherLogin);
    }
    match inbox.checked_sub(resume.seq) {
        None => Err(ResumeFailed::NotKept),
        Some(missed) if missed > RESUME_PUSHES => Err(ResumeFailed::TooMuch),
        Some(_) => Ok(()),
    }
}
