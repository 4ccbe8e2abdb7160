//! Files that are not as they were written.

use super::*;
use crate::spool::files::Files as _;
use crate::spool::segment::{self, HEADER};

/// A disk with three records in one segment, and where each begins and ends.
fn three() -> (Lossy, String, Vec<u8>, [usize; 4]) {
    let disk = Lossy::default();
    let mut store = open(&disk);
    keep(&mut store, [1, 2, 3]);
    let name = segment::name(0);
    let bytes = disk.files()[&name].clone();
    let length = |told| frame::HEAD + frame::body(&record(told)).unwrap().len();
    let (one, two) = (HEADER + length(1), HEADER + length(1) + length(2));
    assert_eq!(bytes.len(), two + length(3));
    let places = [HEADER, one, two, bytes.len()];
    (disk, name, bytes, places)
}

fn damaged(disk: &Lossy) -> usize {
    disk.files().keys().filter(|name| name.starts_with("damaged-")).count()
}

#[test]
fn a_torn_end_is_cut_wherever_it_is_torn() {
    let (disk, name, bytes, places) = three();
    for cut in 0..bytes.len() {
        let disk = disk.copy();
        disk.put(&name, &bytes[..cut]);
        let whole = places[1..].iter().filter(|end| **end <= cut).count();
        let mut store = open(&disk);
        assert_eq!(rest(&mut store), [1, 2, 3][..whole], "cut at {cut}");
        match whole {
            0 => assert!(!disk.files().contains_key(&name), "cut at {cut}"),
            _ => assert_eq!(disk.files()[&name], bytes[..places[whole]], "cut at {cut}"),
        }
        // What is written next is in order with what is there.
        keep(&mut store, [4]);
        assert_eq!(rest(&mut store), [4]);
        assert_eq!(rest(&mut open(&disk)), [&[1, 2, 3][..whole], &[4]].concat());
    }
}

#[test]
fn a_torn_end_may_be_anything() {
    let (disk, name, bytes, places) = three();
    for end in [vec![0; 300], vec![0xff; 300], bytes[places[1]..places[2] - 1].to_vec()] {
        let disk = disk.copy();
        disk.put(&name, &[&bytes[..places[2]], &end[..]].concat());
        assert_eq!(rest(&mut open(&disk)), [1, 2]);
        assert_eq!(disk.files()[&name], bytes[..places[2]]);
    }
}

#[test]
fn a_flipped_bit_costs_its_record_alone_and_is_set_aside() {
    let (disk, name, bytes, places) = three();
    for place in places[1]..places[2] {
        let mut bytes = bytes.clone();
        bytes[place] ^= 1 << (place % 8);
        let disk = disk.copy();
        disk.put(&name, &bytes);
        let mut store = open(&disk);
        assert_eq!(rest(&mut store), [1, 3], "flipped at {place}");
        assert_eq!(damaged(&disk), 1, "flipped at {place}");
        let aside = format!("damaged-{:016x}-{}", 0, places[1]);
        assert_eq!(disk.files()[&aside], bytes[places[1]..places[2]]);
        // It is set aside once, and holds nothing up.
        store.settle(&[0, 2]);
        store.save().unwrap();
        drop(store);
        assert_eq!(rest(&mut open(&disk)), [0_u64; 0]);
        assert_eq!(damaged(&disk), 1);
        assert!(!disk.files().contains_key(&name));
    }
}

#[test]
fn a_damaged_header_costs_nothing() {
    let (disk, name, bytes, _) = three();
    for place in 0..HEADER {
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x10;
        let disk = disk.copy();
        disk.put(&name, &bytes);
        assert_eq!(rest(&mut open(&disk)), [1, 2, 3], "flipped at {place}");
    }
}

