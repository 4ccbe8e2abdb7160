//! A segment's name, its header, and the walk over its frames.

use super::frame::{self, Found, Frame, checksum};

const MAGIC: &[u8; 7] = b"daemunS";
/// The version of this layout.
const VERSION: u8 = 1;
/// The length of a header in bytes.
pub(super) const HEADER: usize = 7 + 1 + 8 + 4;
const PREFIX: &str = "segment-";

/// The name of the segment whose first record has this number.
pub(super) fn name(first: u64) -> String {
    format!("{PREFIX}{first:016x}")
}

/// The number in a segment's name.
pub(super) fn first(name: &str) -> Option<u64> {
    let number = name.strip_prefix(PREFIX).filter(|number| number.len() == 16)?;
    u64::from_str_radix(number, 16).ok()
}

pub(super) fn header(first: u64) -> Vec<u8> {
    let mut header = [&MAGIC[..], &[VERSION], &first.to_le_bytes()].concat();
    let sum = checksum([&header]).to_le_bytes();
    header.extend_from_slice(&sum);
    header
}

/// The version that a header names, when it is whole and not ours.
pub(super) fn foreign(header: &[u8]) -> Option<u8> {
    let (body, sum) = header.get(..HEADER)?.split_at(HEADER - 4);
    let version = *body.strip_prefix(MAGIC)?.first()?;
    (checksum([body]).to_le_bytes() == sum && version != VERSION).then_some(version)
}

/// What comes next among a segment's bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// A frame.
    Frame(Frame<'a>),
    /// So many bytes that are no frame, before one that is or before the end.
    Damage {
        skip: usize,
        /// The number of the frame after it; absent at the end.
        found: Option<u64>,
    },
    /// Nothing.
    End,
}

/// Looks at what `bytes` begin with; no frame below `least` is expected.
pub(super) fn step(bytes: &[u8], least: u64) -> Step<'_> {
    if bytes.is_empty() {
        return Step::End;
    }
    match frame::read(bytes) {
        Found::Whole(frame) if frame.number >= least => return Step::Frame(frame),
        Found::Whole(_) | Found::Short(_) | Found::Damaged => {}
    }
    match frame::next(&bytes[1..], least) {
        Some(before) => {
            let skip = before + 1;
            let found = match frame::read(&bytes[skip..]) {
                Found::Whole(frame) => Some(frame.number),
                Found::Short(_) | Found::Damaged => None,
            };
            Step::Damage { skip, found }
        }
        None => Step::Damage { skip: bytes.len(), found: None },
    }
}
