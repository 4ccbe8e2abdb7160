//! The registry of sessions: who is connected, and which session actors are awake.
//!
//! A member has at most one *slot* on a node: the connections attached to it, and the
//! session actor when one is awake. An actor is woken by the first request that needs it
//! and put back when it has been quiet; nobody outside can tell. The protocol is short:
//! whoever sends to an actor first raises the slot's outstanding count under its lock, and
//! an actor goes to sleep only when that count is zero, under the same lock. So a message
//! never meets an actor that has decided to sleep.

mod bans;
mod broadcast;
mod desk;
pub mod ids;
mod registry;
pub mod replies;
mod revoked;
mod settings;
pub(crate) mod tell;
mod waiting;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use protocol::close::{CloseCode, CloseReason};
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::{AppId, LoginId, MemberId};
use protocol::operation::{MemberRequest, Reply};
use protocol::push::Push;
use storage::clock::{Clock, Micros};
use storage::error::StorageError;
use storage::gamelog::{Event, LogRecord};
use storage::members::By;
use storage::open::Storage;
use storage::push::{KeptPush, NewPush, PostOnce, PostedOnce};
use storage::sessions::Standing;
use tokio::sync::oneshot;

pub use broadcast::Broadcast;
pub use settings::SessionsSettings;
pub use waiting::is_long_poll;

use crate::content::Content;
use crate::identity::tokens::Caller;
use crate::launching::audience::Audience;
use crate::purchases::desk::Desk;
use crate::session::{self, Msg};
use crate::{fault, identity, random};
use registry::Alive;
use replies::Replies;

/// A connection that a session can speak to. Both calls return at once.
pub trait Connection: Send + Sync + 'static {
    /// Sends a push that need not arrive.
    fn push(&self, push: &Push);
    /// Sends one that goes to many.
    fn broadcast(&self, broadcast: &Broadcast);
    /// Says that the member's inbox reaches up to a number: the connection reads what it
    /// has not delivered. Hints may come late, doubled or in any order.
    fn look(&self, seq: u64);
    /// Closes after what is in flight has been answered.
    fn close(&self, code: CloseCode, reason: CloseReason) {
        self.close_after(0, code, reason);
    }
    /// The same, but delivers the member's inbox up to a number first.
    fn close_after(&self, seq: u64, code: CloseCode, reason: CloseReason);
}

/// The typed handle for sessions.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

/// A handle that keeps nobody connected.
pub(crate) struct FaintSessions(Weak<Inner>);

impl FaintSessions {
    /// The sessions, while there are any.
    pub(crate) fn sessions(&self) -> Option<Sessions> {
        self.0.upgrade().map(Sessions)
    }
}

/// How many locks the members are spread over.
const LOCKS: usize = 64;

type Registry = registry::Registry<Alive>;
/// A promise that a message is on its way to a session actor.
pub(crate) type Ticket = registry::Ticket<Alive>;
/// A session actor's place.
pub(crate) type Slot = registry::Slot<Alive>;

struct Inner {
    registry: Arc<Registry>,
    replies: Replies,
    turns: broadcast::Turns,
    context: Arc<Context>,
}

/// What every session actor needs, shared by all of them.
pub(crate) struct Context {
    pub(crate) storage: Storage,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: SessionsSettings,
    pub(crate) desk: Desk,
    pub(crate) content: Content,
}

impl Sessions {
    /// A registry with nobody in it.
    #[must_use]
    pub fn new(
        storage: Storage,
        clock: Arc<dyn Clock>,
        settings: SessionsSettings,
        desk: Desk,
        content: Content,
    ) -> Self {
        let grace = Duration::from_millis(settings.grace_ms);
        let replies = Replies::new(settings.replies_bytes, grace).sharing(&storage.replies);
        let context = Arc::new(Context { storage, clock, settings, desk, content });
        let (registry, turns) = (Arc::new(Registry::new(LOCKS)), broadcast::Turns::default());
        Self(Arc::new(Inner { registry, replies, turns, context }))
    }

    /// A handle that keeps nobody connected.
    pub(crate) fn faint(&self) -> FaintSessions {
        FaintSessions(Arc::downgrade(&self.0))
    }

