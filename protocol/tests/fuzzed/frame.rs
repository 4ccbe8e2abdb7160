//! Any bytes as a client's frame: the first says in which format, the others are the frame.

use protocol::codec::Format;
use protocol::frame::{ClientFrame, RequestFrame};
use protocol::limits::REQUEST_ID;
use serde_json::{Value, json};

/// Reads the bytes as a frame. What is read is what another reader of the format reads, and
/// what is written of it is read alike.
pub fn check(bytes: &[u8]) {
    let Some((first, frame)) = bytes.split_first() else { return };
    let format = if first % 2 == 0 { Format::Msgpack } else { Format::Json };
    match ClientFrame::read(format, frame) {
        Ok(ClientFrame::Ack(ack)) => {
            if let Some(other) = other_reader(format, frame) {
                assert_eq!(other["ack"].as_u64(), Some(ack), "{other}");
                assert!(other.get("id").is_none_or(Value::is_null), "{other}");
            }
            let again = written(format, &json!({ "ack": ack }));
            assert_eq!(ClientFrame::read(format, &again), Ok(ClientFrame::Ack(ack)));
        }
        Ok(ClientFrame::Request(request)) => is_request(format, frame, &request),
        Err(_) => {}
    }
}

fn is_request(format: Format, frame: &[u8], request: &RequestFrame<'_>) {
    assert!((1..=REQUEST_ID).contains(&request.id));
    let body = format.decode_body::<Value>(request.body);
    if let Some(other) = other_reader(format, frame) {
        assert_eq!(other["id"].as_u64(), Some(request.id), "{other}");
        assert_eq!(other["op"].as_str(), Some(&*request.op), "{other}");
        match (other.get("body"), &body) {
            (None | Some(Value::Null), body) => assert_eq!(body, &Ok(json!({}))),
            (Some(other), Ok(body)) => assert_eq!(other, body),
            (Some(_), Err(_)) => {}
        }
    }
    // A body that is none still is one value, and leaves the frame what it is.
    let body = body.unwrap_or_else(|_| json!({}));
    let again = written(format, &json!({ "body": body, "id": request.id, "op": request.op }));
    let Ok(ClientFrame::Request(read)) = ClientFrame::read(format, &again) else {
        panic!("{request:?} is not read again")
    };
    assert_eq!((read.id, &read.op), (request.id, &request.op));
    assert_eq!(format.decode_body::<Value>(read.body), Ok(body));
}

/// The frame as a reader sees it that knows nothing of frames; `None` if it cannot read it.
fn other_reader(format: Format, frame: &[u8]) -> Option<Value> {
    match format {
        Format::Msgpack => rmp_serde::from_slice(frame).ok(),
        Format::Json => serde_json::from_slice(frame).ok(),
    }
}

fn written(format: Format, value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    format.encode(value, &mut bytes).unwrap();
    bytes
}
