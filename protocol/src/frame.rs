//! Websocket frames: what a client sends, read by its head alone, and what it is sent.

use std::borrow::Cow;
use std::io;

use rmp::Marker;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::codec::Format;
use crate::error::{ErrorBody, ErrorCode};
use crate::limits::{DEPTH, REQUEST_ID};
use crate::operation::Reply;
use crate::push::Push;

/// A frame of a client, its body not yet read.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientFrame<'a> {
    /// `{"id", "op", "body"}`.
    Request(RequestFrame<'a>),
    /// `{"ack"}`: every numbered push up to this one has arrived.
    Ack(u64),
}

/// The head of a request, and its body as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestFrame<'a> {
    /// The client's number for the request, 1 to [`REQUEST_ID`].
    pub id: u64,
    /// The operation's name; it may be one that does not exist.
    pub op: Cow<'a, str>,
    /// The body in the connection's format; an empty map if the client sent none.
    pub body: &'a [u8],
}

/// Why a frame is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// It is not a map, or not of this format: there is nobody to answer, so close.
    Senseless(&'static str),
    /// It is a map with a usable `id`, and this is wrong with the rest: answer that id.
    Request {
        /// The request to answer.
        id: u64,
        /// What is wrong.
        reason: &'static str,
    },
}

impl FrameFault {
    /// What to answer a request that is at fault.
    #[must_use]
    pub fn error(reason: &'static str) -> ErrorBody {
        ErrorBody::new(ErrorCode::FrameBad, reason)
    }
}

/// The head's fields, each `None` if absent or null, `Err` when it is of the wrong type.
struct Head<'a> {
    id: Option<Result<u64, &'static str>>,
    op: Option<Result<Cow<'a, str>, &'static str>>,
    body: Option<&'a [u8]>,
    ack: Option<Result<u64, &'static str>>,
}

impl<'a> Head<'a> {
    fn frame(self, format: Format) -> Result<ClientFrame<'a>, FrameFault> {
        let id = match (self.id, self.ack) {
            (None, Some(ack)) => {
                return ack.map(ClientFrame::Ack).map_err(FrameFault::Senseless);
            }
            (None, None) => return Err(FrameFault::Senseless("neither id nor ack")),
            (Some(id), None) => id.map_err(FrameFault::Senseless)?,
            (Some(_), Some(_)) => return Err(FrameFault::Senseless("both id and ack")),
        };
        if id == 0 || id > REQUEST_ID {
            return Err(FrameFault::Senseless("id is not between 1 and 2^53 - 1"));
        }
        match self.op {
            None => Err(FrameFault::Request { id, reason: "op is missing" }),
            Some(Err(reason)) => Err(FrameFault::Request { id, reason }),
            Some(Ok(op)) => {
                let body = self.body.unwrap_or(format.empty_map());
                Ok(ClientFrame::Request(RequestFrame { id, op, body }))
            }
        }
    }
}

impl<'a> ClientFrame<'a> {
    /// Reads a frame's head. The body is skipped, not read, and nothing is allocated for
    /// what a length claims.
    ///
    /// # Errors
    /// [`FrameFault`], which says whether there is a request to answer.
    pub fn read(format: Format, frame: &'a [u8]) -> Result<Self, FrameFault> {
        match format {
            Format::Msgpack => msgpack_head(frame)?,
            Format::Json => json_head(frame)?,
        }
        .frame(format)
    }
}

const NOT_A_MAP: FrameFault = FrameFault::Senseless("not a map");
const TWICE: FrameFault = FrameFault::Senseless("a field comes twice");
const NOT_AN_INTEGER: &str = "id and ack are positive integers";
const NOT_A_NAME: &str = "op is not a string";
const TOO_DEEP: FrameFault = FrameFault::Senseless("nested too deep");

#[derive(Deserialize)]
struct JsonHead<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    op: Option<&'a RawValue>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(borrow, default)]
    ack: Option<&'a RawValue>,
}

