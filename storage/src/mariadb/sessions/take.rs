//! A login takes its member's session: the epoch rises by one.

use std::collections::HashMap;

use mysql_async::{Conn, Value};
use protocol::client::StoreName;
use protocol::ids::LoginId;
use uuid::Uuid;

use super::key;
use super::lock::Held;
use crate::clock::Micros;
use crate::error::Result;
use crate::mariadb::fault::Fault;
use crate::mariadb::rows::{bytes, cell, digest, insert, select_in};
use crate::sessions::NewLogin;

/// The logins that hold sessions now.
pub(in crate::mariadb) struct Holders(HashMap<[u8; 16], (bool, Micros)>);

impl Holders {
    /// Reads them. Their members' locks are held.
    pub(in crate::mariadb) async fn read<'a>(
        connection: &mut Conn,
        held: impl Iterator<Item = &'a Held>,
    ) -> Result<Self, Fault> {
        let held = held.filter(|held| held.epoch > 0);
        let keys = held.map(|held| Value::Bytes(held.login.to_vec())).collect();
        let select = "SELECT login, ended_by IS NOT NULL, expires_at FROM login WHERE login";
        let mut holders = HashMap::new();
        for mut row in select_in(connection, select, keys, "").await? {
            let row = &mut row;
            let ended: i64 = cell(row, 1, "login.ended_by")?;
            let expires_at = Micros(cell(row, 2, "login.expires_at")?);
            holders.insert(bytes(row, 0, "login.login")?, (ended != 0, expires_at));
        }
        Ok(Self(holders))
    }

    /// The login whose place one that comes now takes, if that one has not ended.
    fn replaced(&self, held: &Held, now: Micros) -> Option<LoginId> {
        let (ended, expires_at) = self.0.get(&held.login)?;
        (!ended && *expires_at > now).then(|| LoginId(Uuid::from_bytes(held.login)))
    }

    /// Gives the session to `login`. Returns the epoch, and the login whose place it took.
    /// Lock row and login are written later: by [`super::lock::save`] and [`write()`].
    pub(in crate::mariadb) fn take(
        &self,
        held: &mut Held,
        login: &NewLogin,
    ) -> (i64, Option<LoginId>) {
        let replaced = self.replaced(held, login.now);
        held.epoch += 1;
        held.login = *login.id.0.as_bytes();
        (held.epoch, replaced)
    }
}

/// A login as a row.
pub(in crate::mariadb) fn row(held: &Held, login: &NewLogin) -> Vec<Value> {
    vec![
        key(login.id),
        held.app.as_str().into(),
        held.member.number().into(),
        login.provider.as_str().into(),
        held.epoch.into(),
        login.device.platform.word().into(),
        login.device.store.map(StoreName::word).into(),
        login.device.name.as_deref().into(),
        login.device.version.as_str().into(),
        login.now.0.into(),
        login.now.0.into(),
        login.expires_at.0.into(),
        digest(&login.tag),
        digest(&login.token),
        login.device.said.country.as_deref().into(),
        login.device.said.lang.as_deref().into(),
        login.device.said.device_id.as_deref().into(),
    ]
}

/// Writes new logins.
pub(in crate::mariadb) async fn write(
    connection: &mut Conn,
    rows: Vec<Vec<Value>>,
) -> Result<(), Fault> {
    let into = "login (login, app, member, provider, epoch, platform, store, device, version, \
                created_at, refreshed_at, expires_at, tag, token, country, lang, device_id)";
    insert(connection, into, rows).await
}
