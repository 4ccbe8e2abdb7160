//! The websocket door.

pub(crate) mod handshake;
pub(crate) mod wire;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use protocol::codec::Format;
use protocol::error::ErrorBody;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;

use crate::failure::{Closed, Failure};
use crate::frame::{Outgoing, Push};
use crate::http::PATIENCE;
use crate::onlooker::Onlooker;

pub use tokio_tungstenite::tungstenite::Message;

/// A client's end of one websocket.
///
/// It reads only while something is waited for, and answers the server's pings as it
/// reads: a socket nobody waits on is a client that has gone quiet.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    format: Format,
    last_id: u64,
    seq: u64,
    answers: Vec<(u64, Result<Value, ErrorBody>)>,
    pushes: VecDeque<Push>,
    closed: Option<Closed>,
    patience: Duration,
    onlooker: Option<Arc<dyn Onlooker>>,
}

impl Socket {
    fn new(stream: WebSocketStream<TcpStream>, format: Format) -> Self {
        Self {
            stream,
            format,
            last_id: 0,
            seq: 0,
            answers: Vec::new(),
            pushes: VecDeque::new(),
            closed: None,
            patience: PATIENCE,
            onlooker: None,
        }
    }

    /// Waits this long for each thing that is waited for.
    #[must_use]
    pub fn patient_for(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Shows every frame to `onlooker`, but for those of [`Socket::send_raw`].
    #[must_use]
    pub fn watched_by(mut self, onlooker: Arc<dyn Onlooker>) -> Self {
        self.onlooker = Some(onlooker);
        self
    }

    /// Numbers requests from the one after `last_id`: ids increase within a session, and
    /// a resumed session is the same one.
    #[must_use]
    pub fn counting_from(mut self, last_id: u64) -> Self {
        self.last_id = last_id;
        self
    }

    /// How frames are written on this socket.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// The highest request id sent so far.
    #[must_use]
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// The highest push number received so far, 0 if there was none.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Asks and waits for the answer. Pushes that come meanwhile are kept.
    ///
    /// # Errors
    /// [`Failure::Refused`] with the server's error, or why no answer came.
    pub async fn request(&mut self, op: &str, body: Value) -> Result<Value, Failure> {
        let id = self.send(op, body).await?;
        self.answer(id).await
    }

    /// Asks, without waiting, and gives the request's id.
    ///
    /// # Errors
    /// When the socket is closed.
    pub async fn send(&mut self, op: &str, body: Value) -> Result<u64, Failure> {
        let id = self.last_id + 1;
        self.send_as(id, op, body).await?;
        Ok(id)
    }

    /// Asks under an id of the caller's choice, for example one that was used before.
    ///
    /// # Errors
    /// When the socket is closed.
    pub async fn send_as(&mut self, id: u64, op: &str, body: Value) -> Result<(), Failure> {
        self.last_id = self.last_id.max(id);
        self.put(Outgoing::Request { id, op, body: &body }).await
    }

    /// Waits for the answer to a request that was sent. Others that come first are kept.
    ///
    /// # Errors
    /// [`Failure::Refused`] with the server's error, or why no answer came.
    pub async fn answer(&mut self, id: u64) -> Result<Value, Failure> {
        let patience = self.patience;
        let outcome = tokio::time::timeout(patience, self.answer_to(id)).await;
        outcome
            .unwrap_or(Err(Failure::Late { what: "an answer", after: patience }))?
            .map_err(Failure::Refused)
    }

    async fn answer_to(&mut self, id: u64) -> Result<Result<Value, ErrorBody>, Failure> {
        loop {
            if let Some(place) = self.answers.iter().position(|(of, _)| *of == id) {
                return Ok(self.answers.swap_remove(place).1);
            }
            self.take().await?;
        }
    }

    /// The next push: one that was kept, or the next that comes.
    ///
    /// # Errors
    /// Why none came.
    pub async fn next_push(&mut self) -> Result<Push, Failure> {
        let patience = self.patience;
        let push = tokio::time::timeout(patience, async {
            loop {
                if let Some(push) = self.pushes.pop_front() {
                    return Ok(push);
                }
                self.take().await?;
            }
        });
        push.await.unwrap_or(Err(Failure::Late { what: "a push", after: patience }))
    }

    /// Says that every numbered push up to `seq` has arrived.
    ///
    /// # Errors
    /// When the socket is closed.
    pub async fn ack(&mut self, seq: u64) -> Result<(), Failure> {
        self.put(Outgoing::Ack { ack: seq }).await
    }

    /// Waits until the socket ends, and says how. What comes before is kept.
    ///
    /// # Errors
    /// When it does not end in time, or something comes that is not of the contract.
    pub async fn closed(&mut self) -> Result<Closed, Failure> {
        let patience = self.patience;
        let end = tokio::time::timeout(patience, async {
            loop {
                match self.take().await {
                    Ok(()) => {}
                    Err(Failure::Closed(closed)) => return Ok(closed),
                    Err(other) => return Err(other),
                }
            }
        });
        end.await.unwrap_or(Err(Failure::Late { what: "a close", after: patience }))
    }

    /// Cuts the TCP connection with a reset, without a close frame: a lost network.
    pub fn drop_hard(self) {
        // If the system refuses, the drop still sends no close frame, only a kinder FIN.
        let _ = self.stream.get_ref().set_zero_linger();
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("format", &self.format)
            .field("last_id", &self.last_id)
            .field("seq", &self.seq)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
