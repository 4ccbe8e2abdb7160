//! Getting a websocket, and hearing its last word.

use protocol::codec::Format;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::{ClientRequestBuilder, IntoClientRequest};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response};
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config, tungstenite};

use super::Socket;
use crate::failure::{Closed, Failure};
use crate::http::PATIENCE;

/// The read buffer of one socket, in bytes. It is allocated at once and most frames are
/// smaller; thousands of sockets in one process are what this crate is for.
const READ_BUFFER_BYTES: usize = 1024;

/// The largest message that is read, in bytes. Nothing the server says is near it.
const MESSAGE_BYTES: usize = 4 * 1024 * 1024;

const SUBPROTOCOL: &str = "Sec-WebSocket-Protocol";

impl Socket {
    /// Connects and asks for one format, as a page of `origin` if one is given.
    ///
    /// # Errors
    /// Why there is no socket: nothing listens, or [`Failure::NotUpgraded`].
    pub async fn connect(url: &str, format: Format, origin: Option<&str>) -> Result<Self, Failure> {
        let socket = Self::connect_offering(url, &[format.subprotocol()], origin).await?;
        if socket.format() == format {
            return Ok(socket);
        }
        Err(Failure::Strange(format!("{:?} where {format:?} was asked for", socket.format())))
    }

    /// Connects and offers these subprotocols, or none: then the format is JSON.
    ///
    /// # Errors
    /// Why there is no socket: nothing listens, or [`Failure::NotUpgraded`].
    pub async fn connect_offering(
        url: &str,
        subprotocols: &[&str],
        origin: Option<&str>,
    ) -> Result<Self, Failure> {
        let uri: Uri = url.parse().map_err(|error| unsendable(format!("{url}: {error}")))?;
        let address = address(&uri)?;
        let request = request(uri, subprotocols, origin)?;
        tokio::time::timeout(PATIENCE, upgrade(address, request))
            .await
            .unwrap_or(Err(Failure::Late { what: "the upgrade", after: PATIENCE }))
    }
}

/// A client's half of the handshake.
pub(crate) fn request(
    uri: Uri,
    subprotocols: &[&str],
    origin: Option<&str>,
) -> Result<Request, Failure> {
    let mut builder = ClientRequestBuilder::new(uri);
    for name in subprotocols {
        builder = builder.with_sub_protocol(*name);
    }
    if let Some(origin) = origin {
        builder = builder.with_header("Origin", origin);
    }
    builder.into_client_request().map_err(|error| unsendable(error.to_string()))
}

fn address(uri: &Uri) -> Result<String, Failure> {
    match (uri.scheme_str(), uri.host()) {
        (Some("ws"), Some(host)) => Ok(format!("{host}:{}", uri.port_u16().unwrap_or(80))),
        _ => Err(unsendable(format!("{uri} is not a ws:// address; TLS is not spoken here"))),
    }
}

async fn upgrade(address: String, request: Request) -> Result<Socket, Failure> {
    let tcp = dial(&address)
        .await
        .map_err(|error| Failure::Unreachable { address, why: error.to_string() })?;
    let (stream, answer) = client_async_with_config(request, tcp, Some(config()))
        .await
        .map_err(|error| not_upgraded(&error))?;
    socket(stream, &answer)
}

async fn dial(address: &str) -> std::io::Result<TcpStream> {
    let tcp = TcpStream::connect(address).await?;
    // Requests are small and each is waited for: none should wait for company.
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

fn socket(stream: WebSocketStream<TcpStream>, answer: &Response) -> Result<Socket, Failure> {
    let Some(name) = answer.headers().get(SUBPROTOCOL) else {
        return Ok(Socket::new(stream, Format::Json));
    };
    let name = String::from_utf8_lossy(name.as_bytes());
    match Format::of_subprotocol(&name) {
        Some(format) => Ok(Socket::new(stream, format)),
        None => Err(Failure::Strange(format!("the subprotocol {name}"))),
    }
}

/// Every limit of a client's socket.
pub(crate) fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(MESSAGE_BYTES))
        .max_frame_size(Some(MESSAGE_BYTES))
}

/// Why there is no websocket.
pub(crate) fn not_upgraded(error: &tungstenite::Error) -> Failure {
    match error {
        tungstenite::Error::Http(answer) => Failure::NotUpgraded {
            status: answer.status().as_u16(),
            body: String::from_utf8_lossy(answer.body().as_deref().unwrap_or_default())
                .into_owned(),
        },
        tungstenite::Error::Io(error) => {
            Failure::Strange(format!("the upgrade broke off: {error}"))
        }
        other => Failure::Strange(format!("the upgrade: {other}")),
    }
}

/// Whether the connection ended before the handshake did.
pub(crate) fn broke_off(error: &tungstenite::Error) -> bool {
    matches!(error, tungstenite::Error::Protocol(ProtocolError::HandshakeIncomplete))
}

/// What a close frame says; one without a code says 1005.
pub(crate) fn farewell(frame: Option<CloseFrame>) -> Closed {
    frame.map_or(Closed { code: Closed::NO_STATUS, reason: String::new() }, |frame| Closed {
        code: frame.code.into(),
        reason: frame.reason.to_string(),
    })
}

fn unsendable(why: String) -> Failure {
    Failure::Unsendable(why)
}
