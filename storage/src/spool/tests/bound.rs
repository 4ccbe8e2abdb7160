//! How much the spool holds, and for whom.

use super::*;
use crate::spool::dead::{self, Dead};

/// The bytes of all segments on the disk.
fn on_disk(disk: &Lossy) -> u64 {
    let files = disk.files().into_iter().filter(|(name, _)| name.starts_with("segment-"));
    files.map(|(_, bytes)| bytes.len() as u64).sum()
}

#[test]
fn the_last_eighth_is_for_what_is_never_dropped_and_there_is_no_more() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    let droppable = append(&mut store, Keep::WhenThereIsRoom, (0..1000).map(|n| n * 30)).unwrap();
    let taken = droppable.iter().flatten().count();
    // What is refused is the newest: what is in the spool was confirmed.
    assert!(taken > 200 && droppable[..taken].iter().all(Option::is_some));
    assert!(on_disk(&disk) <= SMALL.bytes / 8 * 7);
    assert_eq!(append(&mut store, Keep::WhenThereIsRoom, [0]).unwrap(), [None]);

    let always = append(&mut store, Keep::Always, (0..1000).map(|n| n * 30)).unwrap();
    let more = always.iter().flatten().count();
    assert!((20..taken).contains(&more), "{more}");
    assert!(on_disk(&disk) <= SMALL.bytes && on_disk(&disk) > SMALL.bytes - 400);
    assert_eq!(append(&mut store, Keep::Always, [0]).unwrap(), [None]);

    // What is settled gives its room back.
    let all = store.read(usize::MAX, u64::MAX).unwrap();
    assert_eq!(all.len(), taken + more);
    let numbers: Vec<_> = all.iter().map(|stored| stored.number).collect();
    store.settle(&numbers[..taken / 2]);
    assert!(append(&mut store, Keep::WhenThereIsRoom, [0]).unwrap()[0].is_some());
    assert!(on_disk(&disk) <= SMALL.bytes * 6 / 8);
}

#[test]
fn a_segment_is_no_longer_than_it_may_be() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    keep(&mut store, 0..200);
    let files = disk.files();
    assert!(files.len() > 10);
    assert!(files.values().all(|bytes| bytes.len() as u64 <= SMALL.segment));
}

#[test]
fn what_is_settled_is_removed_in_whatever_order() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    let mut numbers = keep(&mut store, 0..200);
    fastrand::Rng::with_seed(3).shuffle(&mut numbers);
    for number in numbers {
        store.settle(&[number]);
    }
    // One is being written to.
    assert_eq!(store.segments.len(), 1);
    assert_eq!((store.waiting(), store.settled_below()), (0, 200));
}

fn dead(told: u64, number: Option<u64>, keep: Keep) -> Dead {
    Dead { number, keep, reason: "for a test".to_owned(), record: record(told) }
}

#[test]
fn dead_letters_are_kept_with_their_reason_and_settled() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    let numbers = keep(&mut store, 0..3);
    store.bury(&[
        dead(1, Some(numbers[1]), Keep::WhenThereIsRoom),
        dead(9, None, Keep::WhenThereIsRoom),
    ]);
    store.save().unwrap();
    disk.crash(&mut fastrand::Rng::with_seed(1));
    assert_eq!(rest(&mut open(&disk)), [0, 2]);
    let lines = String::from_utf8(disk.files()[dead::NAME].clone()).unwrap();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["reason"], "for a test");
    let record = |line: &serde_json::Value| serde_json::from_value(line["record"].clone()).unwrap();
    let told: Vec<_> = lines.iter().map(|line| told(&record(line))).collect();
    assert_eq!(told, [1, 9]);
}

#[test]
fn dead_letters_are_bounded_and_what_is_never_dropped_stays_then() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    let numbers = keep(&mut store, 0..100);
    let all = |keep| -> Vec<_> {
        numbers.iter().zip(0..).map(|(number, told)| dead(told, Some(*number), keep)).collect()
    };
    let length = || disk.files()[dead::NAME].len() as u64;
    store.bury(&all(Keep::WhenThereIsRoom));
    assert!(length() <= SMALL.bytes / 32 && store.waiting() == 0);

    let numbers = keep(&mut store, 100..200);
    let always = |(number, told): (&u64, u64)| dead(told, Some(*number), Keep::Always);
    store.bury(&numbers.iter().zip(100..).map(always).collect::<Vec<_>>());
    assert!((SMALL.bytes / 32..=SMALL.bytes / 16).contains(&length()));
    assert!((50..100).contains(&store.waiting()), "{}", store.waiting());
    store.save().unwrap();
    assert_eq!(rest(&mut open(&disk)).len() as u64, store.waiting());
}

#[test]
fn a_dead_letter_that_cannot_be_written_is_not_settled() {
    for operations in 0..3 {
        let disk = Lossy::default();
        let mut store = open(&disk);
        let numbers = keep(&mut store, 0..2);
        disk.fail_in(operations);
        store.bury(&[dead(0, Some(numbers[0]), Keep::Always)]);
        disk.heal();
        assert_eq!(store.waiting(), 2);
        store.save().unwrap();
        assert_eq!(rest(&mut open(&disk)), [0, 1]);
    }
}

#[test]
fn a_torn_dead_letter_spoils_no_other() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    let numbers = keep(&mut store, 0..4);
    store.bury(&[dead(0, Some(numbers[0]), Keep::Always)]);
    // The disk refuses in the middle of one: nothing of it stays.
    disk.fail_in(1);
    store.bury(&[dead(1, Some(numbers[1]), Keep::Always)]);
    disk.heal();
    store.bury(&[dead(1, Some(numbers[1]), Keep::Always)]);
    let letters = || String::from_utf8(disk.files()[dead::NAME].clone()).unwrap();
    assert_eq!(letters().lines().count(), 2);
    assert_eq!(letters().len() as u64, store.dead);
    // A crash leaves half of one.
    store.save().unwrap();
    drop(store);
    disk.put(dead::NAME, format!("{}{{\"reason\":\"tor", letters()).as_bytes());
    let mut store = open(&disk);
    store.bury(&[dead(2, Some(numbers[2]), Keep::Always)]);
    store.bury(&[dead(3, Some(numbers[3]), Keep::Always)]);
    let letters = letters();
    let whole: Vec<serde_json::Value> =
        letters.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!((whole.len(), letters.lines().count()), (4, 5), "{letters}");
}
