//! Logins in MariaDB, on their member's shard.

pub(super) mod lock;
mod end;
pub(super) mod live;
mod refresh;
mod standing;
mod sweep;
pub(super) mod take;

use async_trait::async_trait;
use mysql_async::{Row, Value};
use protocol::client::{Platform, StoreName};
use protocol::ids::{AppId, LoginId, MemberId};
use uuid::Uuid;

use super::MariaDb;
use super::router::one;
use super::rows::{bytes, cell};
use super::tx::Locks;
use crate::clock::Micros;
use crate::error::{Result, StorageError};
use crate::sessions::{
    Device, End, EndWrite, EndedBy, Login, LoginsRead, RefreshOutcome, RefreshWrite, Said,
    SessionsDuty, Standing, StandingRead,
};

#[async_trait]
impl SessionsDuty for MariaDb {
    async fn standing(
        &self,
        app: AppId,
        member: MemberId,
        login: LoginId,
    ) -> Result<Option<Standing>> {
        self.router.read_one::<standing::Read>(StandingRead { app, member, login }).await
    }

    async fn standing_all(&self, reads: Vec<StandingRead>) -> Vec<Result<Option<Standing>>> {
        self.router.read::<standing::Read>(&reads).await
    }

    async fn logins(
        &self,
        app: AppId,
        member: MemberId,
        now: Micros,
        limit: usize,
    ) -> Result<(Vec<Login>, i64)> {
        self.router.read_one::<live::Read>(LoginsRead { app, member, now, limit }).await
    }

    async fn logins_all(&self, reads: Vec<LoginsRead>) -> Vec<Result<(Vec<Login>, i64)>> {
        self.router.read::<live::Read>(&reads).await
    }

    async fn refresh(&self, write: RefreshWrite) -> Result<RefreshOutcome> {
        one(refresh::refresh(&self.router, vec![write], Locks::Wait).await)
    }

    async fn refresh_all(&self, writes: Vec<RefreshWrite>) -> Vec<Result<RefreshOutcome>> {
        refresh::refresh(&self.router, writes, Locks::Skip).await
    }

    async fn end(
        &self,
        app: AppId,
        member: MemberId,
        which: End,
        by: EndedBy,
        now: Micros,
    ) -> Result<Vec<LoginId>> {
        self.router.write_one::<end::Ends>(EndWrite { app, member, which, by, now }).await
    }

    async fn end_all(&self, writes: Vec<EndWrite>) -> Vec<Result<Vec<LoginId>>> {
        self.router.write::<end::Ends>(&writes, Locks::Skip).await
    }

    async fn sweep(&self, now: Micros, limit: usize) -> Result<usize> {
        sweep::sweep(self, now, limit).await
    }
}

/// The columns that [`login`] reads.
const COLUMNS: &str = "login.login, login.provider, login.epoch, login.platform, login.store, \
    login.device, login.version, login.created_at, login.refreshed_at, login.expires_at, \
    login.ended_by, login.country, login.lang, login.device_id";
/// How many they are.
const WIDTH: usize = 14;

/// The login whose columns begin a row.
fn login(row: &mut Row) -> Result<Login> {
    let id = LoginId(Uuid::from_bytes(bytes(row, 0, "login.login")?));
    let corrupt = |column: &str| StorageError::Corrupt(format!("login.{column} of {id}"));
    let (platform, store, ended): (String, Option<String>, Option<String>) = (
        cell(row, 3, "login.platform")?,
        cell(row, 4, "login.store")?,
        cell(row, 10, "login.ended_by")?,
    );
    let device = Device {
        platform: Platform::parse(&platform).ok_or_else(|| corrupt("platform"))?,
        store: store
            .map(|word| StoreName::parse(&word).ok_or_else(|| corrupt("store")))
            .transpose()?,
        name: cell(row, 5, "login.device")?,
        version: cell(row, 6, "login.version")?,
        said: Box::new(Said {
            country: cell(row, 11, "login.country")?,
            lang: cell(row, 12, "login.lang")?,
            device_id: cell(row, 13, "login.device_id")?,
        }),
    };
    Ok(Login {
        id,
        provider: cell(row, 1, "login.provider")?,
        epoch: cell(row, 2, "login.epoch")?,
        device,
        created_at: Micros(cell(row, 7, "login.created_at")?),
        refreshed_at: Micros(cell(row, 8, "login.refreshed_at")?),
        expires_at: Micros(cell(row, 9, "login.expires_at")?),
        ended: ended_by(ended, id)?,
    })
}

fn ended_by(word: Option<String>, id: LoginId) -> Result<Option<EndedBy>> {
    let corrupt = || StorageError::Corrupt(format!("login.ended_by of {id}"));
    word.map(|word| EndedBy::parse(&word).ok_or_else(corrupt)).transpose()
}

fn key(id: LoginId) -> Value {
    Value::Bytes(id.0.as_bytes().to_vec())
}
