//! Accounts: made, changed and taken away, by other operators or by command.

use protocol::error::{ErrorBody, ErrorCode};
use protocol::operators::refusal::{OperatorCode, Refusal};
use protocol::operators::{Enrolled, NewOperator, Operator, OperatorChange};
use storage::audit::{Act, Actor};
use storage::documents::{Change, Changed, Kind, Sealed as Part, SentKey, Upon, Whose, Write};
use storage::operators::Ended;
use uuid::Uuid;

use super::account::{Account, Kept, Sealed};
use super::login::told;
use super::owners::Fell;
use super::{Caller, Operators, TRIES, actor, missing, passwords, storage, totp};
use crate::{fault, random};

/// How many operators are read at once.
pub(super) const PAGE: usize = 200;

/// On whose behalf an account is changed.
#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// Whoever runs the program's commands, who has the databases anyway.
    Command,
    /// An operator, who gives and takes only what he has.
    Operator(&'a Caller),
}

impl By<'_> {
    fn actor(self) -> Actor {
        match self {
            Self::Command => Actor::Command,
            Self::Operator(caller) => actor(caller.id),
        }
    }

    fn covers(self, account: &Account) -> Result<(), Refusal> {
        match self {
            Self::Command => Ok(()),
            Self::Operator(caller) if caller.account.covers(account) => Ok(()),
            Self::Operator(_) => {
                let message = "this would give or take rights that you do not have";
                Err(Refusal::new(OperatorCode::Forbidden, message))
            }
        }
    }
}

/// What becomes of an account.
struct Deed {
    what: &'static str,
    account: Account,
    sealed: Part,
    key: Option<SentKey>,
    /// Who has to be left for it.
    upon: Option<Upon>,
}

impl Operators {
    /// Makes an account. A request that is repeated under its key finds what it made.
    ///
    /// # Errors
    /// `body.invalid`, `operator.forbidden`, `document.exists`, `op.key_reused`, or what storage
    /// says.
    pub async fn create(
        &self,
        by: By<'_>,
        new: &NewOperator,
        key: Option<SentKey>,
    ) -> Result<Enrolled, Refusal> {
        let NewOperator { name, roles, grants, password } = new.clone();
        let account = Account { name, roles, grants, disabled: false };
        account.check()?;
        by.covers(&account)?;
        passwords::allowed("password", password.expose(), account.name.as_str())?;
        let password = self.0.passwords.hash(password.expose()).await?;
        let now = self.now();
        let id = random::uuid(now);
        let totp = self.0.vault.sealed(id, &totp::secret())?;
        let sealed = seal(&Sealed { password, totp, step: 0, since: now })?;
        let deed = Deed { what: "operator.create", account, sealed, key, upon: None };
        let made = self.put(by, id, None, deed).await.map_err(Fell::told)?;
        Ok(self.enrolled(&made))
    }

    /// One operator.
    ///
    /// # Errors
    /// `document.missing`, or what storage says.
    pub async fn show(&self, id: Uuid) -> Result<Operator, Refusal> {
        self.find(id).await?.map(|kept| kept.shown()).ok_or_else(missing)
    }

    /// The operator of a name.
    ///
    /// # Errors
    /// `document.missing`, or what storage says.
    pub async fn by_name(&self, name: &str) -> Result<Operator, Refusal> {
        self.named(name).await?.map(|kept| kept.shown()).ok_or_else(missing)
    }

    /// One operator, if there still is one.
    ///
    /// # Errors
    /// What storage says.
    pub async fn known(&self, id: Uuid) -> Result<Option<Operator>, Refusal> {
        Ok(self.find(id).await?.map(|kept| kept.shown()))
    }

    /// Operators behind `after`, in the order in which they were made.
    ///
    /// # Errors
    /// What storage says.
    pub async fn list(&self, after: Option<Uuid>, limit: usize) -> Result<Vec<Operator>, Refusal> {
        Ok(self.page(after, limit).await?.iter().map(Kept::shown).collect())
    }

    /// Changes name and rights, keeps out or lets in again. Of one who is kept out every session
    /// ends for good.
    ///
    /// # Errors
    /// `body.invalid`, `operator.forbidden`, `operator.last_owner`, `document.missing`,
    /// `document.stale`, `document.exists`, `op.key_reused`, or what storage says.
    pub async fn change(
        &self,
        by: By<'_>,
        (id, version): (Uuid, i64),
        change: &OperatorChange,
        key: Option<SentKey>,
    ) -> Result<Operator, Refusal> {
        for _ in 0..TRIES {
            match self.change_once(by, (id, version), change, key.clone()).await {
                Err(Fell::Overtaken) => {}
                done => return done.map_err(Fell::told),
            }
        }
        Err(fault::overloaded().into())
    }

