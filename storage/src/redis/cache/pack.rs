//! How values are written: MessagePack of what is here and nowhere else, in this order.
//!
//! Whoever changes any of it raises [`VERSION`], and nothing has to be migrated.

use protocol::client::{Platform, StoreName};
use protocol::members::MemberState;
use protocol::text::Text;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cache::{CacheKey, Part, Value};
use crate::clock::Micros;
use crate::identity::Identity;
use crate::members::{Ban, By, Member};
use crate::sessions::{Device, EndedBy, Login, Said, Standing};

/// The version of what is written here.
const VERSION: u8 = 2;

/// Where a value is in its member's hash.
pub(crate) fn field(key: &CacheKey) -> String {
    let app = &key.app;
    match key.part {
        Part::Member => format!("{VERSION}:{app}:m"),
        Part::Identities => format!("{VERSION}:{app}:i"),
        Part::Standing(login) => format!("{VERSION}:{app}:s:{}", login.0.simple()),
    }
}

/// A value's bytes.
pub(crate) fn pack(value: &Value) -> Vec<u8> {
    let packed = match value {
        Value::Member(member) => rmp_serde::to_vec(&member.as_ref().map(PackedMember::of)),
        Value::Identities(all) => rmp_serde::to_vec(&all.iter().map(identity).collect::<Vec<_>>()),
        Value::Standing(standing) => rmp_serde::to_vec(&standing.as_ref().map(PackedStanding::of)),
    };
    // Nothing here can fail to be written; what is empty is read as broken.
    packed.unwrap_or_default()
}

/// The value that was written under a key; `None` when it is none.
pub(crate) fn unpack(key: &CacheKey, bytes: &[u8]) -> Option<Value> {
    match key.part {
        Part::Member => {
            let packed: Option<PackedMember> = whole(bytes)?;
            Some(Value::Member(match packed {
                Some(packed) => Some(packed.member(key)?),
                None => None,
            }))
        }
        Part::Identities => {
            let packed: Vec<PackedIdentity> = whole(bytes)?;
            let identity = |(provider, linked_at, last_login_at)| Identity {
                provider,
                linked_at: Micros(linked_at),
                last_login_at: Micros(last_login_at),
            };
            Some(Value::Identities(packed.into_iter().map(identity).collect()))
        }
        Part::Standing(_) => {
            let packed: Option<PackedStanding> = whole(bytes)?;
            Some(Value::Standing(match packed {
                Some(packed) => Some(packed.standing(key)?),
                None => None,
            }))
        }
    }
}

/// All of the bytes, and nothing behind.
fn whole<T: DeserializeOwned>(mut bytes: &[u8]) -> Option<T> {
    let value = rmp_serde::from_read(&mut bytes).ok()?;
    bytes.is_empty().then_some(value)
}

/// Its provider, and when it was linked and last used.
type PackedIdentity = (String, i64, i64);

fn identity(identity: &Identity) -> PackedIdentity {
    (identity.provider.clone(), identity.linked_at.0, identity.last_login_at.0)
}

/// Without its game and its id, which the key says.
#[derive(Serialize, Deserialize)]
struct PackedMember {
    state: MemberState,
    created_at: i64,
    ban: Option<PackedBan>,
}

#[derive(Serialize, Deserialize)]
struct PackedBan {
    id: Uuid,
    reason: Text<512>,
    until: Option<i64>,
    at: i64,
    by: By,
}

#[derive(Serialize, Deserialize)]
struct PackedStanding {
    member: PackedMember,
    provider: String,
    held: i64,
    platform: Platform,
    store: Option<StoreName>,
    name: Option<String>,
    version: String,
    country: Option<String>,
    lang: Option<String>,
    device_id: Option<String>,
    created_at: i64,
    refreshed_at: i64,
    expires_at: i64,
    ended: Option<EndedBy>,
    epoch: i64,
    inbox: u64,
    acked: u64,
}

impl PackedMember {
    fn of(member: &Member) -> Self {
        let ban = member.ban.as_ref().map(|ban| PackedBan {
            id: ban.id,
            reason: ban.reason.clone(),
            until: ban.until.map(|until| until.0),
            at: ban.at.0,
            by: ban.by,
        });
        Self { state: member.state, created_at: member.created_at.0, ban }
    }

    fn member(self, key: &CacheKey) -> Option<Member> {
        let ban = self.ban.map(|PackedBan { id, reason, until, at, by }| Ban {
            id,
            reason,
            until: until.map(Micros),
            at: Micros(at),
            by,
        });
        let created_at = Micros(self.created_at);
        Some(Member { app: key.app.clone(), id: key.member, state: self.state, created_at, ban })
    }
}

impl PackedStanding {
    fn of(standing: &Standing) -> Self {
        let Standing { member, login, epoch, inbox, acked, age: _ } = standing;
        Self {
            member: PackedMember::of(member),
            provider: login.provider.clone(),
            held: login.epoch,
            platform: login.device.platform,
            store: login.device.store,
            name: login.device.name.clone(),
            version: login.device.version.clone(),
            country: login.device.said.country.clone(),
            lang: login.device.said.lang.clone(),
            device_id: login.device.said.device_id.clone(),
            created_at: login.created_at.0,
            refreshed_at: login.refreshed_at.0,
            expires_at: login.expires_at.0,
            ended: login.ended,
            epoch: *epoch,
            inbox: *inbox,
            acked: *acked,
        }
    }

    fn standing(self, key: &CacheKey) -> Option<Standing> {
        let Part::Standing(id) = key.part else { return None };
        let device = Device {
            platform: self.platform,
            store: self.store,
            name: self.name,
            version: self.version,
            said: Box::new(Said {
                country: self.country,
                lang: self.lang,
                device_id: self.device_id,
            }),
        };
        let login = Login {
            id,
            provider: self.provider,
            epoch: self.held,
            device,
            created_at: Micros(self.created_at),
            refreshed_at: Micros(self.refreshed_at),
            expires_at: Micros(self.expires_at),
            ended: self.ended,
        };
        let (member, age) = (self.member.member(key)?, std::time::Duration::ZERO);
        let (epoch, inbox, acked) = (self.epoch, self.inbox, self.acked);
        Some(Standing { member, login, epoch, inbox, acked, age })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::cache::{all_of, everything};

    #[test]
    fn every_value_comes_back_as_it_was() {
        for (key, value) in everything() {
            assert_eq!(unpack(&key, &pack(&value)), Some(value));
        }
    }

    #[test]
    fn what_was_cut_changed_or_added_to_is_another_value_or_none() {
        for (key, value) in everything() {
            let packed = pack(&value);
            for end in 0..packed.len() {
                assert_eq!(unpack(&key, &packed[..end]), None, "{value:?} until {end}");
            }
            assert_eq!(unpack(&key, &[packed.as_slice(), &[0xc0]].concat()), None);
            // Nothing that a single byte may become is a reason to panic.
            for at in 0..packed.len() {
                for byte in [0x00, 0x7f, 0x80, 0x9f, 0xc0, 0xc1, 0xdd, 0xff] {
                    let mut changed = packed.clone();
                    changed[at] = byte;
                    let _ = unpack(&key, &changed);
                }
            }
        }
    }

    #[test]
    fn each_part_has_a_field_of_its_own() {
        let keys = all_of(1);
        let fields: std::collections::BTreeSet<String> = keys.iter().map(field).collect();
        assert_eq!(fields.len(), keys.len());
    }
}
