//! What was made to be wrong in the books is found, each by the name of what it is.

use super::*;
use crate::mariadb::tests::kill::check::{Rows, check};
use crate::mariadb::tests::kill::history;

const GOOD: &str = "\
1 call buy m1 p1
1 ok
2 call buy m1 p2
2 unknown
3 call buy m1 p2
3 ok
4 call spend m1 t1
4 ok 190
5 call refund m1 p2
5 ok
6 call spend m1 t2
6 refused
7 call buy m1 p3
7 unknown
8 call buy m1 p4
8 refused
9 call refund m1 p1
9 refused";

fn claimed(purchase: &str) -> Claimed {
    Claimed { purchase: purchase.to_owned(), owner: Some("m1".to_owned()), pending: false }
}

fn booked(purchase: &str, stand: &str) -> Booked {
    Booked {
        purchase: purchase.to_owned(),
        member: "m1".to_owned(),
        id: format!("id of {purchase}"),
        stand: stand.to_owned(),
    }
}

fn entry(transfer: &str, purchase: Option<&str>, delta: i64) -> Entry {
    Entry {
        member: "m1".to_owned(),
        transfer: transfer.to_owned(),
        purchase: purchase.map(|purchase| format!("id of {purchase}")),
        delta,
    }
}

fn good() -> Books {
    let member = || "m1".to_owned();
    Books {
        claims: vec![claimed("p1"), claimed("p2")],
        purchases: vec![booked("p1", "granted"), booked("p2", "refunded")],
        entries: vec![
            entry("g1", Some("p1"), BOUGHT),
            entry("g2", Some("p2"), BOUGHT),
            entry("t1", None, -SPENT),
            entry("r2", Some("p2"), -BOUGHT),
        ],
        balances: vec![(member(), BOUGHT - SPENT)],
        told: vec![(member(), 4)],
        notices: vec![(member(), 1), (member(), 3), (member(), 2)],
    }
}

fn changed(change: fn(&mut Books)) -> Report {
    let mut books = good();
    change(&mut books);
    // Of sessions and logins this history says nothing.
    let rows = Rows { books, ..Rows::default() };
    check(&history::read(GOOD), &rows)
}

#[test]
fn books_that_were_kept_are_good() {
    let report = changed(|_| {});
    assert!(report.is_good(), "{report}");
    // What is not known may have been done.
    let report = changed(|books| {
        books.claims.push(claimed("p3"));
        books.purchases.push(booked("p3", "granted"));
        books.entries.push(entry("g3", Some("p3"), BOUGHT));
        books.balances[0].1 += BOUGHT;
        books.told[0].1 += 1;
        books.notices.push(("m1".to_owned(), 4));
    });
    assert!(report.is_good(), "{report}");
}

#[test]
fn what_is_lost_is_found() {
    let changes: [fn(&mut Books); 9] = [
        |books| drop(books.claims.remove(0)),
        |books| drop(books.purchases.remove(0)),
        |books| books.claims[1].pending = true,
        |books| drop(books.entries.remove(0)),
        |books| drop(books.entries.remove(2)),
        |books| books.purchases[1].stand = "granted".to_owned(),
        |books| books.told[0].1 -= 1,
        |books| drop(books.notices.remove(1)),
        |books| books.notices.clear(),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let report = changed(change);
        assert!(!report.lost.is_empty(), "{place}: {report}");
    }
}

#[test]
fn what_is_doubled_is_found() {
    let changes: [fn(&mut Books); 6] = [
        |books| books.claims.push(claimed("p1")),
        |books| books.purchases.push(booked("p1", "granted")),
        |books| books.entries.push(entry("again", Some("p1"), BOUGHT)),
        |books| books.entries.push(entry("again", Some("p2"), -BOUGHT)),
        |books| books.entries.push(entry("t1", None, -SPENT)),
        |books| books.told[0].1 += 1,
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let report = changed(change);
        assert!(!report.doubled.is_empty(), "{place}: {report}");
    }
}

#[test]
fn what_was_refused_or_never_asked_for_is_found() {
    let changes: [fn(&mut Books); 4] = [
        |books| books.entries.push(entry("t2", None, -SPENT)),
        |books| books.purchases.push(booked("p4", "granted")),
        |books| books.purchases[0].stand = "refunded".to_owned(),
        |books| books.entries.push(entry("g9", Some("p9"), BOUGHT)),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let report = changed(change);
        assert!(!report.invented.is_empty(), "{place}: {report}");
    }
}

#[test]
fn what_is_somebody_elses_or_does_not_add_up_is_found() {
    let changes: [fn(&mut Books); 4] = [
        |books| books.balances[0].1 += 1,
        |books| books.balances.clear(),
        |books| books.claims[0].owner = Some("m2".to_owned()),
        |books| books.claims[0].owner = None,
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let report = changed(change);
        assert!(!report.wrong.is_empty(), "{place}: {report}");
    }
}
