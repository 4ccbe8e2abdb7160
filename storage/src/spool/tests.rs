//! The spool, on a disk that a test takes things away from.

mod bound;
mod crash;
mod damage;
mod kill;
mod lossy;
mod parts;
mod reading;

use uuid::Uuid;

use super::files::Files;
use super::frame;
use super::store::{Entry, Limits, Store};
use crate::clock::Micros;
use crate::gamelog::{Keep, KeptRecord};
use lossy::Lossy;

/// Small, so that a few records fill segments.
const SMALL: Limits = Limits { bytes: 64 * 1024, segment: 1024 };

/// A record that its number tells from others.
fn record(number: u64) -> KeptRecord {
    KeptRecord {
        id: Uuid::from_u64_pair(0, number),
        at: Micros(1_800_000_000_000_000 + i64::try_from(number).unwrap()),
        app: "demo".parse().unwrap(),
        member: None,
        kind: "test".to_owned(),
        fields: serde_json::json!({"words": "라".repeat(usize::try_from(number % 30).unwrap())}),
    }
}

fn told(record: &KeptRecord) -> u64 {
    record.id.as_u64_pair().1
}

fn open(disk: &Lossy) -> Store<Lossy> {
    Store::open(disk.clone(), SMALL).unwrap()
}

/// Writes records of a class; each with its number in the spool.
fn append<F: Files>(
    store: &mut Store<F>,
    keep: Keep,
    records: impl IntoIterator<Item = u64>,
) -> std::io::Result<Vec<Option<u64>>> {
    let records: Vec<_> = records.into_iter().map(record).collect();
    let bodies: Vec<_> = records.iter().map(|record| frame::body(record).unwrap()).collect();
    let entry = |(record, body): (&KeptRecord, _)| Entry { keep, at: record.at, body };
    let entries: Vec<_> = records.iter().zip(bodies.iter().map(Vec::as_slice)).map(entry).collect();
    store.append(&entries)
}

/// Writes records that are all taken.
fn keep<F: Files>(store: &mut Store<F>, records: impl IntoIterator<Item = u64>) -> Vec<u64> {
    let numbers = append(store, Keep::WhenThereIsRoom, records).unwrap();
    numbers.into_iter().map(Option::unwrap).collect()
}

/// What is read from now on, as the records tell.
fn rest<F: Files>(store: &mut Store<F>) -> Vec<u64> {
    let read = store.read(usize::MAX, u64::MAX).unwrap();
    read.iter().map(|stored| told(&stored.record)).collect()
}
