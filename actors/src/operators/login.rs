//! How an operator logs in, and shows again that it is him.

use std::time::Duration;

use protocol::error::ErrorBody;
use protocol::operators::refusal::{OperatorCode, Refusal};
use protocol::operators::{LoginRequest, OwnPasswordRequest};
use storage::audit::Actor;
use storage::clock::Micros;
use storage::documents::{Change, Changed, Kind, Sealed as Part, Write};
use storage::operators::Ended;

use super::account::{Kept, Sealed};
use super::passwords::{self, NOBODYS};
use super::sessions::Token;
use super::{Caller, From, Operators, PROVEN, TRIES, actor, storage, totp};
use crate::fault;

/// A secret of nobody's, for a name that nobody has.
const NO_SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A session that was opened.
pub struct Entered {
    /// What the cookie has. Nothing here keeps it.
    pub token: String,
    /// Who came in.
    pub caller: Caller,
}

impl Operators {
    /// Logs in. Whether the name, the password or the code was wrong, the answer is the same, and
    /// so is the work.
    ///
    /// # Errors
    /// `operator.login_refused`, `operator.login_paused`, or what storage says.
    pub async fn login(&self, request: &LoginRequest, from: From) -> Result<Entered, Refusal> {
        let attempt = self.0.pauses.begin(&request.name, from.address, self.now());
        let attempt = attempt.map_err(paused)?;
        match self.proven(request).await {
            Ok(Some(kept)) => {
                self.0.pauses.right(attempt, self.now());
                metrics::counter!("daemun_operator_logins_total", "end" => "in").increment(1);
                self.open(kept, from).await
            }
            Ok(None) => {
                metrics::counter!("daemun_operator_logins_total", "end" => "refused").increment(1);
                tracing::warn!("a login of an operator is refused");
                let message = "the name, the password or the code is not right";
                Err(Refusal::new(OperatorCode::LoginRefused, message))
            }
            Err(error) => {
                self.0.pauses.undecided(attempt, self.now());
                Err(error)
            }
        }
    }

