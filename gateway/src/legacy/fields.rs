//! The fields of a call, before it is known which operation they are for.

use axum::body::Body;
use axum::http::HeaderMap;
use protocol::codec::Format;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::operation::Operation;
use serde_json::Value;

use super::form;
use super::mapping::mapping;
use super::path::{self, Map};
use crate::http::{content_type, read};

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Json,
    Form,
}

/// What a call says, by the SDK's names.
pub(super) struct Fields {
    map: Map,
    written: Written,
}

impl Fields {
    /// Reads a body of at most `limit` bytes: JSON or a form.
    ///
    /// # Errors
    /// `body.media_type`, `body.too_large`, `body.late`, or `body.invalid`.
    pub(super) async fn read(
        headers: &HeaderMap,
        body: Body,
        limit: usize,
    ) -> Result<Self, ErrorBody> {
        let content_type = content_type(headers)?;
        let body = read(body, limit).await?;
        let written = written(content_type.as_deref(), &body)?;
        let map = match written {
            Written::Json if body.is_empty() => Map::new(),
            Written::Json => Format::Json.decode_body(&body)?,
            Written::Form => form::read(&body)?,
        };
        Ok(Self { map, written })
    }

    /// Takes the access token, when it is among the fields.
    ///
    /// # Errors
    /// `body.invalid`, naming the field.
    pub(super) fn take_token(&mut self) -> Result<Option<String>, ErrorBody> {
        let taken = self.take_text(&mapping().names.token_fields)?;
        Ok(taken.map(|(_, token)| token))
    }

    /// Takes the text of the first of these fields that is given, and which one it was. An
    /// SDK that has nothing to say may say it with null or an empty text.
    ///
    /// # Errors
    /// `body.invalid`, naming the field.
    pub(super) fn take_text<'n>(
        &mut self,
        names: &'n [String],
    ) -> Result<Option<(&'n str, String)>, ErrorBody> {
        for name in names {
            match path::take(&mut self.map, name) {
                None | Some(Value::Null) => {}
                Some(Value::String(text)) if text.is_empty() => {}
                Some(Value::String(text)) => return Ok(Some((name, text))),
                Some(Value::Number(number)) => return Ok(Some((name, number.to_string()))),
                Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
                    return Err(ErrorBody::invalid(name, "is neither a text nor a number"));
                }
            }
        }
        Ok(None)
    }

    /// The body in JSON and by the operation's own names.
    pub(super) fn into_body(mut self, operation: Operation) -> Vec<u8> {
        mapping().rename_request(operation, &mut self.map);
        if self.written == Written::Form {
            for name in mapping().typed(operation) {
                path::find(&mut self.map, name).map(give_type);
            }
        }
        Value::Object(self.map).to_string().into_bytes()
    }
}

/// How a body is written, by its content type; one without is told by how it begins.
fn written(content_type: Option<&str>, body: &[u8]) -> Result<Written, ErrorBody> {
    let refuse = |message: String| Err(ErrorBody::new(ErrorCode::BodyMediaType, message));
    match content_type {
        Some("application/json") => Ok(Written::Json),
        Some("application/x-www-form-urlencoded") => Ok(Written::Form),
        Some(other) => refuse(format!(
            "`{other}` is neither application/json nor application/x-www-form-urlencoded"
        )),
        None if body.is_empty() || body.trim_ascii_start().starts_with(b"{") => Ok(Written::Json),
        None => refuse("a body without a content type must be a JSON object".into()),
    }
}

/// Makes a number, true or false of a text that reads as one. Any other is left for the
/// operation to refuse, which names the field and what it must be.
fn give_type(value: &mut Value) {
    let read = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    if let Some(typed @ (Value::Bool(_) | Value::Number(_))) = read {
        *value = typed;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(written: Written, operation: Operation, fields: Value) -> Value {
        let Value::Object(map) = fields else { panic!("not a map") };
        serde_json::from_slice(&Fields { map, written }.into_body(operation)).unwrap()
    }

    #[test]
    fn a_forms_typed_fields_get_their_type_and_no_others_do() {
        let typed =
            |fields| body(Written::Form, Operation::AuthRefresh, fields)["take_over"].clone();
        assert_eq!(typed(json!({"take_over": "true"})), json!(true));
        assert_eq!(typed(json!({"take_over": "false"})), json!(false));
        for left in ["", "yes", "null", "\"true\"", "[true]", "{\"a\":1}"] {
            assert_eq!(typed(json!({"take_over": left})), json!(left));
        }
        let ping =
            |t: &str| body(Written::Form, Operation::SessionPing, json!({"t": t}))["t"].clone();
        assert_eq!(ping("12"), json!(12));
        assert_eq!(ping("-1.5"), json!(-1.5));
        let other = json!({"app": "12", "refresh_token": "true"});
        assert_eq!(body(Written::Form, Operation::AuthRefresh, other.clone()), other);
    }

    #[test]
    fn jsons_own_types_are_kept() {
        let fields = json!({"take_over": "true"});
        assert_eq!(body(Written::Json, Operation::AuthRefresh, fields.clone()), fields);
    }

    #[test]
    fn a_body_without_a_content_type_is_told_by_how_it_begins() {
        assert_eq!(written(None, b" \n{"), Ok(Written::Json));
        assert_eq!(written(None, b""), Ok(Written::Json));
        for other in [&b"app=demo"[..], b"[1]", b" "] {
            assert_eq!(written(None, other).unwrap_err().code, ErrorCode::BodyMediaType);
        }
    }
}
