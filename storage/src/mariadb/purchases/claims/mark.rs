//! Claims are marked as followed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::shard;
use crate::error::Result;
use crate::identity::Digest;
use crate::mariadb::fault::Fault;
use crate::mariadb::router::{Router, Shard, WriteSet};
use crate::mariadb::rows::{digest, exec_by};
use crate::mariadb::tx::{DEADLINE, Locks, Tx};

/// Marks claims whose owners' rows have followed a version, unless they changed since.
struct Marks;

impl WriteSet for Marks {
    const NAME: &'static str = "purchases.mark";
    type Item = (Digest, i64);
    type Answer = ();
    type Key = Digest;

    fn shard((claim, _): &Self::Item) -> Shard {
        shard(claim)
    }

    fn key((claim, _): &Self::Item) -> Digest {
        *claim
    }

    async fn write(items: &[&Self::Item], tx: &mut Tx) -> Result<Vec<Result<()>>, Fault> {
        // A list of claims for each version, nearly always one: of pairs, of which the version is in
        // no key, MariaDB looks for each in the whole table.
        let mut versions: BTreeMap<i64, BTreeSet<Digest>> = BTreeMap::new();
        for (claim, version) in items {
            versions.entry(*version).or_default().insert(*claim);
        }
        for (version, claims) in versions {
            let keys = claims.iter().map(|claim| vec![digest(claim)]).collect();
            let update = "UPDATE purchase_claim SET pending = 0, finish_at = 0 \
                WHERE version = ? AND (claim)";
            exec_by(tx, update, vec![version.into()], keys, "").await?;
        }
        Ok(items.iter().map(|_| Ok(())).collect())
    }
}

/// Marks claims.
pub(in crate::mariadb::purchases) async fn followed(router: &Router, claims: Vec<(Digest, i64)>) {
    for marked in router.write::<Marks>(&claims, Locks::Wait).await {
        if let Err(error) = marked {
            // It stays pending; whoever meets it finds that its owner's rows have followed.
            tracing::warn!(%error, "a claim on a purchase could not be marked");
        }
    }
}

/// Marks claims; nobody waits for it.
pub(in crate::mariadb::purchases) fn followed_later(
    router: &Arc<Router>,
    claims: Vec<(Digest, i64)>,
) {
    if claims.is_empty() {
        return;
    }
    let router = router.clone();
    tokio::spawn(async move {
        // As long as it may take to be had and run.
        let _ = tokio::time::timeout(2 * DEADLINE, followed(&router, claims)).await;
    });
}
