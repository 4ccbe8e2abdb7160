//! What is measured: a process that clients can be connected to.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Fault;
use crate::clients::Whom;
use crate::process::{Memory, Process};
use crate::reference::{self, Reference};
use crate::server::Server;

/// The server's metric of connections that have a session.
const ATTACHED: &str = "daemun_sessions_attached";
/// The server's metric of sessions' actors that are awake.
const AWAKE: &str = "daemun_sessions_awake";
/// How long the server may take until every session sleeps: its actors do after 10 s.
const ASLEEP: Duration = Duration::from_secs(90);
/// How often the server is asked whether they do.
const STEP: Duration = Duration::from_millis(500);

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Sessions of the server.
    Session,
    /// Connections of a reference.
    Reference(reference::Kind),
}

impl What {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Session => "daemun session",
            Self::Reference(kind) => kind.name(),
        }
    }
}

/// A process that is being measured.
pub(super) enum Subject {
    Server(Box<Server>),
    Reference(Box<Reference>, reference::Kind),
}

impl Subject {
    pub(super) async fn start(what: What) -> Result<Self, Fault> {
        Ok(match what {
            What::Session => Self::Server(Box::new(Server::start().await?)),
            What::Reference(kind) => Self::Reference(Box::new(Reference::start(kind).await?), kind),
        })
    }

    pub(super) fn whom(&self) -> Whom {
        match self {
            Self::Server(_) => Whom::Daemun,
            Self::Reference(_, reference::Kind::Tcp) => Whom::Tcp,
            Self::Reference(_, reference::Kind::Websocket) => Whom::Websocket,
        }
    }

    pub(super) fn address(&self) -> &str {
        match self {
            Self::Server(server) => &server.url,
            Self::Reference(reference, _) => &reference.address,
        }
    }

    fn process(&self) -> &Process {
        match self {
            Self::Server(server) => &server.process,
            Self::Reference(reference, _) => &reference.process,
        }
    }

    /// Waits until there are so many sessions and all is quiet, and gives what is resident
    /// then. A reference has nothing that could be awake.
    pub(super) async fn quiet(&self, sessions: usize) -> Result<Memory, Fault> {
        if let Self::Server(server) = self {
            asleep(server, sessions).await?;
        }
        self.process().settled_memory().await
    }

    /// How many sessions' actors are awake; a reference has none.
    pub(super) async fn awake(&self) -> Result<Option<f64>, Fault> {
        match self {
            Self::Server(server) => server.gauge(AWAKE).await.map(Some),
            Self::Reference(..) => Ok(None),
        }
    }

    pub(super) async fn end(self) -> Result<(), Fault> {
        match self {
            Self::Server(server) => server.end().await,
            Self::Reference(reference, _) => reference.process.end().await,
        }
    }
}

/// Waits until so many connections have a session, and none of their actors is awake.
async fn asleep(server: &Server, sessions: usize) -> Result<(), Fault> {
    let began = Instant::now();
    loop {
        let attached = server.gauge(ATTACHED).await?;
        let awake = server.gauge(AWAKE).await?;
        if attached == sessions as f64 && awake == 0.0 {
            return Ok(());
        }
        if began.elapsed() > ASLEEP {
            let what = format!(
                "{sessions} sessions were to be asleep within {} s; {attached} are attached and \
                 {awake} of their actors are awake",
                ASLEEP.as_secs()
            );
            return Err(server.process.trouble(&what));
        }
        sleep(STEP).await;
    }
}
