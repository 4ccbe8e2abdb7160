//! What operators ask of the server, under `/admin/v1`: an API of its own at a listener of its own.
//!
//! An operator is a person with an account; what he may do is said by [roles and
//! grants](rights). Requests name every field they know: one that is not known is refused, for an
//! operator's typing error has to be told.

pub mod rights;
pub mod endpoint;
pub mod refusal;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::ids::{AppId, RecordId};
use crate::text::{Secret, Text};
use crate::time::Micros;
use rights::{Grant, RoleIn};

/// The longest password, in bytes.
pub const PASSWORD_BYTES: usize = 256;
/// A password, which is not seen.
pub type Password = Secret<PASSWORD_BYTES>;
/// The most roles, and the most grants, of one operator.
pub const MOST_RIGHTS: usize = 64;

/// An operator's name: 2 to 64 characters of letters and digits of ASCII, `.`, `_`, `-`, `+` and
/// `@`, a letter or digit first. Two that differ in case alone are the same name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct OperatorName(Box<str>);

impl OperatorName {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// By which it is found: in lower case.
    #[must_use]
    pub fn handle(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// The text is no operator's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name (2 to 64 of a-z, A-Z, 0-9, ., _, -, + and @, a letter or digit first)")]
pub struct NameError;

impl FromStr for OperatorName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let may =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+' | b'@');
        let name = (2..=Self::MAX_BYTES).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(may);
        if name { Ok(Self(text.into())) } else { Err(NameError) }
    }
}

impl fmt::Display for OperatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for OperatorName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl PartialSchema for OperatorName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .pattern(Some("^[A-Za-z0-9][A-Za-z0-9._+@-]{1,63}$"))
            .examples([Value::from("kim")])
            .into()
    }
}

impl ToSchema for OperatorName {}

/// What logs an operator in.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// Whose account it is. What is no name at all is refused like a name that nobody has.
    pub name: Text<64>,
    /// The password.
    pub password: Password,
    /// The code that the second factor shows now: six digits. Each is good once.
    pub totp: Secret<16>,
}

/// The answer to a login. The session itself is in the cookie.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LoggedIn {
    /// What every request that changes something shows in the header `x-daemun-csrf`.
    pub csrf: String,
    /// Who is logged in.
    pub me: Me,
}

/// Who is logged in, and what he may do.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The account.
    pub operator: Operator,
    /// The session that asks.
    pub session: RecordId,
    /// When the session ends, however much it is used.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Micros,
    /// Until when grave acts are open without showing another code.
    #[schema(value_type = String, format = DateTime)]
    pub proven_until: Micros,
    /// What every request that changes something shows in the header `x-daemun-csrf`.
    pub csrf: String,
}

/// A code of the second factor, for grave acts.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProveRequest {
    /// The code that it shows now. Each is good once.
    pub totp: Secret<16>,
}

/// Until when grave acts are open.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Proven {
    /// The moment.
    #[schema(value_type = String, format = DateTime)]
    pub proven_until: Micros,
}

/// A new password of one's own.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnPasswordRequest {
    /// The present one.
    pub password: Password,
    /// The new one: 12 characters at least.
    pub new_password: Password,
}

/// A new password for another.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordRequest {
    /// The new one: 12 characters at least.
    pub password: Password,
}

/// A session of an operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperatorSession {
    /// By which it is ended.
    pub id: RecordId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// From where it was opened.
    pub address: String,
    /// What the browser said of itself.
    pub agent: String,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Micros,
    /// When it was last of use, to the minute.
    #[schema(value_type = String, format = DateTime)]
    pub seen_at: Micros,
    /// When it ends, however much it is used.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Micros,
}

/// How many sessions ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndedSessions {
    /// So many.
    pub ended: usize,
}

/// An operator, as others are shown him.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Operator {
    /// The account's id.
    pub id: RecordId,
    /// How often it was changed; the `ETag` and what `If-Match` has to say.
    pub version: i64,
    /// The name.
    pub name: OperatorName,
    /// The roles.
    pub roles: Vec<RoleIn>,
    /// What is given beside the roles.
    pub grants: Vec<Grant>,
    /// Whether he is kept out.
    pub disabled: bool,
    /// When the account was last changed; a login is a change, too.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Micros,
    /// By whom: `command`, or `operator:` and an id.
    pub changed_by: String,
}