    /// Has the member's session actor answer a request. It is sent before this returns, so
    /// requests are answered in the order of these calls; the future is the answer.
    ///
    /// # Errors
    /// The operation's own; `internal` when the actor died on the way.
    pub fn request(
        &self,
        caller: Caller,
        request: MemberRequest,
    ) -> impl Future<Output = Result<Reply, ErrorBody>> + Send + use<> {
        let waits = waiting::wait_of(&request).map(|(list, wait)| (self.clone(), list, wait));
        let asked = self.ask(caller.clone(), request);
        async move {
            let reply = asked.await?;
            match (waits, &reply) {
                (Some((sessions, list, wait)), Reply::InboxList(first))
                    if first.pushes.is_empty() =>
                {
                    sessions.poll(caller, list, wait).await
                }
                _ => Ok(reply),
            }
        }
    }

    fn ask(
        &self,
        caller: Caller,
        request: MemberRequest,
    ) -> impl Future<Output = Result<Reply, ErrorBody>> + Send + use<> {
        let (reply_to, reply) = oneshot::channel();
        self.0.registry.send(
            caller.member,
            |slot| session::spawn(self.clone(), slot),
            |ticket| Msg::Request { caller, request, reply_to, _ticket: ticket },
        );
        async {
            reply.await.unwrap_or_else(|_| Err(fault::internal("the session failed on the way")))
        }
    }

    /// Attaches whoever waits without a session of its own.
    fn wait_as(&self, caller: &Caller, waiter: Arc<dyn Connection>) -> Attachment {
        self.attach(caller, waiter, None)
    }

    fn attach(
        &self,
        caller: &Caller,
        connection: Arc<dyn Connection>,
        audience: Option<Arc<Audience>>,
    ) -> Attachment {
        let id = self.0.registry.attach(caller, connection, audience);
        Attachment {
            sessions: self.clone(),
            caller: caller.clone(),
            id,
            opened_at: None,
            code: None,
        }
    }

    /// Attaches a connection to the member's slot and opens its session.
    ///
    /// The connection is attached before the truth is read, so that a login that takes
    /// its place in between either is seen here or finds it attached.
    ///
    /// The newest connection of a login stands: an older one, often half-open and noticed
    /// late, is closed `moved`.
    ///
    /// What its `audience` is told it hears from then on; without one it hears nothing of that.
    ///
    /// # Errors
    /// `auth.refused`, `auth.logged_out`, `session.replaced`, `member.banned`, or what
    /// storage says.
    pub async fn open(
        &self,
        caller: &Caller,
        connection: Arc<dyn Connection>,
        audience: Option<Arc<Audience>>,
    ) -> Result<(Attachment, Standing), ErrorBody> {
        let mut attachment = self.attach(caller, connection, audience);
        let standing = standing(&self.0.context, caller).await?;
        for older in self.0.registry.older(caller.member, caller.login, attachment.id) {
            older.close(CloseCode::Moved, CloseReason::default());
        }
        attachment.opened_at = Some(self.0.context.clock.now());
        Ok((attachment, standing))
    }

    /// Writes into the game log what a caller's session did.
    pub(crate) fn log(&self, caller: &Caller, event: Event) {
        self.record(caller.app.clone(), Some(caller.member), event);
    }

    fn record(&self, app: AppId, member: Option<MemberId>, event: Event) {
        let at = self.0.context.clock.now();
        let record = LogRecord { id: random::uuid(at), at, app, member, event };
        self.0.context.storage.gamelog.record(record);
    }

    /// A newer login took the place of `login`, if there was one: its connections are told
    /// and closed. No other's: a login that came meanwhile may be newer still.
    pub(crate) fn replaced(&self, member: MemberId, login: Option<LoginId>) {
        // The actor first: who is closed while it waits asks it again.
        self.0.registry.tell(member, Msg::StandingChanged);
        if let Some(login) = login {
            self.leave(member, login);
            self.revoke(member);
        }
    }

    /// Tells the connections of a login that was replaced, and closes them.
    pub(crate) fn leave(&self, member: MemberId, login: LoginId) {
        for connection in self.0.registry.connections(member, |of| of == login) {
            connection.push(&Push::SessionReplaced);
            connection.close(CloseCode::Replaced, CloseReason::default());
        }
    }

