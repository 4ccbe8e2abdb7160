//! The owner's rows follow a claim: purchase, ledger, wallet, inbox, outbox and the evidence that
//! the owner showed, in one transaction under the member's lock.

use std::collections::HashMap;

use mysql_async::Value;
use protocol::ids::MemberId;
use protocol::purchases::Grant;
use uuid::Uuid;

use super::{evidence, owned, settle};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::identity::Digest;
use crate::mariadb::fault::Fault;
use crate::mariadb::members::shard;
use crate::mariadb::outbox::Notices;
use crate::mariadb::push;
use crate::mariadb::router::{Shard, WriteSet};
use crate::mariadb::rows::upsert;
use crate::mariadb::sessions::lock::{Held, Taken, lock, save};
use crate::mariadb::tx::Tx;
use crate::mariadb::wallet::{Balances, Entries, Entry};
use crate::purchases::owned::{Following, follow, notice};
use crate::purchases::{Claim, Purchase, Settle};
use crate::wallet::Cause;

/// A claim that has an owner.
pub(super) struct Follow {
    pub(super) owner: MemberId,
    pub(super) claim: Claim,
    /// The evidence that the owner showed, to be closed.
    pub(super) evidence: Option<Digest>,
    pub(super) now: Micros,
}

/// How the owner's rows stand now.
pub(super) struct Followed {
    pub(super) purchase: Purchase,
    /// The highest number in the owner's inbox if this wrote to it.
    pub(super) pushed: Option<u64>,
}

pub(super) struct Follows;

impl WriteSet for Follows {
    const NAME: &'static str = "purchases.follow";
    type Item = Follow;
    type Answer = Followed;
    /// Several purchases of a member are written together, one after the other.
    type Key = (MemberId, Uuid);

    fn shard(follow: &Follow) -> Shard {
        shard(follow.owner)
    }

    fn key(follow: &Follow) -> Self::Key {
        (follow.owner, follow.claim.id)
    }

    async fn write(follows: &[&Follow], tx: &mut Tx) -> Result<Vec<Result<Followed>>, Fault> {
        let mut rows = Rows::take(tx, follows).await?;
        let plans: Vec<Result<Plan>> = follows.iter().map(|follow| rows.plan(follow)).collect();
        let mut writes = Writes::read(tx, follows, &plans).await?;
        let answers = follows
            .iter()
            .zip(plans)
            .map(|(follow, plan)| {
                let session = rows.session(follow)?;
                writes.put(follow, plan?, session)
            })
            .collect();
        writes.write(tx).await?;
        Ok(answers)
    }
}

/// The locked rows of the owners.
struct Rows {
    taken: Taken,
    purchases: owned::Found,
}

impl Rows {
    async fn take(tx: &mut Tx, follows: &[&Follow]) -> Result<Self, Fault> {
        let taken = lock(tx, follows.iter().map(|follow| follow.owner)).await?;
        let ours = follows.iter().filter(|follow| taken.held.contains_key(&follow.owner));
        let ours = ours.map(|follow| (follow.owner, follow.claim.id));
        Ok(Self { purchases: owned::take(tx, ours).await?, taken })
    }

    fn session(&mut self, follow: &Follow) -> Result<&mut Held> {
        let session = self.taken.of(&follow.claim.key.app, follow.owner)?;
        session.ok_or_else(|| {
            StorageError::Corrupt(format!("a purchase names the absent member {}", follow.owner))
        })
    }

    fn plan(&mut self, of: &Follow) -> Result<Plan> {
        self.session(of)?;
        let found = self.purchases.of((of.owner, of.claim.id))?;
        match (follow(found.as_ref(), &of.claim), found) {
            (Some(following), _) => Ok(Plan::Follow(Box::new(following))),
            (None, Some(purchase)) => Ok(Plan::There(Box::new(purchase))),
            (None, None) => Err(owned::absent(of.owner, of.claim.id)),
        }
    }
}

/// What is to be done.
enum Plan {
    /// The rows follow.
    Follow(Box<Following>),
    /// They have followed.
    There(Box<Purchase>),
}

impl Plan {
    fn following(&self) -> Option<&Following> {
        match self {
            Self::Follow(following) => Some(following),
            Self::There(_) => None,
        }
    }
}

/// What is to be written, all of it together.
struct Writes {
    balances: Balances,
    purchases: Vec<Vec<Value>>,
    entries: Entries,
    pushes: Vec<Vec<Value>>,
    notices: Notices,
    /// Evidence, and the claim that it led to.
    evidence: Vec<(Digest, Digest)>,
    /// Lock rows that changed.
    sessions: HashMap<MemberId, Held>,
    now: Micros,
}

