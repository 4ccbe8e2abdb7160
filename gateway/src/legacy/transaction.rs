//! The caller's own word for a call, which every answer says back.

use actors::random;
use axum::http::HeaderMap;
use protocol::error::ErrorBody;
use storage::clock::Micros;

use super::fields::Fields;
use super::mapping::mapping;

/// The longest transaction id, in bytes.
const LONGEST: usize = 128;

/// The transaction id for the answer, and the fields without it. A call that names none
/// gets a new one; one whose id is not fit to be said back gets a new one and is refused.
pub(super) fn of(
    headers: &HeaderMap,
    mut fields: Result<Fields, ErrorBody>,
    now: Micros,
) -> (String, Result<Fields, ErrorBody>) {
    let made = || random::uuid(now).to_string();
    match named(headers, fields.as_mut().ok()) {
        Ok(id) => (id.unwrap_or_else(made), fields),
        Err(error) => (made(), fields.and(Err(error))),
    }
}

/// The id in the body, else in a header field.
fn named(headers: &HeaderMap, fields: Option<&mut Fields>) -> Result<Option<String>, ErrorBody> {
    let names = &mapping().names;
    let in_body = match fields {
        Some(fields) => fields.take_text(&names.transaction_fields)?,
        None => None,
    };
    let mut in_head = names.transaction_headers.iter().filter_map(|name| {
        let value = headers.get(name).filter(|value| !value.is_empty())?;
        Some((name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
    });
    in_body.or_else(|| in_head.next()).map(|(name, id)| checked(name, id)).transpose()
}

fn checked(name: &str, id: String) -> Result<String, ErrorBody> {
    if id.len() > LONGEST {
        return Err(ErrorBody::invalid(name, format_args!("longer than {LONGEST} bytes")));
    }
    if !id.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(ErrorBody::invalid(name, "holds something else than printable ASCII"));
    }
    Ok(id)
}
