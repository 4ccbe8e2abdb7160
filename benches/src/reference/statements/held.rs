//! A held connection, and what is prepared on it.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Row, Statement};

use super::What;
use crate::Fault;

/// The columns that a session's beginning reads of its login.
const SELECT: &str = "SELECT login, provider, epoch, platform, store, device, version, \
    created_at, refreshed_at, expires_at, ended_by FROM login WHERE login = ?";
/// What an exchange of tokens writes.
const UPDATE: &str = "UPDATE login SET previous = token, token = ?, sealed = ?, \
    refreshed_at = ?, expires_at = ? WHERE login = ?";
/// The size of a token's digest, in bytes.
const TOKEN: usize = 32;
/// The size of a sealed token, in bytes.
const SEALED: usize = 124;

pub(super) struct Held {
    connection: Conn,
    select: Statement,
    update: Statement,
    /// Makes every row that is written a new one.
    count: i64,
}

impl Held {
    /// Connects as the server does. Without `autocommit` a statement waits for its commit.
    pub(super) async fn connect(opts: &Opts, autocommit: bool) -> Result<Self, Fault> {
        let session = format!(
            "SET SESSION tx_isolation = 'READ-COMMITTED', autocommit = {}",
            i32::from(autocommit)
        );
        let opts = OptsBuilder::from_opts(opts.clone())
            .prefer_socket(false)
            .tcp_nodelay(true)
            .setup(vec![session]);
        let mut connection = Conn::new(opts).await?;
        let select = connection.prep(SELECT).await?;
        let update = connection.prep(UPDATE).await?;
        Ok(Self { connection, select, update, count: 0 })
    }

    pub(super) async fn once(&mut self, what: What, key: &[u8]) -> Result<(), Fault> {
        match what {
            What::Select => self.select(key).await,
            What::Update => self.update(key).await,
            What::UpdateAndCommit => {
                self.update(key).await?;
                Ok(self.connection.query_drop("COMMIT").await?)
            }
        }
    }

    async fn select(&mut self, key: &[u8]) -> Result<(), Fault> {
        let row: Option<Row> = self.connection.exec_first(&self.select, (key,)).await?;
        let found: Option<Vec<u8>> = row.and_then(|mut row| row.take(0));
        if found.as_deref() == Some(key) { Ok(()) } else { Err("a login is not there".into()) }
    }

    async fn update(&mut self, key: &[u8]) -> Result<(), Fault> {
        self.count += 1;
        let [token, sealed] = [TOKEN, SEALED].map(|size| {
            let digits = self.count.to_be_bytes();
            digits.iter().copied().cycle().take(size).collect::<Vec<u8>>()
        });
        let values = (token, sealed, self.count, self.count, key);
        self.connection.exec_drop(&self.update, values).await?;
        match self.connection.affected_rows() {
            1 => Ok(()),
            other => Err(format!("an update changed {other} rows").into()),
        }
    }
}
