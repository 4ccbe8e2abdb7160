//! What is read, and what is not read again.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::spool::{Placed, Spool};

#[test]
fn records_come_in_order_each_once_in_a_run() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    keep(&mut store, 0..50);
    let read = |store: &mut Store<Lossy>, most| -> Vec<_> {
        store.read(most, u64::MAX).unwrap().iter().map(|stored| told(&stored.record)).collect()
    };
    assert_eq!(read(&mut store, 7), (0..7).collect::<Vec<_>>());
    // What comes while one reads comes later.
    keep(&mut store, 50..60);
    assert_eq!(rest(&mut store), (7..60).collect::<Vec<_>>());
    assert_eq!(rest(&mut store), [0_u64; 0]);
    keep(&mut store, 60..61);
    assert_eq!(rest(&mut store), [60]);
    store.rewind();
    assert_eq!(rest(&mut store), (0..61).collect::<Vec<_>>());
}

/// The segments' names, the first first.
fn segments(disk: &Lossy) -> Vec<String> {
    disk.files().into_keys().filter(|name| name.starts_with("segment-")).collect()
}

#[test]
fn what_the_disk_does_not_give_back_keeps_nothing_else_waiting() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    keep(&mut store, 0..60);
    let names = segments(&disk);
    assert!(names.len() > 4, "{names:?}");
    disk.withhold([names[0].clone(), names[2].clone()]);
    let first = rest(&mut store);
    assert!(!first.is_empty() && first.is_sorted() && first.contains(&59), "{first:?}");
    // Now there is nothing but what is withheld, and that is said.
    assert!(store.read(usize::MAX, u64::MAX).is_err());
    keep(&mut store, 60..62);
    assert_eq!(rest(&mut store), [60, 61]);
    disk.withhold([names[2].clone()]);
    let second = rest(&mut store);
    assert!(!second.is_empty() && second[0] == 0, "{second:?}");
    assert!(store.read(usize::MAX, u64::MAX).is_err());
    disk.withhold([]);
    let third = rest(&mut store);
    let mut all = [first, second, third].concat();
    all.sort_unstable();
    let expected: Vec<_> = (0..60).collect();
    assert_eq!(all, expected);
    assert_eq!(rest(&mut store), [0_u64; 0]);
    assert_eq!(store.waiting(), 62);
}

#[test]
fn each_record_comes_once_from_a_disk_that_gives_back_what_it_likes() {
    for seed in 0..500 {
        let (disk, mut random) = (Lossy::default(), fastrand::Rng::with_seed(seed));
        let roomy = Limits { bytes: 1024 * 1024, ..SMALL };
        let mut store = Store::open(disk.clone(), roomy).unwrap();
        let (mut written, mut seen) = (0, Vec::new());
        for _ in 0..60 {
            match random.u8(..4) {
                0 => {
                    let more = random.u64(1..20);
                    keep(&mut store, written..written + more);
                    written += more;
                }
                1 => {
                    let mut names = segments(&disk);
                    names.retain(|_| random.u8(..3) == 0);
                    disk.withhold(names);
                }
                _ => {
                    let below = if random.bool() { u64::MAX } else { random.u64(..=written) };
                    // What is left unread for now comes later.
                    let read = store.read(random.usize(1..30), below).unwrap_or_default();
                    let mut numbers: Vec<_> = read.iter().map(|stored| stored.number).collect();
                    seen.extend(read.iter().map(|stored| told(&stored.record)));
                    numbers.retain(|_| random.bool());
                    store.settle(&numbers);
                }
            }
        }
        disk.withhold([]);
        loop {
            let more = rest(&mut store);
            if more.is_empty() {
                break;
            }
            seen.extend(more);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..written).collect::<Vec<_>>(), "seed {seed}");
    }
}

#[test]
fn reading_stops_below_a_number_and_goes_on_from_there() {
    let mut store = open(&Lossy::default());
    keep(&mut store, 0..50);
    assert_eq!(store.read(usize::MAX, 20).unwrap().len(), 20);
    assert_eq!(store.read(usize::MAX, 20).unwrap(), []);
    // What was settled meanwhile, from memory, is not read.
    store.settle(&(20..40).collect::<Vec<_>>());
    assert_eq!(rest(&mut store), (40..50).collect::<Vec<_>>());
}

