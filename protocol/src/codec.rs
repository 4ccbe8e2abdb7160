//! The two formats, one meaning: MessagePack maps with string keys, and JSON.

use std::io;

use rmp::Marker;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ErrorBody;
use crate::frame::shape;
use crate::limits::DEPTH;

/// How frames are written on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// MessagePack, in binary frames.
    Msgpack,
    /// JSON, in text frames.
    Json,
}

impl Format {
    /// Both formats.
    pub const ALL: &'static [Self] = &[Self::Msgpack, Self::Json];

    /// The websocket subprotocol that names the format.
    #[must_use]
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::Msgpack => "daemun.v1.msgpack",
            Self::Json => "daemun.v1.json",
        }
    }

    /// The format of a subprotocol.
    #[must_use]
    pub fn of_subprotocol(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.subprotocol() == name)
    }

    /// An empty map: the body of a request that has none.
    #[must_use]
    pub fn empty_map(self) -> &'static [u8] {
        match self {
            Self::Msgpack => &[0x80],
            Self::Json => b"{}",
        }
    }

    /// Appends `value` to `buffer`.
    ///
    /// # Errors
    /// When the value cannot be written: a map key that is no string, a number that is
    /// none. None of this crate's types is such a value.
    pub fn encode<T: Serialize + ?Sized>(self, value: &T, buffer: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Msgpack => value
                .serialize(&mut rmp_serde::Serializer::new(buffer).with_struct_map())
                .map_err(io::Error::other),
            Self::Json => serde_json::to_writer(buffer, value).map_err(io::Error::from),
        }
    }

    /// Reads the body of a request: a map, nothing behind it. In MessagePack it must be
    /// one that JSON could say: strings as keys, no extensions, no infinite numbers.
    ///
    /// # Errors
    /// `body.invalid`, naming the field.
    pub fn decode_body<T: DeserializeOwned>(self, body: &[u8]) -> Result<T, ErrorBody> {
        if !self.begins_map(body) {
            return Err(ErrorBody::invalid("", "is not a map"));
        }
        self.plain(body).map_err(|reason| ErrorBody::invalid("", reason))?;
        // Finding out which field is at fault costs time, so only a body at fault pays.
        self.decode(body).map_err(|Broken| self.explain::<T>(body))
    }

    fn begins_map(self, body: &[u8]) -> bool {
        match self {
            Self::Msgpack => matches!(body.first(), Some(0x80..=0x8f | 0xde | 0xdf)),
            Self::Json => body.trim_ascii_start().first() == Some(&b'{'),
        }
    }

    /// Refuses what MessagePack can say and JSON cannot, and what is behind the value.
    fn plain(self, body: &[u8]) -> Result<(), &'static str> {
        match self {
            Self::Msgpack => {
                let mut rest = body;
                if flat_plain(&mut rest).is_none() {
                    rest = body;
                    plain_value(&mut rest, DEPTH)?;
                }
                if rest.is_empty() { Ok(()) } else { Err(BEHIND) }
            }
            Self::Json => Ok(()),
        }
    }

    fn decode<T: DeserializeOwned>(self, body: &[u8]) -> Result<T, Broken> {
        match self {
            // That nothing is behind the value is known already.
            Self::Msgpack => T::deserialize(&mut msgpack(body)).map_err(|_| Broken),
            Self::Json => serde_json::from_slice(body).map_err(|_| Broken),
        }
    }

    fn explain<T: DeserializeOwned>(self, body: &[u8]) -> ErrorBody {
        let fault = match self {
            Self::Msgpack => serde_path_to_error::deserialize::<_, T>(&mut msgpack(body))
                .err()
                .map(|error| invalid(error.path(), &error.inner().to_string())),
            Self::Json => {
                let mut reader = serde_json::Deserializer::from_slice(body);
                serde_path_to_error::deserialize::<_, T>(&mut reader)
                    .err()
                    .map(|error| invalid(error.path(), &error.inner().to_string()))
            }
        };
        fault.unwrap_or_else(|| ErrorBody::invalid("", BEHIND))
    }
}

struct Broken;

const BEHIND: &str = "has something behind it";

