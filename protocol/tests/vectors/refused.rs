//! Frames that the server does not take, and what it does about each.

use protocol::close::CloseCode;
use protocol::codec::Format;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::limits::{DEPTH, REQUEST_ID};
use serde_json::Value;

use crate::document::{Fault, Refused, WireFormat, to_hex};

pub(crate) fn all() -> Vec<Refused> {
    let mut all = Vec::new();
    for (name, frame, fault) in in_both_formats() {
        let value: Value = serde_json::from_str(&frame).unwrap();
        // Keys that stand in order are written in this order, whatever a map does with them.
        assert_eq!(serde_json::to_string(&value).unwrap(), frame, "{name} is written otherwise");
        let mut bytes = Vec::new();
        Format::Msgpack.encode(&value, &mut bytes).unwrap();
        all.push(json(name, &frame, fault.clone()));
        all.push(msgpack(name, &bytes, fault));
    }
    all.extend(only_json().into_iter().map(|(name, frame, fault)| json(name, frame, fault)));
    all.extend(only_msgpack().into_iter().map(|(name, frame, fault)| msgpack(name, frame, fault)));
    all
}

fn json(name: &str, frame: &str, fault: Fault) -> Refused {
    Refused {
        name: format!("refused/json/{name}"),
        format: WireFormat::Json,
        frame: frame.to_owned(),
        fault,
    }
}

fn msgpack(name: &str, frame: &[u8], fault: Fault) -> Refused {
    Refused {
        name: format!("refused/msgpack/{name}"),
        format: WireFormat::Msgpack,
        frame: to_hex(frame),
        fault,
    }
}

fn close() -> Fault {
    Fault::close(CloseCode::BadFrame)
}

fn answer(id: u64, code: ErrorCode) -> Fault {
    Fault::answer(id, &ErrorBody::new(code, ""))
}

/// `body.invalid`, which names the field; an empty name is the body itself.
fn body(id: u64, field: &str) -> Fault {
    Fault::answer(id, &ErrorBody::invalid(field, ""))
}

