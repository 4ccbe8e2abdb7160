//! One client, of whatever it is that is measured.

use std::net::SocketAddr;

use loadtest::dial::Dialer;

use super::echo::{TcpEcho, WebsocketEcho};
use super::player::Player;
use super::{Burst, Whom};
use crate::Fault;

/// How many loopback addresses connections come from.
const SOURCES: u8 = 8;

/// Where clients connect to, and what they speak there.
pub(crate) struct Door {
    whom: Whom,
    address: String,
    dialer: Dialer,
}

impl Door {
    /// The door at an address: of the server its URL, of a reference host and port.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn new(whom: Whom, address: &str) -> Result<Self, Fault> {
        let to: SocketAddr = address
            .trim_start_matches("http://")
            .parse()
            .map_err(|error| format!("{address}: {error}"))?;
        Ok(Self { whom, address: address.to_owned(), dialer: Dialer::new(to, SOURCES) })
    }
}

/// One client.
pub(crate) enum Client {
    /// Of the server, with an open session.
    Player(Box<Player>),
    /// Of the TCP echo.
    Tcp(TcpEcho),
    /// Of the websocket echo.
    Websocket(Box<WebsocketEcho>),
}

/// A client that has entered.
pub(crate) struct Entered {
    /// The client.
    pub(crate) client: Client,
    /// As [`super::Done::good_for_s`].
    pub(crate) good_for_s: Option<u64>,
}

impl Client {
    /// Connects, and makes sure that it is served.
    ///
    /// # Errors
    /// When a reply is not as it should be.
    pub(crate) async fn enter(door: &Door, number: usize) -> Result<Entered, Fault> {
        let stream = door.dialer.dial(number).await?;
        let (client, good_for_s) = match door.whom {
            Whom::Daemun => {
                let (player, good_for_s) = Player::enter(&door.address, stream).await?;
                (Self::Player(Box::new(player)), Some(good_for_s))
            }
            Whom::Tcp => (Self::Tcp(TcpEcho::enter(stream).await?), None),
            Whom::Websocket => {
                let echo = WebsocketEcho::enter(&door.address, stream).await?;
                (Self::Websocket(Box::new(echo)), None)
            }
        };
        Ok(Entered { client, good_for_s })
    }

    /// Asks, and hears every answer.
    ///
    /// # Errors
    /// As [`Client::enter`].
    pub(crate) async fn burst(&mut self, burst: Burst) -> Result<(), Fault> {
        for part in burst.parts() {
            match self {
                Self::Player(player) => player.ask_at_once(part).await?,
                Self::Tcp(echo) => echo.ask_at_once(part).await?,
                Self::Websocket(echo) => echo.ask_at_once(part).await?,
            }
        }
        Ok(())
    }

    /// Takes leave as the protocol has it.
    ///
    /// # Errors
    /// As [`Client::enter`].
    pub(crate) async fn leave(self) -> Result<(), Fault> {
        match self {
            Self::Player(player) => player.leave().await,
            Self::Tcp(echo) => echo.leave().await,
            Self::Websocket(echo) => echo.leave().await,
        }
    }
}
