//! Servers for this crate's own tests: one that follows a script, and one that knows just
//! enough of the contract to be walked through.

mod answers;

use std::future::Future;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use protocol::close::CloseCode;
use protocol::codec::Format;
use protocol::frame::{ClientFrame, RequestFrame, ServerFrame};
use protocol::operation::{Operation, Reply};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

pub(crate) use answers::{Game, Quirk};

/// The server's end of a websocket.
pub(crate) type Peer = WebSocketStream<TcpStream>;

/// A websocket server that does `serve` with each connection. Gives its address.
pub(crate) async fn websocket<Serving>(
    serve: impl Fn(Peer, Format) -> Serving + Send + 'static,
) -> String
where
    Serving: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/v1/ws", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (peer, format) = accept(tcp).await;
            tokio::spawn(serve(peer, format));
        }
    });
    url
}

/// The server's half of the handshake.
#[expect(clippy::result_large_err, reason = "the callback's type is the library's")]
pub(crate) async fn accept<S>(stream: S) -> (WebSocketStream<S>, Format)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    const NAME: &str = "Sec-WebSocket-Protocol";
    let mut format = Format::Json;
    let choose = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        if let Some(name) = request.headers().get(NAME) {
            format = Format::of_subprotocol(name.to_str().unwrap()).unwrap();
            response.headers_mut().insert(NAME, name.clone());
        }
        Ok(response)
    };
    let peer = tokio_tungstenite::accept_hdr_async(stream, choose).await.unwrap();
    (peer, format)
}

/// An HTTP server that answers each body with what `answer` makes of path and token.
pub(crate) async fn http(
    answer: impl Fn(&str, Option<&str>, &[u8]) -> (u16, String) + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let (head, body) = read_request(&mut tcp).await;
            let path = head.split(' ').nth(1).unwrap();
            let (status, text) = answer(path, field(&head, "authorization: bearer "), &body);
            let length = text.len();
            let head = format!(
                "HTTP/1.1 {status} Fake\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            tcp.write_all((head + &text).as_bytes()).await.unwrap();
        }
    });
    base
}

async fn read_request(tcp: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    loop {
        assert_ne!(tcp.read_buf(&mut bytes).await.unwrap(), 0, "half a request");
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let length: usize =
            field(&head, "content-length: ").map_or(0, |text| text.parse().unwrap());
        if bytes.len() >= end + 4 + length {
            return (head, bytes[end + 4..].to_vec());
        }
    }
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let is =
        |line: &&str| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    head.lines().find(is).map(|line| &line[name.len()..])
}

/// Serves `game` by both doors. Gives the address of its HTTP door.
pub(crate) async fn serve(game: Game) -> String {
    let game = Arc::new(Mutex::new(game));
    let inside = Arc::clone(&game);
    let url = websocket(move |peer, format| play(Arc::clone(&inside), peer, format)).await;
    game.lock().unwrap().socket_url = url;
    http(move |path, bearer, body| {
        let operation = Operation::ALL.iter().find(|op| op.http_path() == path).unwrap();
        let request = operation.decode(Format::Json, body).unwrap();
        match game.lock().unwrap().answer(request, bearer) {
            Ok(reply) => (200, serde_json::json!({ "ok": reply }).to_string()),
            Err(error) => {
                (error.code.http_status(), serde_json::json!({ "err": error }).to_string())
            }
        }
    })
    .await
}

async fn play(game: Arc<Mutex<Game>>, mut peer: Peer, format: Format) {
    while let Some(Ok(message)) = peer.next().await {
        let payload = message.into_data();
        let Ok(ClientFrame::Request(RequestFrame { id, op, body })) =
            ClientFrame::read(format, &payload)
        else {
            return;
        };
        let request = Operation::parse(&op).unwrap().decode(format, body).unwrap();
        let outcome = game.lock().unwrap().answer(request, None);
        let frame = ServerFrame::answer(id, &outcome).encode(format).unwrap();
        peer.send(message_of(format, frame)).await.unwrap();
        if matches!(outcome, Ok(Reply::AuthLogout(_))) {
            let code = game.lock().unwrap().farewell();
            let _ = peer.close(Some(close(code))).await;
        }
    }
}

pub(crate) fn message_of(format: Format, payload: Vec<u8>) -> Message {
    match format {
        Format::Msgpack => Message::binary(payload),
        Format::Json => Message::text(String::from_utf8(payload).unwrap()),
    }
}

pub(crate) fn close(code: CloseCode) -> CloseFrame {
    CloseFrame { code: code.number().into(), reason: code.word().into() }
}