#[test]
fn a_restart_goes_on_behind_what_is_settled_in_whatever_order() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    let numbers = keep(&mut store, 0..60);
    assert_eq!(rest(&mut store).len(), 60);
    store.settle(&numbers[40..50]);
    store.settle(&numbers[..10]);
    store.settle(&[numbers[20]]);
    store.save().unwrap();
    // Not saved: this one is the documented repeat.
    store.settle(&[numbers[30]]);
    drop(store);
    let mut store = open(&disk);
    let left: Vec<_> = (10..20).chain(21..40).chain(50..60).collect();
    assert_eq!(rest(&mut store), left);
    assert_eq!(store.waiting(), left.len() as u64);
    // Numbers go on as well.
    assert_eq!(keep(&mut store, [60]), [60]);
}

#[test]
fn numbers_go_on_when_all_is_settled_and_gone() {
    let disk = Lossy::default();
    for round in 0..5 {
        let mut store = open(&disk);
        let numbers = keep(&mut store, [round]);
        assert_eq!(numbers, [round]);
        assert_eq!(rest(&mut store), [round]);
        store.settle(&numbers);
        store.save().unwrap();
    }
    assert!(disk.files().len() <= 2, "{:?}", disk.files().keys());
}

#[test]
fn saving_nothing_new_writes_nothing() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    store.save().unwrap();
    let writes = disk.writes();
    store.save().unwrap();
    store.save().unwrap();
    assert_eq!(disk.writes(), writes);
}

/// The real folder, and the thread in front of it.
#[tokio::test]
async fn a_spool_is_its_owners_alone_and_resumes() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("spool");
    let spool = Spool::open(&folder, 1 << 24).unwrap();
    let records: Vec<_> = (0..5).map(record).collect();
    let placed = spool.append(vec![Keep::Always; 5], records.clone().into()).await.unwrap();
    assert_eq!(placed, [0, 1, 2, 3, 4].map(Placed::At));
    let settled = spool.settle(vec![0, 1, 3], Vec::new()).await.unwrap();
    assert_eq!(settled.below, 2);

    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() != "lock" {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
    let second = Spool::open(&folder, 1 << 24).err().unwrap().to_string();
    assert!(second.contains("another process uses"), "{second}");

    drop(spool);
    let spool = Spool::open(&folder, 1 << 24).unwrap();
    let begin = spool.begin().await.unwrap();
    assert_eq!((begin.next, begin.below), (5, 2));
    let read = spool.read(10, u64::MAX).await.unwrap();
    let read: Vec<_> = read.into_iter().map(|stored| (stored.number, stored.record)).collect();
    assert_eq!(read, [(2, records[2].clone()), (4, records[4].clone())]);
    // Nothing is read twice in a run, but from a new beginning.
    assert_eq!(spool.read(10, u64::MAX).await.unwrap(), []);
    spool.begin().await.unwrap();
    assert_eq!(spool.read(1, u64::MAX).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_record_that_is_too_long_is_refused_alone() {
    let data = tempfile::tempdir().unwrap();
    let spool = Spool::open(&data.path().join("spool"), 1 << 26).unwrap();
    let long = |bytes: usize| KeptRecord { kind: "x".repeat(bytes), ..record(0) };
    let rest = frame::body(&long(0)).unwrap().len();
    let records = [record(1), long(frame::MOST - rest), long(frame::MOST - rest + 1), record(2)];
    let placed = spool.append(vec![Keep::Always; 4], records.into()).await.unwrap();
    assert_eq!((&placed[..2], &placed[3]), (&[Placed::At(0), Placed::At(1)][..], &Placed::At(2)));
    assert!(matches!(&placed[2], Placed::Refused(reason) if reason.contains("bytes long")));
}

#[test]
fn a_clock_that_is_put_back_changes_neither_order_nor_what_is_there() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    for (told, at) in
        [(0, 4_102_444_800_000_000), (1, 5_000_000), (2, 0), (3, 7), (4, -2_000_000_000_000_000)]
    {
        let record = KeptRecord { at: Micros(at), ..record(told) };
        let body = frame::body(&record).unwrap();
        store.append(&[Entry { keep: Keep::Always, at: record.at, body: &body }]).unwrap();
    }
    drop(store);
    assert_eq!(rest(&mut open(&disk)), [0, 1, 2, 3, 4]);
}
