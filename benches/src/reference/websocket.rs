//! What a websocket costs before it means anything.

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};

/// What a socket reads into, in bytes. It is allocated for each, and 128 KiB by default.
const READ_BUFFER: usize = 512;
/// What is written is gathered up to this size; nothing is allocated before it is used.
const WRITE_BUFFER: usize = 16 * 1024;
/// The largest message, in bytes.
const MESSAGE: usize = 64 * 1024;

/// Upgrades, then has a task of its own echo: this one is as large as the handshake.
pub(super) async fn greet(stream: TcpStream) {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(MESSAGE))
        .max_frame_size(Some(MESSAGE));
    if let Ok(socket) = accept_async_with_config(stream, Some(config)).await {
        tokio::spawn(echo(socket));
    }
}

async fn echo(mut socket: WebSocketStream<TcpStream>) {
    while let Some(Ok(message)) = socket.next().await {
        if turn(&mut socket, message).await.is_err() {
            return;
        }
    }
}

/// Answers all that is there, then flushes once, as the server does.
async fn turn(socket: &mut WebSocketStream<TcpStream>, first: Message) -> Result<(), Error> {
    let mut next = Some(first);
    while let Some(message) = next {
        if message.is_text() || message.is_binary() {
            socket.feed(message).await?;
        }
        next = socket.next().now_or_never().flatten().transpose()?;
    }
    socket.flush().await
}