impl Writes {
    async fn read(tx: &mut Tx, follows: &[&Follow], plans: &[Result<Plan>]) -> Result<Self, Fault> {
        let (mut moved, mut told) = (Vec::new(), Vec::new());
        for (of, plan) in follows.iter().zip(plans) {
            let Some(following) = plan.as_ref().ok().and_then(Plan::following) else { continue };
            if let Some((_, lines)) = &following.transfer {
                moved.extend(lines.iter().map(|line| (of.owner, line.item.clone())));
            }
            told.extend(following.event.map(|_| of.owner));
        }
        let balances = Balances::take(tx, moved.into_iter()).await?;
        let notices = Notices::read(tx, told.into_iter()).await?;
        let now = follows.iter().map(|of| of.now).max().unwrap_or(Micros(0));
        Ok(Self {
            balances,
            purchases: Vec::new(),
            entries: Entries::default(),
            pushes: Vec::new(),
            notices,
            evidence: Vec::new(),
            sessions: HashMap::new(),
            now,
        })
    }

    fn put(&mut self, of: &Follow, plan: Plan, session: &mut Held) -> Result<Followed> {
        let (followed, claim) = match plan {
            Plan::There(purchase) => {
                let claim = purchase.key.digest();
                (Followed { purchase: *purchase, pushed: None }, claim)
            }
            Plan::Follow(following) => {
                let claim = following.purchase.key.digest();
                let pushed = self.follow(of, &following, session)?;
                (Followed { purchase: following.purchase, pushed }, claim)
            }
        };
        self.evidence.extend(of.evidence.map(|evidence| (evidence, claim)));
        Ok(followed)
    }

    /// Nothing is written of one that fails here.
    fn follow(
        &mut self,
        of: &Follow,
        following: &Following,
        session: &mut Held,
    ) -> Result<Option<u64>> {
        let app = &of.claim.key.app;
        let mut balances: Vec<Grant> = Vec::new();
        if let Some((transfer, lines)) = &following.transfer {
            balances = self.balances.after(of.owner, lines)?;
            self.entries.put(&Entry {
                member: of.owner,
                id: *transfer,
                cause: Cause::Purchase,
                lines,
                balances: &balances,
                purchase: Some(following.purchase.id),
                note: None,
                at: of.now,
            })?;
            self.balances.set(app, of.owner, &balances);
        }
        self.purchases.push(row(following, of.now));
        if let Some(event) = following.event {
            let (id, body) = notice(&following.purchase, event, of.now);
            self.notices.put(app, of.owner, id, event.word(), body, of.now);
        }
        let pushes = following.pushes(balances, of.now);
        let kept = push::number(session, &pushes, of.now, &mut self.pushes);
        if !kept.is_empty() {
            self.sessions.insert(of.owner, session.clone());
        }
        Ok(kept.last().map(|push| push.seq))
    }

    async fn write(self, tx: &mut Tx) -> Result<(), Fault> {
        upsert(tx, INTO, self.purchases, UPDATE).await?;
        self.entries.write(tx).await?;
        self.balances.write(tx).await?;
        push::write(tx, self.pushes).await?;
        self.notices.write(tx).await?;
        evidence::done(tx, &self.evidence, self.now).await?;
        save(tx, self.sessions.into_values()).await
    }
}

const INTO: &str = "purchase (member, purchase, app, store, environment, store_key, facts, \
    product, grants, stand, refunded_bp, version, consumed_at, created_at, changed_at, claim, \
    settle, settle_at, settle_tries)";
/// One that is told, or was, that a purchase is used up knows of the grant. `settle` comes last,
/// for what stands before it asks what it was.
const UPDATE: &str = "facts = VALUES(facts), product = VALUES(product), \
    grants = VALUES(grants), stand = VALUES(stand), refunded_bp = VALUES(refunded_bp), \
    version = VALUES(version), changed_at = VALUES(changed_at), \
    settle_at = IF(settle <=> 'consume', settle_at, COALESCE(VALUES(settle_at), settle_at)), \
    settle_tries = IF(VALUES(settle) IS NULL OR settle <=> 'consume', settle_tries, 0), \
    settle_why = IF(VALUES(settle) IS NULL OR settle <=> 'consume', settle_why, NULL), \
    settle = IF(settle <=> 'consume', settle, COALESCE(VALUES(settle), settle))";

fn row(following: &Following, now: Micros) -> Vec<Value> {
    let mut row = owned::values(&following.purchase);
    let told = following.settle.then_some(settle::word(Settle::Acknowledge));
    row.extend([
        owned::claim(&following.purchase),
        told.into(),
        told.map(|_| now.0).into(),
        0.into(),
    ]);
    row
}