    /// Keeps a connection's acknowledgement. A login that was replaced acknowledges nothing,
    /// and its connections are told and closed.
    ///
    /// # Errors
    /// As [`Inboxes::ack`](storage::push::Inboxes::ack).
    pub async fn acknowledge(&self, caller: &Caller, seq: u64) -> storage::error::Result<u64> {
        let Caller { app, member, login, .. } = caller;
        let acked = self.0.context.storage.inboxes.ack(app.clone(), *member, *login, seq).await;
        match &acked {
            Ok(seq) => self.log(caller, Event::PushAcknowledged { login: *login, seq: *seq }),
            Err(StorageError::Replaced) => self.replaced(*member, Some(*login)),
            Err(_) => {}
        }
        acked
    }

    /// Logins were ended: their connections are closed.
    pub(crate) fn ended(&self, member: MemberId, logins: &[LoginId]) {
        self.0.registry.tell(member, Msg::StandingChanged);
        for connection in self.0.registry.connections(member, |of| logins.contains(&of)) {
            connection.close(CloseCode::LoggedOut, CloseReason::default());
        }
        self.revoke(member);
    }

    /// Puts pushes into a member's inbox and has its connections look. It is finished even
    /// if the caller leaves; a poll that begins after it has returned finds the pushes.
    ///
    /// # Errors
    /// `member.unknown`, or what storage says. After `internal` they may be there.
    pub async fn post(
        &self,
        app: AppId,
        member: MemberId,
        pushes: Vec<NewPush>,
    ) -> Result<u64, ErrorBody> {
        let sessions = self.clone();
        let work = tokio::spawn(async move { sessions.put(app, member, pushes).await });
        work.await.unwrap_or_else(|_| Err(fault::internal("the posting failed on the way")))
    }

    /// As [`Sessions::post`], of words of the publisher's to a member; the game log has who
    /// said them.
    ///
    /// # Errors
    /// As [`Sessions::post`].
    pub async fn message(
        &self,
        app: AppId,
        member: MemberId,
        push: NewPush,
        by: By,
    ) -> Result<u64, ErrorBody> {
        let sessions = self.clone();
        let work = tokio::spawn(async move {
            let seq = sessions.put(app.clone(), member, vec![push]).await?;
            sessions.record(app, Some(member), Event::MemberMessaged { seq, by });
            Ok(seq)
        });
        work.await.unwrap_or_else(|_| Err(fault::internal("the posting failed on the way")))
    }

    /// As [`Sessions::message`], once under the write's own name.
    ///
    /// # Errors
    /// What storage says; after `internal` the same may be asked for again.
    pub async fn message_once(&self, write: PostOnce, by: By) -> Result<PostedOnce, ErrorBody> {
        let sessions = self.clone();
        let work = tokio::spawn(async move {
            let (app, member, id, at) = (write.app.clone(), write.member, write.id, write.now);
            // Said again when it is asked for again, for whoever posted it may have died before the
            // log had it: the record is the same, and kept once.
            let log = sessions.0.context.storage.gamelog.clone();
            let then = move |posted: &PostedOnce| {
                if let PostedOnce::Posted { seq, .. } = *posted {
                    let (id, event) =
                        (PostOnce::record_id(id, seq), Event::MemberMessaged { seq, by });
                    log.record(LogRecord { id, at, app, member: Some(member), event });
                }
            };
            let posted = sessions.0.context.storage.inboxes.post_once_then(write, then).await;
            let posted = posted.map_err(|error| {
                sessions.unsure(member);
                fault::of_storage(&error)
            })?;
            if let PostedOnce::Posted { seq, again: false } = posted {
                sessions.look(member, seq);
            }
            Ok(posted)
        });
        work.await.unwrap_or_else(|_| Err(fault::internal("the posting failed on the way")))
    }

    async fn put(
        &self,
        app: AppId,
        member: MemberId,
        pushes: Vec<NewPush>,
    ) -> Result<u64, ErrorBody> {
        let context = &self.0.context;
        let now = context.clock.now();
        let posted = context.storage.inboxes.post(app, member, pushes, now).await;
        self.posted(member, posted)
    }

