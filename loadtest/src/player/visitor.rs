//! A game client on which nobody is logged in yet.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use protocol::client::{Client, Platform, StoreName};
use protocol::codec::Format;
use protocol::identity::{Credential, LoginReply, LoginRequest};
use protocol::ids::AppId;
use protocol::launching::{StatusReply, StatusRequest};
use protocol::operation::Operation;
use protocol::text::{Text, TextError};
use serde_json::Value;

use super::{Away, Player};
use crate::failure::Failure;
use crate::frame;
use crate::http::{HttpClient, PATIENCE};
use crate::onlooker::Onlooker;
use crate::socket::Socket;

/// A game client on which nobody is logged in yet. Clones are other devices of its kind.
#[derive(Clone)]
pub struct Visitor {
    http: HttpClient,
    socket_url: String,
    format: Format,
    app: AppId,
    client: Client,
    patience: Duration,
    onlooker: Option<Arc<dyn Onlooker>>,
}

impl Visitor {
    /// A client of the game `app` at `server`, for example `http://127.0.0.1:7350`, whose
    /// sockets speak `format`.
    ///
    /// # Errors
    /// When `app` is no app id.
    pub fn new(server: &str, app: &str, format: Format) -> Result<Self, Failure> {
        let app: AppId =
            app.parse().map_err(|error| Failure::Unsendable(format!("{app}: {error}")))?;
        let http = HttpClient::new(server);
        Ok(Self {
            socket_url: format!("{}/v1/ws", http.base().replacen("http", "ws", 1)),
            client: phone(&app).map_err(|error| Failure::Unsendable(error.to_string()))?,
            patience: PATIENCE,
            onlooker: None,
            http,
            format,
            app,
        })
    }

    /// Says this of itself instead of being an Android phone.
    #[must_use]
    pub fn being(mut self, client: Client) -> Self {
        self.client = client;
        self
    }

    /// Connects its sockets there, for example where `launch.status` said.
    #[must_use]
    pub fn with_sockets_at(mut self, url: &str) -> Self {
        url.clone_into(&mut self.socket_url);
        self
    }

    /// Waits this long for each thing that is waited for, at both doors.
    #[must_use]
    pub fn patient_for(mut self, patience: Duration) -> Self {
        self.http = self.http.patient_for(patience);
        self.patience = patience;
        self
    }

    /// Shows all it sends and gets to `onlooker`, by both doors.
    #[must_use]
    pub fn watched_by(mut self, onlooker: Arc<dyn Onlooker>) -> Self {
        self.http = self.http.watched_by(Arc::clone(&onlooker));
        self.onlooker = Some(onlooker);
        self
    }

    /// The HTTP door.
    #[must_use]
    pub fn http(&self) -> &HttpClient {
        &self.http
    }

    /// The game.
    #[must_use]
    pub fn app(&self) -> &AppId {
        &self.app
    }

    /// What it says of itself.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the game is in service, asked over HTTP as a client does before anything.
    ///
    /// # Errors
    /// As [`HttpClient::ask`].
    pub async fn status(&self) -> Result<StatusReply, Failure> {
        let body = StatusRequest { app: self.app.clone(), client: self.client.clone() };
        let operation = Operation::LaunchStatus.name();
        let reply = self.http.ask(operation, None, frame::value(&body)?).await?;
        frame::typed("an answer to launch.status", reply)
    }

    /// A socket with nobody on it.
    ///
    /// # Errors
    /// As [`Socket::connect`].
    pub async fn connect(&self) -> Result<Socket, Failure> {
        let socket = Socket::connect(&self.socket_url, self.format, None).await?;
        let socket = socket.patient_for(self.patience);
        Ok(match &self.onlooker {
            Some(onlooker) => socket.watched_by(Arc::clone(onlooker)),
            None => socket,
        })
    }

    /// Logs in as a new guest, on a socket of its own before any session is open.
    ///
    /// # Errors
    /// As [`Socket::connect`] and [`Socket::request`].
    pub async fn log_in(&self) -> Result<Player, Failure> {
        self.log_in_with(None).await
    }

    /// Logs in as a guest who was here before, with the credential of the first login.
    ///
    /// # Errors
    /// As [`Socket::connect`] and [`Socket::request`].
    pub async fn log_in_as(&self, guest: &Credential) -> Result<Player, Failure> {
        self.log_in_with(Some(guest.clone())).await
    }

    async fn log_in_with(&self, guest: Option<Credential>) -> Result<Player, Failure> {
        let mut socket = self.connect().await?;
        let reply = socket.request(Operation::AuthLogin.name(), self.login_body(guest)?).await?;
        let last_id = socket.last_id();
        let away = Away { last_id, ..self.logged_in(reply)? };
        Ok(away.on(socket))
    }

    /// Logs in as a guest over HTTP; a new one, unless a credential says otherwise.
    ///
    /// # Errors
    /// As [`HttpClient::ask`].
    pub async fn log_in_over_http(&self, guest: Option<Credential>) -> Result<Away, Failure> {
        let body = self.login_body(guest)?;
        let reply = self.http.ask(Operation::AuthLogin.name(), None, body).await?;
        self.logged_in(reply)
    }

    /// Logs in as a new guest and opens a session: ready to play.
    ///
    /// # Errors
    /// As [`Visitor::log_in`] and [`Player::open`].
    pub async fn enter(&self) -> Result<Player, Failure> {
        let mut player = self.log_in().await?;
        player.open().await?;
        Ok(player)
    }

    fn login_body(&self, credential: Option<Credential>) -> Result<Value, Failure> {
        frame::value(&LoginRequest {
            app: self.app.clone(),
            provider: text("guest").map_err(|error| Failure::Unsendable(error.to_string()))?,
            credential,
            nonce: None,
            client: self.client.clone(),
        })
    }

    fn logged_in(&self, reply: Value) -> Result<Away, Failure> {
        let login: LoginReply = frame::typed("an answer to auth.login", reply)?;
        Ok(Away { visitor: self.clone(), login, session: None, seq: 0, last_id: 0 })
    }
}

impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor")
            .field("app", &self.app)
            .field("format", &self.format)
            .field("socket_url", &self.socket_url)
            .finish_non_exhaustive()
    }
}

fn phone(app: &AppId) -> Result<Client, TextError> {
    Ok(Client {
        app: Some(app.clone()),
        version: text("1.0.0")?,
        platform: Platform::Android,
        store: Some(StoreName::GooglePlay),
        device: Some(text("a simulated phone")?),
        device_id: None,
        lang: Some(text("ko")?),
        country: Some(text("KR")?),
    })
}

fn text<const MAX: usize>(text: &str) -> Result<Text<MAX>, TextError> {
    Text::new(text)
}
