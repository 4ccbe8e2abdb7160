//! A record among the bytes of a segment; the layout is in [`spool`](super).

use std::ops::RangeInclusive;

use crate::gamelog::{Keep, KeptRecord};

/// What a frame begins with. Two of its bytes are in no UTF-8, so no body holds it.
const MARKER: [u8; 4] = [0xff, b'd', b'r', 0xfe];
/// The bytes before a body.
pub(super) const HEAD: usize = 4 + 4 + 8 + 1 + 4;
/// The longest body, in bytes; a longer one is set aside before it is written.
pub(super) const MOST: usize = 1024 * 1024;

/// The moments that can be read back, in microseconds: the years 0 to 9999, but for the last
/// day. A clock that says another is broken, and its records are set aside before they are
/// written, for afterwards they would be damage.
const MOMENTS: RangeInclusive<i64> = -62_167_219_200_000_000..=253_402_207_199_999_999;

/// A frame that is whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) number: u64,
    pub(super) keep: Keep,
    pub(super) body: &'a [u8],
}

impl Frame<'_> {
    /// Its length in bytes, head and body.
    pub(super) fn length(&self) -> usize {
        HEAD + self.body.len()
    }
}

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A frame.
    Whole(Frame<'a>),
    /// What may be a frame when there are so many bytes.
    Short(usize),
    /// No frame.
    Damaged,
}

/// Appends a frame to `out`.
pub(super) fn write(out: &mut Vec<u8>, number: u64, keep: Keep, body: &[u8]) {
    // A body is at most `MOST` long.
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    let number = number.to_le_bytes();
    let keep = [keep_byte(keep)];
    let checksum = checksum([&length, &number, &keep, body]);
    for part in [&MARKER[..], &length, &number, &keep, &checksum.to_le_bytes(), body] {
        out.extend_from_slice(part);
    }
}

/// Reads what `bytes` begin with.
pub(super) fn read(bytes: &[u8]) -> Found<'_> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD>() else {
        let known = bytes.len().min(MARKER.len());
        return if bytes[..known] == MARKER[..known] { Found::Short(HEAD) } else { Found::Damaged };
    };
    let [m0, m1, m2, m3, l0, l1, l2, l3, n0, n1, n2, n3, n4, n5, n6, n7, k, c0, c1, c2, c3] = *head;
    let length = [l0, l1, l2, l3];
    let number = [n0, n1, n2, n3, n4, n5, n6, n7];
    let size = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if [m0, m1, m2, m3] != MARKER || size > MOST {
        return Found::Damaged;
    }
    let Some(body) = rest.get(..size) else { return Found::Short(HEAD + size) };
    let right = checksum([&length, &number, &[k], body]) == u32::from_le_bytes([c0, c1, c2, c3]);
    match byte_keep(k) {
        Some(keep) if right => {
            Found::Whole(Frame { number: u64::from_le_bytes(number), keep, body })
        }
        Some(_) | None => Found::Damaged,
    }
}

/// How many bytes are before the next frame that is whole and numbered `least` or more.
pub(super) fn next(bytes: &[u8], least: u64) -> Option<usize> {
    let begins = bytes.windows(MARKER.len()).enumerate().filter(|(_, four)| *four == MARKER);
    let mut places = begins.map(|(place, _)| place);
    places.find(|place| match read(&bytes[*place..]) {
        Found::Whole(frame) => frame.number >= least,
        Found::Short(_) | Found::Damaged => false,
    })
}

/// A record's body: JSON, as [`KeptRecord`] is written.
pub(super) fn body(record: &KeptRecord) -> Result<Vec<u8>, String> {
    if !MOMENTS.contains(&record.at.0) {
        return Err("its moment is no date".to_owned());
    }
    let body = serde_json::to_vec(record).map_err(|error| error.to_string())?;
    if body.len() > MOST {
        return Err(format!("the record is {} bytes long; at most {MOST} are kept", body.len()));
    }
    Ok(body)
}

pub(super) fn checksum<const N: usize>(parts: [&[u8]; N]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

fn keep_byte(keep: Keep) -> u8 {
    match keep {
        Keep::WhenThereIsRoom => 0,
        Keep::Always => 1,
    }
}

fn byte_keep(byte: u8) -> Option<Keep> {
    match byte {
        0 => Some(Keep::WhenThereIsRoom),
        1 => Some(Keep::Always),
        _ => None,
    }
}
