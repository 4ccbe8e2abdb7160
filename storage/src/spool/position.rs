//! The file that says what is settled.

use std::io;

use super::files::{Files, Handle};
use super::frame::checksum;
use super::ranges::Ranges;

/// The file's name.
pub(super) const NAME: &str = "position";
const NEW: &str = "position.new";
const MAGIC: &[u8; 8] = b"daemunP\x01";
/// The most ranges in the file. What is beyond is sent again after a restart.
const MOST: usize = 4096;

/// Writes the file in the place of the one before. Durable when it returns.
pub(super) fn save(files: &impl Files, settled: &Ranges) -> io::Result<()> {
    let mut body = Vec::new();
    for (from, to) in settled.as_slice().iter().take(MOST) {
        body.extend_from_slice(&from.to_le_bytes());
        body.extend_from_slice(&to.to_le_bytes());
    }
    let sum = checksum([MAGIC, &body]).to_le_bytes();
    let mut file = files.create(NEW)?;
    file.append(&[MAGIC, &sum[..], &body].concat())?;
    file.sync()?;
    files.rename(NEW, NAME)?;
    files.sync_folder()
}

/// What the file says; nothing when it is not there or not whole, which costs repeats alone.
pub(super) fn load(files: &impl Files) -> io::Result<Option<Ranges>> {
    match files.read(NAME, 0, 12 + MOST * 16) {
        Ok(bytes) => Ok(parse(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(Ranges::default())),
        Err(error) => Err(error),
    }
}

fn parse(bytes: &[u8]) -> Option<Ranges> {
    let (sum, body) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
    let (pairs, rest) = body.as_chunks::<16>();
    let right = checksum([MAGIC, body]) == u32::from_le_bytes(*sum) && rest.is_empty();
    let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_le_bytes);
    let ranges = pairs.iter().map(|pair| Some((number(&pair[..8])?, number(&pair[8..])?)));
    ranges.collect::<Option<Vec<_>>>().filter(|_| right).and_then(Ranges::of)
}
