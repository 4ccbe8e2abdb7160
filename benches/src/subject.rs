//! What is measured: a process that clients can be connected to.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Fault;
use crate::clients::Whom;
use crate::process::{Memory, Process};
use crate::reference::node::Node;
use crate::reference::{Kind, Reference};
use crate::server::{Server, Setting};

/// The server's metric of connections that have a session.
const ATTACHED: &str = "daemun_sessions_attached";
/// The server's metric of sessions' actors that are awake.
const AWAKE: &str = "daemun_sessions_awake";
/// How long the server may take until every session sleeps: its actors do after 10 s.
const ASLEEP: Duration = Duration::from_secs(90);
/// How often the server is asked whether they do.
const STEP: Duration = Duration::from_millis(500);

/// A process that is being measured.
pub(crate) struct Subject {
    /// Who its clients are.
    pub(crate) whom: Whom,
    runs: Runs,
}

enum Runs {
    Server(Box<Server>),
    Reference(Box<Reference>),
}

impl Subject {
    /// The server, with these settings.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub(crate) async fn server(settings: &[Setting<'_>]) -> Result<Self, Fault> {
        let server = Box::new(Server::start(settings).await?);
        Ok(Self { whom: Whom::Daemun, runs: Runs::Server(server) })
    }

    /// A reference of this program.
    ///
    /// # Errors
    /// As [`Reference::start`].
    pub(crate) async fn reference(kind: Kind) -> Result<Self, Fault> {
        let whom = match kind {
            Kind::Tcp | Kind::TcpWide | Kind::Bare => Whom::Tcp,
            Kind::Websocket => Whom::Websocket,
        };
        let reference = Box::new(Reference::start(kind).await?);
        Ok(Self { whom, runs: Runs::Reference(reference) })
    }

    /// An echo in Node.
    ///
    /// # Errors
    /// As [`Node::start`].
    pub(crate) async fn node(node: &Node) -> Result<Self, Fault> {
        let reference = Box::new(node.start().await?);
        Ok(Self { whom: Whom::Websocket, runs: Runs::Reference(reference) })
    }

    /// Where clients connect to.
    pub(crate) fn address(&self) -> &str {
        match &self.runs {
            Runs::Server(server) => &server.url,
            Runs::Reference(reference) => &reference.address,
        }
    }

    /// Its process.
    pub(crate) fn process(&self) -> &Process {
        match &self.runs {
            Runs::Server(server) => &server.process,
            Runs::Reference(reference) => &reference.process,
        }
    }

    /// The process, to be given a line.
    pub(crate) fn process_mut(&mut self) -> &mut Process {
        match &mut self.runs {
            Runs::Server(server) => &mut server.process,
            Runs::Reference(reference) => &mut reference.process,
        }
    }

    /// The server; a reference is none.
    pub(crate) fn as_server(&self) -> Option<&Server> {
        match &self.runs {
            Runs::Server(server) => Some(server),
            Runs::Reference(_) => None,
        }
    }

    /// Waits until there are so many sessions and all is quiet, and gives what is resident
    /// then. A reference has nothing that could be awake.
    pub(crate) async fn quiet(&self, sessions: usize) -> Result<Memory, Fault> {
        if let Some(server) = self.as_server() {
            asleep(server, sessions).await?;
        }
        self.process().settled_memory().await
    }

    /// How many sessions' actors are awake; a reference has none.
    pub(crate) async fn awake(&self) -> Result<Option<f64>, Fault> {
        match self.as_server() {
            Some(server) => server.gauge(AWAKE).await.map(Some),
            None => Ok(None),
        }
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it had ended before.
    pub(crate) async fn end(self) -> Result<(), Fault> {
        match self.runs {
            Runs::Server(server) => server.end().await,
            Runs::Reference(reference) => reference.process.end().await,
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
