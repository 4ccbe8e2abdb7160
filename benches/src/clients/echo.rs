//! Clients of the references.

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::Fault;
use crate::reference::bare;

/// The size of a message, in bytes.
const MESSAGE: usize = 64;

/// The message of this number: each differs from the one before it.
fn message(number: usize) -> [u8; MESSAGE] {
    std::array::from_fn(|place| number.wrapping_add(place).to_le_bytes()[0])
}

/// What the buffers of a client's websocket are: thousands share a process.
pub(super) fn small_buffers() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(16 * 1024)
}

/// A client of the TCP echo.
pub(crate) struct TcpEcho(TcpStream);

impl TcpEcho {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self(stream)
    }

    pub(super) async fn ask_at_once(&mut self, reads: usize) -> Result<(), Fault> {
        let said = (0..reads).flat_map(message).collect::<Vec<_>>();
        self.0.write_all(&said).await?;
        let mut heard = vec![0; said.len()];
        self.0.read_exact(&mut heard).await?;
        if heard == said { Ok(()) } else { Err("the echo says something else".into()) }
    }

    pub(super) async fn listen(&mut self) -> Result<(), Fault> {
        let mut heard = [0; bare::BYTES];
        self.0.read_exact(&mut heard).await?;
        if heard == [b'x'; bare::BYTES] { Ok(()) } else { Err("something else is told".into()) }
    }

    pub(super) async fn leave(mut self) -> Result<(), Fault> {
        self.0.shutdown().await?;
        match self.0.read(&mut [0; 1]).await? {
            0 => Ok(()),
            _ => Err("the echo goes on after the end".into()),
        }
    }
}

/// A client of the websocket echo.
pub(crate) struct WebsocketEcho(WebSocketStream<TcpStream>);

impl WebsocketEcho {
    pub(super) async fn connect(address: &str, stream: TcpStream) -> Result<Self, Fault> {
        let url = format!("ws://{address}/");
        let (socket, _) = client_async_with_config(url, stream, Some(small_buffers())).await?;
        Ok(Self(socket))
    }

    pub(super) async fn ask_at_once(&mut self, reads: usize) -> Result<(), Fault> {
        for number in 0..reads {
            self.0.feed(Message::binary(message(number).to_vec())).await?;
        }
        self.0.flush().await?;
        for number in 0..reads {
            match self.0.next().await.transpose()? {
                Some(Message::Binary(heard)) if heard[..] == message(number) => {}
                other => return Err(format!("{other:?} where message {number} was due").into()),
            }
        }
        Ok(())
    }

    pub(super) async fn leave(mut self) -> Result<(), Fault> {
        self.0.close(None).await?;
        match self.0.next().await.transpose()? {
            None | Some(Message::Close(_)) => Ok(()),
            Some(other) => Err(format!("{other:?} after the close").into()),
        }
    }
}
