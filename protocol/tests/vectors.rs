//! The example frames in `vectors/v1.json` are those of the types, byte for byte.
//!
//! The file is for clients in other languages, and so it changes only on purpose. When
//! the contract grows, write an example beside the others and the file anew:
//!
//! ```sh
//! UPDATE=1 cargo test -p protocol --test vectors
//! ```
//!
//! Then read the difference as a client in the field would: lines may be added; one that
//! changes or goes breaks somebody.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "This whole file is a test."
)]

#[path = "vectors/content.rs"]
mod content;
#[path = "vectors/document.rs"]
mod document;
#[path = "vectors/errors.rs"]
mod errors;
#[path = "vectors/frames.rs"]
mod frames;
#[path = "vectors/parts.rs"]
mod parts;
#[path = "vectors/refused.rs"]
mod refused;
#[path = "vectors/replies.rs"]
mod replies;
#[path = "vectors/requests.rs"]
mod requests;

use std::collections::HashSet;
use std::path::Path;
use std::sync::OnceLock;

use document::{Direction, Document, Fault, Refused, Vector, WireFormat};
use frames::Means;
use protocol::close::CloseCode;
use protocol::codec::Format;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::frame::{ClientFrame, FrameFault};
use protocol::operation::Operation;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/v1.json");
const AGAIN: &str = "if that is meant, UPDATE=1 cargo test -p protocol --test vectors";

/// The committed file's text; with `UPDATE` set, first written anew.
fn committed_text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
            std::fs::write(Path::new(PATH), Document::of_the_types().text()).unwrap();
        }
        std::fs::read_to_string(PATH).unwrap_or_else(|error| panic!("{PATH}: {error}; {AGAIN}"))
    })
}

fn committed() -> Document {
    serde_json::from_str(committed_text())
        .unwrap_or_else(|error| panic!("{PATH}: {error}; {AGAIN}"))
}

#[test]
fn the_committed_vectors_are_those_of_the_types() {
    let built = Document::of_the_types();
    let parts = |document: &Document| document.parts();
    let (old, new) = (parts(&committed()), parts(&built));
    let first = old.iter().zip(&new).find(|(old, new)| old != new);
    if let Some(((old_name, old), (new_name, new))) = first {
        panic!("{old_name} is committed as\n{old}\nand {new_name} of the types is\n{new}\n{AGAIN}");
    }
    let longer = if old.len() > new.len() { &old } else { &new };
    if let Some((name, _)) = longer.get(old.len().min(new.len())) {
        panic!("{name} is only in one of the file and the types; {AGAIN}");
    }
    assert!(committed_text() == built.text(), "{PATH} is written in another layout; {AGAIN}");
}

#[test]
fn every_operation_has_a_request_and_a_reply() {
    let document = committed();
    for operation in Operation::ALL {
        let name = operation.name();
        let asked = document.frames.iter().any(|vector| {
            let frame: Value = serde_json::from_str(&vector.json).unwrap();
            vector.direction == Direction::ToServer && frame["op"] == name
        });
        assert!(asked, "{name} has no request");
        let reply = format!("{name}/reply");
        let answered = document.frames.iter().any(|vector| vector.name.starts_with(&reply));
        assert!(answered, "{name} has no reply");
    }
}

#[test]
fn every_error_close_code_and_push_is_there() {
    let document = committed();
    for code in ErrorCode::ALL {
        let word = code.word();
        assert!(document.errors.iter().any(|row| row.word == word), "{word}");
        let shown = document.frames.iter().any(|vector| {
            let frame: Value = serde_json::from_str(&vector.json).unwrap();
            frame["err"]["code"] == word
        });
        assert!(shown, "{word} has no frame");
    }
    for code in CloseCode::ALL {
        assert!(document.closes.iter().any(|row| row.code == code.number()), "{}", code.word());
    }
    let built = frames::all();
    let kinds: HashSet<_> = built
        .iter()
        .filter_map(|built| match &built.means {
            Means::Push(push) => Some(frames::kind_of_push(push)),
            Means::Request(..)
            | Means::Ack(_)
            | Means::Ok(..)
            | Means::Err(..)
            | Means::Numbered(..) => None,
        })
        .collect();
    assert_eq!(kinds, (0..frames::KINDS_OF_PUSH).collect());
}

#[test]
fn vectors_have_names_of_their_own_and_say_what_they_are() {
    let document = committed();
    let mut names = HashSet::new();
    for vector in &document.frames {
        assert!(names.insert(&vector.name), "{} comes twice", vector.name);
        assert!(vector.what.ends_with('.'), "{}: {}", vector.name, vector.what);
    }
    for refused in &document.refused {
        assert!(names.insert(&refused.name), "{} comes twice", refused.name);
    }
}

/// The two forms of a committed frame.
fn forms(vector: &Vector) -> [(Format, Vec<u8>); 2] {
    [
        (Format::Json, vector.json.clone().into_bytes()),
        (Format::Msgpack, document::from_hex(&vector.msgpack_hex)),
    ]
}

