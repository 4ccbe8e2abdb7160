//! Sessions of operators, and who is calling by one.

use std::time::Duration;

use aws_lc_rs::constant_time;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::ids::RecordId;
use protocol::operators::refusal::{OperatorCode, Refusal};
use protocol::operators::{Me, OperatorSession as Shown, Proven};
use sha2::{Digest as _, Sha256};
use storage::clock::Micros;
use storage::identity::Digest;
use storage::operators::{Ended, OperatorSession};
use uuid::Uuid;

use super::account::{Account, Kept};
use super::{From, Operators, PROVEN, storage};
use crate::random;

/// How long a session stays that is not used.
pub const IDLE: Duration = Duration::from_secs(30 * 60);
/// How long it stays however much it is used.
const LIFE: Duration = Duration::from_secs(12 * 3600);
/// How often it is written that it was used.
const NOTED: Duration = Duration::from_secs(60);
/// The most that is kept of what a browser says of itself, in bytes.
const AGENT_BYTES: usize = 256;

/// What a cookie has: 256 random bits.
pub(super) struct Token([u8; 32]);

impl Token {
    pub(super) fn new() -> Self {
        Self(random::bytes())
    }

    fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub(super) fn digest(&self) -> Digest {
        Sha256::digest(self.0).into()
    }

    /// What a page shows that only this API's own page can know. It says nothing of the token.
    fn csrf(&self) -> String {
        let digest = Sha256::new().chain_update(b"daemun operators' csrf").chain_update(self.0);
        URL_SAFE_NO_PAD.encode(digest.finalize())
    }
}

/// Who is calling.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account's id.
    pub id: Uuid,
    /// What he may do.
    pub account: Account,
    /// His session.
    pub session: OperatorSession,
    pub(super) token: Digest,
    csrf: String,
    shown: protocol::operators::Operator,
}

impl Caller {
    pub(super) fn new(kept: &Kept, session: OperatorSession, token: &Token) -> Self {
        Self {
            id: kept.document.id,
            account: kept.account.clone(),
            shown: kept.shown(),
            session,
            token: token.digest(),
            csrf: token.csrf(),
        }
    }

    /// Whether what a page shows is what this session's page was given.
    #[must_use]
    pub fn is_own_page(&self, shown: &str) -> bool {
        constant_time::verify_slices_are_equal(self.csrf.as_bytes(), shown.as_bytes()).is_ok()
    }

    /// Until when grave acts are open.
    #[must_use]
    pub fn proven_until(&self) -> Micros {
        self.session.proven_at.after(PROVEN)
    }

    /// What he is told of himself.
    #[must_use]
    pub fn me(&self) -> Me {
        Me {
            operator: self.shown.clone(),
            session: RecordId(self.session.id),
            ends_at: self.session.ends_at,
            proven_until: self.proven_until(),
            csrf: self.csrf.clone(),
        }
    }

    /// The same of the proof alone.
    #[must_use]
    pub fn proof(until: Micros) -> Proven {
        Proven { proven_until: until }
    }
}

impl Operators {
    /// Whose session a cookie's token opens.
    ///
    /// # Errors
    /// `operator.login_required`, or what storage says.
    pub async fn caller(&self, token: &str) -> Result<Caller, Refusal> {
        let token = Token::parse(token).ok_or_else(required)?;
        let (sessions, now) = (&self.0.storage.operators, self.now());
        let session = sessions.session(token.digest()).await.map_err(storage)?;
        let session = session.filter(|it| good(it, now)).ok_or_else(required)?;
        let kept = self.find(session.operator).await?.filter(Kept::is_let_in);
        let since = |kept: &Kept| kept.sealed.as_ref().map(|sealed| sealed.since);
        let kept = kept.filter(|kept| since(kept).is_some_and(|it| it <= session.created_at));
        let kept = kept.ok_or_else(required)?;
        if now.since(session.seen_at) >= NOTED {
            sessions.seen(token.digest(), now).await.map_err(storage)?;
        }
        Ok(Caller::new(&kept, session, &token))
    }

    /// Ends the session of a token that is about to be replaced by another, whosever it is. One
    /// that is not there is as good.
    ///
    /// # Errors
    /// What storage says.
    pub async fn leave(&self, token: &str) -> Result<(), Refusal> {
        let Some(token) = Token::parse(token) else { return Ok(()) };
        let session = self.0.storage.operators.session(token.digest()).await.map_err(storage)?;
        match session {
            Some(session) => {
                self.end_sessions(session.operator, Ended::One(session.id)).await.map(|_| ())
            }
            None => Ok(()),
        }
    }

    /// An operator's sessions that are still good, the newest first.
    ///
    /// # Errors
    /// What storage says.
    pub async fn sessions(&self, operator: Uuid, asks: Uuid) -> Result<Vec<Shown>, Refusal> {
        let now = self.now();
        let all = self.0.storage.operators.sessions(operator).await.map_err(storage)?;
        let shown = all.into_iter().filter(|it| good(it, now)).map(|it| Shown {
            id: RecordId(it.id),
            current: it.id == asks,
            address: it.address,
            agent: it.agent,
            created_at: it.created_at,
            seen_at: it.seen_at,
            ends_at: it.ends_at,
        });
        Ok(shown.collect())
    }

    /// Ends sessions of an operator. Returns how many there were.
    ///
    /// # Errors
    /// What storage says.
    pub async fn end_sessions(&self, operator: Uuid, ended: Ended) -> Result<usize, Refusal> {
        self.0.storage.operators.end(operator, ended).await.map_err(storage)
    }
}

pub(super) fn opened(operator: Uuid, from: From, now: Micros) -> OperatorSession {
    let mut agent: String = from.agent.chars().filter(|char| !char.is_control()).collect();
    agent.truncate(agent.floor_char_boundary(AGENT_BYTES));
    OperatorSession {
        id: random::uuid(now),
        operator,
        address: from.address.to_string(),
        agent,
        created_at: now,
        seen_at: now,
        proven_at: now,
        ends_at: now.after(LIFE),
    }
}

fn good(session: &OperatorSession, now: Micros) -> bool {
    now < session.ends_at && now < session.seen_at.after(IDLE)
}

pub(super) fn required() -> Refusal {
    Refusal::new(OperatorCode::LoginRequired, "log in first, or again")
}
