//! The bare driver's way: one statement after the other, in the server's own tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Params, Value};
use storage::clock::SystemClock;
use storage::config::{MariaDbSettings, ServerUrl, StorageSettings};
use storage::open::Storage;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::Fault;

/// How often a transaction that lost a race is tried.
const TRIES: usize = 5;

pub(super) struct Interactive {
    opts: Opts,
    connections: Vec<Conn>,
    members: usize,
    made: Arc<AtomicUsize>,
}

impl Interactive {
    pub(super) async fn open(url: &str, members: usize) -> Result<Self, Fault> {
        migrate(url).await?;
        let opts = OptsBuilder::from_opts(Opts::from_url(url)?)
            .prefer_socket(false)
            .tcp_nodelay(true)
            .setup(vec!["SET SESSION tx_isolation = 'READ-COMMITTED', autocommit = 0"]);
        let opts: Opts = opts.into();
        let mut connection = Conn::new(opts.clone()).await?;
        for number in 1..=members {
            connection
                .exec_drop(
                    "INSERT INTO member_session VALUES (?, 'demo', 1, ?, 0, 0)",
                    (number, [0_u8; 16].as_slice()),
                )
                .await?;
        }
        connection.query_drop("COMMIT").await?;
        Ok(Self { opts, connections: vec![connection], members, made: Arc::default() })
    }

    pub(super) async fn work(&mut self, purchases: usize, in_flight: usize) -> Result<(), Fault> {
        while self.connections.len() < in_flight {
            self.connections.push(Conn::new(self.opts.clone()).await?);
        }
        let left = Arc::new(AtomicUsize::new(purchases));
        let mut working = JoinSet::new();
        for mut connection in self.connections.drain(..in_flight) {
            let (left, made, members) = (left.clone(), self.made.clone(), self.members);
            working.spawn(async move {
                let one_less = |left: usize| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
                    let number = made.fetch_add(1, Ordering::Relaxed);
                    buy(&mut connection, number, number % members + 1).await?;
                }
                Ok::<_, Fault>(connection)
            });
        }
        while let Some(connection) = working.join_next().await {
            self.connections.push(connection??);
        }
        Ok(())
    }
}

/// The same tables as the server has.
async fn migrate(url: &str) -> Result<(), Fault> {
    let folder = tempfile::tempdir()?;
    let mariadb = MariaDbSettings {
        url: Some(ServerUrl::new(url)),
        migrate_at_start: true,
        connections: 1,
        ..MariaDbSettings::default()
    };
    let settings = StorageSettings { mariadb, ..StorageSettings::default() };
    let storage = Storage::open(folder.path(), &settings, &SystemClock).await?;
    storage.start_alone().await?;
    storage.apps.list().await?;
    Ok(())
}

async fn buy(connection: &mut Conn, number: usize, member: usize) -> Result<(), Fault> {
    for tries in 1..=TRIES {
        match transaction(connection, number, member).await {
            Ok(()) => return Ok(()),
            Err(error) if tries == TRIES => return Err(error.into()),
            Err(_) => {
                connection.query_drop("ROLLBACK").await?;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
    Ok(())
}

async fn transaction(
    connection: &mut Conn,
    number: usize,
    member: usize,
) -> Result<(), mysql_async::Error> {
    let (purchase, transfer) = (Uuid::now_v7(), Uuid::now_v7());
    let (purchase, transfer) = (purchase.as_bytes().as_slice(), transfer.as_bytes().as_slice());
    let mut claim = [0_u8; 32];
    claim[..16].copy_from_slice(purchase);
    let (claim, key) = (claim.as_slice(), format!("{number:032}"));
    let facts =
        r#"{"transaction":"00000000000000000000000000000000","product":"gem_100","quantity":1}"#;
    let grants = r#"[{"item":"gem","amount":100}]"#;
    let member = i64::try_from(member).unwrap_or(1);
    let of = |values: Vec<Value>| Params::Positional(values);
    connection
        .exec_drop(
            "INSERT IGNORE INTO purchase_claim (claim, app, store, environment, store_key, purchase, \
             facts, product, grants, owner, stand, refunded_bp, told_at, settled, webhook, \
             granted_at, version, pending, created_at, changed_at) VALUES (?, 'demo', 'app_store', \
             'production', ?, ?, ?, 'gem_100', ?, ?, 'granted', 0, 1, 0, 0, 1, 1, 0, 1, 1)",
            of(vec![claim.into(), key.as_str().into(), purchase.into(), facts.into(), grants.into(), member.into()]),
        )
        .await?;
    let _: Option<Vec<u8>> = connection
        .exec_first("SELECT purchase FROM purchase_claim WHERE claim = ? FOR UPDATE", (claim,))
        .await?;
    let seq: Option<i64> = connection
        .exec_first("SELECT inbox_seq FROM member_session WHERE member = ? FOR UPDATE", (member,))
        .await?;
    let seq = seq.unwrap_or(0);
    connection
        .exec_drop(
            "INSERT INTO purchase (member, purchase, claim, app, store, environment, store_key, \
             facts, product, grants, stand, refunded_bp, version, settle, settle_at, settle_tries, \
             created_at, changed_at) VALUES (?, ?, ?, 'demo', 'app_store', 'production', ?, ?, \
             'gem_100', ?, 'granted', 0, 1, 'acknowledge', 1, 0, 1, 1)",
            of(vec![
                member.into(),
                purchase.into(),
                claim.into(),
                key.as_str().into(),
                facts.into(),
                grants.into(),
            ]),
        )
        .await?;
    connection
        .exec_drop(
            "INSERT INTO ledger (member, transfer, line, account, item, delta, balance, cause, \
             purchase, at) VALUES (?, ?, 0, 'member', 'gem', 100, 100, 'purchase', ?, 1), \
             (?, ?, 1, 'sales', 'gem', -100, NULL, 'purchase', ?, 1)",
            of(vec![
                member.into(),
                transfer.into(),
                purchase.into(),
                member.into(),
                transfer.into(),
                purchase.into(),
            ]),
        )
        .await?;
    connection
        .exec_drop(
            "INSERT INTO wallet (member, item, app, balance) VALUES (?, 'gem', 'demo', 100) \
             ON DUPLICATE KEY UPDATE balance = balance + VALUES(balance)",
            (member,),
        )
        .await?;
    connection
        .exec_drop(
            "INSERT INTO inbox (member, seq, word, body, created_at, expires_at) VALUES \
             (?, ?, 'purchase.updated', ?, 1, 2), (?, ?, 'wallet.changed', ?, 1, 2)",
            of(vec![
                member.into(),
                (seq + 1).into(),
                facts.into(),
                member.into(),
                (seq + 2).into(),
                grants.into(),
            ]),
        )
        .await?;
    connection
        .exec_drop(
            "UPDATE member_session SET inbox_seq = inbox_seq + 2 WHERE member = ?",
            (member,),
        )
        .await?;
    connection.query_drop("COMMIT").await
}
