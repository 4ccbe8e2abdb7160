//! The least that a connection can cost here: a task, a registered socket, a few bytes.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A buffer that costs an idle connection little, in bytes.
pub(super) const SMALL: usize = 128;
/// A buffer that takes 16 messages of 64 bytes at once and is not full then, in bytes.
pub(super) const WIDE: usize = 2048;

/// Says back what it hears until the client is gone. The buffer is within the task, and
/// whatever is larger is echoed in pieces.
pub(super) async fn echo<const BUFFER: usize>(mut stream: TcpStream) {
    let mut buffer = [0; BUFFER];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
