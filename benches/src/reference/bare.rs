//! The least that telling everyone can cost: the same bytes, written to each socket by one
//! system call, one after the other, by nobody who does anything else.

use std::io::{self, Write};
use std::net;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// What everyone is told, in bytes: an announcement of 200 bytes with its frame's head.
pub(crate) const BYTES: usize = 204;

/// The sockets that are told.
#[derive(Clone, Default)]
pub(super) struct Sockets(Arc<Mutex<Vec<net::TcpStream>>>);

impl Sockets {
    /// Answers once, so that the client knows that it is served, and keeps the socket.
    pub(super) async fn take(self, mut stream: TcpStream) {
        let mut message = [0; 64];
        if stream.read_exact(&mut message).await.is_err()
            || stream.write_all(&message).await.is_err()
        {
            return;
        }
        // It stays as it is, and does not block: what does not fit is an error.
        if let Ok(socket) = stream.into_std() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
        }
    }

    /// Tells everyone, once for each line of standard input.
    pub(super) async fn told_by_lines(self) -> io::Result<()> {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while lines.next_line().await?.is_some() {
            self.tell()?;
        }
        Ok(())
    }

    fn tell(&self) -> io::Result<()> {
        let sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for mut socket in sockets.iter() {
            let written = socket.write(&[b'x'; BYTES])?;
            if written != BYTES {
                return Err(io::Error::other("a socket took less than all of it"));
            }
        }
        Ok(())
    }
}