/// An operator to be.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOperator {
    /// The name.
    pub name: OperatorName,
    /// The roles.
    #[serde(default)]
    pub roles: Vec<RoleIn>,
    /// What is given beside the roles.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// The password, 12 characters at least, to be changed by whoever gets it.
    pub password: Password,
}

/// What an operator is from now on. All of it is said each time.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorChange {
    /// The name.
    pub name: OperatorName,
    /// The roles.
    pub roles: Vec<RoleIn>,
    /// What is given beside the roles.
    pub grants: Vec<Grant>,
    /// Whether he is kept out: every session ends with the next request.
    pub disabled: bool,
}

/// An operator with a second factor that was just made. The secret is shown here and never again.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Enrolled {
    /// The account.
    pub operator: Operator,
    /// The second factor's secret, in base 32, for an authenticator. Absent when a request is
    /// repeated after it was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp_secret: Option<String>,
    /// The same as an address that authenticators read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp_uri: Option<String>,
}

/// A game, as operators choose among them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct App {
    /// Its word.
    pub app: AppId,
    /// What the asking operator may do with it.
    pub rights: Vec<rights::Allowed>,
}

/// Something that was done, from the audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Act {
    /// Its own id.
    pub id: RecordId,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Micros,
    /// By whom: `command`, or `operator:` and an id.
    pub by: String,
    /// What that operator is called now, where he still is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_name: Option<OperatorName>,
    /// The deed in a word, such as `maintenance.put`.
    pub what: String,
    /// What kind of document was changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Which document, or whatever else was acted upon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<RecordId>,
    /// In which game; absent for the publisher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// What it said before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// What it says since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
    /// Whether a secret was changed; it is not shown.
    pub secret_changed: bool,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// What to send as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A document of some kind, as operators are shown it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Document {
    /// Its id.
    pub id: RecordId,
    /// Whose it is; absent for the publisher's, which is for all games.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// How often it was changed; the `ETag` and what `If-Match` has to say.
    pub version: i64,
    /// How it stands by the clock, such as `reserved`, where that is not in what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What it says.
    #[schema(value_type = Object)]
    pub body: Value,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    pub changed_at: Micros,
    /// By whom: `command`, or `operator:` and an id.
    pub changed_by: String,
}

/// How often a notice or banner was shown, clicked and put away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// In the last 400 days.
    pub shown: u64,
    /// In the last 400 days.
    pub clicked: u64,
    /// In the last 400 days.
    pub dismissed: u64,
    /// The days on which anything happened, the earliest first. What happened on other nodes in the
    /// last ten seconds may be missing.
    pub days: Vec<DayCounts>,
}

/// How often it was on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DayCounts {
    /// The day in UTC.
    #[schema(example = "2027-03-01")]
    pub day: String,
    /// How often it was shown.
    pub shown: u64,
    /// How often it was clicked.
    pub clicked: u64,
    /// How often it was put away.
    pub dismissed: u64,
}

/// What a document is to say, all of it. Which fields it has hangs on its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocumentBody(pub Value);

impl PartialSchema for DocumentBody {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(SchemaType::Type(Type::Object)).into()
    }
}

impl ToSchema for DocumentBody {}

/// The bytes of an image: a body that is no JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageBytes;

impl PartialSchema for ImageBytes {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for ImageBytes {}

/// Nothing but that it is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Done {}

/// A request without a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_plain_and_known_in_any_case() {
        for name in ["ab", "Kim.Min-su", "a+b@example.com", "0x", &"a".repeat(64)] {
            assert!(name.parse::<OperatorName>().is_ok(), "{name}");
        }
        for name in ["", "a", ".ab", "@ab", "a b", "kím", "a\nb", "a/b", &"a".repeat(65)] {
            assert_eq!(name.parse::<OperatorName>(), Err(NameError), "{name}");
        }
        assert_eq!("Kim".parse::<OperatorName>().map(|name| name.handle()), Ok("kim".to_owned()));
    }

    #[test]
    fn what_logs_in_is_not_seen() {
        let login: LoginRequest = serde_json::from_str(
            r#"{"name": "kim", "password": "hunter2hunter2", "totp": "123456"}"#,
        )
        .unwrap();
        let seen = format!("{login:?}");
        assert!(!seen.contains("hunter2") && !seen.contains("123456"), "{seen}");
        let typo = r#"{"name": "kim", "pasword": "x", "totp": "1"}"#;
        assert!(serde_json::from_str::<LoginRequest>(typo).is_err());
    }
}
