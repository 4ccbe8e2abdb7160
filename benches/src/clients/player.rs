//! A client of the server: one guest with an open session.
//!
//! It is not `loadtest`'s player, which keeps all it hears and knows how to come back: here
//! thousands share a process, and have to be quick at doing little.

mod questions;

use futures_util::{SinkExt, StreamExt};
use loadtest::frame::{self, Incoming, Outgoing, Push};
use loadtest::{Format, Visitor};
use protocol::close::CloseCode;
use protocol::identity::{LoginReply, LoginRequest, RefreshRequest, Tokens};
use protocol::ids::MemberId;
use protocol::operation::Operation;
use protocol::sessions::{CloseReply, CloseRequest, OpenReply, OpenRequest};
use protocol::text::{Secret, Text};
use serde::Serialize;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::Question;
use super::echo::small_buffers;
use crate::Fault;
use questions::Asked;

/// The game of development mode.
pub(crate) const GAME: &str = "demo";

/// What clients say of themselves besides what all say.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Being {
    /// Their language.
    #[arg(long)]
    pub(crate) lang: Option<String>,
    /// Their installation.
    #[arg(long)]
    pub(crate) device_id: Option<String>,
}

impl Being {
    fn visitor(&self, visitor: Visitor) -> Result<Visitor, Fault> {
        let mut client = visitor.client().clone();
        if let Some(lang) = &self.lang {
            client.lang = Some(Text::new(lang)?);
        }
        if let Some(device_id) = &self.device_id {
            client.device_id = Some(Text::new(device_id)?);
        }
        Ok(visitor.being(client))
    }

    /// The same as arguments.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &str> {
        let one = |name, value: &Option<String>| value.is_some().then_some(name);
        [
            one("--lang", &self.lang),
            self.lang.as_deref(),
            one("--device-id", &self.device_id),
            self.device_id.as_deref(),
        ]
        .into_iter()
        .flatten()
    }
}

/// A guest with an open session.
pub(crate) struct Player {
    pub(super) line: Line,
    pub(super) member: MemberId,
}

/// A websocket on which no session is open.
pub(crate) struct Stranger(Line);

/// A guest that has logged in.
pub(crate) struct Guest {
    open: OpenRequest,
    member: MemberId,
    /// For how many seconds from its login on the access token is good.
    pub(super) good_for_s: u64,
    refresh_token: Secret<256>,
}

/// A websocket, and how it is spoken on.
pub(super) struct Line {
    pub(super) socket: WebSocketStream<TcpStream>,
    format: Format,
    pub(super) last_id: u64,
}

impl Stranger {
    pub(super) async fn connect(
        url: &str,
        format: Format,
        stream: TcpStream,
    ) -> Result<Self, Fault> {
        let uri = format!("{}/v1/ws", url.replacen("http", "ws", 1)).parse()?;
        // That the server takes the subprotocol up is checked by the handshake.
        let request = ClientRequestBuilder::new(uri).with_sub_protocol(format.subprotocol());
        let (socket, _) = client_async_with_config(request, stream, Some(small_buffers())).await?;
        Ok(Self(Line { socket, format, last_id: 0 }))
    }

    /// Logs in as a new guest.
    pub(super) async fn log_in(&mut self, url: &str, being: &Being) -> Result<Guest, Fault> {
        let visitor = being.visitor(Visitor::new(url, GAME, self.0.format)?)?;
        let login = LoginRequest {
            app: visitor.app().clone(),
            provider: Text::new("guest")?,
            credential: None,
            nonce: None,
            client: visitor.client().clone(),
        };
        let login = self.0.ask(Operation::AuthLogin, &login).await?;
        let login: LoginReply = frame::typed("auth.login's answer", login)?;
        if !login.new_member || login.credential.is_none() {
            return Err(format!("auth.login of a new guest found {}", login.member.id).into());
        }
        let token: Secret<_> = login.tokens.access_token;
        Ok(Guest {
            open: OpenRequest {
                token,
                client: visitor.client().clone(),
                resume: None,
                known: None,
            },
            member: login.member.id,
            good_for_s: login.tokens.access_expires_s,
            refresh_token: login.tokens.refresh_token,
        })
    }

    /// Exchanges the guest's tokens for new ones.
    pub(super) async fn refresh(&mut self, guest: &mut Guest) -> Result<(), Fault> {
        let refresh_token = guest.refresh_token.clone();
        let request =
            RefreshRequest { app: GAME.parse()?, refresh_token, take_over: false, client: None };
        let tokens = self.0.ask(Operation::AuthRefresh, &request).await?;
        let tokens: Tokens = frame::typed("auth.refresh's answer", tokens)?;
        let new = tokens.refresh_token.expose() != guest.refresh_token.expose()
            && tokens.access_token.expose() != guest.open.token.expose();
        if !new {
            return Err(format!("auth.refresh of {} gave its tokens back", guest.member).into());
        }
        guest.good_for_s = tokens.access_expires_s;
        guest.refresh_token = tokens.refresh_token;
        guest.open.token = tokens.access_token;
        Ok(())
    }

