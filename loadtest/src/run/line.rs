//! One player's websocket: read all the time, written to without waiting.
//!
//! It is not [`crate::Socket`], which reads only while something is waited for.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, Sink, SinkExt, Stream};
use protocol::codec::Format;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::dial::Dialer;
use crate::failure::{Closed, Failure};
use crate::frame::{self, Incoming, Outgoing};
use crate::socket::{handshake, wire::breaks_the_rules};

/// What a websocket runs over: TCP, but for tests.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {
    /// Has the end of the connection be a reset, as when a network is lost.
    fn reset_at_end(&self);
}

impl Wire for TcpStream {
    fn reset_at_end(&self) {
        // If the system refuses, the end is a kinder one; there is no close frame either way.
        let _ = self.set_zero_linger();
    }
}

/// The way to the server.
pub(super) trait Road: Send + Sync {
    /// Connects the player of this number; a narrow connection takes little that is not read.
    fn dial(&self, number: usize, narrow: bool) -> BoxFuture<'_, io::Result<Box<dyn Wire>>>;
}

impl Road for Dialer {
    fn dial(&self, number: usize, narrow: bool) -> BoxFuture<'_, io::Result<Box<dyn Wire>>> {
        async move {
            let stream = match narrow {
                true => self.dial_narrow(number).await?,
                false => Self::dial(self, number).await?,
            };
            Ok(Box::new(stream) as Box<dyn Wire>)
        }
        .boxed()
    }
}

/// An open websocket.
pub(super) struct Line {
    stream: WebSocketStream<Box<dyn Wire>>,
    format: Format,
}

/// What is heard on a line.
#[derive(Debug)]
pub(super) enum Heard {
    /// A frame.
    Frame(Incoming),
    /// Nothing, but there is room to send.
    Room,
}

/// Whether a line takes a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// It does.
    Yes,
    /// Not before the server has read more.
    No,
    /// It never will: the connection is broken.
    Broken,
}

impl Line {
    /// Upgrades a connection.
    ///
    /// # Errors
    /// [`Failure::NotUpgraded`], [`Failure::Closed`] when the connection ended on the way, or
    /// [`Failure::Strange`].
    pub(super) async fn upgrade(
        wire: Box<dyn Wire>,
        url: &str,
        format: Format,
    ) -> Result<Self, Failure> {
        let request = handshake::request(
            url.parse().map_err(|error| Failure::Unsendable(format!("{url}: {error}")))?,
            &[format.subprotocol()],
            None,
        )?;
        // That the server takes the subprotocol up is checked by the handshake.
        match client_async_with_config(request, wire, Some(handshake::config())).await {
            Ok((stream, _)) => Ok(Self { stream, format }),
            Err(Error::Io(_)) => Err(Failure::Closed(Closed::cut())),
            Err(error) if handshake::broke_off(&error) => Err(Failure::Closed(Closed::cut())),
            Err(error) => Err(handshake::not_upgraded(&error)),
        }
    }

    /// Whether there is room for a frame. What did not go out before goes out first.
    pub(super) fn room(&mut self) -> Room {
        let mut context = Context::from_waker(Waker::noop());
        match Pin::new(&mut self.stream).poll_ready(&mut context) {
            Poll::Ready(Ok(())) => Room::Yes,
            Poll::Ready(Err(_)) => Room::Broken,
            Poll::Pending => Room::No,
        }
    }

    /// Sends a frame, or keeps it until there is room.
    ///
    /// # Errors
    /// [`Failure::Closed`] when the connection is broken; why may still be heard.
    pub(super) fn put(&mut self, frame: Outgoing<'_>) -> Result<(), Failure> {
        let message = frame.message(self.format)?;
        match Pin::new(&mut self.stream).start_send(message) {
            Ok(()) => Ok(()),
            Err(error) if breaks_the_rules(&error) => Err(Failure::Unsendable(error.to_string())),
            Err(_) => Err(Failure::Closed(Closed::cut())),
        }
    }

    /// The next frame, or that there is room if that is wanted. Losing this future loses
    /// nothing. The server's pings are answered meanwhile.
    ///
    /// # Errors
    /// How the connection ended, or [`Failure::Strange`].
    pub(super) async fn hear(&mut self, want_room: bool) -> Result<Heard, Failure> {
        loop {
            let read = poll_fn(|context| {
                // What did not go out before is sent on as the server reads.
                let room = Pin::new(&mut self.stream).poll_ready(context);
                if want_room && matches!(room, Poll::Ready(Ok(()))) {
                    return Poll::Ready(None);
                }
                Pin::new(&mut self.stream).poll_next(context).map(Some)
            });
            match read.await {
                None => return Ok(Heard::Room),
                Some(Some(Ok(Message::Text(text)))) => {
                    return self.sense(Format::Json, text.as_bytes());
                }
                Some(Some(Ok(Message::Binary(bytes)))) => {
                    return self.sense(Format::Msgpack, &bytes);
                }
                Some(Some(Ok(Message::Close(frame)))) => {
                    // The reply to the close is due, but nobody is owed its arrival.
                    let _ = self.stream.flush().now_or_never();
                    return Err(Failure::Closed(handshake::farewell(frame)));
                }
                Some(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)))) => {}
                Some(Some(Err(error))) if breaks_the_rules(&error) => {
                    return Err(Failure::Strange(error.to_string()));
                }
                Some(Some(Err(_)) | None) => return Err(Failure::Closed(Closed::cut())),
            }
        }
    }

    fn sense(&self, format: Format, payload: &[u8]) -> Result<Heard, Failure> {
        if format != self.format {
            let due = self.format;
            return Err(Failure::Strange(format!("a {format:?} frame on a {due:?} socket")));
        }
        Incoming::read(frame::decode(format, payload)?).map(Heard::Frame)
    }

    /// Cuts the connection with a reset, without a close frame.
    pub(super) fn cut(self) {
        self.stream.get_ref().reset_at_end();
    }
}
