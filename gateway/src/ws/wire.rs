//! The socket itself: its limits, its messages, and how it ends.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use futures_util::SinkExt;
use protocol::close::{CloseCode, CloseReason};
use protocol::codec::Format;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

/// A socket after the upgrade.
pub(super) type Socket = WebSocketStream<TcpStream>;

/// What a socket reads into; it grows for a larger frame and is given back after.
const READ_BUFFER: usize = 512;
/// What is written is gathered up to this size, then sent without waiting for a flush.
const WRITE_BUFFER: usize = 16 * 1024;
/// How long a closed client is read on, so that it gets to see why.
const LINGER: Duration = Duration::from_secs(1);
/// How much of what a closed client still sends is read and thrown away, in bytes.
const LINGER_BYTES: usize = 1024 * 1024;

/// Takes the stream over, with every limit set.
pub(super) async fn socket(
    stream: TcpStream,
    early: Vec<u8>,
    frame_limit: usize,
    outbound_limit: usize,
) -> Socket {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER + outbound_limit)
        .max_message_size(Some(frame_limit))
        .max_frame_size(Some(frame_limit))
        .accept_unmasked_frames(false);
    // The stream still holds the waker of the task that read the request, and with it that
    // task's memory, until its readiness is asked for by another.
    poll_fn(|context| {
        let _ = stream.poll_read_ready(context);
        let _ = stream.poll_write_ready(context);
        std::task::Poll::Ready(())
    })
    .await;
    WebSocketStream::from_partially_read(stream, early, Role::Server, Some(config)).await
}

/// A frame of the connection's format as a message.
pub(super) fn message(format: Format, frame: Bytes) -> Message {
    match format {
        Format::Msgpack => Message::Binary(frame),
        Format::Json => match Utf8Bytes::try_from(frame) {
            Ok(text) => Message::Text(text),
            // serde_json writes UTF-8 alone.
            Err(_) => Message::Text(Utf8Bytes::from_static("{}")),
        },
    }
}

/// The close code for what tungstenite found wrong; `None` when the connection is gone.
pub(super) fn code_of(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. } | CapacityError::TooManyHeaders) => {
            Some(CloseCode::TooBig)
        }
        Error::Utf8(_) => Some(CloseCode::NotUtf8),
        Error::Protocol(
            tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        ) => None,
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

/// Closes: sends the code, then reads on for a moment. A socket that is dropped with
/// unread bytes is reset, and a reset can overtake the close frame.
pub(super) async fn close(mut socket: Socket, code: CloseCode, reason: CloseReason) {
    let frame = CloseFrame { code: code.number().into(), reason: reason.text(code).into() };
    let ending = async {
        if socket.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
        let stream = socket.get_mut();
        let _ = stream.shutdown().await;
        let mut waste = [0_u8; 1024];
        let mut read = 0;
        while let Ok(bytes @ 1..) = stream.read(&mut waste).await {
            read += bytes;
            if read > LINGER_BYTES {
                return;
            }
        }
    };
    // Whoever does not read the close in time has lost interest in it.
    let _ = timeout(LINGER, ending).await;
}