#[test]
fn each_frame_of_a_client_is_read_as_what_it_means() {
    let document = committed();
    let mut read_back = 0;
    for (vector, built) in document.frames.iter().zip(frames::all()) {
        for (format, bytes) in forms(vector) {
            let read = || ClientFrame::read(format, &bytes).unwrap();
            match (&built.means, vector.direction) {
                (Means::Request(id, expected), Direction::ToServer) => {
                    let ClientFrame::Request(frame) = read() else {
                        panic!("{} is no request", vector.name)
                    };
                    assert_eq!(frame.id, *id, "{}", vector.name);
                    let operation = Operation::parse(&frame.op).unwrap();
                    let request = operation.decode(format, frame.body);
                    assert_eq!(request.as_ref(), Ok(expected), "{}", vector.name);
                    read_back += 1;
                }
                (Means::Ack(seq), Direction::ToServer) => {
                    assert_eq!(read(), ClientFrame::Ack(*seq), "{}", vector.name);
                    read_back += 1;
                }
                (
                    Means::Ok(..) | Means::Err(..) | Means::Push(_) | Means::Numbered(..),
                    Direction::ToClient,
                ) => {}
                (means, direction) => panic!("{}: {means:?} {direction:?}", vector.name),
            }
        }
    }
    assert!(read_back >= 2 * Operation::ALL.len());
}

/// Any frame to a client.
#[derive(Deserialize)]
struct Told {
    id: Option<u64>,
    ok: Option<Value>,
    err: Option<ErrorBody>,
    seq: Option<u64>,
    push: Option<String>,
    body: Option<Value>,
}

fn value_of(body: impl Serialize) -> Option<Value> {
    Some(serde_json::to_value(body).unwrap())
}

#[test]
fn each_frame_to_a_client_means_the_same_in_both_formats() {
    for (vector, built) in committed().frames.iter().zip(frames::all()) {
        for (format, bytes) in forms(vector) {
            if vector.direction == Direction::ToServer {
                continue;
            }
            let told: Told = format.decode_body(&bytes).unwrap();
            match &built.means {
                Means::Ok(id, reply) => {
                    assert_eq!(told.id, Some(*id), "{}", vector.name);
                    assert_eq!(told.ok, value_of(reply), "{}", vector.name);
                    let mut body = Vec::new();
                    format.encode(&told.ok, &mut body).unwrap();
                    let read = replies::read(reply.operation(), format, &body);
                    assert_eq!(read.as_ref(), Ok(reply), "{}", vector.name);
                }
                Means::Err(id, error) => {
                    assert_eq!(told.id, Some(*id), "{}", vector.name);
                    assert_eq!(told.err.as_ref(), Some(error), "{}", vector.name);
                }
                Means::Push(push) => {
                    assert_eq!(told.push.as_deref(), Some(push.word()), "{}", vector.name);
                    assert_eq!(told.body, value_of(push), "{}", vector.name);
                }
                Means::Numbered(seq, word, body) => {
                    assert_eq!(told.seq, Some(*seq), "{}", vector.name);
                    assert_eq!(told.push.as_deref(), Some(*word), "{}", vector.name);
                    assert_eq!(told.body.as_ref(), Some(body), "{}", vector.name);
                }
                Means::Request(..) | Means::Ack(_) => panic!("{} is a client's", vector.name),
            }
        }
    }
}

/// What becomes of a frame that goes as far as to its typed request.
fn fate(format: Format, frame: &[u8]) -> Option<Fault> {
    let request = match ClientFrame::read(format, frame) {
        Ok(ClientFrame::Ack(_)) => return None,
        Ok(ClientFrame::Request(request)) => request,
        Err(FrameFault::Senseless(_)) => return Some(Fault::close(CloseCode::BadFrame)),
        Err(FrameFault::Request { id, reason }) => {
            return Some(Fault::answer(id, &FrameFault::error(reason)));
        }
    };
    let unknown = || ErrorBody::new(ErrorCode::OpUnknown, "");
    let typed = Operation::parse(&request.op)
        .ok_or_else(unknown)
        .and_then(|operation| operation.decode(format, request.body));
    typed.err().map(|error| Fault::answer(request.id, &error))
}

#[test]
fn each_refused_frame_meets_the_fault_it_names() {
    let document = committed();
    for Refused { name, format, frame, fault } in &document.refused {
        let (format, bytes) = match format {
            WireFormat::Json => (Format::Json, frame.clone().into_bytes()),
            WireFormat::Msgpack => (Format::Msgpack, document::from_hex(frame)),
        };
        assert_eq!(fate(format, &bytes).as_ref(), Some(fault), "{name}");
    }
    for format in [WireFormat::Json, WireFormat::Msgpack] {
        assert!(document.refused.iter().filter(|refused| refused.format == format).count() > 20);
    }
}
