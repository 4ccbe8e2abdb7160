//! Claims on purchases: whose each is and how it stands, on the shard of its digest.

mod decide;
mod lists;
mod mark;

pub(super) use decide::{Frees, Hears, Word};
pub(super) use lists::{Held, Left, Looks};
pub(super) use mark::{followed, followed_later};

use mysql_async::{Conn, Row, Value};
use protocol::ids::MemberId;

use super::bought;
use super::taken::{Keyed, look};
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::identity::{Digest, shard_of};
use crate::mariadb::fault::Fault;
use crate::mariadb::router::{ReadSet, Shard};
use crate::mariadb::rows::{cell, digest, flag, id, moment, optional_word, uuid, word};
use crate::purchases::claim::{Claim, Hold, Stand};

const TABLE: &str = "purchase_claim";
const COLUMNS: &str = "claim, app, store, environment, store_key, facts, product, grants, \
    purchase, owner, stand, refunded_bp, hold, told_at, settled, webhook, granted_at, look_at, \
    version, pending, created_at, changed_at";
/// What changes of a claim that is there. One that rests is finished at once when newer word comes;
/// that asks which version was there, so it stands before the version.
const UPDATE: &str = "finish_at = IF(VALUES(version) > version, 0, finish_at), facts = VALUES(facts), product = VALUES(product), grants = VALUES(grants), \
    owner = VALUES(owner), stand = VALUES(stand), refunded_bp = VALUES(refunded_bp), \
    hold = VALUES(hold), told_at = VALUES(told_at), settled = VALUES(settled), \
    webhook = VALUES(webhook), granted_at = VALUES(granted_at), look_at = VALUES(look_at), \
    version = VALUES(version), pending = VALUES(pending), changed_at = VALUES(changed_at)";

fn shard(claim: &Digest) -> Shard {
    shard_of(claim).cast_signed()
}

fn row(key: &Digest, claim: &Claim) -> Vec<Value> {
    let bought = bought::values(&claim.key, &claim.facts, claim.product.as_ref(), &claim.grants);
    let mut row = vec![digest(key)];
    row.extend(bought);
    row.extend([
        id(claim.id),
        claim.owner.map(MemberId::number).into(),
        claim.stand.word().into(),
        claim.refunded_bp.into(),
        claim.hold.map(Hold::word).into(),
        claim.told_at.0.into(),
        i64::from(claim.settled).into(),
        i64::from(claim.webhook).into(),
        claim.granted_at.map(|at| at.0).into(),
        claim.look_at.map(|at| at.0).into(),
        claim.version.into(),
        i64::from(claim.pending).into(),
        claim.created_at.0.into(),
        claim.changed_at.0.into(),
    ]);
    row
}

impl Keyed for Claim {
    const TABLE: &'static str = TABLE;
    const COLUMNS: &'static str = COLUMNS;

    fn read(_key: Digest, row: &mut Row) -> Result<Self> {
        let bought = bought::read(row, 1, TABLE)?;
        let owner: Option<i64> = cell(row, 9, "purchase_claim.owner")?;
        let corrupt = |_| StorageError::Corrupt("purchase_claim.owner".to_owned());
        Ok(Self {
            key: bought.key,
            id: uuid(row, 8, "purchase_claim.purchase")?,
            facts: bought.facts,
            product: bought.product,
            grants: bought.grants,
            owner: owner.map(MemberId::from_number).transpose().map_err(corrupt)?,
            stand: word(row, 10, "purchase_claim.stand", Stand::parse)?,
            refunded_bp: cell(row, 11, "purchase_claim.refunded_bp")?,
            hold: optional_word(row, 12, "purchase_claim.hold", Hold::parse)?,
            told_at: Micros(cell(row, 13, "purchase_claim.told_at")?),
            settled: flag(row, 14, "purchase_claim.settled")?,
            webhook: flag(row, 15, "purchase_claim.webhook")?,
            granted_at: moment(row, 16, "purchase_claim.granted_at")?,
            look_at: moment(row, 17, "purchase_claim.look_at")?,
            version: cell(row, 18, "purchase_claim.version")?,
            pending: flag(row, 19, "purchase_claim.pending")?,
            created_at: Micros(cell(row, 20, "purchase_claim.created_at")?),
            changed_at: Micros(cell(row, 21, "purchase_claim.changed_at")?),
        })
    }
}

/// Finds claims.
pub(super) struct Find;

impl ReadSet for Find {
    type Item = Digest;
    type Answer = Option<Claim>;

    fn shard(claim: &Digest) -> Shard {
        shard(claim)
    }

    async fn read(
        claims: &[&Digest],
        connection: &mut Conn,
    ) -> Result<Vec<Result<Option<Claim>>>, Fault> {
        let found = look::<Claim>(connection, claims.iter().map(|claim| **claim)).await?;
        Ok(claims.iter().map(|claim| found.get(*claim).cloned().transpose()).collect())
    }
}