    /// Opens the guest's session.
    pub(super) async fn open(self, guest: &Guest) -> Result<Player, Fault> {
        let mut line = self.0;
        let opened = line.ask(Operation::SessionOpen, &guest.open).await?;
        let opened: OpenReply = frame::typed("session.open's answer", opened)?;
        if opened.member != guest.member || opened.resumed || opened.launch.status != 200 {
            return Err(format!("session.open of {} got {opened:?}", guest.member).into());
        }
        Ok(Player { line, member: opened.member })
    }

    /// Closes the socket, and sees the server do the same.
    pub(super) async fn leave(mut self) -> Result<(), Fault> {
        self.0.socket.close(None).await?;
        match self.0.socket.next().await.transpose()? {
            None | Some(Message::Close(_)) => Ok(()),
            Some(other) => Err(format!("{other:?} after the close").into()),
        }
    }
}

impl Player {
    /// Asks so often at once, and checks every answer.
    pub(super) async fn ask_at_once(
        &mut self,
        question: Question,
        reads: usize,
    ) -> Result<(), Fault> {
        let mut due = Vec::with_capacity(reads);
        for _ in 0..reads {
            self.line.last_id += 1;
            let id = self.line.last_id;
            let asked = Asked::of(question, id);
            let request = self.line.request(id, asked.operation(), &asked.body()?)?;
            self.line.socket.feed(request).await?;
            due.push((id, asked));
        }
        self.line.socket.flush().await?;
        while !due.is_empty() {
            let (id, answer) = self.line.answer().await?;
            let place = due.iter().position(|(due, _)| *due == id);
            let place = place.ok_or_else(|| format!("an answer to {id}, which is not due"))?;
            let (_, asked) = due.swap_remove(place);
            asked.check(self.member, &answer)?;
        }
        Ok(())
    }

    /// Hears one numbered message, and says that it has.
    pub(super) async fn hear(&mut self) -> Result<(), Fault> {
        let Push { seq, word, body } = match self.line.hear().await? {
            Incoming::Push(push) => push,
            Incoming::Answer { id, .. } => {
                return Err(format!("an answer to {id} where a push was due").into());
            }
        };
        let Some(seq) = seq.filter(|_| word == protocol::push::MESSAGE) else {
            return Err(format!("{word} {body} where a numbered message was due").into());
        };
        let ack = Outgoing::Ack { ack: seq }.message(self.line.format)?;
        Ok(self.line.socket.send(ack).await?)
    }

    /// Hears an announcement.
    pub(super) async fn listen(&mut self) -> Result<(), Fault> {
        match self.line.hear().await? {
            Incoming::Push(Push { seq: None, word, .. }) if word == "announcement" => Ok(()),
            other => Err(format!("{other:?} where an announcement was due").into()),
        }
    }

    /// Closes the session, and sees the server close the socket.
    pub(super) async fn leave(self) -> Result<(), Fault> {
        let mut line = self.line;
        let closed = line.ask(Operation::SessionClose, &CloseRequest {}).await?;
        let CloseReply {} = frame::typed("session.close's answer", closed)?;
        match line.socket.next().await.transpose()? {
            Some(Message::Close(Some(close)))
                if u16::from(close.code) == CloseCode::Normal.number() =>
            {
                Ok(())
            }
            other => Err(format!("{other:?} where the close was due").into()),
        }
    }
}

impl Line {
    async fn ask(&mut self, operation: Operation, body: &impl Serialize) -> Result<Value, Fault> {
        self.last_id += 1;
        let request = self.request(self.last_id, operation, &frame::value(body)?)?;
        self.socket.send(request).await?;
        match self.answer().await? {
            (id, answer) if id == self.last_id => Ok(answer),
            (id, _) => Err(format!("an answer to {id} where {} was due", self.last_id).into()),
        }
    }

    pub(super) fn request(
        &self,
        id: u64,
        operation: Operation,
        body: &Value,
    ) -> Result<Message, Fault> {
        Ok(Outgoing::Request { id, op: operation.name(), body }.message(self.format)?)
    }

    /// The next answer. A push is due only where it is waited for.
    async fn answer(&mut self) -> Result<(u64, Value), Fault> {
        match self.hear().await? {
            Incoming::Answer { id, outcome: Ok(ok) } => Ok((id, ok)),
            Incoming::Answer { id, outcome: Err(err) } => {
                Err(format!("request {id} was refused with {err}").into())
            }
            Incoming::Push(push) => Err(format!("a push that nobody caused: {push:?}").into()),
        }
    }

    pub(super) async fn hear(&mut self) -> Result<Incoming, Fault> {
        let message = self.socket.next().await.transpose()?;
        let payload = match (&message, self.format) {
            (Some(Message::Binary(bytes)), Format::Msgpack) => &bytes[..],
            (Some(Message::Text(text)), Format::Json) => text.as_bytes(),
            (other, _) => return Err(format!("{other:?} where a frame was due").into()),
        };
        Ok(Incoming::read(frame::decode(self.format, payload)?)?)
    }
}
