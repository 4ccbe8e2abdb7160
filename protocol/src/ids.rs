//! Identifiers, and how they are written as text.
//!
//! On the wire every id is a string. Text forms avoid look-alikes: Crockford's base 32
//! (<https://www.crockford.com/base32.html>) has no I, L, O or U, is read in either case,
//! and takes I and L for 1 and O for 0.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {0}")]
pub struct IdError(&'static str);

/// Writes the id as a string in every format, and documents it with an example.
macro_rules! text_id {
    ($id:ident, $example:literal) => {
        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }

        impl PartialSchema for $id {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(SchemaType::Type(Type::String))
                    .examples([serde_json::Value::from($example)])
                    .into()
            }
        }

        impl ToSchema for $id {}
    };
}

/// A member of one game: a positive 63-bit number of 10 bits virtual shard, 41 bits
/// milliseconds since [`MemberId::EPOCH_MS`], 12 bits sequence.
///
/// As text: 13 characters of Crockford's base 32.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(i64);

impl MemberId {
    /// 2025-01-01T00:00:00Z in milliseconds; 41 bits from there end in the year 2094.
    pub const EPOCH_MS: i64 = 1_735_689_600_000;
    /// The number of virtual shards.
    pub const SHARDS: u16 = 1 << 10;
    /// The number of ids one process can make of a shard in a millisecond.
    pub const SEQUENCES: u16 = 1 << 12;

    /// Puts an id together. Bits beyond each part's width are dropped, so a caller
    /// that counts on may simply go on counting.
    #[must_use]
    pub fn compose(shard: u16, unix_ms: i64, sequence: u16) -> Self {
        let ms = unix_ms.saturating_sub(Self::EPOCH_MS).max(0) & ((1 << 41) - 1);
        let shard = i64::from(shard % Self::SHARDS);
        let sequence = i64::from(sequence % Self::SEQUENCES);
        // Zero is no id: the first millisecond's first sequence of shard 0 gives way.
        Self(((shard << 53) | (ms << 12) | sequence).max(1))
    }

    /// From the number kept in a store.
    ///
    /// # Errors
    /// When the number is not positive.
    pub fn from_number(number: i64) -> Result<Self, IdError> {
        if number > 0 { Ok(Self(number)) } else { Err(IdError("a member id")) }
    }

    /// The number to keep in a store.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }

    /// The virtual shard on which this member's rows live.
    #[must_use]
    pub fn shard(self) -> u16 {
        // 63 bits without the lower 53 leave 10.
        u16::try_from(self.0 >> 53).unwrap_or(0)
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crockford(self.0.unsigned_abs()))
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberId({self})")
    }
}

impl FromStr for MemberId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let number = from_crockford(text).ok_or(IdError("a member id"))?;
        i64::try_from(number).map_err(|_| IdError("a member id")).and_then(Self::from_number)
    }
}

text_id!(MemberId, "0G3Q8TZ4M1A7C");

const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Thirteen characters, most significant first.
fn crockford(number: u64) -> String {
    (0..13)
        .rev()
        .map(|place| {
            // Five bits index thirty-two characters.
            let digit = usize::try_from((number >> (place * 5)) & 31).unwrap_or(0);
            char::from(CROCKFORD[digit])
        })
        .collect()
}

fn from_crockford(text: &str) -> Option<u64> {
    if text.len() != 13 {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        let byte = match byte.to_ascii_uppercase() {
            b'O' => b'0',
            b'I' | b'L' => b'1',
            other => other,
        };
        let digit = CROCKFORD.iter().position(|c| *c == byte)?;
        number.checked_mul(32)?.checked_add(u64::try_from(digit).ok()?)
    })
}

/// The word for a game: 1 to 32 characters of `a-z`, `0-9`, `-` and `_`, a letter first.
/// Copies share it: every session holds one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(Arc<str>);

impl AppId {
    /// The longest word, in bytes.
    pub const MAX_BYTES: usize = 32;

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let word = text.len() <= Self::MAX_BYTES
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if word {
            Ok(Self(text.into()))
        } else {
            Err(IdError("an app id (1 to 32 of a-z, 0-9, - and _, a letter first)"))
        }
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppId({self})")
    }
}

text_id!(AppId, "demo");

/// Something that operators keep or did: a document, an account, a session, an act. A UUID of
/// version 7 (RFC 9562).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub Uuid);

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordId({self})")
    }
}

impl FromStr for RecordId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::parse_str(text).map(Self).map_err(|_| IdError("a record's id (a UUID)"))
    }
}

text_id!(RecordId, "019aac4b-2e3f-7d55-8a53-0d1c5a3b9e10");

/// One login of a member: what an access token's `sid` names, shared by the socket and
/// the HTTP calls of that login. A UUID of version 7 (RFC 9562).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoginId(pub Uuid);

