//! One simulated player.
//!
//! A [`Visitor`] is a game client on which nobody is logged in. Logging in gives a
//! [`Player`], who has a socket; one who loses it is [`Away`], and may reconnect.

mod away;
mod visitor;

use protocol::identity::{
    ListReply as Identities, ListRequest as IdentitiesRequest, LoginReply, LogoutReply,
    LogoutRequest, RefreshRequest as NewTokensRequest, Tokens,
};
use protocol::ids::SessionId;
use protocol::members::{MeReply, MeRequest};
use protocol::operation::Operation;
use protocol::sessions::{
    ListReply as Logins, ListRequest as LoginsRequest, OpenReply, OpenRequest, PingReply,
    PingRequest, RefreshReply, RefreshRequest, Resume,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::frame;
use crate::socket::Socket;

pub use away::Away;
pub use visitor::Visitor;

/// A player who is logged in and has a socket.
#[derive(Debug)]
pub struct Player {
    known: Away,
    socket: Socket,
}

impl Player {
    /// The game client the player uses.
    #[must_use]
    pub fn visitor(&self) -> &Visitor {
        &self.known.visitor
    }

    /// The login, with the newest tokens.
    #[must_use]
    pub fn login(&self) -> &LoginReply {
        &self.known.login
    }

    /// The newest access token, as HTTP's bearer.
    #[must_use]
    pub fn access_token(&self) -> &str {
        self.known.access_token()
    }

    /// The session, once it was opened.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.known.session
    }

    /// The socket, for what has no method here.
    pub fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Opens a new session on the socket.
    ///
    /// # Errors
    /// As [`Socket::request`].
    pub async fn open(&mut self) -> Result<OpenReply, Failure> {
        self.open_with(None).await
    }

    /// Opens the socket to go on with the earlier session, from the last push received;
    /// a player who never opened one opens a new one. The reply says which it was.
    ///
    /// # Errors
    /// As [`Socket::request`].
    pub async fn resume(&mut self) -> Result<OpenReply, Failure> {
        self.open_with(self.resume_point()).await
    }

    /// From where [`Player::resume`] would go on.
    #[must_use]
    pub fn resume_point(&self) -> Option<Resume> {
        self.known.session.map(|session| Resume { session, seq: self.seq() })
    }

    async fn open_with(&mut self, resume: Option<Resume>) -> Result<OpenReply, Failure> {
        let token = self.known.login.tokens.access_token.clone();
        let body =
            OpenRequest { token, client: self.known.visitor.client().clone(), resume, known: None };
        let reply: OpenReply = self.ask(Operation::SessionOpen, &body).await?;
        self.known.session = Some(reply.session);
        if !reply.resumed {
            // What was pushed until now is not to follow on this session.
            self.known.seq = reply.seq;
        }
        Ok(reply)
    }

    /// Measures the way there and back; `t` is echoed.
    ///
    /// # Errors
    /// As [`Socket::request`].
    pub async fn ping(&mut self, t: Option<f64>) -> Result<PingReply, Failure> {
        self.ask(Operation::SessionPing, &PingRequest { t }).await
    }

    /// Who the player is.
    ///
    /// # Errors
    /// As [`Socket::request`].
    pub async fn me(&mut self) -> Result<MeReply, Failure> {
        self.ask(Operation::MemberMe, &MeRequest {}).await
    }

    /// By what the player can log in.
    ///
    /// # Errors
    /// As [`Socket::request`].
    pub async fn identities(&mut self) -> Result<Identities, Failure> {
        self.ask(Operation::IdentityList, &IdentitiesRequest {}).await
    }

    /// Where the player is logged in.
    ///
    /// # Errors
    /// As [`Socket::request`].
    pub async fn logins(&mut self) -> Result<Logins, Failure> {
        self.ask(Operation::SessionList, &LoginsRequest {}).await
    }

    /// Exchanges the refresh token for new tokens (`auth.refresh`), which the player keeps.
    /// The open session is told by [`Player::renew`].
    ///
    /// # Errors
    /// As [`Socket::request`].
    pub async fn refresh(&mut self) -> Result<Tokens, Failure> {
        let app = self.known.visitor.app().clone();
        let refresh_token = self.known.login.tokens.refresh_token.clone();
        let body = NewTokensRequest { app, refresh_token, take_over: false, client: None };
        let tokens: Tokens = self.ask(Operation::AuthRefresh, &body).await?;
        self.known.login.tokens = tokens.clone();
        Ok(tokens)
    }

    /// Tells the open session the newest access token (`session.refresh`).
    ///
    /// # Errors
    /// As [`Socket::request`].
    pub async fn renew(&mut self) -> Result<RefreshReply, Failure> {
        let token = self.known.login.tokens.access_token.clone();
        self.ask(Operation::SessionRefresh, &RefreshRequest { token }).await
    }

    /// Ends the login. The server closes the socket next.
    ///
    /// # Errors
    /// As [`Socket::request`].
    pub async fn log_out(&mut self) -> Result<LogoutReply, Failure> {
        self.ask(Operation::AuthLogout, &LogoutRequest {}).await
    }

    /// Asks anything of the table, and reads the answer as `Reply`.
    ///
    /// # Errors
    /// As [`Socket::request`], and when the answer has another shape.
    pub async fn ask<Reply: DeserializeOwned>(
        &mut self,
        operation: Operation,
        body: &impl Serialize,
    ) -> Result<Reply, Failure> {
        let reply = self.socket.request(operation.name(), frame::value(body)?).await?;
        frame::typed(&format!("an answer to {}", operation.name()), reply)
    }

    /// Cuts the TCP connection, without a close frame: a lost network.
    #[must_use]
    pub fn drop_hard(mut self) -> Away {
        self.known.seq = self.seq();
        self.known.last_id = self.socket.last_id();
        self.socket.drop_hard();
        self.known
    }

    /// The highest push number received on any socket of the session.
    fn seq(&self) -> u64 {
        self.known.seq.max(self.socket.seq())
    }
}

#[cfg(test)]
mod tests;
