//! What goes over the wire, frame by frame.

use futures_util::{SinkExt, StreamExt};
use protocol::codec::Format;
use serde_json::Value;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;

use super::{Message, Socket, handshake};
use crate::failure::{Closed, Failure};
use crate::frame::{self, Incoming, Outgoing};
use crate::onlooker::{Event, Way};

impl Socket {
    /// Sends a websocket message as it is, whatever it is.
    ///
    /// # Errors
    /// [`Failure::Closed`], with the server's reason when one came, or [`Failure::Late`]
    /// when the server reads so little that there is no room to send.
    pub async fn send_raw(&mut self, message: Message) -> Result<(), Failure> {
        let patience = self.patience;
        match tokio::time::timeout(patience, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if breaks_the_rules(&error) => {
                Err(Failure::Unsendable(error.to_string()))
            }
            // Why the server hung up may be waiting to be read.
            Ok(Err(_)) => Err(self.closed().await.map_or_else(|failure| failure, Failure::Closed)),
            Err(_) => Err(Failure::Late { what: "room to send", after: patience }),
        }
    }

    pub(super) async fn put(&mut self, frame: Outgoing<'_>) -> Result<(), Failure> {
        let message = frame.message(self.format)?;
        if self.onlooker.is_some() {
            self.show(Way::Out, &frame::value(&frame)?, message.len());
        }
        self.send_raw(message).await
    }

    /// Reads one frame and keeps it. Losing this future loses no frame.
    pub(super) async fn take(&mut self) -> Result<(), Failure> {
        match self.read().await? {
            Incoming::Answer { id, outcome } => self.answers.push((id, outcome)),
            Incoming::Push(push) => {
                self.seq = self.seq.max(push.seq.unwrap_or(0));
                self.pushes.push_back(push);
            }
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<Incoming, Failure> {
        loop {
            if let Some(closed) = &self.closed {
                return Err(Failure::Closed(closed.clone()));
            }
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return self.sense(Format::Json, text.as_bytes()),
                Some(Ok(Message::Binary(bytes))) => return self.sense(Format::Msgpack, &bytes),
                Some(Ok(Message::Close(frame))) => {
                    self.end(handshake::farewell(frame));
                    // The reply to the close is due, but nobody is owed its arrival.
                    let _ = self.stream.flush().await;
                }
                // A ping's pong goes out with the next read.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(error)) if breaks_the_rules(&error) => {
                    return Err(Failure::Strange(error.to_string()));
                }
                Some(Err(_)) | None => self.end(Closed::cut()),
            }
        }
    }

    fn sense(&self, format: Format, payload: &[u8]) -> Result<Incoming, Failure> {
        if format != self.format {
            return Err(Failure::Strange(format!(
                "a {format:?} frame on a {:?} socket",
                self.format
            )));
        }
        let frame = frame::decode(format, payload)?;
        self.show(Way::In, &frame, payload.len());
        Incoming::read(frame)
    }

    fn end(&mut self, closed: Closed) {
        if let Some(onlooker) = &self.onlooker {
            onlooker.see(Event::Closed(&closed));
        }
        self.closed = Some(closed);
    }

    fn show(&self, way: Way, frame: &Value, bytes: usize) {
        if let Some(onlooker) = &self.onlooker {
            onlooker.see(Event::Frame { way, frame, format: self.format, bytes });
        }
    }
}

/// Whether an error is a fault in what was said, not the end of the connection.
pub(crate) fn breaks_the_rules(error: &Error) -> bool {
    match error {
        Error::Protocol(fault) => !matches!(
            fault,
            ProtocolError::ResetWithoutClosingHandshake
                | ProtocolError::SendAfterClosing
                | ProtocolError::ReceivedAfterClosing
        ),
        Error::Capacity(_) | Error::Utf8(_) | Error::AttackAttempt => true,
        _ => false,
    }
}
