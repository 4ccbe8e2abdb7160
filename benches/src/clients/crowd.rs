//! Many clients at once, a few of them at work at a time.

use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::echo::{TcpEcho, WebsocketEcho};
use super::player::Player;
use super::{Burst, Done, Order, Whom, dial};
use crate::Fault;

/// How many clients are at work at a time.
const AT_A_TIME: usize = 32;
/// How long one client may take for its part of an order.
const PATIENCE: Duration = Duration::from_secs(30);

/// Everyone who is connected.
pub(super) struct Crowd {
    whom: Whom,
    address: String,
    clients: Vec<Client>,
    /// Of the next client to enter; those who left keep theirs.
    next: usize,
    good_for_s: Option<u64>,
}

impl Crowd {
    pub(super) fn new(whom: Whom, address: &str) -> Self {
        let address = address.to_owned();
        Self { whom, address, clients: Vec::new(), next: 0, good_for_s: None }
    }

    pub(super) async fn obey(&mut self, order: Order) -> Result<Done, Fault> {
        match order {
            Order::Enter(many) => self.enter(many).await?,
            Order::Burst(burst) => self.burst(burst).await?,
            Order::Leave => self.leave().await?,
        }
        Ok(Done { connected: self.clients.len(), good_for_s: self.good_for_s })
    }

    async fn enter(&mut self, many: usize) -> Result<(), Fault> {
        let numbers = self.next..self.next + many;
        self.next = numbers.end;
        let entering = stream::iter(numbers)
            .map(|number| bounded("entering", Client::enter(self.whom, &self.address, number)));
        let entered: Vec<Entered> = entering.buffer_unordered(AT_A_TIME).try_collect().await?;
        for Entered { client, good_for_s } in entered {
            self.clients.push(client);
            self.good_for_s = self.good_for_s.into_iter().chain(good_for_s).min();
        }
        Ok(())
    }

    async fn burst(&mut self, burst: Burst) -> Result<(), Fault> {
        let bursts =
            self.clients.iter_mut().map(|client| bounded("the burst", client.burst(burst)));
        stream::iter(bursts).buffer_unordered(AT_A_TIME).try_collect().await
    }

    async fn leave(&mut self) -> Result<(), Fault> {
        let leaving =
            std::mem::take(&mut self.clients).into_iter().map(|it| bounded("leaving", it.leave()));
        stream::iter(leaving).buffer_unordered(AT_A_TIME).try_collect().await
    }
}

async fn bounded<T>(what: &str, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
    timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(format!("{what} took more than {} s", PATIENCE.as_secs()).into()))
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
    /// As [`Done::good_for_s`].
    pub(crate) good_for_s: Option<u64>,
}

impl Client {
    /// Connects, and makes sure that it is served.
    ///
    /// # Errors
    /// When a reply is not as it should be.
    pub(crate) async fn enter(whom: Whom, address: &str, number: usize) -> Result<Entered, Fault> {
        match whom {
            Whom::Daemun => {
                let (player, good_for_s) =
                    Player::enter(address, dial_http(address, number).await?).await?;
                let client = Self::Player(Box::new(player));
                Ok(Entered { client, good_for_s: Some(good_for_s) })
            }
            Whom::Tcp => {
                let echo = TcpEcho::enter(dial::dial(address, number).await?).await?;
                Ok(Entered { client: Self::Tcp(echo), good_for_s: None })
            }
            Whom::Websocket => {
                let stream = dial::dial(address, number).await?;
                let echo = WebsocketEcho::enter(address, stream).await?;
                Ok(Entered { client: Self::Websocket(Box::new(echo)), good_for_s: None })
            }
        }
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

async fn dial_http(url: &str, number: usize) -> Result<TcpStream, Fault> {
    let address = url.strip_prefix("http://").ok_or_else(|| format!("{url} is not http://"))?;
    Ok(dial::dial(address, number).await?)
}
