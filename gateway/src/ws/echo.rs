//! An echo on the very socket that players get, and Autobahn's suite run against it.
//!
//! It is part of the tests, so it is in no binary, whatever its features. The socket is the
//! server's own [`Socket`], read and written as a connection's loop does (what is there, then
//! one flush), and a fault ends it with the code of [`wire::code_of`]. Only the limit is raised:
//! the suite sends messages of 16 MiB.

mod autobahn;

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::task::{Context, Poll};

use protocol::close::{CloseCode, CloseReason};
use protocol::codec::Format;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::wire::{self, Socket};

/// The suite's largest message, and some room.
const LIMIT: usize = 32 * 1024 * 1024;
/// The most messages before a flush.
const TURN: usize = 64;
/// The largest head of a handshake.
const HEAD: usize = 16 * 1024;

async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            // A client that leaves during its handshake is nobody's concern.
            if let Ok((stream, early)) = upgraded(stream).await {
                echo(stream, early).await;
            }
        });
    }
}

/// Why it is over: closed by this code, left by the client, or broken.
enum End {
    Close(CloseCode),
    Left,
    Gone,
}

async fn echo(stream: TcpStream, early: Vec<u8>) {
    let mut socket = Socket::new(stream, early, Format::Json, LIMIT).await;
    let mut left = false;
    let end = loop {
        let turn = poll_fn(|context| poll_turn(&mut socket, &mut left, context)).await;
        if let Err(end) = turn {
            break end;
        }
        if poll_fn(|context| socket.poll_flush(context)).await.is_err() {
            break End::Gone;
        }
    };
    match end {
        End::Close(code) => socket.close(code, CloseReason::default()).await,
        End::Left => socket.leave().await,
        End::Gone => {}
    }
}

/// Gathers an echo of what is there, once something is.
fn poll_turn(
    socket: &mut Socket,
    left: &mut bool,
    context: &mut Context<'_>,
) -> Poll<Result<(), End>> {
    for turn in 0..TURN {
        let read = match socket.poll_read(context) {
            Poll::Ready(read) => read,
            Poll::Pending if turn == 0 => return Poll::Pending,
            Poll::Pending => break,
        };
        match read {
            Some(Ok(Message::Text(text))) => socket.send_as(true, text.as_bytes()),
            Some(Ok(Message::Binary(bytes))) => socket.send_as(false, &bytes),
            Some(Ok(Message::Close(_))) => *left = true,
            // What tungstenite has to say to these goes out with the flush.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
            Some(Err(error)) => {
                let end = wire::code_of(&error).map_or(End::Gone, End::Close);
                return Poll::Ready(Err(end));
            }
            None if *left => return Poll::Ready(Err(End::Left)),
            None => return Poll::Ready(Err(End::Gone)),
        }
        if socket.is_full() {
            break;
        }
    }
    Poll::Ready(Ok(()))
}

/// Answers a handshake, whoever makes it, and gives what came behind it.
async fn upgraded(mut stream: TcpStream) -> io::Result<(TcpStream, Vec<u8>)> {
    stream.set_nodelay(true)?;
    let mut head = Vec::new();
    let end = loop {
        if let Some(at) = head.windows(4).position(|end| end == b"\r\n\r\n") {
            break at + 4;
        }
        if head.len() > HEAD || stream.read_buf(&mut head).await? == 0 {
            return Err(ErrorKind::InvalidData.into());
        }
    };
    let early = head.split_off(end);
    let head = String::from_utf8_lossy(&head);
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.trim())
    });
    let key = key.ok_or(ErrorKind::InvalidData)?;
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok((stream, early))
}

/// Autobahn's case 5.6: the pong came last.
#[tokio::test]
async fn a_ping_amid_a_message_is_answered_first() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        assert!(client.read_buf(&mut answer).await.unwrap() > 0);
    }
    // Masked with zeros, which leave it readable: a half, a ping, the other half.
    let frames = b"\x01\x81\0\0\0\0h\x89\x81\0\0\0\0p\x80\x81\0\0\0\0i";
    client.write_all(frames).await.unwrap();
    let mut heard = [0; 7];
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"\x8a\x01p\x81\x02hi");
}
