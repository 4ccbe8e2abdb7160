//! The checker finds each thing that was made to be wrong, and nothing where all is right.

use super::*;
use crate::mariadb::tests::kill::history::{self, Event};

const GOOD: &str = "\
1 call login kim l1 t1
1 ok m1 1
2 call push m1 a
2 ok 1
3 call push m1 b
4 call rotate l1 t1 t2
3 unknown
4 ok t2
5 call push m1 b
5 ok 2
6 call push m1 c
6 refused
7 call push m1 d
7 ok 3
8 call ack m1 1
8 ok 1
9 call rotate l1 t2 t3
9 unknown
10 call ban m1 e
10 ok 4
11 call unban m1
11 ok
12 call ban m1 f
12 refused
13 call login kim l2 t4
13 refused
14 call login lee l3 t5
14 unknown
15 call rotate l1 t2 t6
15 refused
16 call ban m1 g";

fn good() -> Rows {
    let own = str::to_owned;
    let push = |seq, body| Push { member: own("m1"), seq, body: own(body) };
    Rows {
        sessions: vec![Session { member: own("m1"), epoch: 1, seq: 4, acked: 1 }],
        pushes: vec![push(2, "b"), push(3, "d"), push(4, "e")],
        logins: vec![Login {
            login: own("l1"),
            member: own("m1"),
            epoch: 1,
            token: own("t2"),
            ended: false,
        }],
        members: vec![Member { member: own("m1"), ban: None }],
        claims: vec![(own("kim"), own("m1"))],
        identities: vec![(own("m1"), own("kim"))],
        bans: vec![(own("e"), own("m1"))],
        books: Books::default(),
    }
}

fn events() -> Vec<Event> {
    history::read(GOOD)
}

/// What is found when the rows are changed.
fn changed(change: impl Fn(&mut Rows)) -> Report {
    let mut rows = good();
    change(&mut rows);
    let report = check(&events(), &rows);
    assert_eq!(report.is_good(), report == check(&events(), &good()));
    report
}

/// What is found when a line of the history is another one.
fn told(line: &str, instead: &str) -> Report {
    assert!(GOOD.contains(line), "{line}");
    check(&history::read(&GOOD.replace(line, instead)), &good())
}

#[test]
fn a_history_that_was_kept_is_good() {
    let report = check(&events(), &good());
    assert!(report.is_good(), "{report}");
    assert_eq!((report.acknowledged, report.unknown, report.refused), (8, 4, 4));
    assert_eq!(
        report.to_string(),
        "8 acknowledged, 4 unknown, 4 refused: lost 0, doubled 0, refused and there 0, \
         answered wrongly 0"
    );
}

#[test]
fn what_is_not_known_may_be_there() {
    for change in [
        |rows: &mut Rows| rows.logins[0].token = "t3".to_owned(),
        |rows: &mut Rows| {
            // The last ban was written, and counts.
            rows.sessions[0].seq = 5;
            rows.pushes.push(Push { member: "m1".to_owned(), seq: 5, body: "g".to_owned() });
            rows.bans.push(("g".to_owned(), "m1".to_owned()));
            rows.members[0].ban = Some("g".to_owned());
        },
        |rows: &mut Rows| rows.claims.push(("lee".to_owned(), "m2".to_owned())),
    ] {
        let report = changed(change);
        assert!(report.is_good(), "{report}");
    }
}

#[test]
fn what_was_acknowledged_and_is_lost_is_found() {
    type Change = fn(&mut Rows);
    let changes: [Change; 12] = [
        |rows| drop(rows.pushes.remove(1)),
        |rows| {
            // The last one, as if it had never been.
            rows.pushes.pop();
            rows.sessions[0].seq = 3;
        },
        |rows| rows.sessions.clear(),
        |rows| {
            rows.sessions[0].acked = 0;
            rows.pushes.push(Push { member: "m1".to_owned(), seq: 1, body: "a".to_owned() });
        },
        |rows| rows.logins.clear(),
        |rows| rows.logins[0].token = "t1".to_owned(),
        |rows| rows.logins[0].ended = true,
        |rows| rows.members.clear(),
        |rows| rows.claims.clear(),
        |rows| rows.identities.clear(),
        |rows| rows.bans.clear(),
        |rows| rows.members[0].ban = Some("e".to_owned()),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let report = changed(change);
        assert!(!report.lost.is_empty(), "{place}: {report}");
    }
}

#[test]
fn what_is_doubled_is_found() {
    type Change = fn(&mut Rows);
    let changes: [Change; 9] = [
        |rows| {
            // A push that was repeated though it had been written.
            rows.sessions[0].seq = 5;
            rows.pushes.push(Push { member: "m1".to_owned(), seq: 5, body: "d".to_owned() });
        },
        |rows| rows.pushes.push(rows.pushes[0].clone()),
        |rows| {
            // The same, of one that was acknowledged since: a number that nobody was told.
            for push in &mut rows.pushes {
                push.seq += 1;
            }
            rows.sessions[0].seq += 1;
            rows.sessions[0].acked += 1;
        },
        |rows| rows.logins.push(rows.logins[0].clone()),
        |rows| rows.members.push(rows.members[0].clone()),
        |rows| rows.claims.push(("kim".to_owned(), "m2".to_owned())),
        |rows| {
            rows.members.push(Member { member: "m2".to_owned(), ban: None });
            rows.identities.push(("m2".to_owned(), "kim".to_owned()));
        },
        |rows| rows.bans.push(rows.bans[0].clone()),
        |rows| rows.claims.push(("other".to_owned(), "m1".to_owned())),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let report = changed(change);
        assert!(!report.doubled.is_empty(), "{place}: {report}");
    }
    let twice = told("7 ok 3", "7 ok 2");
    assert!(!twice.doubled.is_empty(), "{twice}");
    let two = told("16 call ban m1 g", "16 call login kim l4 t7\n16 ok m2 1");
    assert!(!two.doubled.is_empty() && !two.lost.is_empty(), "{two}");
}

#[test]
fn what_was_refused_and_is_there_is_found() {
    type Change = fn(&mut Rows);
    let changes: [Change; 5] = [
        |rows| rows.pushes[1].body = "c".to_owned(),
        |rows| rows.pushes[1].body = "never asked for".to_owned(),
        |rows| rows.bans.push(("f".to_owned(), "m1".to_owned())),
        |rows| rows.logins[0].login = "l2".to_owned(),
        |rows| rows.sessions[0].acked = 3,
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let report = changed(change);
        assert!(!report.invented.is_empty(), "{place}: {report}");
    }
    let refused = changed(|rows| rows.logins[0].token = "t6".to_owned());
    assert_eq!(refused.lost.len(), 1, "a refused token stands: {refused}");
}

#[test]
fn an_answer_that_makes_no_sense_is_found() {
    let order = told("2 ok 1", "2 ok 9");
    assert!(!order.wrong.is_empty(), "{order}");
    let wrong = told("4 ok t2", "4 wrong Reused");
    assert_eq!(wrong.wrong, ["rotate l1 t1 t2: Reused"]);
}
