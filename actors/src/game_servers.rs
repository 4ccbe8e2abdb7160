//! The games' own servers: by which keys they are known, and what they may ask.
//!
//! A request is believed when it is signed by a key of the game ([`signature`]), now, and for the
//! first time on this node ([`nonces`]). What it may ask is in its key's scopes. Everything it
//! asks is asked under its key's game.

mod settings;
mod keys;
pub mod signature;
mod nonces;

mod wallet;
mod purchases;
mod members;

use std::sync::Arc;

use protocol::error::{ErrorBody, ErrorCode};
use protocol::game_servers::{ServerOperation, ServerReply, ServerRequest};
use protocol::ids::AppId;

use crate::fault;
use crate::node::Node;
use keys::Key;
use nonces::{Nonces, Taken};
use signature::{Claimed, Signed, WINDOW};

pub use keys::{Keys, SECRET_BYTES};
pub use settings::ServerKeySettings;

/// What answers games' servers. A clone is the same.
#[derive(Clone)]
pub struct GameServers(Arc<Inner>);

struct Inner {
    keys: Keys,
    nonces: Nonces,
    node: Node,
}

/// A request whose signature is good.
pub struct Proven {
    key: Arc<Key>,
    claimed: Claimed,
}

/// A game's server that may ask for an operation, once.
pub struct Asker {
    key: Arc<Key>,
}

impl Proven {
    /// Which key it is signed with, among all games' keys.
    #[must_use]
    pub fn name(&self) -> String {
        self.key.name()
    }
}

impl Asker {
    /// The game.
    #[must_use]
    pub fn app(&self) -> &AppId {
        &self.key.app
    }
}

impl GameServers {
    /// Answers those who have one of these keys. Of each key it remembers so many nonces: as many
    /// as may come within twice [`WINDOW`].
    #[must_use]
    pub fn new(node: Node, keys: Keys, nonces: usize) -> Self {
        Self(Arc::new(Inner { keys, nonces: Nonces::new(nonces), node }))
    }

    /// Verifies who sends a request: its signature first, so that nobody else learns anything,
    /// then whether the key is still good, and the time.
    ///
    /// # Errors
    /// `server.unsigned`, `server.key`, `server.signature` or `server.clock`.
    pub fn prove(&self, header: Option<&str>, signed: &Signed<'_>) -> Result<Proven, ErrorBody> {
        let claimed = Claimed::read(header)?;
        let key = self.0.keys.find(&claimed.app, &claimed.key)?;
        key.verify(&claimed, signed)?;
        let now = self.0.node.now();
        if key.not_after.is_some_and(|end| end < now) {
            let message = format!("the key `{}` is not good any more", claimed.key);
            return Err(ErrorBody::new(ErrorCode::ServerKey, message));
        }
        let (early, late) = (claimed.time.before(WINDOW), claimed.time.after(WINDOW));
        if now < early || late < now {
            let message = format!("the time is more than {} s from ours", WINDOW.as_secs());
            let detail = Some(serde_json::json!({ "time": now.seconds() }));
            return Err(ErrorBody { detail, ..ErrorBody::new(ErrorCode::ServerClock, message) });
        }
        Ok(Proven { key, claimed })
    }

    /// Lets a request ask for an operation, if its key may and it did not come before. Ask for
    /// this last: it uses up the nonce.
    ///
    /// # Errors
    /// `server.scope`, `server.replayed`, or `limit.overloaded` when no more nonces can be
    /// remembered.
    pub fn admit(&self, proven: Proven, operation: ServerOperation) -> Result<Asker, ErrorBody> {
        let Proven { key, claimed } = proven;
        let scope = operation.scope();
        if !key.scopes.contains(&scope) {
            let message = format!("the key `{}` is not good for {}", key.id, operation.name());
            let detail = Some(serde_json::json!({ "scope": scope }));
            return Err(ErrorBody { detail, ..ErrorBody::new(ErrorCode::ServerScope, message) });
        }
        let good_until = claimed.time.after(WINDOW);
        match self.0.nonces.take(&key, &claimed.nonce, self.0.node.now(), good_until) {
            Taken::First => Ok(Asker { key }),
            Taken::Before => {
                let message = "a request with this nonce came before: sign each with a new one";
                Err(ErrorBody::new(ErrorCode::ServerReplayed, message))
            }
            Taken::Full => Err(fault::overloaded()),
        }
    }

    /// Answers a request. `idempotency` is its `Idempotency-Key`. What is begun is finished even
    /// if the caller leaves.
    ///
    /// # Errors
    /// `app.unknown`, and the operation's own.
    pub async fn answer(
        &self,
        asker: Asker,
        request: ServerRequest,
        idempotency: Option<&str>,
    ) -> Result<ServerReply, ErrorBody> {
        let (inner, idempotency) = (self.0.clone(), idempotency.map(str::to_owned));
        let work = tokio::spawn(async move {
            inner.node.launching.game(asker.app())?;
            inner.serve(&asker, request, idempotency.as_deref()).await
        });
        work.await.unwrap_or_else(|_| Err(fault::internal("the request failed on the way")))
    }
}

impl Inner {
    async fn serve(
        &self,
        asker: &Asker,
        request: ServerRequest,
        idempotency: Option<&str>,
    ) -> Result<ServerReply, ErrorBody> {
        use ServerReply as Reply;
        match request {
            ServerRequest::SessionsVerify(it) => {
                self.verify(asker, &it).await.map(Reply::SessionsVerify)
            }
            ServerRequest::MembersGet(it) => self.member(asker, it).await.map(Reply::MembersGet),
            ServerRequest::MembersMessage(it) => {
                self.message(asker, it, idempotency).await.map(Reply::MembersMessage)
            }
            ServerRequest::MembersBan(it) => self.ban(asker, it).await.map(Reply::MembersBan),
            ServerRequest::MembersUnban(it) => self.unban(asker, it).await.map(Reply::MembersUnban),
            ServerRequest::PurchasesList(it) => {
                self.purchases(asker, it).await.map(Reply::PurchasesList)
            }
            ServerRequest::PurchasesConsume(it) => {
                self.consume(asker, it).await.map(Reply::PurchasesConsume)
            }
            ServerRequest::WalletBalances(it) => {
                self.balances(asker, it).await.map(Reply::WalletBalances)
            }
            ServerRequest::WalletSpend(it) => {
                self.spend(asker, it, idempotency).await.map(Reply::WalletSpend)
            }
            ServerRequest::WalletGrant(it) => {
                self.grant(asker, it, idempotency).await.map(Reply::WalletGrant)
            }
            ServerRequest::WalletTransfers(it) => {
                self.transfers(asker, it).await.map(Reply::WalletTransfers)
            }
        }
    }
}

/// How many are shown when nobody says.
const SHOWN: usize = 50;
/// How many are shown at most.
const MOST_SHOWN: usize = 100;

fn limit(asked: Option<u16>) -> Result<usize, ErrorBody> {
    match asked.map_or(SHOWN, usize::from) {
        limit @ 1..=MOST_SHOWN => Ok(limit),
        _ => Err(ErrorBody::invalid("limit", format!("is not between 1 and {MOST_SHOWN}"))),
    }
}