fn json_head(frame: &[u8]) -> Result<Head<'_>, FrameFault> {
    if frame.trim_ascii_start().first() != Some(&b'{') {
        return Err(NOT_A_MAP);
    }
    let head: JsonHead<'_> = serde_json::from_slice(frame)
        .map_err(|_| FrameFault::Senseless("not a JSON map, or a field comes twice"))?;
    // serde_json skips nested values without a bound; the contract has one.
    if deeper_than(DEPTH, frame) {
        return Err(TOO_DEEP);
    }
    let integer = |raw: &RawValue| raw.get().parse().map_err(|_| NOT_AN_INTEGER);
    Ok(Head {
        id: head.id.map(integer),
        op: head.op.map(|raw| {
            // Names are plain; one with an escape is read the long way.
            match raw.get().strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(name) if !name.contains('\\') => Ok(Cow::Borrowed(name)),
                _ => serde_json::from_str(raw.get()).map(Cow::Owned).map_err(|_| NOT_A_NAME),
            }
        }),
        body: head.body.map(|raw| raw.get().as_bytes()),
        ack: head.ack.map(integer),
    })
}

/// Whether maps and arrays of well-formed JSON nest deeper than `bound`.
fn deeper_than(bound: usize, json: &[u8]) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => depth += 1,
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > bound {
            return true;
        }
    }
    false
}

fn msgpack_head(frame: &[u8]) -> Result<Head<'_>, FrameFault> {
    let mut rest = frame;
    let fields = map_len(&mut rest).ok_or(NOT_A_MAP)?;
    let [mut id, mut op, mut body, mut ack] = [None; 4];
    for _ in 0..fields {
        const NOT_A_KEY: FrameFault = FrameFault::Senseless("a key is not a string");
        let key = take_text(&mut rest).ok_or(NOT_A_KEY)?;
        let value = take_value(&mut rest)?;
        let field = match key {
            b"id" => &mut id,
            b"op" => &mut op,
            b"body" => &mut body,
            b"ack" => &mut ack,
            other => {
                std::str::from_utf8(other).map_err(|_| NOT_A_KEY)?;
                continue;
            }
        };
        if field.replace(value).is_some() {
            return Err(TWICE);
        }
    }
    if !rest.is_empty() {
        return Err(FrameFault::Senseless("bytes behind the map"));
    }
    // A null is as absent, as it is in JSON and in bodies.
    Ok(Head {
        id: id.filter(is_not_nil).map(integer),
        op: op.filter(is_not_nil).map(name),
        body: body.filter(is_not_nil),
        ack: ack.filter(is_not_nil).map(integer),
    })
}

/// How many fields the map has that begins here.
fn map_len(rest: &mut &[u8]) -> Option<u64> {
    match rest.first()? {
        0x80..=0x8f | 0xde | 0xdf => shape(rest)?.0.map(|values| values / 2),
        _ => None,
    }
}

fn is_not_nil(value: &&[u8]) -> bool {
    **value != [Marker::Null.to_u8()]
}

fn name(mut value: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    let text = take_text(&mut value).and_then(|text| std::str::from_utf8(text).ok());
    text.map(Cow::Borrowed).ok_or(NOT_A_NAME)
}

fn integer(mut value: &[u8]) -> Result<u64, &'static str> {
    rmp::decode::read_int(&mut value).map_err(|_| NOT_AN_INTEGER)
}

/// Takes a string, whatever its bytes are.
fn take_text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    use Marker::{FixStr, Str8, Str16, Str32};
    let length = match Marker::from_u8(*rest.first()?) {
        // Nearly every name is short.
        FixStr(length) => {
            *rest = &rest[1..];
            usize::from(length)
        }
        Str8 | Str16 | Str32 => shape(rest)?.1,
        _ => return None,
    };
    let (text, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(text)
}

/// Takes one whole value off the front, without reading into it.
fn take_value<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], FrameFault> {
    const BROKEN: FrameFault = FrameFault::Senseless("broken MessagePack");
    let whole = *rest;
    // Most values hold no others, or a few that hold none.
    if flat(rest).is_some() {
        return Ok(&whole[..whole.len() - rest.len()]);
    }
    *rest = whole;
    // How many values each open container still lacks; a value of this call, then inwards.
    let mut open = [0_u64; DEPTH];
    let mut depth = 0;
    open[0] = 1;
    loop {
        while open[depth] == 0 {
            if depth == 0 {
                return Ok(&whole[..whole.len() - rest.len()]);
            }
            depth -= 1;
        }
        open[depth] -= 1;
        let (children, payload) = shape(rest).ok_or(BROKEN)?;
        *rest = rest.get(payload..).ok_or(BROKEN)?;
        if let Some(children) = children {
            depth += 1;
            *open.get_mut(depth).ok_or(TOO_DEEP)? = children;
        }
    }
}