impl fmt::Display for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for LoginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginId({self})")
    }
}

impl FromStr for LoginId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::try_parse(text).map(Self).map_err(|_| IdError("a login id"))
    }
}

text_id!(LoginId, "019aac4b-2e3f-7d55-8a53-0d1c5a3b9e10");

/// One session on the wire: a login, and a number drawn at each open that did not resume.
/// Request ids and kept replies belong to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId {
    /// The login that opened it.
    pub login: LoginId,
    /// Which open of that login; random.
    pub open: u64,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:016x}", self.login.0.as_simple(), self.open)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

impl FromStr for SessionId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let error = IdError("a session id");
        let (login, open) = text.split_once('.').ok_or(error)?;
        if open.len() != 16 || !open.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(error);
        }
        Ok(Self {
            login: LoginId(Uuid::try_parse(login).map_err(|_| error)?),
            open: u64::from_str_radix(open, 16).map_err(|_| error)?,
        })
    }
}

text_id!(SessionId, "019aac4b2e3f7d558a530d1c5a3b9e10.5f0c9d2b7a6e4431");

/// Writes UUIDs as text in both formats; serde has them as bytes in MessagePack.
pub mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de};
    use uuid::Uuid;

    use std::borrow::Cow;

    /// Writes one.
    ///
    /// # Errors
    /// The serialiser's own.
    pub fn serialize<S: Serializer>(id: &Uuid, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&id.as_hyphenated())
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it is none.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Uuid, D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        Uuid::parse_str(&text).map_err(|_| de::Error::custom("expected a UUID"))
    }

    /// The same of one that may be absent.
    pub mod maybe {
        use super::{Deserialize, Deserializer, Serializer, Uuid, de};

        /// Writes one.
        ///
        /// # Errors
        /// The serialiser's own.
        pub fn serialize<S: Serializer>(id: &Option<Uuid>, to: S) -> Result<S::Ok, S::Error> {
            match id {
                Some(id) => super::serialize(id, to),
                None => to.serialize_none(),
            }
        }

        /// Reads one.
        ///
        /// # Errors
        /// When there is one that is none.
        pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Uuid>, D::Error> {
            let text = Option::<String>::deserialize(from)?;
            let read = |text: String| Uuid::parse_str(&text);
            text.map(read).transpose().map_err(|_| de::Error::custom("expected a UUID"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_member_id_reads_back_from_its_text(number in 1_i64..) {
            let id = MemberId::from_number(number).unwrap();
            prop_assert_eq!(id.to_string().len(), 13);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            prop_assert_eq!(id.to_string().to_lowercase().parse(), Ok(id));
        }

        #[test]
        fn a_member_id_carries_its_shard_and_grows_with_time(
            shard in 0..MemberId::SHARDS, ms in MemberId::EPOCH_MS..3_900_000_000_000, seq: u16,
        ) {
            let id = MemberId::compose(shard, ms, seq);
            prop_assert_eq!(id.shard(), shard);
            prop_assert!(MemberId::compose(shard, ms + 1, 0) > id);
        }

        #[test]
        fn no_text_breaks_a_parser(text in ".{0,60}") {
            let _ = text.parse::<MemberId>();
            let _ = text.parse::<AppId>();
            let _ = text.parse::<LoginId>();
            let _ = text.parse::<SessionId>();
        }

        #[test]
        fn a_session_id_reads_back(login: u128, open: u64) {
            let id = SessionId { login: LoginId(Uuid::from_u128(login)), open };
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn look_alikes_are_read_as_what_was_meant() {
        let id: MemberId = "0000000000010".parse().unwrap();
        assert_eq!("OOOOOOOOOOOIO".parse(), Ok(id));
        assert_eq!("ooooooooooolo".parse(), Ok(id));
        assert_eq!(id.number(), 32);
    }

    #[test]
    fn what_is_no_member_id_is_refused() {
        for text in ["", "0000000000000", "ZZZZZZZZZZZZZ", "00000000000U1", "1", "8000000000000"] {
            assert!(text.parse::<MemberId>().is_err(), "{text}");
        }
        assert!("7ZZZZZZZZZZZZ".parse::<MemberId>().is_ok());
        assert!(MemberId::from_number(0).is_err());
        assert!(MemberId::from_number(-1).is_err());
    }

    #[test]
    fn an_app_id_is_a_short_plain_word() {
        for text in ["demo", "a", "space-cats_2"] {
            assert_eq!(text.parse::<AppId>().unwrap().as_str(), text);
        }
        for text in ["", "Demo", "2demo", "de mo", "대문", &"a".repeat(33)] {
            assert!(text.parse::<AppId>().is_err(), "{text}");
        }
    }
}
