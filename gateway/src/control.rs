//! How a command reaches the server that runs on a data folder.
//!
//! The server writes `private.json` there, readable by its owner alone: the private
//! listener's address and a token made at each start.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;

/// How long a command waits for the server.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a command waits that makes the server ask others: a store may be asked several times,
/// 10 s each.
const MORE_PATIENCE: Duration = Duration::from_secs(60);
/// The largest answer that is read, in bytes.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// The way to a running server.
#[derive(Clone, Serialize, Deserialize)]
pub struct Control {
    /// The private listener.
    pub address: SocketAddr,
    /// What commands show.
    pub token: String,
}

fn path(data: &Path) -> PathBuf {
    data.join("private.json")
}

/// Writes the way to this server, and returns the file's path.
///
/// # Errors
/// When the file cannot be written.
pub fn publish(data: &Path, control: &Control) -> io::Result<PathBuf> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let path = path(data);
    let partial = path.with_extension("partial");
    // Removed first: a file that is there would keep the mode it has.
    match std::fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file =
        std::fs::File::options().write(true).create_new(true).mode(0o600).open(&partial)?;
    file.write_all(&serde_json::to_vec(control)?)?;
    std::fs::rename(&partial, &path)?;
    Ok(path)
}

/// The way to the server that last ran on this folder; it may not run any more.
#[must_use]
pub fn read(data: &Path) -> Option<Control> {
    serde_json::from_slice(&std::fs::read(path(data)).ok()?).ok()
}

/// Why a command got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens there.
    #[error("no server answers at {0}")]
    Nobody(SocketAddr),
    /// The server refused.
    #[error("the server answered {0}: {1}")]
    Refused(StatusCode, String),
}

impl Control {
    /// Sends a command, or with no body asks for a page.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn call(&self, path: &str, body: Option<&[u8]>) -> Result<Bytes, ControlError> {
        self.call_within(PATIENCE, path, body).await
    }

    /// Sends a command for which the server has to ask others.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn call_patiently(&self, path: &str, body: &[u8]) -> Result<Bytes, ControlError> {
        self.call_within(MORE_PATIENCE, path, Some(body)).await
    }

    async fn call_within(
        &self,
        patience: Duration,
        path: &str,
        body: Option<&[u8]>,
    ) -> Result<Bytes, ControlError> {
        let exchange = tokio::time::timeout(patience, self.exchange(path, body));
        let answer = exchange.await.ok().flatten().ok_or(ControlError::Nobody(self.address))?;
        match answer {
            (status, bytes) if status.is_success() => Ok(bytes),
            (status, bytes) => {
                let text = String::from_utf8_lossy(&bytes).trim().to_owned();
                Err(ControlError::Refused(status, text))
            }
        }
    }

    async fn exchange(&self, path: &str, body: Option<&[u8]>) -> Option<(StatusCode, Bytes)> {
        let stream = TcpStream::connect(self.address).await.ok()?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(connection);
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string())
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::copy_from_slice(body.unwrap_or_default())))
            .ok()?;
        let answer = sender.send_request(request).await.ok()?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await.ok()?;
        Some((status, body.to_bytes()))
    }
}
