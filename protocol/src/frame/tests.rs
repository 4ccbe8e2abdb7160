//! What comes off the wire is read as it was meant, or refused without harm.

mod faults;
mod skipper;

use proptest::prelude::*;
use proptest::sample::Index;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::*;
use crate::operation::Operation;
use crate::sessions::{CloseReply, RefreshReply};

/// A map whose fields stand in this order, once or twice, as a client may write them.
struct Fields<'a>(&'a [(String, Value)]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

fn written(format: Format, fields: &[(String, Value)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    format.encode(&Fields(fields), &mut bytes).unwrap();
    bytes
}

fn field(name: &str, value: impl Into<Value>) -> (String, Value) {
    (name.to_owned(), value.into())
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn any_map() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(any::<String>(), any_value(), 0..6)
        .prop_map(|map| map.into_iter().collect())
}

fn any_op() -> impl Strategy<Value = String> {
    let known = prop::sample::select(Operation::ALL).prop_map(|op| op.name().to_owned());
    prop_oneof![known, any::<String>()]
}

/// The fields of a request in any order, fields of later versions among them.
fn any_fields(
    id: u64,
    op: String,
    body: Option<Value>,
) -> impl Strategy<Value = Vec<(String, Value)>> {
    let unknown = any::<String>()
        .prop_filter("a known field", |key| !matches!(key.as_str(), "id" | "op" | "body" | "ack"));
    prop::collection::vec((unknown, any_value()), 0..4)
        .prop_map(move |mut fields| {
            fields.extend([field("id", id), field("op", op.clone())]);
            fields.extend(body.clone().map(|body| field("body", body)));
            fields
        })
        .prop_shuffle()
}

#[derive(Clone, Debug)]
struct Sent {
    id: u64,
    op: String,
    body: Option<Value>,
    fields: Vec<(String, Value)>,
}

fn any_request() -> impl Strategy<Value = Sent> {
    (1..=REQUEST_ID, any_op(), prop::option::weighted(0.8, any_map())).prop_flat_map(
        |(id, op, body)| {
            any_fields(id, op.clone(), body.clone()).prop_map(move |fields| Sent {
                id,
                op: op.clone(),
                body: body.clone(),
                fields,
            })
        },
    )
}

fn request<'a>(format: Format, frame: &'a [u8]) -> RequestFrame<'a> {
    match ClientFrame::read(format, frame) {
        Ok(ClientFrame::Request(request)) => request,
        other => panic!("{format:?}: {other:?}"),
    }
}

