//! The envelope of every answer.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::response::Response;
use protocol::codec::Format;
use protocol::error::ErrorBody;
use protocol::operation::Reply;
use serde::Serialize;
use serde_json::Value;

use super::mapping::mapping;
use super::path::Map;
use crate::http;

/// `resultCode` and `resultMessage` of a call that succeeded.
const SUCCESS: (i64, &str) = (0, "SUCCESS");

#[derive(Serialize)]
struct Envelope<'a> {
    header: Header<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ErrorBody>,
    #[serde(flatten)]
    reply: Map,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Header<'a> {
    transaction_id: &'a str,
    is_successful: bool,
    result_code: i64,
    result_message: &'a str,
}

/// The answer to a call: HTTP 200, whatever came of it.
pub(super) fn answer(transaction: &str, outcome: Result<Reply, ErrorBody>) -> Response {
    let outcome = outcome.and_then(|reply| fields(&reply));
    let (error, reply) = match outcome {
        Ok(reply) => (None, reply),
        Err(error) => (Some(error), Map::new()),
    };
    let error = error.as_ref();
    let (result_code, result_message) =
        error.map_or(SUCCESS, |error| (mapping().result(error.code), error.message.as_str()));
    let is_successful = error.is_none();
    let header = Header { transaction_id: transaction, is_successful, result_code, result_message };
    let envelope = Envelope { header, error, reply };
    let mut response = http::answer(StatusCode::OK, Format::Json, &envelope);
    // To a cache a 200 is a success, and this may be an error, or hold tokens.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A reply's fields, by the SDKs' names.
fn fields(reply: &Reply) -> Result<Map, ErrorBody> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(reply) else {
        tracing::error!(operation = reply.operation().name(), "a reply is not made of fields");
        return Err(actors::fault::internal("the answer could not be written"));
    };
    mapping().rename_reply(reply.operation(), &mut fields);
    Ok(fields)
}
