//! Ranges of numbers, and frames among bytes.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::spool::frame::Found;
use crate::spool::ranges::Ranges;

proptest! {
    #[test]
    fn ranges_are_sets(inserts in prop::collection::vec((0_u64..60, 0_u64..12), 0..40)) {
        let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
        for (from, length) in inserts {
            ranges.insert(from, from + length);
            set.extend(from..from + length);
        }
        prop_assert_eq!(Ranges::of(ranges.as_slice().to_vec()), Some(ranges.clone()));
        prop_assert_eq!(ranges.end(), set.last().map_or(0, |last| last + 1));
        for from in 0..80 {
            let absent = (from..).find(|number| !set.contains(number)).unwrap();
            prop_assert_eq!(ranges.next_absent(from), absent);
            for to in [from, from + 1, from + 9] {
                prop_assert_eq!(ranges.covers(from, to), (from..to).all(|n| set.contains(&n)));
                prop_assert_eq!(ranges.count(from, to), set.range(from..to).count() as u64);
            }
        }
    }

    #[test]
    fn a_frame_comes_back_and_no_part_of_it_is_one(
        number: u64, always: bool, body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let keep = if always { Keep::Always } else { Keep::WhenThereIsRoom };
        let mut bytes = Vec::new();
        frame::write(&mut bytes, number, keep, &body);
        let whole = frame::Frame { number, keep, body: &body };
        prop_assert_eq!(whole.length(), bytes.len());
        let more = [&bytes[..], b"more"].concat();
        prop_assert_eq!(frame::read(&more), Found::Whole(whole));
        for cut in 0..bytes.len() {
            prop_assert!(matches!(frame::read(&bytes[..cut]), Found::Short(n) if n > cut));
        }
    }

    #[test]
    fn whatever_bytes_there_are_reading_ends(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let disk = Lossy::default();
        disk.put(&crate::spool::segment::name(5), &bytes);
        disk.put(&crate::spool::segment::name(9), &bytes);
        disk.put("position", &bytes);
        let mut store = open(&disk);
        prop_assert_eq!(rest(&mut store), [0_u64; 0]);
        keep(&mut store, [1]);
        prop_assert_eq!(rest(&mut store), [1]);
    }
}

#[test]
fn a_moment_that_could_not_be_read_back_is_not_written() {
    let of = |at| KeptRecord { at: Micros(at), ..record(1) };
    let (first, last) = (-62_167_219_200_000_000, 253_402_207_199_999_999);
    for at in [first, -1, 0, 1, last] {
        let body = frame::body(&of(at)).unwrap();
        assert_eq!(serde_json::from_slice::<KeptRecord>(&body).unwrap(), of(at));
    }
    for at in [i64::MIN, first - 1, last + 1, i64::MAX] {
        assert!(frame::body(&of(at)).unwrap_err().contains("no date"), "{at}");
    }
}
