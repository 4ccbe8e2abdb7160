//! The layout of `vectors/v1.json`.

use protocol::client::{Platform, StoreName};
use protocol::close::{CloseCode, CloseReason};
use protocol::codec::Format;
use protocol::error::{ErrorBody, ErrorCode, Retry};
use protocol::launching::ServiceWord;
use protocol::limits;
use protocol::members::MemberState;
use protocol::sessions::ResumeFailed;
use serde::{Deserialize, Serialize};

/// The whole file. Fields are written in this order.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) subprotocols: Subprotocols,
    pub(crate) bounds: Bounds,
    pub(crate) frames: Vec<Vector>,
    pub(crate) refused: Vec<Refused>,
    pub(crate) errors: Vec<ErrorRow>,
    pub(crate) closes: Vec<CloseRow>,
    pub(crate) close_reasons: Vec<ReasonRow>,
    pub(crate) words: Words,
}

/// What a client offers for each format.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Subprotocols {
    json: String,
    msgpack: String,
}

/// What every frame keeps to.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Bounds {
    largest_request_id: u64,
    deepest_nesting: usize,
}

/// One frame in both formats.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) direction: Direction,
    /// One sentence.
    pub(crate) what: String,
    /// The exact text frame.
    pub(crate) json: String,
    /// The exact binary frame.
    pub(crate) msgpack_hex: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

/// A frame of a client that the server does not take.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refused {
    pub(crate) name: String,
    pub(crate) format: WireFormat,
    /// The text frame, or the binary frame in hexadecimal.
    pub(crate) frame: String,
    pub(crate) fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WireFormat {
    Json,
    Msgpack,
}

/// What the server does about a frame it does not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Fault {
    /// `"close 4500"`.
    Close(String),
    /// `{"answer": {"id", "code"}}`.
    Answer { answer: Answer },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    id: u64,
    code: String,
    /// The field that the error's `detail` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

impl Fault {
    pub(crate) fn close(code: CloseCode) -> Self {
        Self::Close(format!("close {}", code.number()))
    }

    pub(crate) fn answer(id: u64, error: &ErrorBody) -> Self {
        let field = error.detail.as_ref().and_then(|detail| detail["field"].as_str());
        let answer =
            Answer { id, code: error.code.word().to_owned(), field: field.map(str::to_owned) };
        Self::Answer { answer }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ErrorRow {
    pub(crate) word: String,
    http: u16,
    retry: Retry,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CloseRow {
    pub(crate) code: u16,
    word: String,
    reconnect: bool,
}

/// A close frame's code and the exact text of its reason.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ReasonRow {
    what: String,
    code: u16,
    reason: String,
}

/// Every word of each field that has a fixed set; a client must expect more to come.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Words {
    platform: Vec<String>,
    store: Vec<String>,
    service: Vec<String>,
    member_state: Vec<String>,
    resume_failed: Vec<String>,
}

impl Document {
    pub(crate) fn of_the_types() -> Self {
        Self {
            subprotocols: Subprotocols {
                json: Format::Json.subprotocol().to_owned(),
                msgpack: Format::Msgpack.subprotocol().to_owned(),
            },
            bounds: Bounds {
                largest_request_id: limits::REQUEST_ID,
                deepest_nesting: limits::DEPTH,
            },
            frames: crate::frames::all().into_iter().map(|built| built.vector).collect(),
            refused: crate::refused::all(),
            errors: ErrorCode::ALL.iter().copied().map(error_row).collect(),
            closes: CloseCode::ALL.iter().copied().map(close_row).collect(),
            close_reasons: close_reasons(),
            words: Words {
                platform: words(Platform::ALL, Platform::word),
                store: words(StoreName::ALL, StoreName::word),
                service: words(ServiceWord::ALL, ServiceWord::word),
                member_state: words(MemberState::ALL, MemberState::word),
                resume_failed: words(ResumeFailed::ALL, ResumeFailed::word),
            },
        }
    }

    /// The file's exact text.
    pub(crate) fn text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap();
        text.push('\n');
        text
    }

    /// Every part under its name, so that the first that differs can be told.
    pub(crate) fn parts(&self) -> Vec<(String, String)> {
        let mut parts =
            vec![part("subprotocols", "", &self.subprotocols), part("bounds", "", &self.bounds)];
        parts.extend(self.frames.iter().map(|row| part("frame ", &row.name, row)));
        parts.extend(self.refused.iter().map(|row| part("refused ", &row.name, row)));
        parts.extend(self.errors.iter().map(|row| part("error ", &row.word, row)));
        parts.extend(self.closes.iter().map(|row| part("close ", &row.word, row)));
        parts.extend(self.close_reasons.iter().map(|row| part("reason ", &row.what, row)));
        parts.push(part("words", "", &self.words));
        parts
    }
}

fn part(kind: &str, name: &str, row: &impl Serialize) -> (String, String) {
    (format!("{kind}{name}"), serde_json::to_string_pretty(row).unwrap())
}

fn error_row(code: ErrorCode) -> ErrorRow {
    ErrorRow { word: code.word().to_owned(), http: code.http_status(), retry: code.retry() }
}

fn close_row(code: CloseCode) -> CloseRow {
    CloseRow { code: code.number(), word: code.word().to_owned(), reconnect: code.reconnect() }
}

fn close_reasons() -> Vec<ReasonRow> {
    let row = |what: &str, code: CloseCode, reason: CloseReason| ReasonRow {
        what: what.to_owned(),
        code: code.number(),
        reason: reason.text(code),
    };
    let plain = CloseReason::default();
    vec![
        row("Without advice the reason is the code's word.", CloseCode::BadFrame, plain.clone()),
        row(
            "The least time to wait before connecting again, in milliseconds.",
            CloseCode::Draining,
            CloseReason { retry_after_ms: Some(1500), ..plain.clone() },
        ),
        row(
            "When to ask `launch.status` again, in milliseconds.",
            CloseCode::Maintenance,
            CloseReason { check_after_ms: Some(300_000), ..plain.clone() },
        ),
        row(
            "When a ban ends. One without an end is the code's word.",
            CloseCode::Banned,
            CloseReason { until: Some(crate::parts::NOW), ..plain.clone() },
        ),
    ]
}

fn words<T: Copy>(all: &[T], word: fn(T) -> &'static str) -> Vec<String> {
    all.iter().map(|value| word(*value).to_owned()).collect()
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn from_hex(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2), "half a byte in {hex}");
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}
