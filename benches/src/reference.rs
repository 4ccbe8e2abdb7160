//! What the server is compared with: echoes that do nothing else.
//!
//! Each runs on the runtime the server runs on, with the allocator it has, and answers
//! every message of a connection from one task.

pub(crate) mod bare;
pub(crate) mod node;
pub(crate) mod statements;
mod tcp;
mod websocket;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clap::ValueEnum;
use tokio::net::{TcpListener, TcpStream};

use crate::Fault;
use crate::process::{Process, leash};

/// How long a reference may take to listen.
const START: Duration = Duration::from_secs(20);
/// What a reference says before its address, on standard output.
const LISTENING: &str = "listening ";

/// A reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Bytes over TCP, as they come, through a buffer that fits a small task.
    Tcp,
    /// The same through a buffer that takes many messages at once, for figures of time.
    TcpWide,
    /// The same bytes to every socket when told so, by one bare write each.
    Bare,
    /// Websocket messages, with every buffer of tokio-tungstenite set small.
    Websocket,
}

impl Kind {
    /// What it is called in a report.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp | Self::TcpWide => "raw tokio TCP task",
            Self::Bare => "one bare write",
            Self::Websocket => "tokio-tungstenite alone, tuned",
        }
    }

    /// Its word on the command line.
    #[must_use]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::TcpWide => "tcp-wide",
            Self::Bare => "bare",
            Self::Websocket => "websocket",
        }
    }
}

/// A reference that runs while this is kept.
pub(crate) struct Reference {
    /// The process.
    pub(crate) process: Process,
    /// Where it listens.
    pub(crate) address: String,
}

impl Reference {
    /// Starts a reference.
    ///
    /// # Errors
    /// When it does not listen in time.
    pub(crate) async fn start(kind: Kind) -> Result<Self, Fault> {
        let mut command = leash::own("reference")?;
        command.arg(kind.word());
        Self::listening(Process::start(kind.name(), command)?).await
    }

    /// Waits until it says where it listens.
    async fn listening(mut process: Process) -> Result<Self, Fault> {
        let address = process
            .hear("its address", START, |line| line.strip_prefix(LISTENING).map(str::to_owned));
        let address = address.await?;
        Ok(Self { process, address })
    }
}

/// Is a reference, until it is killed.
///
/// # Errors
/// When it cannot listen.
pub(crate) async fn run(kind: Kind) -> Result<(), Fault> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    println!("{LISTENING}{}", listener.local_addr()?);
    let sockets = bare::Sockets::default();
    match kind {
        Kind::Tcp | Kind::TcpWide | Kind::Websocket => serve(kind, listener, &sockets).await?,
        Kind::Bare => tokio::select! {
            served = serve(kind, listener, &sockets) => served?,
            told = sockets.clone().told_by_lines() => told?,
        },
    }
    Ok(())
}

async fn serve(kind: Kind, listener: TcpListener, sockets: &bare::Sockets) -> io::Result<()> {
    loop {
        let stream = accept(&listener).await?;
        match kind {
            Kind::Tcp => drop(tokio::spawn(tcp::echo::<{ tcp::SMALL }>(stream))),
            Kind::TcpWide => drop(tokio::spawn(tcp::echo::<{ tcp::WIDE }>(stream))),
            Kind::Bare => drop(tokio::spawn(sockets.clone().take(stream))),
            Kind::Websocket => drop(tokio::spawn(websocket::greet(stream))),
        }
    }
}

async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests;