#[test]
fn a_damaged_segment_between_others_is_read_around() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    keep(&mut store, 0..40);
    drop(store);
    let names: Vec<_> = disk.files().into_keys().filter(|name| name.starts_with("seg")).collect();
    let [first, second, third] = [0, 1, 2].map(|place| segment::first(&names[place]).unwrap());
    // Its end, all of it, or the whole file is gone.
    let bytes = disk.files()[&names[1]].clone();
    for left in [&bytes[..bytes.len() - 1], &vec![0; bytes.len()], &[]] {
        let disk = disk.copy();
        disk.put(&names[1], left);
        let there = rest(&mut open(&disk));
        let lost: Vec<_> = (0..40).filter(|told| !there.contains(told)).collect();
        assert!(first < second && !lost.is_empty());
        assert!(lost.iter().all(|told| (second..third).contains(told)), "{lost:?}");
        assert!(there.is_sorted());
    }
}

#[test]
fn a_damaged_position_costs_repeats_alone() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    let numbers = keep(&mut store, 0..4);
    store.settle(&numbers[..2]);
    store.save().unwrap();
    drop(store);
    assert_eq!(rest(&mut open(&disk.copy())), [2, 3]);
    let position = disk.files()["position"].clone();
    for place in 0..position.len() {
        let mut bytes = position.clone();
        bytes[place] ^= 1;
        for bytes in [&bytes[..], &position[..place]] {
            let disk = disk.copy();
            disk.put("position", bytes);
            let mut store = open(&disk);
            assert_eq!(rest(&mut store), [0, 1, 2, 3], "at {place}");
            keep(&mut store, [4]);
            assert_eq!(rest(&mut store), [4]);
        }
    }
}

#[test]
fn a_segment_of_a_later_version_is_refused_untouched() {
    let (disk, name, mut bytes, _) = three();
    bytes[7] = 2;
    let sum = frame::checksum([&bytes[..HEADER - 4]]).to_le_bytes();
    bytes[HEADER - 4..HEADER].copy_from_slice(&sum);
    disk.put(&name, &bytes);
    let before = disk.files();
    let error = Store::open(disk.clone(), SMALL).err().unwrap().to_string();
    assert!(error.contains("is of version 2"), "{error}");
    assert_eq!(disk.files(), before);
}

#[test]
fn a_body_that_is_no_record_is_set_aside() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    keep(&mut store, [1]);
    let entry = Entry { keep: Keep::Always, at: Micros(0), body: b"{\"of\":\"another kind\"}" };
    store.append(&[entry]).unwrap();
    keep(&mut store, [3]);
    assert_eq!(rest(&mut store), [1, 3]);
    assert_eq!(damaged(&disk), 1);
}

#[test]
fn what_is_set_aside_is_bounded() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    let long = vec![b'x'; 900];
    for _ in 0..40 {
        store.append(&[Entry { keep: Keep::Always, at: Micros(0), body: &long }]).unwrap();
    }
    assert_eq!(rest(&mut store), [0_u64; 0]);
    let aside = disk.files().into_iter().filter(|(name, _)| name.starts_with("damaged-"));
    let bytes: usize = aside.map(|(_, bytes)| bytes.len()).sum();
    assert!((2000..=4096).contains(&bytes), "{bytes}");
    assert_eq!(store.waiting(), 0);
}

#[test]
fn a_segment_that_is_taken_away_or_cut_under_a_spool_that_runs_is_read_around() {
    for left in [None, Some(0), Some(HEADER), Some(HEADER + 200)] {
        let disk = Lossy::default();
        let mut store = open(&disk);
        keep(&mut store, 0..40);
        let names: Vec<_> =
            disk.files().into_keys().filter(|name| name.starts_with("seg")).collect();
        let [second, third] = [1, 2].map(|place| segment::first(&names[place]).unwrap());
        match left {
            None => disk.remove(&names[1]).unwrap(),
            Some(left) => disk.put(&names[1], &disk.files()[&names[1]].clone()[..left]),
        }
        let there = rest(&mut store);
        let lost: Vec<_> = (0..40).filter(|told| !there.contains(told)).collect();
        assert!(!lost.is_empty() && lost.iter().all(|told| (second..third).contains(told)));
        assert!(there.is_sorted());
        // Its room is given back with the rest, and nothing waits for it.
        store.settle(&there);
        assert_eq!((store.waiting(), store.settled_below()), (0, 40), "{left:?}");
        assert_eq!(store.segments.len(), 1, "{left:?}");
        keep(&mut store, [40]);
        assert_eq!(rest(&mut store), [40]);
    }
}