/// Takes a map of plain values in which nothing is nested, as nearly every body is; what is
/// anything else is looked at with more care.
fn flat_plain(rest: &mut &[u8]) -> Option<()> {
    let (Some(children), 0) = shape(rest)? else { return None };
    for place in 0..children {
        let marker = *rest.first()?;
        let short_text = matches!(marker, 0xa0..=0xbf);
        let scalar = matches!(marker, 0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xca..=0xd3 | 0xd9..=0xdb | 0xe0..=0xff);
        if !(short_text || (scalar && place % 2 == 1)) {
            return None;
        }
        let (None, payload) = shape(rest)? else { return None };
        let (value, behind) = rest.split_at_checked(payload)?;
        if !is_finite(Marker::from_u8(marker), value) {
            return None;
        }
        *rest = behind;
    }
    Some(())
}

/// Takes a value whose maps have strings as keys and which holds no extension. A number
/// as a key would be taken for a field's place in its struct, which is no part of the
/// contract, and an extension in a field to be ignored would be left unread.
fn plain_value(rest: &mut &[u8], levels: usize) -> Result<(), &'static str> {
    const BROKEN: &str = "is broken MessagePack";
    let marker = first_marker(rest).ok_or(BROKEN)?;
    if is_ext(marker) {
        return Err("holds an extension, which has no form in JSON");
    }
    let (children, payload) = shape(rest).ok_or(BROKEN)?;
    let (value, behind) = rest.split_at_checked(payload).ok_or(BROKEN)?;
    if !is_finite(marker, value) {
        return Err("holds a number that is infinite or none, which has no form in JSON");
    }
    *rest = behind;
    let inner = levels.checked_sub(usize::from(children.is_some())).ok_or("is nested too deep")?;
    let keys = matches!(marker, Marker::FixMap(_) | Marker::Map16 | Marker::Map32);
    for place in 0..children.unwrap_or(0) {
        if keys && place % 2 == 0 && !first_marker(rest).is_some_and(is_str) {
            return Err("has a map with a key that is not a string");
        }
        plain_value(rest, inner)?;
    }
    Ok(())
}

/// Whether a value is no floating-point number, or one that is a number.
fn is_finite(marker: Marker, value: &[u8]) -> bool {
    match (marker, value) {
        (Marker::F32, value) => value.try_into().map(f32::from_be_bytes).is_ok_and(f32::is_finite),
        (Marker::F64, value) => value.try_into().map(f64::from_be_bytes).is_ok_and(f64::is_finite),
        _ => true,
    }
}

fn first_marker(rest: &[u8]) -> Option<Marker> {
    rest.first().copied().map(Marker::from_u8)
}

fn is_str(marker: Marker) -> bool {
    matches!(marker, Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32)
}

fn is_ext(marker: Marker) -> bool {
    let fixed = matches!(
        marker,
        Marker::FixExt1 | Marker::FixExt2 | Marker::FixExt4 | Marker::FixExt8 | Marker::FixExt16
    );
    fixed || matches!(marker, Marker::Ext8 | Marker::Ext16 | Marker::Ext32)
}

type Msgpack<'a> = rmp_serde::Deserializer<rmp_serde::decode::ReadRefReader<'a, [u8]>>;

/// A reader that takes texts where they stand.
fn msgpack(body: &[u8]) -> Msgpack<'_> {
    let mut reader = rmp_serde::Deserializer::from_read_ref(body);
    reader.set_max_depth(DEPTH);
    reader
}

