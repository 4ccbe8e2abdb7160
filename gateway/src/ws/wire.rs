//! The socket itself: its limits, its frames, and how it ends.
//!
//! A connection that is quiet holds a TCP stream and nothing else: what is read goes through
//! a buffer of the thread into [`Frames`], which is given up when it has read whole messages,
//! and what is written is gathered until it is flushed.

mod memory;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use protocol::close::{CloseCode, CloseReason};
use protocol::codec::Format;
use protocol::frame::ServerFrame;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::{Error, Message};

use memory::Frames;

/// How much is read of a socket at a time, in bytes.
const READ: usize = 8 * 1024;
/// What is written is gathered up to this size, in bytes; then it is sent before more is done.
const WRITE: usize = 16 * 1024;
/// The largest room for an encoded frame that a thread keeps, in bytes.
const KEPT: usize = 64 * 1024;
/// How long a closed client is read on, so that it gets to see why.
const LINGER: Duration = Duration::from_secs(1);
/// How much of what a closed client still sends is read and thrown away, in bytes.
const LINGER_BYTES: usize = 1024 * 1024;

thread_local! {
    /// What a socket is read into, before it is known how much came.
    static CAME: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ].into());
    /// What a frame is encoded into, before its length is known.
    static ENCODED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A socket after the upgrade.
pub(super) struct Socket {
    stream: TcpStream,
    frames: Option<Box<Frames>>,
    /// What is gathered to be written.
    output: Vec<u8>,
    format: Format,
    /// The largest frame that is read, in bytes.
    frame_limit: usize,
}

impl Socket {
    /// Takes a stream over, and `early`, what was read of it already.
    pub(super) async fn new(
        stream: TcpStream,
        early: Vec<u8>,
        format: Format,
        frame_limit: usize,
    ) -> Self {
        // The stream still holds the waker of the task that read the request, and with it
        // that task's memory, until its readiness is asked for by another.
        poll_fn(|context| {
            let _ = stream.poll_read_ready(context);
            let _ = stream.poll_write_ready(context);
            Poll::Ready(())
        })
        .await;
        let frames = (!early.is_empty()).then(|| Box::new(Frames::new(early, frame_limit)));
        Self { stream, frames, output: Vec::new(), format, frame_limit }
    }

    /// The client's next message; `None` when it sends no more.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, Error>>> {
        loop {
            if let Some(frames) = &mut self.frames {
                match frames.read() {
                    Some(Ok(message)) => {
                        if message.is_ping() {
                            // Its pong comes before the answer to whatever is behind it.
                            self.output.extend(frames.answers());
                        }
                        return Poll::Ready(Some(Ok(message)));
                    }
                    Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => {
                        return Poll::Ready(None);
                    }
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => {}
                }
            }
            let came = match ready!(self.poll_came(context)) {
                Ok(came) => came,
                Err(error) => return Poll::Ready(Some(Err(Error::Io(error)))),
            };
            match &mut self.frames {
                None if came.is_empty() => return Poll::Ready(None),
                None => self.frames = Some(Box::new(Frames::new(came, self.frame_limit))),
                Some(frames) if came.is_empty() => frames.end(),
                Some(frames) => frames.give(came),
            }
        }
    }

    /// What comes from the network; nothing at its end.
    fn poll_came(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        CAME.with_borrow_mut(|room| {
            let mut buffer = ReadBuf::new(room);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            Poll::Ready(Ok(buffer.filled().to_vec()))
        })
    }

    /// Gathers a frame.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub(super) fn send(&mut self, frame: &ServerFrame<'_>) -> io::Result<()> {
        ENCODED.with_borrow_mut(|encoded| {
            encoded.clear();
            self.format.encode(frame, encoded)?;
            self.send_encoded(encoded);
            encoded.shrink_to(KEPT);
            Ok(())
        })
    }

    /// Gathers a frame that was encoded in the connection's format.
    pub(super) fn send_encoded(&mut self, payload: &[u8]) {
        memory::append_data(self.format == Format::Json, payload, &mut self.output);
    }

    /// Gathers a frame of either kind, whatever the connection's format.
    #[cfg(test)]
    pub(super) fn send_as(&mut self, text: bool, payload: &[u8]) {
        memory::append_data(text, payload, &mut self.output);
    }

    /// Gathers a ping.
    pub(super) fn ping(&mut self) {
        memory::append_ping(&mut self.output);
    }

    /// Whether what is gathered should be sent before more is.
    pub(super) fn is_full(&self) -> bool {
        self.output.len() >= WRITE
    }

    /// Sends what is gathered, and gives up what need not be remembered. What was sent is no
    /// longer gathered, even when the rest has to wait.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(frames) = &mut self.frames {
            let answers = frames.answers();
            self.output.extend_from_slice(&answers);
            if frames.is_done() {
                self.frames = None;
            }
        }
        while !self.output.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, &self.output))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => drop(self.output.drain(..sent)),
            }
        }
        // A quiet connection keeps no room for frames.
        self.output = Vec::new();
        Poll::Ready(Ok(()))
    }

    async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|context| self.poll_flush(context)).await
    }

    /// Says goodbye to a client that said it first.
    pub(super) async fn leave(mut self) {
        // Whoever does not read it in time has lost interest in it.
        let _ = timeout(LINGER, self.flush()).await;
    }

    /// Closes: sends the code, then reads on for a moment. A socket that is dropped with
    /// unread bytes is reset, and a reset can overtake the close frame.
    pub(super) async fn close(mut self, code: CloseCode, reason: CloseReason) {
        // Nothing may follow a close frame, so no ping of the client's is answered any more.
        self.frames = None;
        memory::append_close(code, &reason, &mut self.output);
        let ending = async {
            if self.flush().await.is_err() {
                return;
            }
            let _ = self.stream.shutdown().await;
            let mut waste = [0_u8; 1024];
            let mut read = 0;
            while let Ok(bytes @ 1..) = self.stream.read(&mut waste).await {
                read += bytes;
                if read > LINGER_BYTES {
                    return;
                }
            }
        };
        // Whoever does not read the close in time has lost interest in it.
        let _ = timeout(LINGER, ending).await;
    }
}

/// The close code for what tungstenite found wrong; `None` when the connection is gone.
pub(super) fn code_of(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. } | CapacityError::TooManyHeaders) => {
            Some(CloseCode::TooBig)
        }
        Error::Utf8(_) => Some(CloseCode::NotUtf8),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(CloseCode::Protocol),
        // A connection that is broken, or an error of clients and handshakes alone.
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Io(_)
        | Error::Tls(_)
        | Error::WriteBufferFull(_)
        | Error::AttackAttempt
        | Error::Url(_)
        | Error::Http(_)
        | Error::HttpFormat(_) => None,
    }
}