    /// Tells those who must know how a posting ended.
    fn posted(
        &self,
        member: MemberId,
        posted: storage::error::Result<Option<Vec<KeptPush>>>,
    ) -> Result<u64, ErrorBody> {
        let kept = posted.map_err(|error| {
            // They may be there all the same.
            self.0.registry.tell(member, Msg::StandingChanged);
            fault::of_storage(&error)
        })?;
        let kept = kept.ok_or_else(nobody)?;
        let seq = kept.last().map_or(0, |push| push.seq);
        self.look(member, seq);
        Ok(seq)
    }

    /// The member's inbox reaches up to a number: who is connected here looks.
    pub fn look(&self, member: MemberId, seq: u64) {
        // The actor first: whoever looks asks it.
        self.0.registry.tell(member, Msg::Posted(seq));
        for connection in self.0.registry.connections(member, |_| true) {
            connection.look(seq);
        }
    }

    /// The answers that are kept for requests that are sent again.
    #[must_use]
    pub fn replies(&self) -> &Replies {
        &self.0.replies
    }

    /// Something may have been written for a member, and nobody knows: its actor reads the truth
    /// when it is asked next.
    pub(crate) fn unsure(&self, member: MemberId) {
        self.0.registry.tell(member, Msg::StandingChanged);
    }

    /// How many members are connected to this node, by their games.
    #[must_use]
    pub fn players(&self) -> BTreeMap<AppId, u64> {
        self.0.registry.players()
    }

    /// How many session actors are awake.
    #[must_use]
    pub fn awake(&self) -> usize {
        self.0.registry.awake()
    }

    /// How many connections are attached.
    #[must_use]
    pub fn attached(&self) -> usize {
        self.0.registry.attached()
    }

    pub(crate) fn context(&self) -> &Arc<Context> {
        &self.0.context
    }

    #[cfg(test)]
    fn registry(&self) -> &Registry {
        &self.0.registry
    }
}

/// A connection's place in its member's slot, given up when dropped.
pub struct Attachment {
    sessions: Sessions,
    caller: Caller,
    id: u64,
    /// When the session was open; `None` when it never was.
    opened_at: Option<Micros>,
    code: Option<CloseCode>,
}

impl Attachment {
    /// Gives the place up and says how the connection ended; `None` when it broke.
    pub fn closed(mut self, code: Option<CloseCode>) {
        self.code = code;
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.sessions.0.registry.detach(self.caller.member, self.id);
        if let Some(opened_at) = self.opened_at {
            let open = self.sessions.0.context.clock.now().since(opened_at);
            let open_ms = u64::try_from(open.as_millis()).unwrap_or(u64::MAX);
            let event = Event::SessionClosed { login: self.caller.login, code: self.code, open_ms };
            self.sessions.log(&self.caller, event);
        }
    }
}

/// Reads where the caller's login stands, and refuses one that does not count.
///
/// # Errors
/// `auth.refused`, `auth.logged_out`, `auth.reused`, `member.banned`, `session.replaced`, or
/// what storage says.
pub(crate) async fn standing(context: &Context, caller: &Caller) -> Result<Standing, ErrorBody> {
    let read = context.storage.sessions.standing(caller.app.clone(), caller.member, caller.login);
    let standing = read.await.map_err(|error| fault::of_storage(&error))?.ok_or_else(|| {
        ErrorBody::new(ErrorCode::AuthRefused, "the access token names no login of this game")
    })?;
    counts(standing, context.clock.now())
}

/// A standing that counts.
///
/// # Errors
/// As [`standing`].
fn counts(standing: Standing, now: Micros) -> Result<Standing, ErrorBody> {
    match (standing.login.ended, standing.member.banned(now)) {
        (Some(by), _) => Err(identity::ended(by)),
        (None, Some(ban)) => Err(identity::banned(ban)),
        (None, None) if standing.login.epoch != standing.epoch => Err(identity::replaced()),
        (None, None) => Ok(standing),
    }
}

/// What who asks about a member that is not there is told.
fn nobody() -> ErrorBody {
    ErrorBody::new(ErrorCode::MemberUnknown, "there is no such member of that game")
}
