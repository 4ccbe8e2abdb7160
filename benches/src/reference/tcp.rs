//! The least that a connection can cost here: a task, a registered socket, a few bytes.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The buffer within the task, in bytes. Whatever is larger is echoed in pieces.
const BUFFER: usize = 128;

/// Says back what it hears until the client is gone.
pub(super) async fn echo(mut stream: TcpStream) {
    let mut buffer = [0; BUFFER];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
