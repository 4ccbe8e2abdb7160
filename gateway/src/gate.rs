//! What the doors share.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actors::identity::tokens::Caller;
use actors::node::{Node, Opened};
use actors::sessions::Connection;
use protocol::error::ErrorBody;
use protocol::operation::{MemberRequest, PublicRequest, Reply};
use protocol::sessions::OpenRequest;

use crate::config::GatewaySettings;
use crate::limits::Limits;
use crate::meter::Meter;
use crate::ws::Sockets;

/// A handle to what the doors share.
#[derive(Clone)]
pub struct Gate(Arc<Shared>);

/// What the doors share.
pub struct Shared {
    /// What answers.
    pub node: Node,
    /// The open sockets.
    pub sockets: Sockets,
    /// The bounds.
    pub settings: GatewaySettings,
    /// How much is taken, and from whom.
    pub limits: Limits,
    /// The counters.
    pub meter: Meter,
    draining: AtomicBool,
}

impl Gate {
    /// Puts a gate in front of a node.
    #[must_use]
    pub fn new(node: Node, settings: GatewaySettings, limits: Limits) -> Self {
        Self(Arc::new(Shared {
            node,
            sockets: Sockets::default(),
            settings,
            limits,
            meter: Meter::new(),
            draining: AtomicBool::new(false),
        }))
    }

    /// Counts a request of a caller who is logged in.
    ///
    /// # Errors
    /// `limit.rate`.
    pub(crate) fn count(&self, client: IpAddr, caller: &Caller) -> Result<(), ErrorBody> {
        let own = self.node.launching.rate_of(&caller.app);
        self.limits.of(client).session(caller.login, own)
    }

    /// Has the node answer a request that needs no login, once there is room for it.
    ///
    /// # Errors
    /// `limit.overloaded`, and the operation's own.
    pub(crate) async fn public(
        &self,
        client: IpAddr,
        origin: Option<&str>,
        request: PublicRequest,
    ) -> Result<Reply, ErrorBody> {
        let tier = self.limits.of(client);
        tier.admit(&request).await?;
        let _share = tier.share()?;
        self.node.public(client, origin, request).await
    }

    /// Has the node open a session on a connection, once there is room for it.
    ///
    /// # Errors
    /// `limit.overloaded`, and those of [`Node::open`].
    pub(crate) async fn open(
        &self,
        client: IpAddr,
        origin: Option<&str>,
        request: &OpenRequest,
        connection: Arc<dyn Connection>,
    ) -> Result<Opened, ErrorBody> {
        let tier = self.limits.of(client);
        tier.admit_open().await?;
        let _share = tier.share()?;
        self.node.open(client, origin, request, connection).await
    }

    /// Has the node answer a member's request, if there is room for it. It is on its way before
    /// this returns; the future is the answer.
    ///
    /// # Errors
    /// `limit.overloaded`, and those of [`Node::member`].
    pub(crate) fn member(
        &self,
        client: IpAddr,
        origin: Option<&str>,
        caller: Caller,
        request: MemberRequest,
    ) -> Result<impl Future<Output = Result<Reply, ErrorBody>> + Send + use<>, ErrorBody> {
        let share = self.limits.of(client).share_for(&request)?;
        let answer = self.node.member(client, origin, caller, request)?;
        Ok(async move {
            let _share = share;
            answer.await
        })
    }

    /// Whether this node is going away and takes nobody new.
    #[must_use]
    pub fn draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// Takes nobody new from now on.
    pub fn begin_drain(&self) {
        self.0.draining.store(true, Ordering::Release);
    }
}

impl Deref for Gate {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
