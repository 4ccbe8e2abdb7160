use super::*;

fn asked(row: Row) -> bool {
    matches!(row, Row::Asked(_))
}

#[test]
fn percentiles_are_of_all_and_good_to_three_digits() {
    let ledger = Ledger::new().unwrap();
    for ms in 1..=1_000 {
        let ask = if ms % 2 == 0 { Ask::Ping } else { Ask::Me };
        ledger.took(Row::Asked(ask), Duration::from_millis(ms));
    }
    ledger.took(Row::Connect, Duration::from_secs(7_200));
    ledger.late(Duration::from_micros(50));
    ledger.close("at work", true, asked);
    let sections = ledger.sections();
    let names: Vec<_> = sections[0].rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["member.me", "session.ping", "all", LATE]);
    let all = &sections[0].rows[2];
    assert_eq!(all.count, 1_000);
    for (is, due) in [
        (all.p50_us, 500_000),
        (all.p90_us, 900_000),
        (all.p99_us, 990_000),
        (all.p999_us, 999_000),
        (all.max_us, 1_000_000),
    ] {
        assert!(is >= due && is <= due + due / 1_000, "{is} for {due}");
    }
    // What is longer than the longest is not lost.
    assert!(ledger.so_far().max_us >= LONGEST_US);
}

#[test]
fn sheds_are_counted_and_sections_stand_alone() {
    let ledger = Ledger::new().unwrap();
    ledger.shed(Row::Login);
    ledger.took(Row::Asked(Ask::Ping), Duration::ZERO);
    ledger.close("first", false, asked);
    ledger.close("second", false, |row| !asked(row));
    ledger.close("third", false, |_| true);
    let [first, second, third] = &ledger.sections()[..] else { panic!("three sections") };
    assert_eq!((first.rows.len(), first.rows[0].count), (2, 1));
    assert_eq!((second.rows[0].shed, second.rows[0].count), (1, 0));
    assert!(third.rows.is_empty());
}
