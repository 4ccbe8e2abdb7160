//! One client, of whatever it is that is measured.

use std::net::SocketAddr;

use loadtest::Format;
use loadtest::dial::Dialer;
use protocol::ids::MemberId;

use super::echo::{TcpEcho, WebsocketEcho};
use super::hark::{Noted, Pulse};
use super::player::{Being, Guest, Player, Stranger};
use super::{Burst, Whom};
use crate::Fault;

/// How many loopback addresses connections come from.
const SOURCES: u8 = 8;

const NO_STRANGER: &str = "only a stranger asks for tokens";

/// Where clients connect to, and what they speak there.
pub(crate) struct Door {
    whom: Whom,
    address: String,
    being: Being,
    dialer: Dialer,
}

impl Door {
    /// The door at an address: of the server its URL, of a reference host and port.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn new(whom: Whom, address: &str, being: Being) -> Result<Self, Fault> {
        let to: SocketAddr = address
            .trim_start_matches("http://")
            .parse()
            .map_err(|error| format!("{address}: {error}"))?;
        let dialer = Dialer::new(to, SOURCES);
        Ok(Self { whom, address: address.to_owned(), being, dialer })
    }
}

/// One client.
pub(crate) enum Client {
    /// Of the server, with an open session.
    Player(Box<Player>),
    /// Of the server, before it has opened one.
    Stranger(Box<Stranger>),
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
        let (mut client, mut good_for_s) = (Self::connect(door, number).await?, None);
        match client {
            Self::Stranger(mut stranger) => {
                let guest = stranger.log_in(&door.address, &door.being).await?;
                good_for_s = Some(guest.good_for_s);
                client = Self::Player(Box::new(stranger.open(&guest).await?));
            }
            Self::Player(_) | Self::Tcp(_) | Self::Websocket(_) => client.burst(Burst::ONE).await?,
        }
        Ok(Entered { client, good_for_s })
    }

    /// Connects, no more.
    ///
    /// # Errors
    /// As [`Client::enter`].
    pub(crate) async fn connect(door: &Door, number: usize) -> Result<Self, Fault> {
        let stream = door.dialer.dial(number).await?;
        let to = &door.address;
        Ok(match door.whom {
            Whom::Daemun => {
                Self::Stranger(Box::new(Stranger::connect(to, Format::Msgpack, stream).await?))
            }
            Whom::DaemunJson => {
                Self::Stranger(Box::new(Stranger::connect(to, Format::Json, stream).await?))
            }
            Whom::Tcp => Self::Tcp(TcpEcho::new(stream)),
            Whom::Websocket => Self::Websocket(Box::new(WebsocketEcho::connect(to, stream).await?)),
        })
    }

    /// Logs a new guest in and leaves; `None` where nobody has to.
    ///
    /// # Errors
    /// As [`Client::enter`].
    pub(crate) async fn admit(door: &Door, number: usize) -> Result<Option<Guest>, Fault> {
        let Self::Stranger(mut stranger) = Self::connect(door, number).await? else {
            return Ok(None);
        };
        let guest = stranger.log_in(&door.address, &door.being).await?;
        stranger.leave().await?;
        Ok(Some(guest))
    }

    /// Logs a new guest in and stays.
    ///
    /// # Errors
    /// As [`Client::enter`]; when it has a session, or nobody logs in there.
    pub(crate) async fn log_in(&mut self, door: &Door) -> Result<Guest, Fault> {
        match self {
            Self::Stranger(stranger) => stranger.log_in(&door.address, &door.being).await,
            Self::Player(_) | Self::Tcp(_) | Self::Websocket(_) => Err(NO_STRANGER.into()),
        }
    }

    /// Exchanges a guest's tokens and stays.
    ///
    /// # Errors
    /// As [`Client::log_in`].
    pub(crate) async fn refresh(&mut self, guest: &mut Guest) -> Result<(), Fault> {
        match self {
            Self::Stranger(stranger) => stranger.refresh(guest).await,
            Self::Player(_) | Self::Tcp(_) | Self::Websocket(_) => Err(NO_STRANGER.into()),
        }
    }

    /// Opens a guest's session; an echo has none.
    ///
    /// # Errors
    /// As [`Client::enter`].
    pub(crate) async fn open(self, guest: Option<&Guest>) -> Result<Self, Fault> {
        match (self, guest) {
            (Self::Stranger(stranger), Some(guest)) => {
                Ok(Self::Player(Box::new(stranger.open(guest).await?)))
            }
            (Self::Stranger(_), None) => Err("nobody was admitted to open a session".into()),
            (echo, _) => Ok(echo),
        }
    }

    /// Whose session is open.
    pub(crate) fn member(&self) -> Option<MemberId> {
        match self {
            Self::Player(player) => Some(player.member),
            Self::Stranger(_) | Self::Tcp(_) | Self::Websocket(_) => None,
        }
    }

    /// Asks in one turn, and hears every answer.
    ///
    /// # Errors
    /// As [`Client::enter`].
    pub(crate) async fn burst(&mut self, burst: Burst) -> Result<(), Fault> {
        for part in burst.parts() {
            match self {
                Self::Player(player) => player.ask_at_once(burst.question, part).await?,
                Self::Stranger(_) => return Err("a client without a session asks".into()),
                Self::Tcp(echo) => echo.ask_at_once(part).await?,
                Self::Websocket(echo) => echo.ask_at_once(part).await?,
            }
        }
        Ok(())
    }

    /// Hears one push, as the server's members do.
    ///
    /// # Errors
    /// As [`Client::enter`].
    pub(crate) async fn hear(&mut self) -> Result<(), Fault> {
        self.player()?.hear().await
    }

    /// Hears what everyone is told.
    ///
    /// # Errors
    /// As [`Client::enter`].
    pub(crate) async fn listen(&mut self) -> Result<(), Fault> {
        match self {
            Self::Player(player) => player.listen().await,
            Self::Tcp(echo) => echo.listen().await,
            Self::Stranger(_) | Self::Websocket(_) => Err("nobody tells this client".into()),
        }
    }

    /// Its session; no other client has one.
    ///
    /// # Errors
    /// When it has none.
    fn player(&mut self) -> Result<&mut Player, Fault> {
        match self {
            Self::Player(player) => Ok(player),
            Self::Stranger(_) | Self::Tcp(_) | Self::Websocket(_) => {
                Err("only a session is told something".into())
            }
        }
    }

    /// Notes when it hears a push of this word.
    ///
    /// # Errors
    /// As [`Client::enter`].
    pub(crate) async fn hark(&mut self, word: &str) -> Result<Noted, Fault> {
        let heard = self.player()?.hark(word).await?;
        Ok(Noted { heard, closed: 0 })
    }

    /// Notes when it hears a push of this word, and when it is closed with this code.
    ///
    /// # Errors
    /// As [`Client::enter`].
    pub(crate) async fn hark_closed(&mut self, word: &str, code: u16) -> Result<Noted, Fault> {
        self.player()?.hark_closed(word, code).await
    }

    /// Asks again and again, and notes how long each answer took.
    ///
    /// # Errors
    /// As [`Client::enter`].
    pub(crate) async fn pulse(
        &mut self,
        first: std::time::Duration,
        period: std::time::Duration,
        times: u32,
    ) -> Result<Vec<Pulse>, Fault> {
        self.player()?.pulse(first, period, times).await
    }

    /// Takes leave as the protocol has it.
    ///
    /// # Errors
    /// As [`Client::enter`].
    pub(crate) async fn leave(self) -> Result<(), Fault> {
        match self {
            Self::Player(player) => player.leave().await,
            Self::Stranger(stranger) => stranger.leave().await,
            Self::Tcp(echo) => echo.leave().await,
            Self::Websocket(echo) => echo.leave().await,
        }
    }
}
