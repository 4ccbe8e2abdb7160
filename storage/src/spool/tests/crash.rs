//! What was confirmed survives a crash that takes all that was not synced, or a part of it.

use std::collections::BTreeMap;

use super::*;

/// What is known of the records that were handed over.
#[derive(Default)]
struct Known {
    next: u64,
    /// Confirmed, by the number in the spool.
    confirmed: BTreeMap<u64, u64>,
    /// Settled at any time; since the last start, or durably before; and durably.
    ever: Vec<u64>,
    settled: Vec<u64>,
    saved: Vec<u64>,
}

impl Known {
    /// Does something to the spool.
    fn act(&mut self, store: &mut Store<Lossy>, random: &mut fastrand::Rng) {
        match random.u8(0..10) {
            0..5 => {
                let records = self.next..self.next + random.u64(1..12);
                self.next = records.end;
                if let Ok(numbers) = append(store, Keep::WhenThereIsRoom, records.clone()) {
                    let placed = numbers.into_iter().zip(records);
                    self.confirmed.extend(placed.filter_map(|(at, told)| Some((at?, told))));
                }
            }
            5..8 => {
                let most = random.usize(1..20);
                for stored in store.read(most, u64::MAX).unwrap() {
                    // Whatever the order of the answers is, and some never come.
                    if random.u8(0..5) > 0 {
                        store.settle(&[stored.number]);
                        self.settled.push(told(&stored.record));
                        self.ever.push(told(&stored.record));
                    }
                }
            }
            _ => {
                if store.save().is_ok() {
                    self.saved.clone_from(&self.settled);
                }
            }
        }
    }

    /// All that was confirmed and is not settled is there, and what is durably settled is not.
    fn check(&self, disk: &Lossy, seed: u64) {
        let there = rest(&mut open(&disk.copy()));
        for told in self.confirmed.values().filter(|told| !self.ever.contains(told)) {
            assert!(there.contains(told), "seed {seed}: {told} was confirmed, and is lost");
        }
        for told in &there {
            assert!(*told < self.next, "seed {seed}: nobody handed over {told}");
            assert!(!self.saved.contains(told), "seed {seed}: {told} was settled durably");
        }
    }
}

fn lives(seed: u64, faults: bool) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (disk, mut known) = (Lossy::default(), Known::default());
    for _ in 0..6 {
        let mut store = open(&disk);
        for _ in 0..random.usize(1..25) {
            if faults && random.u8(0..4) == 0 {
                disk.fail_in(random.u32(0..8));
            }
            known.act(&mut store, &mut random);
            disk.heal();
        }
        drop(store);
        disk.crash(&mut random);
        known.check(&disk, seed);
        // What was settled and not saved is forgotten.
        known.settled.clone_from(&known.saved);
    }
}

#[test]
fn nothing_that_was_confirmed_is_lost_in_a_crash() {
    (0..400).for_each(|seed| lives(seed, false));
}

#[test]
fn nothing_that_was_confirmed_is_lost_in_a_crash_of_a_disk_that_fails() {
    (1000..1600).for_each(|seed| lives(seed, true));
}

#[test]
fn the_disk_of_these_tests_loses_what_was_not_synced() {
    use crate::spool::files::Handle;
    let mut random = fastrand::Rng::with_seed(7);
    let mut lost = 0;
    for _ in 0..50 {
        let disk = Lossy::default();
        disk.put("file", b"synced");
        let mut file = disk.extend("file").unwrap();
        file.append(&[1; 100]).unwrap();
        disk.create("new").unwrap().sync().unwrap();
        disk.crash(&mut random);
        let files = disk.files();
        assert!(files["file"].starts_with(b"synced"));
        lost += usize::from(files["file"].len() < 106) + usize::from(!files.contains_key("new"));
    }
    assert!(lost > 40, "{lost}");
}

#[test]
fn a_disk_that_fails_is_survived_wherever_it_fails() {
    // However far an append comes, the next one goes well, and what it confirms is there.
    for operations in 0..12 {
        let disk = Lossy::default();
        let mut store = open(&disk);
        keep(&mut store, 0..5);
        disk.fail_in(operations);
        let failed = append(&mut store, Keep::Always, 100..120).is_err();
        disk.heal();
        keep(&mut store, 5..9);
        disk.crash(&mut fastrand::Rng::with_seed(u64::from(operations)));
        let mut there = rest(&mut open(&disk));
        if failed {
            there.retain(|told| *told < 100);
        }
        let expected: Vec<_> =
            if failed { (0..9).collect() } else { (0..5).chain(100..120).chain(5..9).collect() };
        assert_eq!(there, expected, "after {operations}");
    }
}

#[test]
fn a_full_disk_is_said_and_survived() {
    let disk = Lossy::default();
    let mut store = open(&disk);
    keep(&mut store, 0..5);
    for room in [0, 1, 10, 30, 100, 200] {
        disk.fill_but(room);
        let error = append(&mut store, Keep::Always, 100..140).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "room for {room}");
    }
    // With room again it goes on, and nothing of the failed ones is between.
    disk.heal();
    keep(&mut store, 5..9);
    assert_eq!(rest(&mut store), (0..9).collect::<Vec<_>>());
    // Settling needs no room.
    store.settle(&[0, 1]);
    disk.fill_but(0);
    assert!(store.save().is_err());
    disk.heal();
    store.save().unwrap();
}