    /// Takes a fresh code of who is logged in, for grave acts. Returns until when it is good. Who
    /// guesses waits, in this session alone.
    ///
    /// # Errors
    /// `operator.proof_refused`, `operator.login_paused`, or what storage says.
    pub async fn prove(&self, caller: &Caller, code: &str) -> Result<Micros, Refusal> {
        let attempt = self.0.pauses.within(caller.session.id, self.now()).map_err(paused)?;
        let used = match self.find(caller.id).await {
            Ok(Some(kept)) => self.use_code(kept, code, "operator.prove", |_| true).await,
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        match used {
            Ok(Some(_)) => self.0.pauses.right(attempt, self.now()),
            Ok(None) => {
                let message = "the code is not right, or was shown before";
                return Err(Refusal::new(OperatorCode::ProofRefused, message));
            }
            Err(error) => {
                self.0.pauses.undecided(attempt, self.now());
                return Err(error);
            }
        }
        let now = self.now();
        if self.0.storage.operators.proven(caller.token, now).await.map_err(storage)? {
            return Ok(now.after(PROVEN));
        }
        Err(super::sessions::required())
    }

    /// Changes one's own password. Every other session of one's own ends. Who guesses the present
    /// one waits, in this session alone.
    ///
    /// # Errors
    /// `operator.login_refused` for a wrong present one, `body.invalid`, `operator.login_paused`,
    /// or what storage says.
    pub async fn change_password(
        &self,
        caller: &Caller,
        request: &OwnPasswordRequest,
    ) -> Result<(), Refusal> {
        let name = caller.account.name.as_str();
        passwords::allowed("new_password", request.new_password.expose(), name)?;
        let attempt = self.0.pauses.within(caller.session.id, self.now()).map_err(paused)?;
        match self.put_password(caller, request).await {
            Ok(true) => self.0.pauses.right(attempt, self.now()),
            Ok(false) => {
                let message = "the present password is not right";
                return Err(Refusal::new(OperatorCode::LoginRefused, message));
            }
            Err(error) => {
                self.0.pauses.undecided(attempt, self.now());
                return Err(error);
            }
        }
        let others = Ended::Others(caller.session.id);
        self.0.storage.operators.end(caller.id, others).await.map(|_| ()).map_err(storage)
    }

    async fn put_password(
        &self,
        caller: &Caller,
        request: &OwnPasswordRequest,
    ) -> Result<bool, Refusal> {
        let queued = self.0.passwords.queue()?;
        let Some(mut kept) = self.find(caller.id).await? else { return Ok(false) };
        let Some(sealed) = kept.sealed.clone() else { return Ok(false) };
        if !queued.is(request.password.expose(), &sealed.password).await? {
            return Ok(false);
        }
        let password = self.0.passwords.hash(request.new_password.expose()).await?;
        for _ in 0..TRIES {
            // Somebody else may have given a new one meanwhile.
            let Some(now) = kept.sealed.clone().filter(|now| now.password == sealed.password)
            else {
                return Ok(false);
            };
            let new = Sealed { password: password.clone(), ..now };
            match self.seal(&kept, &new, actor(caller.id), "operator.password").await? {
                Some(stands) => kept = stands,
                None => return Ok(true),
            }
        }
        Err(fault::overloaded().into())
    }

    /// The account, if name, password and code are its own.
    async fn proven(&self, request: &LoginRequest) -> Result<Option<Kept>, Refusal> {
        // Whoever finds no place asks storage for nothing either.
        let queued = self.0.passwords.queue()?;
        let found = self.named(&request.name).await?;
        let sealed = found.as_ref().and_then(|kept| kept.sealed.as_ref());
        let hash = sealed.map_or(NOBODYS, |sealed| &sealed.password).to_owned();
        let right = queued.is(request.password.expose(), &hash).await?;
        let code = request.totp.expose();
        match found {
            Some(kept) if right && kept.is_let_in() => {
                let still = |sealed: &Sealed| sealed.password == hash;
                self.use_code(kept, code, "operator.login", still).await
            }
            Some(_) | None => {
                // What is asked of an account is asked of none, too.
                let _ = totp::shown(NO_SECRET, code, self.now(), 0);
                Ok(None)
            }
        }
    }

    /// Uses a code up: of two who show it at once, one is let in.
    async fn use_code(
        &self,
        mut kept: Kept,
        code: &str,
        what: &'static str,
        still: impl Fn(&Sealed) -> bool,
    ) -> Result<Option<Kept>, Refusal> {
        for _ in 0..TRIES {
            let sealed = kept.sealed.clone().filter(|sealed| kept.is_let_in() && still(sealed));
            let Some(sealed) = sealed else { return Ok(None) };
            let id = kept.document.id;
            let Some(secret) = self.0.vault.opened(id, &sealed.totp) else { return Ok(None) };
            let Some(step) = totp::shown(&secret, code, self.now(), sealed.step) else {
                return Ok(None);
            };
            // Also one that was kept under another key, or under none.
            let totp = self.0.vault.renewed(id, &sealed.totp, &secret)?;
            let used = Sealed { step, totp, ..sealed };
            match self.seal(&kept, &used, actor(kept.document.id), what).await? {
                Some(stands) => kept = stands,
                None => return Ok(Some(kept)),
            }
        }
        Err(fault::overloaded().into())
    }

    /// Writes the sealed part alone. Returns what stands if another change came before.
    async fn seal(
        &self,
        kept: &Kept,
        sealed: &Sealed,
        by: Actor,
        what: &'static str,
    ) -> Result<Option<Kept>, Refusal> {
        let sealed = serde_json::to_vec(sealed).map_err(|error| told(&error))?;
        let body = kept.document.body.clone();
        let change = Change {
            kind: Kind::Operator,
            id: kept.document.id,
            app: None,
            handle: kept.document.handle.clone(),
            expected: Some(kept.document.version),
            write: Write::Put { body, sealed: Part::Set(sealed) },
            by,
            key: None,
            what,
            now: self.now(),
        };
        match self.0.storage.documents.change(change).await.map_err(storage)? {
            Changed::Written(_) => Ok(None),
            Changed::Stale(stands) => Kept::read(stands).map(Some).map_err(storage),
            Changed::Missing | Changed::Exists(_) | Changed::Repeated(_) | Changed::KeyReused => {
                Err(super::missing())
            }
        }
    }

    async fn open(&self, kept: Kept, from: From) -> Result<Entered, Refusal> {
        let token = Token::new();
        let session = super::sessions::opened(kept.document.id, from, self.now());
        let entered = self.0.storage.operators.enter(token.digest(), session.clone()).await;
        entered.map_err(storage)?;
        tracing::info!(operator = %kept.document.id, "operator {} logs in", kept.document.id);
        let caller = Caller::new(&kept, session, &token);
        Ok(Entered { token: token.text(), caller })
    }
}

fn paused(rest: Duration) -> Refusal {
    metrics::counter!("daemun_operator_logins_total", "end" => "paused").increment(1);
    let message = "too many logins failed: wait before you try again";
    let rest = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX);
    Refusal::new(OperatorCode::LoginPaused, message).after_ms(rest)
}

pub(super) fn told(error: &serde_json::Error) -> ErrorBody {
    fault::internal(&error.to_string())
}
