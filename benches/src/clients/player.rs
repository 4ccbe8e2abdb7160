//! A client of the server: one guest with an open session, in MessagePack.
//!
//! It is not `loadtest`'s player, which keeps all it hears and knows how to come back: here
//! thousands share a process, and have to be quick at doing little.

use std::collections::BTreeSet;

use futures_util::{SinkExt, StreamExt};
use loadtest::frame::{self, Incoming, Outgoing};
use loadtest::{Format, Visitor};
use protocol::close::CloseCode;
use protocol::identity::{LoginReply, LoginRequest};
use protocol::ids::MemberId;
use protocol::members::{MeReply, MeRequest};
use protocol::operation::Operation;
use protocol::sessions::{
    CloseReply, CloseRequest, OpenReply, OpenRequest, PingReply, PingRequest,
};
use protocol::text::Text;
use serde::Serialize;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::echo::small_buffers;
use crate::Fault;

/// The game of development mode.
const GAME: &str = "demo";
const FORMAT: Format = Format::Msgpack;

/// A guest with an open session.
pub(crate) struct Player {
    socket: WebSocketStream<TcpStream>,
    member: MemberId,
    last_id: u64,
}

/// A websocket before anyone has logged in on it.
struct Stranger {
    socket: WebSocketStream<TcpStream>,
    last_id: u64,
}

impl Player {
    /// Logs in as a new guest and opens a session. Also gives for how many seconds the
    /// access token is good.
    pub(super) async fn enter(url: &str, stream: TcpStream) -> Result<(Self, u64), Fault> {
        let mut stranger = Stranger::connect(url, stream).await?;
        let visitor = Visitor::new(url, GAME, FORMAT)?;
        let login = stranger.log_in(&visitor).await?;
        let open = OpenRequest {
            token: login.tokens.access_token,
            client: visitor.client().clone(),
            resume: None,
        };
        let opened = stranger.ask(Operation::SessionOpen, &open).await?;
        let opened: OpenReply = frame::typed("session.open's answer", opened)?;
        if opened.member != login.member.id || opened.resumed || opened.launch.status != 200 {
            return Err(format!("session.open of {} got {opened:?}", login.member.id).into());
        }
        let Stranger { socket, last_id } = stranger;
        Ok((Self { socket, member: opened.member, last_id }, login.tokens.access_expires_s))
    }

    /// Reads, by turns with `session.ping`, which the connection answers, and `member.me`,
    /// for which the session's actor wakes.
    pub(super) async fn ask_at_once(&mut self, reads: usize) -> Result<(), Fault> {
        let mut due = BTreeSet::new();
        for _ in 0..reads {
            self.last_id += 1;
            due.insert(self.last_id);
            let (operation, body) = match Read::of(self.last_id) {
                Read::Ping(t) => {
                    (Operation::SessionPing, frame::value(&PingRequest { t: Some(t) })?)
                }
                Read::Me => (Operation::MemberMe, frame::value(&MeRequest {})?),
            };
            self.socket.feed(request(self.last_id, operation, &body)?).await?;
        }
        self.socket.flush().await?;
        while !due.is_empty() {
            let (id, answer) = answer(&mut self.socket).await?;
            if !due.remove(&id) {
                return Err(format!("an answer to {id}, which is not due").into());
            }
            self.check(id, answer)?;
        }
        Ok(())
    }

    fn check(&self, id: u64, answer: Value) -> Result<(), Fault> {
        let right = match Read::of(id) {
            Read::Ping(t) => {
                frame::typed::<PingReply>("session.ping's answer", answer.clone())?.t == Some(t)
            }
            Read::Me => {
                let me: MeReply = frame::typed("member.me's answer", answer.clone())?;
                me.member.id == self.member && me.identities.len() == 1
            }
        };
        if right { Ok(()) } else { Err(format!("request {id} got {answer}").into()) }
    }

    /// Closes the session, and sees the server close the socket.
    pub(super) async fn leave(self) -> Result<(), Fault> {
        let Self { socket, last_id, .. } = self;
        let mut stranger = Stranger { socket, last_id };
        let closed = stranger.ask(Operation::SessionClose, &CloseRequest {}).await?;
        let CloseReply {} = frame::typed("session.close's answer", closed)?;
        match stranger.socket.next().await.transpose()? {
            Some(Message::Close(Some(close)))
                if u16::from(close.code) == CloseCode::Normal.number() =>
            {
                Ok(())
            }
            other => Err(format!("{other:?} where the close was due").into()),
        }
    }
}

impl Stranger {
    async fn connect(url: &str, stream: TcpStream) -> Result<Self, Fault> {
        let uri = format!("{}/v1/ws", url.replacen("http", "ws", 1)).parse()?;
        // That the server takes the subprotocol up is checked by the handshake.
        let request = ClientRequestBuilder::new(uri).with_sub_protocol(FORMAT.subprotocol());
        let (socket, _) = client_async_with_config(request, stream, Some(small_buffers())).await?;
        Ok(Self { socket, last_id: 0 })
    }

    async fn log_in(&mut self, visitor: &Visitor) -> Result<LoginReply, Fault> {
        let login = LoginRequest {
            app: visitor.app().clone(),
            provider: Text::new("guest")?,
            credential: None,
            nonce: None,
            client: visitor.client().clone(),
        };
        let login = self.ask(Operation::AuthLogin, &login).await?;
        let login: LoginReply = frame::typed("auth.login's answer", login)?;
        if login.new_member && login.credential.is_some() {
            return Ok(login);
        }
        Err(format!("auth.login of a new guest found member {}", login.member.id).into())
    }

    async fn ask(&mut self, operation: Operation, body: &impl Serialize) -> Result<Value, Fault> {
        self.last_id += 1;
        let request = request(self.last_id, operation, &frame::value(body)?)?;
        self.socket.send(request).await?;
        match answer(&mut self.socket).await? {
            (id, answer) if id == self.last_id => Ok(answer),
            (id, _) => Err(format!("an answer to {id} where {} was due", self.last_id).into()),
        }
    }
}

/// The read that a request's number stands for.
enum Read {
    Ping(f64),
    Me,
}

impl Read {
    fn of(id: u64) -> Self {
        if id.is_multiple_of(2) { Self::Ping(id as f64) } else { Self::Me }
    }
}

fn request(id: u64, operation: Operation, body: &Value) -> Result<Message, Fault> {
    Ok(Outgoing::Request { id, op: operation.name(), body }.message(FORMAT)?)
}

/// The next answer. Nothing else is due: pushes are for things that do not happen here.
async fn answer(socket: &mut WebSocketStream<TcpStream>) -> Result<(u64, Value), Fault> {
    match socket.next().await.transpose()? {
        Some(Message::Binary(bytes)) => match Incoming::read(frame::decode(FORMAT, &bytes)?)? {
            Incoming::Answer { id, outcome: Ok(ok) } => Ok((id, ok)),
            Incoming::Answer { id, outcome: Err(err) } => {
                Err(format!("request {id} was refused with {err}").into())
            }
            Incoming::Push(push) => Err(format!("a push that nobody caused: {push:?}").into()),
        },
        other => Err(format!("{other:?} where an answer was due").into()),
    }
}
