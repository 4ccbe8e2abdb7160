//! Identities in MariaDB: claimed on the shard of their digest, used on their member's.
//!
//! A login goes in steps, each of many logins at once and each a transaction of its own:
//! 1. Read the claims. Who may not log in is told so, and nothing was written.
//! 2. Use up the nonces, each on the shard of its digest.
//! 3. Claim the identities that nobody has, with the drawn member ids.
//! 4. On the members' shards: make the members that are new, write the logins.
//! 5. Mark the claims as done. Nobody waits for that: a claim that stays pending is finished
//!    by whoever meets it, which is step 4 again.
//!
//! What ends between two of them gives back what the steps before took.

pub(super) mod claims;
mod enter;
mod nonces;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use mysql_async::{Conn, Row};
use protocol::ids::{AppId, MemberId};

use super::MariaDb;
use super::fault::Fault;
use super::members::shard;
use super::router::{ReadSet, Router, Shard, one};
use super::rows::{cell, peek, select_in};
use super::tx::Locks;
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::identity::{Digest, Identity, IdentityDuty, LoginOutcome, LoginWrite, Proof};
use claims::{Claim, Claims, Find};
use enter::{Enter, Entered, Entry};
use nonces::{Nonce, Release, Use};

#[async_trait]
impl IdentityDuty for MariaDb {
    async fn login(&self, write: LoginWrite) -> Result<LoginOutcome> {
        one(log_in(&self.router, vec![write], Locks::Wait).await)
    }

    async fn login_all(&self, writes: Vec<LoginWrite>) -> Vec<Result<LoginOutcome>> {
        log_in(&self.router, writes, Locks::Skip).await
    }

    async fn identities(&self, app: AppId, member: MemberId) -> Result<Vec<Identity>> {
        self.router.read_one::<OfMember>((app, member)).await
    }

    async fn identities_all(&self, asked: Vec<(AppId, MemberId)>) -> Vec<Result<Vec<Identity>>> {
        self.router.read::<OfMember>(&asked).await
    }
}

/// One login on its way.
struct Walk {
    write: LoginWrite,
    identity: Digest,
    claim: Option<Claim>,
    /// Whether the nonce was used up by this login.
    nonce: bool,
    outcome: Option<Result<LoginOutcome>>,
}

impl Walk {
    fn new(write: LoginWrite) -> Self {
        let identity = write.key.digest();
        Self { write, identity, claim: None, nonce: false, outcome: None }
    }

    fn nonce(&self) -> Option<Nonce> {
        let (nonce, expires_at) = self.write.nonce?;
        let app = self.write.key.app.clone();
        Some(Nonce { nonce, app, attempt: self.write.login.id, expires_at })
    }

    /// Whether the proof is good for what is known of the identity.
    fn allowed(&self) -> bool {
        match (&self.claim, &self.write.proof) {
            (Some(claim), Proof::Secret(shown)) => claim.secret.as_ref() == Some(shown),
            (Some(_), Proof::Vouched) | (None, Proof::Vouched | Proof::NewSecret(_)) => true,
            // A claim of this very login: the identity is new.
            (Some(claim), Proof::NewSecret(secret)) => {
                claim.attempt == self.write.login.id && claim.secret.as_ref() == Some(secret)
            }
            (None, Proof::Secret(_)) => false,
        }
    }

    fn judge(&mut self) {
        if !self.allowed() {
            self.outcome = Some(Ok(LoginOutcome::Refused));
        }
    }
}

/// The steps of a login, each a transaction of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is known whose the identity is.
    Found,
    /// The nonce is used up.
    NonceUsed,
    /// The identity is claimed.
    Claimed,
    /// The member's rows are written.
    Entered,
}

impl Step {
    /// All of them, in order.
    pub(super) const ALL: [Self; 4] = [Self::Found, Self::NonceUsed, Self::Claimed, Self::Entered];

    async fn go(self, router: &Router, walks: &mut [Walk], locks: Locks) {
        match self {
            Self::Found => find(router, walks).await,
            Self::NonceUsed => use_nonces(router, walks, locks).await,
            Self::Claimed => claim(router, walks, locks).await,
            Self::Entered => enter(router, walks, locks).await,
        }
    }
}

impl MariaDb {
    /// A login whose process is killed after a step.
    #[cfg(test)]
    pub(super) async fn log_in_until(&self, write: LoginWrite, last: Step) {
        let mut walks = [Walk::new(write)];
        for step in Step::ALL {
            step.go(&self.router, &mut walks, Locks::Wait).await;
            if step == last {
                return;
            }
        }
    }
}

/// Logs people in, each with an outcome of its own, in their order.
pub(super) async fn log_in(
    router: &Arc<Router>,
    writes: Vec<LoginWrite>,
    locks: Locks,
) -> Vec<Result<LoginOutcome>> {
    let mut walks: Vec<Walk> = writes.into_iter().map(Walk::new).collect();
    for step in Step::ALL {
        step.go(router, &mut walks, locks).await;
    }
    close(router, &walks).await;
    let lost = || Err(StorageError::Corrupt("a login came to no end".to_owned()));
    walks.into_iter().map(|walk| walk.outcome.unwrap_or_else(lost)).collect()
}

/// The walks that go on and fulfil something.
fn going<'a>(
    walks: &'a mut [Walk],
    and: impl Fn(&Walk) -> bool + 'a,
) -> impl Iterator<Item = &'a mut Walk> {
    walks.iter_mut().filter(move |walk| walk.outcome.is_none() && and(walk))
}

