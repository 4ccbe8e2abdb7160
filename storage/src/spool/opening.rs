//! What is found in the folder at the start.

use std::collections::VecDeque;
use std::io;

use super::dead;
use super::files::{Files, Handle};
use super::position;
use super::read::{copy, first_at};
use super::segment::{self, HEADER, Step};
use super::store::{Limits, Segment, Store};

impl<F: Files> Store<F> {
    /// Opens what is in the folder. The end of the last segment that is no whole record is cut.
    ///
    /// # Errors
    /// When the folder cannot be read or written, or a segment is of a later version.
    pub(super) fn open(files: F, limits: Limits) -> io::Result<Self> {
        let list = files.list()?;
        let mut segments = segments(&files, &list)?;
        let last = segments.pop_back();
        let whole = last.map(|last| recover(&files, limits, last)).transpose()?;
        segments.extend(whole.flatten());
        let settled = position::load(&files)?.unwrap_or_else(|| {
            tracing::warn!("the spool's position is damaged: what is in it is sent again");
            Default::default()
        });
        for segment in &mut segments {
            segment.at = first_at(&files, segment.first);
        }
        let mut store = Self::new(files, limits, segments, settled);
        let bytes = |prefix: &str| {
            list.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, bytes)| bytes).sum()
        };
        store.damaged = bytes("damaged-");
        store.dead = bytes(dead::NAME);
        if let Some(last) = store.dead.checked_sub(1) {
            store.torn = store.files.read(dead::NAME, last, 1)? != b"\n";
        }
        store.settle(&[]);
        Ok(store)
    }
}

/// The segments, in order; each ends where the next begins.
fn segments<F: Files>(files: &F, list: &[(String, u64)]) -> io::Result<VecDeque<Segment>> {
    let mut segments: Vec<_> = list
        .iter()
        .filter_map(|(name, length)| segment::first(name).map(|first| (first, *length)))
        .collect();
    segments.sort_unstable();
    for (first, _) in &segments {
        let name = segment::name(*first);
        if let Some(version) = segment::foreign(&files.read(&name, 0, HEADER)?) {
            let words = format!("{name} is of version {version}, which this program does not know");
            return Err(io::Error::other(words));
        }
    }
    let ends = segments.iter().skip(1).map(|(first, _)| *first).chain([u64::MAX]);
    let found = segments.iter().zip(ends);
    Ok(found
        .map(|((first, length), end)| Segment { first: *first, end, length: *length, at: None })
        .collect())
}

/// Walks over the last segment and cuts what is torn; none when no record is left in it. What
/// is cut was never confirmed, unless the disk damaged it: it is copied aside all the same.
fn recover<F: Files>(files: &F, limits: Limits, mut last: Segment) -> io::Result<Option<Segment>> {
    let name = segment::name(last.first);
    let length = usize::try_from(last.length).unwrap_or(usize::MAX);
    let bytes = files.read(&name, 0, length)?;
    let (mut whole, mut end) = (HEADER.min(bytes.len()), last.first);
    let mut place = whole;
    loop {
        match segment::step(&bytes[place..], end) {
            Step::Frame(frame) => {
                place += frame.length();
                (whole, end) = (place, frame.number + 1);
            }
            // Damage with a record behind it is the reader's.
            Step::Damage { skip, found: Some(_) } => place += skip,
            Step::Damage { found: None, .. } | Step::End => break,
        }
    }
    let torn = bytes.len() - whole;
    if torn > 0 {
        tracing::warn!(segment = last.first, bytes = torn, "the spool's torn end is cut");
        metrics::counter!("daemun_spool_torn_bytes_total").increment(torn as u64);
        if torn as u64 <= limits.aside() {
            copy(files, &format!("damaged-{:016x}-{whole}", last.first), &bytes[whole..])?;
        }
    }
    if end == last.first {
        files.remove(&name)?;
        return Ok(None);
    }
    if torn > 0 {
        let mut file = files.extend(&name)?;
        file.truncate(whole as u64)?;
        file.sync()?;
    }
    (last.length, last.end) = (whole as u64, end);
    Ok(Some(last))
}
