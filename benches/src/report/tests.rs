use serde_json::json;

use super::*;

pub(crate) fn figure(what: &str, value: f64) -> Figure {
    Figure { what: what.to_owned(), value, spread: None, detail: Value::Null }
}

fn report() -> Report {
    let (session, task) = (figure("session", 6144.0), figure("task", 1024.0));
    let claim = Claim::new(&session, &task, vec![Bar::now(12.0), Bar::reach(4.5)]);
    Report {
        bench: "idle",
        title: "Bytes".to_owned(),
        unit: "bytes each",
        figures: vec![session, task],
        claims: vec![claim],
        setup: json!({"sessions": 10}),
        notes: vec!["Read them so.".to_owned()],
        machine: Machine {
            cpu: "Some Processor".to_owned(),
            cores: 2,
            memory: 8 << 30,
            kernel: "6.1".to_owned(),
            huge_pages: "madvise".to_owned(),
            at: "2026-11-22T13:43:20Z".to_owned(),
            commit: None,
            server_built: "2026-11-22T13:00:00Z".to_owned(),
            profile: "release",
        },
    }
}

#[test]
fn the_table_says_what_was_met_and_what_was_missed() {
    let text = report().to_string();
    assert!(text.contains("| session |      6,144 |\n"), "{text}");
    let claim = "| session / task | 6.00x |     12x met | 4.5x **missed** |\n";
    assert!(text.contains(claim), "{text}");
    assert!(text.contains("2 cores of Some Processor, 8 GiB"), "{text}");
}

#[test]
fn a_figure_of_time_has_its_spread_and_its_rate() {
    let spread = Some(Spread { least: 9.5, most: 12.0 });
    let ping = Figure { spread, ..figure("ping", 10.0) };
    let text = Report { unit: MICROS, figures: vec![ping], ..report() }.to_string();
    assert!(text.contains("|           10.0 |  9.50 to 12.0 |           100,000 |\n"), "{text}");
}

#[test]
fn a_figure_by_the_clock_has_a_rate_that_is_no_cores() {
    let spread = Some(Spread { least: 90.0, most: 120.0 });
    let commit = Figure { spread, ..figure("commit", 100.0) };
    let text = Report { unit: CLOCK, figures: vec![commit], ..report() }.to_string();
    assert!(text.contains("| least to most | a second |\n"), "{text}");
    assert!(text.contains("| 90.0 to 120.0 |   10,000 |\n"), "{text}");
}

#[test]
fn what_was_left_out_has_a_line_and_no_table() {
    let text = Report { figures: Vec::new(), claims: Vec::new(), ..report() }.to_string();
    assert!(text.contains("Nothing was measured.") && !text.contains('|'), "{text}");
    assert!(text.contains("- Read them so."), "{text}");
}

#[test]
fn what_grows_by_more_than_a_fifth_is_not_flat() {
    let met = |value| Claim::grown(&figure("many", value), &figure("few", 10.0)).bars[0].met;
    assert!(met(12.0) && !met(12.1));
}

#[test]
fn a_ratio_to_nothing_meets_no_bar() {
    let claim = Claim::new(&figure("a", 1.0), &figure("b", 0.0), vec![Bar::now(12.0)]);
    assert!(claim.bars.iter().all(|judged| !judged.met));
}

#[test]
fn the_file_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bench").join("idle.json");
    report().write(&path).unwrap();
    let read: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(read["claims"][0]["ratio"], json!(6.0));
    assert_eq!(
        read["claims"][0]["bars"][1],
        json!({"kind": "reach", "at_most": 4.5, "met": false})
    );
    assert_eq!(read["machine"]["cores"], json!(2));
}
