//! What an operator's request says, once he is let in.

use actors::operators::{Caller, From};
use axum::extract::{Query, RawPathParams};
use axum::http::header::{HeaderMap, IF_MATCH};
use axum::http::request::Parts;
use bytes::Bytes;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::{AppId, RecordId};
use protocol::operators::refusal::{OperatorCode, Refusal};
use protocol::operators::rights::In;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use storage::documents::{MAX_KEY, SentKey};
use uuid::Uuid;

use crate::http::{content_type, idempotency_key};

/// How the publisher's own is named where a game is.
const PUBLISHER: &str = "-";
/// How many are on a page, unless asked for otherwise, and at most.
const PAGE: usize = 50;
const LONGEST_PAGE: usize = 200;

/// What stands in the path.
#[derive(Clone, Debug, Default)]
pub(super) struct Params {
    app: Option<String>,
    id: Option<String>,
}

impl Params {
    pub(super) fn read(raw: &RawPathParams) -> Self {
        let of = |name: &str| {
            raw.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
        };
        Self { app: of("app"), id: of("id") }
    }

    /// In which game, or for all of them.
    pub(super) fn there(&self) -> Result<In, Refusal> {
        match self.app.as_deref().unwrap_or_default() {
            PUBLISHER => Ok(In::All),
            word => {
                let unknown = |_| ErrorBody::new(ErrorCode::AppUnknown, "there is no such game");
                Ok(word.parse::<AppId>().map(In::App).map_err(unknown)?)
            }
        }
    }

    /// The game, or none for the publisher.
    pub(super) fn app(&self) -> Result<Option<AppId>, Refusal> {
        Ok(match self.there()? {
            In::All => None,
            In::App(app) => Some(app),
        })
    }

    /// Which record.
    pub(super) fn id(&self) -> Result<Uuid, Refusal> {
        let id = self.id.as_deref().unwrap_or_default().parse::<RecordId>();
        let missing = |_| Refusal::new(OperatorCode::Missing, "there is nothing of this id");
        id.map(|RecordId(id)| id).map_err(missing)
    }
}

/// A body in JSON, or none.
pub(super) struct Body(Bytes);

impl Body {
    pub(super) fn read(headers: &HeaderMap, bytes: Bytes) -> Result<Self, Refusal> {
        match content_type(headers)?.as_deref() {
            Some("application/json") => Ok(Self(bytes)),
            // A form is what another site's page can send without asking.
            None if bytes.is_empty() => Ok(Self(bytes)),
            None => Err(media_type("a body without a content type").into()),
            Some(other) => Err(media_type(&format!("`{other}`")).into()),
        }
    }

    /// One that is not JSON.
    pub(super) fn raw(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// All of it; a clone is the same.
    pub(super) fn all(&self) -> Bytes {
        self.0.clone()
    }

    /// As it came.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What it says, all of it.
    pub(super) fn decoded<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let text = if self.0.is_empty() { &b"{}"[..] } else { &self.0 };
        // A list would be read as the fields in their order.
        if text.trim_ascii_start().first() != Some(&b'{') {
            return Err(ErrorBody::invalid("", "is not a JSON object").into());
        }
        let mut reader = serde_json::Deserializer::from_slice(text);
        let mut unknown = None;
        let mut note = |path: serde_ignored::Path<'_>| {
            unknown.get_or_insert_with(|| path.to_string());
        };
        // Whether a type says so itself or not: what it has no room for is told.
        let watched = serde_ignored::Deserializer::new(&mut reader, &mut note);
        let decoded = serde_path_to_error::deserialize(watched).map_err(|error| {
            let path = error.path().to_string();
            // What a secret is said to be is not said again.
            let field = if path == "." { "" } else { &path };
            ErrorBody::invalid(field, plain(error.inner()))
        })?;
        if let Some(field) = unknown {
            return Err(ErrorBody::invalid(&field, "is not known here").into());
        }
        reader.end().map_err(|_| ErrorBody::invalid("", "has more behind its end"))?;
        Ok(decoded)
    }
}

/// What is wrong, without the value that is: it may be a password in the wrong place.
fn plain(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io => "is not JSON".to_owned(),
        Category::Data => {
            let text = error.to_string();
            let text = text.split(" at line ").next().unwrap_or_default();
            match text.split_once("invalid type: ").or_else(|| text.split_once("invalid value: ")) {
                Some((_, rest)) => {
                    let expected =
                        rest.rsplit_once(", expected ").map_or("something else", |it| it.1);
                    format!("is not {expected}")
                }
                None => text.to_owned(),
            }
        }
    }
}

fn media_type(what: &str) -> ErrorBody {
    ErrorBody::new(ErrorCode::BodyMediaType, format!("{what} is not application/json"))
}

/// A request that was let in.
pub(super) struct Asked {
    pub(super) caller: Option<Caller>,
    pub(super) from: From,
    /// What the cookie had, whether it is good or not.
    pub(super) token: Option<String>,
    pub(super) params: Params,
    pub(super) head: Parts,
    pub(super) body: Body,
}