/// Takes a value in which nothing is nested, or a map or array of such.
fn flat(rest: &mut &[u8]) -> Option<()> {
    let (children, payload) = shape(rest)?;
    *rest = rest.get(payload..)?;
    for _ in 0..children.unwrap_or(0) {
        let (None, payload) = shape(rest)? else { return None };
        *rest = rest.get(payload..)?;
    }
    Some(())
}

/// Takes a marker and its length: how many values follow inside a container, how many
/// bytes to skip.
#[inline]
pub(crate) fn shape(rest: &mut &[u8]) -> Option<(Option<u64>, usize)> {
    let (marker, tail) = rest.split_first()?;
    *rest = tail;
    // The shapes that nearly everything has.
    match *marker {
        0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => Some((None, 0)),
        0xa0..=0xbf => Some((None, usize::from(*marker & 0x1f))),
        0x80..=0x8f => Some((Some(u64::from(*marker & 0x0f) * 2), 0)),
        0xcb => Some((None, 8)),
        _ => longer_shape(*marker, rest),
    }
}

fn longer_shape(marker: u8, rest: &mut &[u8]) -> Option<(Option<u64>, usize)> {
    let marker = Marker::from_u8(marker);
    let mut length = |width: usize| -> Option<usize> {
        let (bytes, tail) = rest.split_at_checked(width)?;
        *rest = tail;
        Some(bytes.iter().fold(0, |number, byte| (number << 8) | usize::from(*byte)))
    };
    let values = |count: usize, each: u64| u64::try_from(count).ok().map(|n| n * each);
    Some(match marker {
        Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => {
            (None, 0)
        }
        Marker::U8 | Marker::I8 => (None, 1),
        Marker::U16 | Marker::I16 => (None, 2),
        Marker::U32 | Marker::I32 | Marker::F32 => (None, 4),
        Marker::U64 | Marker::I64 | Marker::F64 => (None, 8),
        Marker::FixStr(n) => (None, usize::from(n)),
        Marker::Str8 | Marker::Bin8 => (None, length(1)?),
        Marker::Str16 | Marker::Bin16 => (None, length(2)?),
        Marker::Str32 | Marker::Bin32 => (None, length(4)?),
        Marker::FixArray(n) => (Some(u64::from(n)), 0),
        Marker::Array16 => (values(length(2)?, 1), 0),
        Marker::Array32 => (values(length(4)?, 1), 0),
        Marker::FixMap(n) => (Some(u64::from(n) * 2), 0),
        Marker::Map16 => (values(length(2)?, 2), 0),
        Marker::Map32 => (values(length(4)?, 2), 0),
        Marker::FixExt1 => (None, 2),
        Marker::FixExt2 => (None, 3),
        Marker::FixExt4 => (None, 5),
        Marker::FixExt8 => (None, 9),
        Marker::FixExt16 => (None, 17),
        Marker::Ext8 => (None, length(1)? + 1),
        Marker::Ext16 => (None, length(2)? + 1),
        Marker::Ext32 => (None, length(4)? + 1),
        Marker::Reserved => return None,
    })
}

/// A frame to a client.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum ServerFrame<'a> {
    /// A request's answer.
    Ok {
        /// The request's id.
        id: u64,
        /// The body.
        ok: &'a Reply,
    },
    /// A request's error.
    Err {
        /// The request's id.
        id: u64,
        /// What went wrong.
        err: &'a ErrorBody,
    },
    /// A push that must arrive, with its number.
    Numbered {
        /// Its number.
        seq: u64,
        /// Its word.
        push: &'a str,
        /// Its body.
        body: &'a serde_json::Value,
    },
    /// A push that need not arrive.
    Push {
        /// The push's word.
        push: &'static str,
        /// The body.
        body: &'a Push,
    },
}

impl<'a> ServerFrame<'a> {
    /// The answer to request `id`.
    #[must_use]
    pub fn answer(id: u64, outcome: &'a Result<Reply, ErrorBody>) -> Self {
        match outcome {
            Ok(ok) => Self::Ok { id, ok },
            Err(err) => Self::Err { id, err },
        }
    }

    /// A push without a number.
    #[must_use]
    pub fn push(body: &'a Push) -> Self {
        Self::Push { push: body.word(), body }
    }

    /// The frame's bytes.
    ///
    /// # Errors
    /// As [`Format::encode`].
    pub fn encode(&self, format: Format) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(128);
        format.encode(self, &mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
