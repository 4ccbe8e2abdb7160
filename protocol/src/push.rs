//! What the server sends unasked.

use serde::{Serialize, Serializer};

/// A push, by its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// `session.expiring`: the access token of this session ends soon.
    SessionExpiring {
        /// In how many seconds.
        expires_s: u64,
    },
    /// `session.replaced`: a newer login took this session's place; a close follows.
    SessionReplaced,
}

impl Push {
    /// The word on the wire.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::SessionExpiring { .. } => "session.expiring",
            Self::SessionReplaced => "session.replaced",
        }
    }
}

/// Writes the push's body.
impl Serialize for Push {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        match self {
            Self::SessionExpiring { expires_s } => {
                let mut body = serializer.serialize_struct("SessionExpiring", 1)?;
                body.serialize_field("expires_s", expires_s)?;
                body.end()
            }
            Self::SessionReplaced => serializer.serialize_struct("SessionReplaced", 0)?.end(),
        }
    }
}