async fn find(router: &Router, walks: &mut [Walk]) {
    let identities: Vec<Digest> = walks.iter().map(|walk| walk.identity).collect();
    let found = router.read::<Find>(&identities).await;
    for (walk, found) in walks.iter_mut().zip(found) {
        match found {
            Ok(claim) => {
                walk.claim = claim;
                walk.judge();
            }
            Err(error) => walk.outcome = Some(Err(error)),
        }
    }
}

async fn use_nonces(router: &Router, walks: &mut [Walk], locks: Locks) {
    let with = |walk: &Walk| walk.write.nonce.is_some();
    let nonces: Vec<Nonce> = going(walks, with).filter_map(|walk| walk.nonce()).collect();
    let used = router.write::<Use>(&nonces, locks).await;
    for (walk, used) in going(walks, with).zip(used) {
        match used {
            Ok(true) => walk.nonce = true,
            Ok(false) => walk.outcome = Some(Ok(LoginOutcome::NonceUsed)),
            Err(error) => walk.outcome = Some(Err(error)),
        }
    }
}

async fn claim(router: &Router, walks: &mut [Walk], locks: Locks) {
    let new = |walk: &Walk| walk.claim.is_none();
    let claims: Vec<Claim> =
        going(walks, new).map(|walk| Claim::new(&walk.write, walk.identity)).collect();
    let claimed = router.write::<Claims>(&claims, locks).await;
    for (walk, claimed) in going(walks, new).zip(claimed) {
        match claimed {
            Ok(claim) => {
                walk.claim = Some(claim);
                // It may be somebody else's who came in between.
                walk.judge();
            }
            Err(error) => walk.outcome = Some(Err(error)),
        }
    }
}

async fn enter(router: &Router, walks: &mut [Walk], locks: Locks) {
    let entries: Vec<Entry> = going(walks, |_| true)
        .filter_map(|walk| {
            let claim = walk.claim.clone()?;
            Some(Entry { claim, login: walk.write.login.clone() })
        })
        .collect();
    let entered = router.write::<Enter>(&entries, locks).await;
    for (walk, entered) in going(walks, |_| true).zip(entered) {
        walk.outcome = Some(entered.map(|entered| match entered {
            Entered::In { member, new_member, epoch, replaced } => {
                LoginOutcome::LoggedIn { member, new_member, epoch, replaced }
            }
            Entered::IdTaken => LoginOutcome::IdTaken,
            Entered::Banned { member, ban } => LoginOutcome::Banned { member, ban },
        }));
    }
}

/// Gives back what was taken for nothing, and marks what is done.
async fn close(router: &Arc<Router>, walks: &[Walk]) {
    let (mut done, mut void) = (Vec::new(), Vec::new());
    for walk in walks {
        let Some(claim) = walk.claim.clone().filter(|claim| claim.pending) else { continue };
        match &walk.outcome {
            Some(Ok(LoginOutcome::LoggedIn { .. } | LoginOutcome::Banned { .. })) => {
                done.push(claim);
            }
            Some(Ok(LoginOutcome::IdTaken)) => void.push(claim),
            Some(Ok(LoginOutcome::Refused | LoginOutcome::NonceUsed) | Err(_)) | None => {}
        }
    }
    claims::void(router, void).await;
    give_back(router, walks).await;
    claims::done_later(router, done);
}

/// Gives back the nonces of logins that came to nothing.
async fn give_back(router: &Router, walks: &[Walk]) {
    let nothing = |walk: &&Walk| match &walk.outcome {
        // It may have come to something.
        Some(Ok(LoginOutcome::LoggedIn { .. }) | Err(StorageError::OutcomeUnknown)) => false,
        Some(_) | None => walk.nonce,
    };
    let nonces: Vec<Nonce> = walks.iter().filter(nothing).filter_map(Walk::nonce).collect();
    for given in router.write::<Release>(&nonces, Locks::Wait).await {
        if let Err(error) = given {
            // Its client asks for another one.
            tracing::warn!(%error, "a nonce could not be given back");
        }
    }
}

pub(super) struct OfMember;

impl ReadSet for OfMember {
    type Item = (AppId, MemberId);
    type Answer = Vec<Identity>;

    fn shard((_, member): &Self::Item) -> Shard {
        shard(*member)
    }

    async fn read(
        items: &[&Self::Item],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Vec<Identity>>>, Fault> {
        let select = "SELECT provider, linked_at, last_login_at, member, app FROM identity \
                      WHERE member";
        let keys = items.iter().map(|(_, member)| member.number().into()).collect();
        let rows = select_in(connection, select, keys, "ORDER BY linked_at, provider").await?;
        let mut found: HashMap<(i64, String), Vec<Row>> = HashMap::with_capacity(items.len());
        for row in rows {
            let of = (peek(&row, 3, "identity.member")?, peek(&row, 4, "identity.app")?);
            found.entry(of).or_default().push(row);
        }
        let answer = |(app, member): &&Self::Item| {
            let rows = found.get(&(member.number(), app.as_str().to_owned()));
            rows.into_iter().flatten().cloned().map(identity).collect()
        };
        Ok(items.iter().map(answer).collect())
    }
}

fn identity(mut row: Row) -> Result<Identity> {
    Ok(Identity {
        provider: cell(&mut row, 0, "identity.provider")?,
        linked_at: Micros(cell(&mut row, 1, "identity.linked_at")?),
        last_login_at: Micros(cell(&mut row, 2, "identity.last_login_at")?),
    })
}