    async fn change_once(
        &self,
        by: By<'_>,
        (id, version): (Uuid, i64),
        change: &OperatorChange,
        key: Option<SentKey>,
    ) -> Result<Operator, Fell> {
        let kept = self.find(id).await?.ok_or_else(missing)?;
        let OperatorChange { name, roles, grants, disabled } = change.clone();
        let account = Account { name, roles, grants, disabled };
        account.check()?;
        by.covers(&kept.account)?;
        by.covers(&account)?;
        let upon = if account.is_owner() { None } else { self.who_is_left(by, &kept).await? };
        let (what, version) = ("operator.change", kept.no_later(version));
        let kept_out = account.disabled && !kept.account.disabled;
        let done = match kept.sealed.filter(|_| kept_out) {
            Some(sealed) => {
                let sealed = seal(&Sealed { since: self.now(), ..sealed })?;
                self.reset(by, (id, version), Deed { what, account, sealed, key, upon }).await?
            }
            None => {
                let deed = Deed { what, account, sealed: Part::Keep, key, upon };
                self.put(by, id, Some(version), deed).await?
            }
        };
        Ok(done.shown())
    }

    /// Gives a new password. Every session ends.
    ///
    /// # Errors
    /// As [`Operators::change`].
    pub async fn set_password(
        &self,
        by: By<'_>,
        (id, version): (Uuid, i64),
        password: &str,
        key: Option<SentKey>,
    ) -> Result<Operator, Refusal> {
        let kept = self.find(id).await?.ok_or_else(missing)?;
        by.covers(&kept.account)?;
        passwords::allowed("password", password, kept.account.name.as_str())?;
        let password = self.0.passwords.hash(password).await?;
        let sealed = kept.sealed.clone().ok_or_else(missing)?;
        let sealed = seal(&Sealed { password, since: self.now(), ..sealed })?;
        let account = kept.account.clone();
        let deed = Deed { what: "operator.password", account, sealed, key, upon: None };
        let done = self.reset(by, (id, kept.no_later(version)), deed).await;
        done.map(|kept| kept.shown()).map_err(Fell::told)
    }

    /// Gives a new second factor. Every session ends.
    ///
    /// # Errors
    /// As [`Operators::change`].
    pub async fn set_totp(
        &self,
        by: By<'_>,
        (id, version): (Uuid, i64),
        key: Option<SentKey>,
    ) -> Result<Enrolled, Refusal> {
        let kept = self.find(id).await?.ok_or_else(missing)?;
        by.covers(&kept.account)?;
        let sealed = kept.sealed.clone().ok_or_else(missing)?;
        let totp = self.0.vault.sealed(id, &totp::secret())?;
        let sealed = seal(&Sealed { totp, step: 0, since: self.now(), ..sealed })?;
        let account = kept.account.clone();
        let deed = Deed { what: "operator.totp", account, sealed, key, upon: None };
        let done = self.reset(by, (id, kept.no_later(version)), deed).await;
        done.map(|kept| self.enrolled(&kept)).map_err(Fell::told)
    }

    /// Takes an account away. Every session ends.
    ///
    /// # Errors
    /// As [`Operators::change`].
    pub async fn remove(
        &self,
        by: By<'_>,
        (id, version): (Uuid, i64),
        key: Option<SentKey>,
    ) -> Result<(), Refusal> {
        for _ in 0..TRIES {
            match self.remove_once(by, (id, version), key.clone()).await {
                Err(Fell::Overtaken) => {}
                done => return done.map_err(Fell::told),
            }
        }
        Err(fault::overloaded().into())
    }

    async fn remove_once(
        &self,
        by: By<'_>,
        (id, version): (Uuid, i64),
        key: Option<SentKey>,
    ) -> Result<(), Fell> {
        // Of one that is not there nothing was looked at: no version of it is taken away.
        let (mut expected, mut upon) = (0, None);
        if let Some(kept) = self.find(id).await? {
            by.covers(&kept.account)?;
            upon = self.who_is_left(by, &kept).await?;
            expected = kept.no_later(version);
        }
        let change = Change {
            kind: Kind::Operator,
            id,
            app: None,
            handle: None,
            expected: Some(expected),
            write: Write::Remove,
            by: by.actor(),
            key,
            what: "operator.remove",
            now: self.now(),
        };
        self.written(change, upon).await?;
        self.end_sessions(id, Ended::All).await?;
        Ok(())
    }

