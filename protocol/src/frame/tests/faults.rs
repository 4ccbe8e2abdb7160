//! Every way in which a frame is none, and the exact fault it gets.

use super::*;

const NEITHER: FrameFault = FrameFault::Senseless("neither id nor ack");
const BOTH: FrameFault = FrameFault::Senseless("both id and ack");
const NOT_POSITIVE: FrameFault = FrameFault::Senseless("id and ack are positive integers");
const OUT_OF_BOUNDS: FrameFault = FrameFault::Senseless("id is not between 1 and 2^53 - 1");
const TOO_DEEP: FrameFault = FrameFault::Senseless("nested too deep");
const NO_MAP: FrameFault = FrameFault::Senseless("not a map");
const NO_JSON: FrameFault = FrameFault::Senseless("not a JSON map, or a field comes twice");
const NO_MSGPACK: FrameFault = FrameFault::Senseless("broken MessagePack");
const TWICE: FrameFault = FrameFault::Senseless("a field comes twice");
const KEY: FrameFault = FrameFault::Senseless("a key is not a string");
const BEHIND: FrameFault = FrameFault::Senseless("bytes behind the map");

fn no_op(id: u64) -> FrameFault {
    FrameFault::Request { id, reason: "op is missing" }
}

fn bad_op(id: u64) -> FrameFault {
    FrameFault::Request { id, reason: "op is not a string" }
}

fn refused(format: Format, frame: &[u8], fault: &FrameFault) {
    let read = ClientFrame::read(format, frame);
    let shown = String::from_utf8_lossy(frame);
    assert_eq!(read.as_ref(), Err(fault), "{format:?}: {shown}");
}