/// What a list is asked for with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// Where the page before ended.
    pub(super) after: Option<RecordId>,
    /// How many at most.
    pub(super) limit: Option<usize>,
}

impl Asked {
    /// Who asks. Whoever asks for what needs nothing is nobody.
    pub(super) fn caller(&self) -> Result<&Caller, Refusal> {
        let nobody = || Refusal::new(OperatorCode::LoginRequired, "log in first");
        self.caller.as_ref().ok_or_else(nobody)
    }

    /// What the address asks for behind its `?`.
    pub(super) fn query<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let read = Query::try_from_uri(&self.head.uri);
        let wrong = |error: axum::extract::rejection::QueryRejection| {
            use std::error::Error;
            let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            ErrorBody::new(ErrorCode::BodyInvalid, format!("the query: {why}"))
        };
        read.map(|Query(query)| query).map_err(|error| wrong(error).into())
    }

    /// The version that a change is made to.
    ///
    /// # Errors
    /// `document.version_required`, `body.invalid` for what is no version.
    pub(super) fn version(&self) -> Result<i64, Refusal> {
        let Some(tag) = self.head.headers.get(IF_MATCH) else {
            let message = "a change needs If-Match with the ETag of what it changes";
            return Err(Refusal::new(OperatorCode::VersionRequired, message));
        };
        let quoted = tag.to_str().ok().and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"'));
        let version = quoted.and_then(|version| version.parse().ok());
        let wrong = || ErrorBody::invalid("If-Match", "is no ETag of this API, such as \"3\"");
        Ok(version.ok_or_else(wrong)?)
    }

    /// The key under which this is done once, over what was asked for. `said` stands for the body:
    /// of a password no quick digest may be kept.
    pub(super) fn key(&self, said: &[u8]) -> Result<Option<SentKey>, Refusal> {
        let Some(key) = idempotency_key(&self.head.headers)? else { return Ok(None) };
        if key.len() > MAX_KEY {
            let why = format!("is over {MAX_KEY} characters long");
            return Err(ErrorBody::invalid("Idempotency-Key", why).into());
        }
        let tag = self.head.headers.get(IF_MATCH).map_or(&b""[..], |tag| tag.as_bytes());
        let (method, path) =
            (self.head.method.as_str().as_bytes(), self.head.uri.path().as_bytes());
        Ok(Some(SentKey::new(key, [method, path, tag, said].join(&0))))
    }

    /// As [`Asked::key`], where something is made: twice would be two.
    pub(super) fn needed_key(&self, said: &[u8]) -> Result<SentKey, Refusal> {
        let missing = || {
            ErrorBody::invalid("Idempotency-Key", "is missing: what is made is made once under it")
        };
        Ok(self.key(said)?.ok_or_else(missing)?)
    }
}

/// How many are on a page.
///
/// # Errors
/// `body.invalid`.
pub(super) fn page(limit: Option<usize>) -> Result<usize, Refusal> {
    match limit.unwrap_or(PAGE) {
        limit @ 1..=LONGEST_PAGE => Ok(limit),
        _ => {
            Err(ErrorBody::invalid("limit", format!("is not between 1 and {LONGEST_PAGE}")).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use protocol::operators::{LoginRequest, NewOperator};

    use super::*;

    fn said<T: DeserializeOwned>(body: &'static str) -> String {
        Body(Bytes::from_static(body.as_bytes())).decoded::<T>().err().unwrap().to_string()
    }

    #[test]
    fn what_is_wrong_with_a_body_is_named_and_a_secret_in_it_is_not_said() {
        for (body, expected) in [
            ("", "missing field"),
            ("{", "is not JSON"),
            (r#"{"name": "kim", "password": 12345678, "totp": "1"}"#, "field password"),
            (r#"{"name": "kim", "password": "hunter2\n", "totp": "1"}"#, "field password"),
            (r#"{"name": "kim", "pasword": "hunter2", "totp": "1"}"#, "unknown field `pasword`"),
            (r#"["hunter2"]"#, "the body is"),
            (r#"{"name": "kim", "password": "hunter2", "totp": "1"} x"#, "has more behind"),
        ] {
            let error = said::<LoginRequest>(body);
            assert!(error.contains(expected), "{body}: {error}");
            assert!(!error.contains("hunter2") && !error.contains("12345678"), "{body}: {error}");
        }
        let role = r#"{"name": "kim", "password": "x", "roles": [{"app": "*", "role": "king"}]}"#;
        assert!(said::<NewOperator>(role).contains("field roles[0].role: unknown variant `king`"));
    }

    #[test]
    fn a_page_has_a_bound() {
        assert!(page(None).is_ok() && page(Some(1)).is_ok() && page(Some(LONGEST_PAGE)).is_ok());
        for limit in [0, LONGEST_PAGE + 1, usize::MAX] {
            assert!(page(Some(limit)).is_err(), "{limit}");
        }
    }
}
