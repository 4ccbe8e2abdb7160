//! Nonces: each is good for one login, wherever its person is kept.

use std::collections::HashMap;

use mysql_async::prelude::Queryable;
use mysql_async::{Params, Value};
use protocol::ids::{AppId, LoginId};

use crate::clock::Micros;
use crate::error::Result;
use crate::identity::{Digest, shard_of};
use crate::mariadb::fault::Fault;
use crate::mariadb::router::{Shard, WriteSet};
use crate::mariadb::rows::{bytes, cell, digest, select_in, upsert};
use crate::mariadb::tx::Tx;

/// A nonce, and the login that uses it up.
pub(super) struct Nonce {
    pub(super) nonce: Digest,
    pub(super) app: AppId,
    pub(super) attempt: LoginId,
    pub(super) expires_at: Micros,
}

fn shard(nonce: &Nonce) -> Shard {
    shard_of(&nonce.nonce).cast_signed()
}

fn key(nonce: &Nonce) -> (Digest, AppId) {
    (nonce.nonce, nonce.app.clone())
}

/// Uses nonces up. Says whether it was this login that did.
pub(super) struct Use;

impl WriteSet for Use {
    const NAME: &'static str = "identity.use_nonce";
    type Item = Nonce;
    type Answer = bool;
    type Key = (Digest, AppId);

    fn shard(nonce: &Nonce) -> Shard {
        shard(nonce)
    }

    fn key(nonce: &Nonce) -> Self::Key {
        key(nonce)
    }

    async fn write(nonces: &[&Nonce], tx: &mut Tx) -> Result<Vec<Result<bool>>, Fault> {
        let mut ordered: Vec<&&Nonce> = nonces.iter().collect();
        ordered.sort_unstable_by_key(|nonce| nonce.nonce);
        let rows = ordered.iter().map(|nonce| row(nonce)).collect();
        let into = "used_nonce (nonce, app, attempt, expires_at)";
        upsert(tx, into, rows, "nonce = VALUES(nonce)").await?;
        let keys = ordered.iter().map(|nonce| digest(&nonce.nonce)).collect();
        let select = "SELECT nonce, app, attempt FROM used_nonce WHERE nonce";
        let mut by: HashMap<(Digest, String), [u8; 16]> = HashMap::new();
        for mut row in select_in(tx, select, keys, "").await? {
            let nonce = bytes(&mut row, 0, "used_nonce.nonce")?;
            let app = cell(&mut row, 1, "used_nonce.app")?;
            by.insert((nonce, app), bytes(&mut row, 2, "used_nonce.attempt")?);
        }
        let mine = |nonce: &&Nonce| {
            by.get(&(nonce.nonce, nonce.app.as_str().to_owned()))
                == Some(nonce.attempt.0.as_bytes())
        };
        Ok(nonces.iter().map(|nonce| Ok(mine(nonce))).collect())
    }
}

fn row(nonce: &Nonce) -> Vec<Value> {
    vec![
        digest(&nonce.nonce),
        nonce.app.as_str().into(),
        nonce.attempt.0.as_bytes().as_slice().into(),
        nonce.expires_at.0.into(),
    ]
}

/// Gives nonces back that this login used up.
pub(super) struct Release;

impl WriteSet for Release {
    const NAME: &'static str = "identity.release_nonce";
    type Item = Nonce;
    type Answer = ();
    type Key = (Digest, AppId);

    fn shard(nonce: &Nonce) -> Shard {
        shard(nonce)
    }

    fn key(nonce: &Nonce) -> Self::Key {
        key(nonce)
    }

    async fn write(nonces: &[&Nonce], tx: &mut Tx) -> Result<Vec<Result<()>>, Fault> {
        for nonce in nonces {
            let delete = "DELETE FROM used_nonce WHERE nonce = ? AND app = ? AND attempt = ?";
            let values = vec![
                digest(&nonce.nonce),
                nonce.app.as_str().into(),
                nonce.attempt.0.as_bytes().as_slice().into(),
            ];
            tx.exec_drop(delete, Params::Positional(values)).await?;
        }
        Ok(nonces.iter().map(|_| Ok(())).collect())
    }
}