/// Names the field at fault: a missing one is not on the path, but in the message.
fn invalid(path: &serde_path_to_error::Path, reason: &str) -> ErrorBody {
    let path = path.to_string();
    // serde_json adds where in the text; the field's name says it better.
    let reason = reason.split(" at line ").next().unwrap_or(reason);
    let parent = if path == "." { "" } else { path.as_str() };
    let missing = reason.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    match (missing, parent) {
        (Some(field), "") => ErrorBody::invalid(field, "is missing"),
        (Some(field), parent) => ErrorBody::invalid(&format!("{parent}.{field}"), "is missing"),
        (None, parent) => ErrorBody::invalid(parent, reason),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::ids::AppId;

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    struct Outer {
        inner: Inner,
    }

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    struct Inner {
        app: AppId,
        n: u8,
    }

    fn fault(format: Format, value: &serde_json::Value) -> String {
        let mut body = Vec::new();
        format.encode(value, &mut body).unwrap();
        let error = format.decode_body::<Outer>(&body).unwrap_err();
        assert_eq!(error.code, crate::error::ErrorCode::BodyInvalid);
        let field = error.detail.map(|detail| detail["field"].to_string());
        format!("{} | {}", field.unwrap_or_default(), error.message)
    }

    #[test]
    fn the_field_at_fault_is_named_in_either_format() {
        for format in Format::ALL {
            let says = |value| fault(*format, &value);
            assert_eq!(
                says(serde_json::json!({"inner": {"n": 1}})),
                "\"inner.app\" | field inner.app: is missing"
            );
            assert_eq!(says(serde_json::json!({})), "\"inner\" | field inner: is missing");
            assert!(
                says(serde_json::json!({"inner": {"app": "NO", "n": 1}}))
                    .starts_with("\"inner.app\" | field inner.app: not an app id")
            );
            assert!(
                says(serde_json::json!({"inner": {"app": "demo", "n": 999}}))
                    .starts_with("\"inner.n\"")
            );
            assert_eq!(says(serde_json::json!([1])), " | the body is not a map");
            assert_eq!(says(serde_json::json!(null)), " | the body is not a map");
        }
    }

    #[test]
    fn unknown_fields_are_ignored_and_what_follows_the_map_is_not() {
        for format in Format::ALL {
            let mut body = Vec::new();
            let value = serde_json::json!({
                "new": [1, {"a": null}], "inner": {"app": "demo", "n": 1, "more": "x"},
            });
            format.encode(&value, &mut body).unwrap();
            assert!(format.decode_body::<Outer>(&body).is_ok());
            body.extend_from_slice(format.empty_map());
            assert!(format.decode_body::<Outer>(&body).is_err());
        }
    }

    fn refused(body: &[u8]) -> String {
        let error = Format::Msgpack.decode_body::<Outer>(body).unwrap_err();
        assert_eq!(error.code, crate::error::ErrorCode::BodyInvalid);
        error.message
    }

    #[test]
    fn msgpack_says_no_more_than_json_could() {
        let good = b"\x81\xa5inner\x82\xa3app\xa4demo\xa1n\x01";
        assert!(Format::Msgpack.decode_body::<Outer>(good).is_ok());
        let key = "the body has a map with a key that is not a string";
        assert_eq!(refused(b"\x81\x00\x82\xa3app\xa4demo\xa1n\x01"), key);
        assert_eq!(refused(b"\x81\xa5inner\x82\x00\xa4demo\x01\x01"), key);
        assert_eq!(refused(b"\x81\xc4\x05inner\x82\xa3app\xa4demo\xa1n\x01"), key);
        // A time as some libraries write it, in a field that is not known.
        let mut time = b"\x82\xa5later\xd6\xff\x5e\x00\x00\x00".to_vec();
        time.extend_from_slice(&good[1..]);
        assert_eq!(refused(&time), "the body holds an extension, which has no form in JSON");
    }

    /// Found by fuzzing: such a number came back as null, or not at all.
    #[test]
    fn a_number_is_one() {
        let with = |number: &[u8]| {
            let good = b"\xa5inner\x82\xa3app\xa4demo\xa1n\x01";
            [b"\x82\xa5later", number, good].concat()
        };
        let none = "the body holds a number that is infinite or none, which has no form in JSON";
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(refused(&with(&[&[0xcb][..], &number.to_be_bytes()].concat())), none);
            let narrow = (number as f32).to_be_bytes();
            assert_eq!(refused(&with(&[&[0xca][..], &narrow].concat())), none);
            // A body in which nothing is nested is read in a shorter way.
            let flat = [&b"\x81\xa1t\xcb"[..], &number.to_be_bytes()].concat();
            assert_eq!(refused(&flat), none);
        }
        let fine = with(&[&[0xcb][..], &1.5_f64.to_be_bytes()].concat());
        assert!(Format::Msgpack.decode_body::<Outer>(&fine).is_ok());
        assert!(refused(b"\x81\xa1t\xcb\x7f").contains("broken"));
    }

    #[test]
    fn what_a_length_claims_is_not_believed() {
        for marker in [0xdb, 0xc6, 0xdd, 0xdf] {
            let body = [b"\x81\xa5inner", &[marker, 0xff, 0xff, 0xff, 0xff][..], b"xx"].concat();
            assert!(refused(&body).starts_with("the body"), "{marker:x}");
        }
    }

    #[test]
    fn deep_nesting_ends_in_an_error() {
        let mut body = vec![0x81, 0xa1, b'x'];
        body.extend(std::iter::repeat_n(0x91, 60_000));
        body.push(0xc0);
        assert!(Format::Msgpack.decode_body::<Outer>(&body).is_err());
        let body = format!("{{\"x\":{}1{}}}", "[".repeat(30_000), "]".repeat(30_000));
        assert!(Format::Json.decode_body::<Outer>(body.as_bytes()).is_err());
    }
}
