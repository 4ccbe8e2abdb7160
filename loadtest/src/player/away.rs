//! A player without a socket.

use protocol::identity::LoginReply;
use protocol::ids::SessionId;

use super::{Player, Visitor};
use crate::failure::Failure;
use crate::socket::Socket;

/// A player who is logged in and has no socket just now.
#[derive(Clone, Debug)]
pub struct Away {
    pub(super) visitor: Visitor,
    pub(super) login: LoginReply,
    pub(super) session: Option<SessionId>,
    pub(super) seq: u64,
    pub(super) last_id: u64,
}

impl Away {
    /// The game client the player uses.
    #[must_use]
    pub fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    /// The login, with the newest tokens.
    #[must_use]
    pub fn login(&self) -> &LoginReply {
        &self.login
    }

    /// The newest access token, as HTTP's bearer.
    #[must_use]
    pub fn access_token(&self) -> &str {
        self.login.tokens.access_token.expose()
    }

    /// Connects a new socket. Its session is open only after [`Player::resume`] or
    /// [`Player::open`].
    ///
    /// # Errors
    /// As [`Socket::connect`]; a clone can try again.
    pub async fn reconnect(self) -> Result<Player, Failure> {
        let socket = self.visitor.connect().await?;
        Ok(self.on(socket))
    }

    /// Goes on with a socket that is connected already.
    #[must_use]
    pub fn on(self, socket: Socket) -> Player {
        let socket = socket.counting_from(self.last_id);
        Player { known: self, socket }
    }
}