#[test]
fn a_head_at_fault_gets_the_same_fault_in_either_format() {
    let table = [
        (r#"{}"#, NEITHER),
        (r#"{"op": "x", "body": {}}"#, NEITHER),
        (r#"{"op": "x", "id": null}"#, NEITHER),
        (r#"{"ack": null}"#, NEITHER),
        (r#"{"op": "x", "id": 0}"#, OUT_OF_BOUNDS),
        (r#"{"op": "x", "id": 9007199254740992}"#, OUT_OF_BOUNDS),
        (r#"{"op": "x", "id": 18446744073709551615}"#, OUT_OF_BOUNDS),
        (r#"{"op": "x", "id": -1}"#, NOT_POSITIVE),
        (r#"{"op": "x", "id": -9223372036854775808}"#, NOT_POSITIVE),
        (r#"{"op": "x", "id": 1.0}"#, NOT_POSITIVE),
        (r#"{"op": "x", "id": "1"}"#, NOT_POSITIVE),
        (r#"{"op": "x", "id": true}"#, NOT_POSITIVE),
        (r#"{"op": "x", "id": [1]}"#, NOT_POSITIVE),
        (r#"{"ack": -1}"#, NOT_POSITIVE),
        (r#"{"ack": 1.5}"#, NOT_POSITIVE),
        (r#"{"ack": "1"}"#, NOT_POSITIVE),
        (r#"{"id": 1, "op": "x", "ack": 1}"#, BOTH),
        (r#"{"id": "1", "ack": 1}"#, BOTH),
        (r#"{"id": 1}"#, no_op(1)),
        (r#"{"id": 1, "body": {}}"#, no_op(1)),
        (r#"{"id": 1, "op": null}"#, no_op(1)),
        (r#"{"id": 9007199254740991, "op": 7}"#, bad_op(REQUEST_ID)),
        (r#"{"id": 2, "op": true}"#, bad_op(2)),
        (r#"{"id": 2, "op": {}}"#, bad_op(2)),
        (r#"{"id": 2, "op": ["x"]}"#, bad_op(2)),
    ];
    for (json, fault) in &table {
        refused(Format::Json, json.as_bytes(), fault);
        let mut msgpack = Vec::new();
        let value: Value = serde_json::from_str(json).unwrap();
        Format::Msgpack.encode(&value, &mut msgpack).unwrap();
        refused(Format::Msgpack, &msgpack, fault);
    }
}

#[test]
fn a_field_that_comes_twice_closes_whatever_it_holds() {
    for name in ["id", "op", "body", "ack"] {
        for [first, second] in
            [[json!(1), json!(1)], [json!(null), json!(1)], [json!(1), json!(null)]]
        {
            let fields = [field(name, first), field("later", 1), field(name, second)];
            refused(Format::Json, &written(Format::Json, &fields), &NO_JSON);
            refused(Format::Msgpack, &written(Format::Msgpack, &fields), &TWICE);
        }
    }
}

#[test]
fn a_field_of_a_later_version_may_come_twice() {
    let fields = [field("later", 1), field("ack", 5), field("later", 2)];
    for format in Format::ALL {
        let frame = written(*format, &fields);
        assert_eq!(ClientFrame::read(*format, &frame), Ok(ClientFrame::Ack(5)));
    }
}

#[test]
fn what_is_no_json_map_closes() {
    let table: &[(&[u8], FrameFault)] = &[
        (b"", NO_MAP),
        (b"  ", NO_MAP),
        (b"[1,\"session.ping\"]", NO_MAP),
        (b"\"session.ping\"", NO_MAP),
        (b"7", NO_MAP),
        (b"null", NO_MAP),
        (b"\xef\xbb\xbf{\"ack\":1}", NO_MAP),
        (b"\x81\xa3ack\x01", NO_MAP),
        (b"{", NO_JSON),
        (b"{\"ack\":1", NO_JSON),
        (b"{\"ack\":1}{\"ack\":2}", NO_JSON),
        (b"{\"ack\":1} x", NO_JSON),
        (b"{\"ack\":01}", NO_JSON),
        (b"{ack:1}", NO_JSON),
        (b"{1:2}", NO_JSON),
        (b"{\"ack\":1,}", NO_JSON),
        (b"{\"id\":1,\"op\":\"a\nb\"}", NO_JSON),
        (b"{\"id\":1,\"op\":\"\xff\"}", NO_JSON),
        (b"{\"\xff\":1,\"ack\":1}", NO_JSON),
        (b"{\"ack\":18446744073709551616}", NOT_POSITIVE),
        (b"{\"ack\":1e3}", NOT_POSITIVE),
    ];
    for (frame, fault) in table {
        refused(Format::Json, frame, fault);
    }
}

#[test]
fn a_json_name_may_be_escaped_and_must_be_text() {
    for (frame, op) in [
        (r#"{"id":1,"op":"session\u002eping"}"#, "session.ping"),
        (r#"{"\u0069d":1,"op":"a\"b"}"#, "a\"b"),
        (r#"{"id":1,"op":"\ud83d\ude00"}"#, "😀"),
        (r#"{"id":1,"op":"a\\"}"#, "a\\"),
        ("\t{\"id\" : 1 , \"op\" :\r\n\"a\" } ", "a"),
    ] {
        assert_eq!(request(Format::Json, frame.as_bytes()).op, op, "{frame}");
    }
    refused(Format::Json, br#"{"id":1,"op":"\ud83d"}"#, &bad_op(1));
}

#[test]
fn what_is_no_msgpack_map_closes() {
    let table: &[(&[u8], FrameFault)] = &[
        (b"", NO_MAP),
        (b"\x92\x01\xacsession.ping", NO_MAP),
        (b"\xacsession.ping", NO_MAP),
        (b"\x07", NO_MAP),
        (b"\xc0", NO_MAP),
        (b"\xc1", NO_MAP),
        (b"{\"ack\":1}", NO_MAP),
        (b"\xde\x00", NO_MAP),
        (b"\x81\xa3ack\x01\xc0", BEHIND),
        (b"\x80\x80", BEHIND),
        (b"\x81\x00\x01", KEY),
        (b"\x81\xc4\x03ack\x01", KEY),
        (b"\x82\xa3ack\x01", KEY),
        (b"\x81\xa1\xff\x01", KEY),
        (b"\x81\xa4ack", KEY),
        (b"\x81\xa3ack", NO_MSGPACK),
        (b"\x81\xa3ack\xc1", NO_MSGPACK),
        (b"\x81\xa3ack\xcf\x00\x00\x00\x00\x00\x00\x00", NO_MSGPACK),
        (b"\x81\xa5later\x92\x01", NO_MSGPACK),
        (b"\x82\xa2id\x05\xa2op\xa2\xc3\x28", bad_op(5)),
        (b"\x82\xa2op\xc4\x01x\xa2id\x05", bad_op(5)),
    ];
    for (frame, fault) in table {
        refused(Format::Msgpack, frame, fault);
    }
}

#[test]
fn a_claimed_length_of_four_gibibytes_is_only_a_claim() {
    const MOST: [u8; 4] = [0xff; 4];
    let markers = [
        0xdb_u8, // str
        0xc6,    // bin
        0xdd,    // array
        0xdf,    // map
        0xc9,    // ext
    ];
    for marker in markers {
        for key in ["\u{2}id", "\u{2}op", "\u{4}body", "\u{3}ack", "\u{5}later"] {
            let mut frame = [b"\x81", key.as_bytes(), &[marker], &MOST, b"xxxx"].concat();
            // The length of a short string is the lower part of its marker.
            frame[1] |= 0xa0;
            refused(Format::Msgpack, &frame, &NO_MSGPACK);
        }
    }
    let map = [b"\xdf", &MOST[..], b"\xa3ack\x01"].concat();
    refused(Format::Msgpack, &map, &KEY);
    let key = [b"\x81\xdb", &MOST[..], b"ack\x01"].concat();
    refused(Format::Msgpack, &key, &KEY);
}

/// A frame whose containers nest `levels` deep: its own map, arrays, and in the last an
/// empty map, or a null, which is no level.
fn nested(format: Format, levels: usize, ends_in_map: bool) -> Vec<u8> {
    let arrays = levels - 1 - usize::from(ends_in_map);
    match format {
        Format::Msgpack => {
            let mut frame = b"\x83\xa2id\x01\xa2op\xa1x\xa5later".to_vec();
            frame.extend(std::iter::repeat_n(0x91, arrays));
            frame.push(if ends_in_map { 0x80 } else { 0xc0 });
            frame
        }
        Format::Json => {
            let (open, close) = ("[".repeat(arrays), "]".repeat(arrays));
            let last = if ends_in_map { "{}" } else { "null" };
            format!(r#"{{"id":1,"op":"x","later":{open}{last}{close}}}"#).into_bytes()
        }
    }
}

#[test]
fn values_nest_as_deep_as_the_bound_and_no_deeper() {
    for format in Format::ALL {
        for ends_in_map in [false, true] {
            let frame = |levels| nested(*format, levels, ends_in_map);
            assert_eq!(request(*format, &frame(DEPTH)).op, "x");
            refused(*format, &frame(DEPTH + 1), &TOO_DEEP);
            refused(*format, &frame(20_000), &TOO_DEEP);
        }
    }
}

#[test]
fn brackets_in_json_text_and_side_by_side_are_no_nesting() {
    let brackets = "[{".repeat(DEPTH);
    let pairs = "[{}],".repeat(DEPTH);
    let frame = format!(
        r#"{{"id":1,"op":"x","a":"\\","b":"\"{brackets}","c\\\"{brackets}":1,"d":[{pairs}1]}}"#
    );
    assert_eq!(request(Format::Json, frame.as_bytes()).op, "x");
}

#[test]
fn a_body_as_deep_as_a_frame_may_hold_is_read() {
    // The frame's own map is one level, the body's own map the next.
    let value = (0..DEPTH - 2).fold(json!(7), |inner, _| json!([inner]));
    let body = json!({ "x": value });
    let fields = [field("id", 1), field("op", "x"), field("body", body.clone())];
    for format in Format::ALL {
        let frame = written(*format, &fields);
        let read = request(*format, &frame);
        assert_eq!(format.decode_body::<Value>(read.body), Ok(body.clone()));
    }
}