/// A request for `session.ping` with this as its body.
fn ping(body: &str) -> String {
    format!(r#"{{"body":{body},"id":7,"op":"session.ping"}}"#)
}

/// A request for `launch.status` with this as its body.
fn launch(body: &str) -> String {
    format!(r#"{{"body":{body},"id":7,"op":"launch.status"}}"#)
}

/// A client for `launch.status`, its version as it is.
fn version(version: &str) -> String {
    launch(&format!(r#"{{"app":"demo","client":{{"platform":"web","version":"{version}"}}}}"#))
}

fn in_both_formats() -> Vec<(&'static str, String, Fault)> {
    let deep = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    let platform = r#"{"app":"demo","client":{"platform":0,"version":"1"}}"#;
    let plain = |frame: &str| frame.to_owned();
    vec![
        ("array", plain(r#"[1,"session.ping"]"#), close()),
        ("string", plain(r#""session.ping""#), close()),
        ("number", plain("7"), close()),
        ("null", plain("null"), close()),
        ("empty_map", plain("{}"), close()),
        ("neither_id_nor_ack", plain(r#"{"op":"session.ping"}"#), close()),
        ("both_id_and_ack", plain(r#"{"ack":1,"id":7,"op":"session.ping"}"#), close()),
        ("id_zero", plain(r#"{"id":0,"op":"session.ping"}"#), close()),
        ("id_too_large", format!(r#"{{"id":{},"op":"session.ping"}}"#, REQUEST_ID + 1), close()),
        ("id_negative", plain(r#"{"id":-1,"op":"session.ping"}"#), close()),
        ("id_float", plain(r#"{"id":7.0,"op":"session.ping"}"#), close()),
        ("id_string", plain(r#"{"id":"7","op":"session.ping"}"#), close()),
        ("id_null", plain(r#"{"id":null,"op":"session.ping"}"#), close()),
        ("ack_negative", plain(r#"{"ack":-1}"#), close()),
        ("ack_string", plain(r#"{"ack":"1"}"#), close()),
        ("nested_too_deep", format!(r#"{{"ack":1,"later":{deep}}}"#), close()),
        ("op_missing", plain(r#"{"body":{},"id":7}"#), answer(7, ErrorCode::FrameBad)),
        ("op_null", plain(r#"{"id":7,"op":null}"#), answer(7, ErrorCode::FrameBad)),
        ("op_number", plain(r#"{"id":7,"op":1}"#), answer(7, ErrorCode::FrameBad)),
        ("op_unknown", plain(r#"{"id":7,"op":"no.such"}"#), answer(7, ErrorCode::OpUnknown)),
        (
            "op_in_capitals",
            plain(r#"{"id":7,"op":"Session.Ping"}"#),
            answer(7, ErrorCode::OpUnknown),
        ),
        ("body_array", ping("[]"), body(7, "")),
        ("body_string", ping(r#""""#), body(7, "")),
        ("body_missing", plain(r#"{"id":7,"op":"launch.status"}"#), body(7, "app")),
        (
            "field_missing",
            launch(r#"{"app":"demo","client":{"platform":"web"}}"#),
            body(7, "client.version"),
        ),
        ("field_of_wrong_type", ping(r#"{"t":"soon"}"#), body(7, "t")),
        ("field_not_an_app", launch(r#"{"app":"No App","client":{}}"#), body(7, "app")),
        ("word_unknown", launch(&platform.replace('0', r#""amiga""#)), body(7, "client.platform")),
        ("word_as_number", launch(platform), body(7, "client.platform")),
        ("text_too_long", version(&"1".repeat(33)), body(7, "client.version")),
        ("text_with_control_character", version(r"1\u0000"), body(7, "client.version")),
    ]
}

fn only_json() -> Vec<(&'static str, &'static str, Fault)> {
    vec![
        ("nothing", "", close()),
        ("cut_short", r#"{"id":7,"op":"session.ping""#, close()),
        ("two_values", r#"{"ack":1}{"ack":2}"#, close()),
        ("field_twice", r#"{"id":7,"op":"session.ping","id":7}"#, close()),
        ("comma_at_the_end", r#"{"ack":1,}"#, close()),
        ("key_without_quotes", "{ack:1}", close()),
        ("op_half_a_surrogate_pair", r#"{"id":7,"op":"\ud83d"}"#, answer(7, ErrorCode::FrameBad)),
    ]
}

fn only_msgpack() -> Vec<(&'static str, &'static [u8], Fault)> {
    const PING: &[u8] = b"\x83\xa2id\x07\xa2op\xacsession.ping\xa4body\x81\x00\x01";
    const TIME: &[u8] = b"\x83\xa2id\x07\xa2op\xacsession.ping\xa4body\x81\xa1x\xd6\xff\0\0\0\x01";
    vec![
        ("nothing", b"", close()),
        ("cut_short", b"\x81\xa3ack", close()),
        ("two_values", b"\x81\xa3ack\x01\x81\xa3ack\x02", close()),
        ("field_twice", b"\x82\xa3ack\x01\xa3ack\x02", close()),
        ("more_fields_than_there_are", b"\x82\xa3ack\x01", close()),
        ("key_number", b"\x81\x01\x02", close()),
        ("key_bytes", b"\x81\xc4\x03ack\x01", close()),
        ("key_not_utf8", b"\x82\xa3ack\x01\xa1\xff\x01", close()),
        ("byte_that_is_never_used", b"\x82\xa3ack\x01\xa1x\xc1", close()),
        ("string_of_4_gib", b"\x82\xa3ack\x01\xa1x\xdb\xff\xff\xff\xff", close()),
        ("array_of_4_gib", b"\x82\xa3ack\x01\xa1x\xdd\xff\xff\xff\xff", close()),
        ("map_of_4_gib", b"\x82\xa3ack\x01\xa1x\xdf\xff\xff\xff\xff", close()),
        ("extension_of_4_gib", b"\x82\xa3ack\x01\xa1x\xc9\xff\xff\xff\xff", close()),
        ("op_not_utf8", b"\x82\xa2id\x07\xa2op\xa1\xff", answer(7, ErrorCode::FrameBad)),
        ("op_bytes", b"\x82\xa2id\x07\xa2op\xc4\x01x", answer(7, ErrorCode::FrameBad)),
        ("key_number_in_body", PING, body(7, "")),
        ("extension_in_body", TIME, body(7, "")),
    ]
}