    /// Ends every session of an operator, and has it audited. Returns how many there were.
    ///
    /// # Errors
    /// `operator.forbidden`, `document.missing`, or what storage says.
    pub async fn send_away(&self, by: By<'_>, id: Uuid) -> Result<usize, Refusal> {
        let kept = self.find(id).await?.ok_or_else(missing)?;
        by.covers(&kept.account)?;
        let ended = self.end_sessions(id, Ended::All).await?;
        let now = self.now();
        let act = Act {
            id: random::uuid(now),
            at: now,
            by: by.actor(),
            what: "operator.send_away".to_owned(),
            kind: Some(Kind::Operator),
            of: Some(id),
            app: None,
            before: None,
            after: Some(serde_json::json!({ "ended": ended }).to_string()),
            sealed_changed: false,
            key: None,
        };
        self.0.storage.audit.append(act).await.map_err(storage)?;
        Ok(ended)
    }

    /// What was opened before counts no more, and is not kept either.
    async fn reset(
        &self,
        by: By<'_>,
        (id, version): (Uuid, i64),
        deed: Deed,
    ) -> Result<Kept, Fell> {
        let kept = self.put(by, id, Some(version), deed).await?;
        self.end_sessions(id, Ended::All).await?;
        Ok(kept)
    }

    async fn put(
        &self,
        by: By<'_>,
        id: Uuid,
        expected: Option<i64>,
        deed: Deed,
    ) -> Result<Kept, Fell> {
        let Deed { what, account, sealed, key, upon } = deed;
        let body = serde_json::to_string(&account).map_err(|error| told(&error))?;
        let handle = Some(account.name.handle());
        let write = Write::Put { body, sealed };
        let (by, now) = (by.actor(), self.now());
        let kind = Kind::Operator;
        let change = Change { kind, id, app: None, handle, expected, write, by, key, what, now };
        self.written(change, upon).await
    }

    async fn written(&self, change: Change, upon: Option<Upon>) -> Result<Kept, Fell> {
        let shown = |document| {
            Kept::read(document)
                .map(|kept| serde_json::to_value(kept.shown()).unwrap_or_default())
                .map_err(storage)
        };
        let (documents, id) = (&self.0.storage.documents, change.id);
        let changed = match upon {
            Some(upon) => documents.change_upon(change, upon).await,
            None => documents.change(change).await,
        };
        match changed.map_err(storage)? {
            Changed::Written(document) | Changed::Repeated(document) => {
                Ok(Kept::read(document).map_err(storage)?)
            }
            Changed::KeyReused => {
                let message = "this Idempotency-Key came with another request before";
                Err(ErrorBody::new(ErrorCode::OpKeyReused, message).into())
            }
            Changed::Stale(document) if document.id != id => Err(Fell::Overtaken),
            Changed::Stale(document) => {
                let message = "the operator was changed meanwhile";
                Err(Refusal::new(OperatorCode::Stale, message).with(shown(document)?).into())
            }
            Changed::Exists(document) => {
                let message = "an operator of this name is there";
                Err(Refusal::new(OperatorCode::Exists, message).with(shown(document)?).into())
            }
            Changed::Missing => Err(missing().into()),
        }
    }

    /// What is shown of a second factor that was just made. One that was used is shown no more.
    fn enrolled(&self, kept: &Kept) -> Enrolled {
        let fresh = kept.sealed.as_ref().filter(|sealed| sealed.step == 0);
        let secret = fresh.and_then(|it| self.0.vault.opened(kept.document.id, &it.totp));
        let uri = secret.as_deref().map(|secret| totp::uri(kept.account.name.as_str(), secret));
        Enrolled { operator: kept.shown(), totp_secret: secret, totp_uri: uri }
    }

    pub(super) async fn page(
        &self,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Kept>, Refusal> {
        let documents = &self.0.storage.documents;
        let page = documents.list(Kind::Operator, Whose::Publishers, after, limit).await;
        let page = page.and_then(|page| page.into_iter().map(Kept::read).collect());
        page.map_err(storage)
    }
}

fn seal(sealed: &Sealed) -> Result<Part, Refusal> {
    serde_json::to_vec(sealed).map(Part::Set).map_err(|error| told(&error).into())
}