/// Reads a frame as far as it can be read: its head, and its body as every operation's.
fn read_all(format: Format, frame: &[u8]) -> Result<(), FrameFault> {
    if let ClientFrame::Request(request) = ClientFrame::read(format, frame)? {
        assert!((1..=REQUEST_ID).contains(&request.id));
        let _ = format.decode_body::<Value>(request.body);
        for operation in Operation::ALL {
            let _ = operation.decode(format, request.body);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_request_is_read_as_it_was_written(sent in any_request()) {
        for format in Format::ALL {
            let frame = written(*format, &sent.fields);
            let read = request(*format, &frame);
            prop_assert_eq!(read.id, sent.id);
            prop_assert_eq!(&*read.op, &*sent.op);
            let body = format.decode_body::<Value>(read.body);
            prop_assert_eq!(body, Ok(sent.body.clone().unwrap_or(json!({}))));
        }
    }

    #[test]
    fn an_ack_is_read_as_it_was_written(ack: u64, later in any_value()) {
        for format in Format::ALL {
            let frame = written(*format, &[field("later", later.clone()), field("ack", ack)]);
            prop_assert_eq!(ClientFrame::read(*format, &frame), Ok(ClientFrame::Ack(ack)));
        }
    }

    #[test]
    fn a_field_that_is_null_is_as_absent(id in 1..=REQUEST_ID, op in any_op()) {
        let nulls = [field("ack", Value::Null), field("body", Value::Null)];
        let [ack, body] = nulls;
        let fields = [ack, field("op", op.clone()), body, field("id", id)];
        for format in Format::ALL {
            let frame = written(*format, &fields);
            let expected = RequestFrame {
                id,
                op: Cow::Borrowed(op.as_str()),
                body: format.empty_map(),
            };
            prop_assert_eq!(request(*format, &frame), expected);
        }
    }

    #[test]
    fn a_frame_that_is_cut_short_is_refused(sent in any_request(), cut: Index) {
        for format in Format::ALL {
            let frame = written(*format, &sent.fields);
            let part = &frame[..cut.index(frame.len())];
            prop_assert!(ClientFrame::read(*format, part).is_err(), "{:?}", part);
        }
    }

    #[test]
    fn a_frame_with_wrong_bytes_does_no_harm(
        sent in any_request(),
        wrong in prop::collection::vec((any::<Index>(), any::<u8>()), 1..8),
    ) {
        for format in Format::ALL {
            let mut frame = written(*format, &sent.fields);
            for (at, byte) in &wrong {
                let at = at.index(frame.len());
                frame[at] = *byte;
            }
            let _ = read_all(*format, &frame);
        }
    }

    #[test]
    fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        for format in Format::ALL {
            let _ = read_all(*format, &bytes);
            // Behind a head that is good, so that the bytes are met as a body.
            let frame = match format {
                Format::Msgpack => [b"\x83\xa2id\x01\xa2op\xa1x\xa4body", &*bytes].concat(),
                Format::Json => [br#"{"id":1,"op":"x","body":"#, &*bytes, b"}"].concat(),
            };
            let _ = read_all(*format, &frame);
            for operation in Operation::ALL {
                let _ = operation.decode(*format, &bytes);
            }
        }
    }
}

/// The JSON text of a frame; the MessagePack one must mean the same.
fn sent(frame: &ServerFrame<'_>) -> String {
    let json = frame.encode(Format::Json).unwrap();
    let msgpack = frame.encode(Format::Msgpack).unwrap();
    let same: Value = rmp_serde::from_slice(&msgpack).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&json).unwrap(), same);
    String::from_utf8(json).unwrap()
}

#[test]
fn an_answer_says_the_id_and_the_body() {
    let outcome = Ok(Reply::SessionRefresh(RefreshReply { access_expires_s: 3600 }));
    assert_eq!(
        sent(&ServerFrame::answer(7, &outcome)),
        r#"{"id":7,"ok":{"access_expires_s":3600}}"#
    );
    let outcome = Ok(Reply::SessionClose(CloseReply {}));
    assert_eq!(
        sent(&ServerFrame::answer(REQUEST_ID, &outcome)),
        r#"{"id":9007199254740991,"ok":{}}"#
    );
}

#[test]
fn an_error_says_the_id_and_only_what_is_known() {
    let outcome = Err(FrameFault::error("op is missing"));
    assert_eq!(
        sent(&ServerFrame::answer(7, &outcome)),
        r#"{"id":7,"err":{"code":"frame.bad","message":"op is missing","retry":"never"}}"#
    );
    let outcome = Err(ErrorBody::new(ErrorCode::LimitRate, "too many").after_ms(250));
    assert_eq!(
        sent(&ServerFrame::answer(8, &outcome)),
        r#"{"id":8,"err":{"code":"limit.rate","message":"too many","retry":"later","retry_after_ms":250}}"#
    );
    let outcome = Err(ErrorBody::invalid("client.app", "is missing"));
    assert_eq!(
        sent(&ServerFrame::answer(9, &outcome)),
        concat!(
            r#"{"id":9,"err":{"code":"body.invalid","message":"field client.app: is missing","#,
            r#""retry":"never","detail":{"field":"client.app"}}}"#
        )
    );
}

#[test]
fn a_push_says_its_word_and_has_no_id() {
    assert_eq!(
        sent(&ServerFrame::push(&Push::SessionExpiring { expires_s: 60 })),
        r#"{"push":"session.expiring","body":{"expires_s":60}}"#
    );
    assert_eq!(
        sent(&ServerFrame::push(&Push::SessionReplaced)),
        r#"{"push":"session.replaced","body":{}}"#
    );
}
