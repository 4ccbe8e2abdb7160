//! Frames as a client writes and reads them.

use protocol::codec::Format;
use protocol::error::ErrorBody;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio_tungstenite::tungstenite::Message;

use crate::failure::Failure;

/// A frame to the server.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Outgoing<'a> {
    /// A request.
    Request {
        /// The client's number for it.
        id: u64,
        /// The operation's name.
        op: &'a str,
        /// The body.
        body: &'a Value,
    },
    /// Every numbered push up to this one has arrived.
    Ack {
        /// The push's number.
        ack: u64,
    },
}

impl Outgoing<'_> {
    /// The websocket message: text for JSON, binary for MessagePack.
    ///
    /// # Errors
    /// [`Failure::Unsendable`] when a value cannot be written.
    pub fn message(&self, format: Format) -> Result<Message, Failure> {
        let mut bytes = Vec::with_capacity(128);
        format.encode(self, &mut bytes).map_err(|error| Failure::Unsendable(error.to_string()))?;
        match format {
            Format::Msgpack => Ok(Message::binary(bytes)),
            Format::Json => String::from_utf8(bytes)
                .map(Message::text)
                .map_err(|error| Failure::Unsendable(error.to_string())),
        }
    }
}

/// A frame of the server.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// A request's answer.
    Answer {
        /// The request's number.
        id: u64,
        /// The body, or the error.
        outcome: Result<Value, ErrorBody>,
    },
    /// Something the server says unasked.
    Push(Push),
}

/// Something the server says unasked.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// Its number in the member's inbox, if it must arrive.
    pub seq: Option<u64>,
    /// Its word, for example `session.expiring`.
    pub word: String,
    /// Its body.
    pub body: Value,
}

/// Reads a frame's payload, whatever it says.
///
/// # Errors
/// [`Failure::Strange`] when it is not of this format, or something follows it.
pub fn decode(format: Format, payload: &[u8]) -> Result<Value, Failure> {
    match format {
        Format::Json => serde_json::from_slice(payload).map_err(strange),
        Format::Msgpack => {
            // `rmp_serde::from_slice` would not mind bytes behind the value.
            let mut rest = payload;
            let value = rmp_serde::from_read(&mut rest).map_err(strange)?;
            if rest.is_empty() { Ok(value) } else { Err(strange("bytes behind the frame")) }
        }
    }
}

impl Incoming {
    /// Makes sense of a frame. Fields it does not know are ignored, as the contract asks.
    ///
    /// # Errors
    /// [`Failure::Strange`] when it is neither an answer nor a push.
    pub fn read(frame: Value) -> Result<Self, Failure> {
        let Value::Object(mut fields) = frame else {
            return Err(strange("a frame that is not a map"));
        };
        match (fields.remove("id"), fields.remove("push")) {
            (Some(id), None) => {
                Ok(Self::Answer { id: number(&id)?, outcome: outcome(&mut fields)? })
            }
            (None, Some(word)) => Ok(Self::Push(Push {
                seq: fields.get("seq").map(number).transpose()?,
                word: typed("a push's word", word)?,
                body: fields.remove("body").ok_or_else(|| strange("a push without a body"))?,
            })),
            (None, None) => Err(strange("a frame with neither id nor push")),
            (Some(_), Some(_)) => Err(strange("a frame with both id and push")),
        }
    }
}

/// Takes `ok` or `err` out of an answer; the two doors write them alike.
///
/// # Errors
/// [`Failure::Strange`] when there is not exactly one of the two, or the error is none.
pub fn outcome(fields: &mut Map<String, Value>) -> Result<Result<Value, ErrorBody>, Failure> {
    match (fields.remove("ok"), fields.remove("err")) {
        (Some(ok), None) => Ok(Ok(ok)),
        (None, Some(err)) => typed("an error", err).map(Err),
        (None, None) => Err(strange("an answer with neither ok nor err")),
        (Some(_), Some(_)) => Err(strange("an answer with both ok and err")),
    }
}

/// Reads a value as one of the contract's types.
///
/// # Errors
/// [`Failure::Strange`], saying what it should have been.
pub fn typed<T: DeserializeOwned>(what: &str, value: Value) -> Result<T, Failure> {
    serde_json::from_value(value)
        .map_err(|error| strange(format!("{what} of another shape: {error}")))
}

/// Writes one of the contract's types as a value.
///
/// # Errors
/// [`Failure::Unsendable`]; none of the contract's types is so.
pub fn value(body: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(body).map_err(|error| Failure::Unsendable(error.to_string()))
}

fn number(value: &Value) -> Result<u64, Failure> {
    value.as_u64().ok_or_else(|| strange(format!("{value} where a whole number belongs")))
}

fn strange(what: impl ToString) -> Failure {
    Failure::Strange(what.to_string())
}

#[cfg(test)]
mod tests;
