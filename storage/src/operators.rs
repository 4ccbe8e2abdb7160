//! Operators' sessions: who is logged in to the operators' API.
//!
//! A session is a row, known by the digest of a token that only its cookie has. What an operator
//! may do is not in it: that is the operator's document, read with each request.

use async_trait::async_trait;
use uuid::Uuid;

use crate::actor::records::{Key, Records};
use crate::clock::Micros;
use crate::error::Result;
use crate::identity::Digest;

/// What calls about this are kept in order by.
const KEY: Key = Key::Domain("operators");

/// The most sessions that one operator has; a new one takes the place of the one seen longest ago.
pub const MOST_SESSIONS: usize = 10;

/// A session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorSession {
    /// A UUID of version 7, by which it is listed and ended.
    pub id: Uuid,
    /// Whose it is: the id of the operator's document.
    pub operator: Uuid,
    /// From where it was opened.
    pub address: String,
    /// What the browser said of itself, in at most 256 bytes.
    pub agent: String,
    /// When it was opened.
    pub created_at: Micros,
    /// When it was last of use.
    pub seen_at: Micros,
    /// When its operator last showed a code of the second factor.
    pub proven_at: Micros,
    /// When it ends, however much it is used.
    pub ends_at: Micros,
}

/// Which sessions of an operator are ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All.
    All,
    /// This one.
    One(Uuid),
    /// All but this one.
    Others(Uuid),
}

/// What a backend does for operators' sessions.
#[async_trait]
pub trait OperatorsDuty: Send + Sync {
    /// Writes a session under the digest of its token. Of its operator's, the [`MOST_SESSIONS`]
    /// that were seen last stay.
    async fn enter(&self, token: Digest, session: OperatorSession) -> Result<()>;
    /// The session of a token, whether it is still good or not.
    async fn operator_session(&self, token: Digest) -> Result<Option<OperatorSession>>;
    /// It was of use at that moment, which never moves back.
    async fn operator_seen(&self, token: Digest, at: Micros) -> Result<()>;
    /// Its operator showed a code of the second factor at that moment, which never moves back.
    /// Says whether the session is there.
    async fn operator_proven(&self, token: Digest, at: Micros) -> Result<bool>;
    /// An operator's sessions, the newest first, whether they are still good or not.
    async fn operator_sessions(&self, operator: Uuid) -> Result<Vec<OperatorSession>>;
    /// Ends sessions of an operator. Returns how many went.
    async fn end_operator_sessions(&self, operator: Uuid, ended: Ended) -> Result<usize>;
    /// Forgets sessions that end before `now` or were last seen before `idle`, at most `limit`.
    /// Returns how many went.
    async fn sweep_operators(&self, now: Micros, idle: Micros, limit: usize) -> Result<usize>;
}

/// The typed handle for operators' sessions.
#[derive(Clone)]
pub struct Operators(pub(crate) Records);

/// How each of these fails: see [`StorageError`](crate::error::StorageError). All may be done twice.
impl Operators {
    /// As [`OperatorsDuty::enter`].
    ///
    /// # Errors
    /// As said above.
    pub async fn enter(&self, token: Digest, session: OperatorSession) -> Result<()> {
        self.0.call(KEY, move |it| async move { it.enter(token, session).await }).await
    }

    /// As [`OperatorsDuty::operator_session`].
    ///
    /// # Errors
    /// As said above.
    pub async fn session(&self, token: Digest) -> Result<Option<OperatorSession>> {
        // Not in one line with all that is home's: each request of an operator asks.
        self.0
            .call(Key::Claim(token), move |it| async move { it.operator_session(token).await })
            .await
    }

    /// As [`OperatorsDuty::operator_seen`].
    ///
    /// # Errors
    /// As said above.
    pub async fn seen(&self, token: Digest, at: Micros) -> Result<()> {
        self.0
            .call(Key::Claim(token), move |it| async move { it.operator_seen(token, at).await })
            .await
    }

    /// As [`OperatorsDuty::operator_proven`].
    ///
    /// # Errors
    /// As said above.
    pub async fn proven(&self, token: Digest, at: Micros) -> Result<bool> {
        let key = Key::Claim(token);
        self.0.call(key, move |it| async move { it.operator_proven(token, at).await }).await
    }

    /// As [`OperatorsDuty::operator_sessions`].
    ///
    /// # Errors
    /// As said above.
    pub async fn sessions(&self, operator: Uuid) -> Result<Vec<OperatorSession>> {
        self.0.call(KEY, move |it| async move { it.operator_sessions(operator).await }).await
    }

    /// As [`OperatorsDuty::end_operator_sessions`].
    ///
    /// # Errors
    /// As said above.
    pub async fn end(&self, operator: Uuid, ended: Ended) -> Result<usize> {
        let end = move |it: std::sync::Arc<dyn crate::open::Truth>| async move {
            it.end_operator_sessions(operator, ended).await
        };
        self.0.call(KEY, end).await
    }

    /// As [`OperatorsDuty::sweep_operators`].
    ///
    /// # Errors
    /// As said above.
    pub async fn sweep(&self, now: Micros, idle: Micros, limit: usize) -> Result<usize> {
        self.0.call(KEY, move |it| async move { it.sweep_operators(now, idle, limit).await }).await
    }
}
