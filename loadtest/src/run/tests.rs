//! Runs against a [`House`], in the test's own time: no clock on a wall decides anything.

mod arguments;
mod house;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use protocol::codec::Format;
use serde_json::json;

use super::stage::Stage;
use super::*;
use house::{House, Quirk};

const S: fn(u64) -> Duration = Duration::from_secs;

fn plan(scenario: Scenario) -> Plan {
    Plan {
        scenario,
        server: "http://127.0.0.1:7350".into(),
        to: "127.0.0.1:7350".parse().unwrap(),
        private: "http://127.0.0.1:7351".into(),
        app: "demo".into(),
        format: Format::Msgpack,
        sessions: 20,
        rate: 100.0,
        duration: S(10),
        ramp: 100.0,
        patience: S(10),
        give_up: S(60),
        seed: 1,
        sources: 1,
        server_pid: None,
        messages: None,
        max_p99: None,
    }
}

async fn perform_at(house: House, plan: Plan) -> Report {
    let stage = Arc::new(Stage::new(plan, Box::new(house), false).unwrap());
    perform(&stage).await
}

async fn steady(quirk: Quirk) -> Report {
    perform_at(House::new(quirk), plan(Scenario::Steady)).await
}

fn row<'a>(report: &'a Report, section: usize, name: &str) -> &'a Latencies {
    report.sections[section].rows.iter().find(|row| row.name == name).unwrap()
}

#[tokio::test(start_paused = true)]
async fn steady_play_passes_in_either_format() {
    for format in Format::ALL {
        let plan = Plan { format: *format, ..plan(Scenario::Steady) };
        let report = perform_at(House::new(Quirk::None), plan).await;
        assert_eq!(report.verdict, Verdict::Passed, "{report}");
        assert_eq!(report.players, Places { left: 20, ..Places::default() });
        let RequestCounts { asked, answered, .. } = report.requests;
        assert!(asked == answered && (900..1_100).contains(&asked), "{asked} in 10 s at 100/s");
        assert_eq!(row(&report, 0, "due to open").count, 20);
        assert_eq!(row(&report, 1, "all").count, asked);
        assert!(row(&report, 1, "session.ping").max_us < 5_000);
    }
}

/// The server answers nobody for two of ten seconds. Whoever asks only when the last answer
/// has come would see 20 slow answers among a thousand, and a p90 of nothing.
#[tokio::test(start_paused = true)]
async fn a_stall_is_felt_by_everyone_who_was_due_in_it() {
    let report = steady(Quirk::Stalls(S(3), S(5))).await;
    assert_eq!(report.verdict, Verdict::Passed, "{report}");
    let all = row(&report, 1, "all");
    // A fifth of all were due in the stall, and waited for what was left of it.
    assert!(all.p50_us < 5_000, "{all:?}");
    assert!((900_000..1_100_000).contains(&all.p90_us), "{all:?}");
    assert!((1_850_000..1_950_000).contains(&all.p99_us), "{all:?}");
    assert!((1_950_000..2_050_000).contains(&all.max_us), "{all:?}");
    // And that was not this program's doing.
    assert!(row(&report, 1, super::ledger::LATE).max_us < 5_000);
}

/// This machine stands still for two seconds: nothing is sent, and nothing is forgiven.
#[tokio::test(start_paused = true)]
async fn being_late_itself_is_told_and_not_hidden() {
    let machine = tokio::spawn(async {
        tokio::time::sleep(S(5)).await;
        tokio::time::advance(S(2)).await;
    });
    let report = steady(Quirk::None).await;
    machine.await.unwrap();
    assert_eq!(report.verdict, Verdict::Passed, "{report}");
    for name in ["all", super::ledger::LATE] {
        let row = row(&report, 1, name);
        assert!(row.p50_us < 5_000 && row.max_us > 1_900_000, "{row:?}");
        assert!((850_000..1_150_000).contains(&row.p90_us), "{row:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_answer_fails_the_run_and_is_told() {
    for (quirk, told) in [
        (Quirk::SomebodyElse, "member.me #"),
        (Quirk::OneForAll, "is member 0000000000001, as another is"),
        (Quirk::Shapeless, "session.list #"),
        (Quirk::Mute, "no answer to identity.list #"),
        (Quirk::Confused, "internal: a quirk"),
        (Quirk::Stutters, "which is not due"),
        (Quirk::Skips, "push 3 (message) where 2 is due"),
        (Quirk::Kicks, "was closed: 4503 kicked"),
    ] {
        let report = steady(quirk).await;
        assert_eq!((report.verdict, report.verdict.status()), (Verdict::WrongAnswers, 1));
        let first = &report.wrong.first;
        assert!(first.iter().any(|wrong| wrong.contains(told)), "{told:?} in {first:?}");
        assert!(first.len() <= 10 && report.wrong.count >= first.len() as u64);
        assert!(report.to_string().contains(&first[0]), "{report}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_threshold_decides_last() {
    for (ms, verdict, status) in [(500, Verdict::TooSlow, 3), (5_000, Verdict::Passed, 0)] {
        let max_p99 = Some(Duration::from_millis(ms));
        let plan = Plan { max_p99, ..plan(Scenario::Steady) };
        let report = perform_at(House::new(Quirk::Stalls(S(3), S(5))), plan).await;
        assert_eq!((report.verdict, report.verdict.status()), (verdict, status));
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_expires_is_renewed_in_time() {
    let house = House::new(Quirk::Expires);
    let seen = house.seen.clone();
    let report = perform_at(house, plan(Scenario::Steady)).await;
    assert_eq!(report.verdict, Verdict::Passed, "{report}");
    assert_eq!(seen.renewals.load(Ordering::Relaxed), 20);
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_when_the_connection_was_lost_is_asked_again_by_its_number() {
    let house = House::new(Quirk::Swallows);
    let seen = house.seen.clone();
    let report = perform_at(house, plan(Scenario::Steady)).await;
    assert_eq!(report.verdict, Verdict::Passed, "{report}");
    assert_eq!(report.lost, [("1006".to_owned(), 20)].into());
    assert_eq!(seen.again.load(Ordering::Relaxed), 20);
    assert_eq!(report.requests.asked, report.requests.answered);
    // Its latency counts from when it was due, the way back included.
    assert!(row(&report, 1, "all").max_us > 500_000, "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_login_storm_waits_as_long_as_it_is_told() {
    let plan = Plan { sessions: 100, ..plan(Scenario::LoginStorm) };
    let report = perform_at(House::new(Quirk::Busy(30)), plan).await;
    assert_eq!(report.verdict, Verdict::Passed, "{report}");
    let login = row(&report, 0, "auth.login");
    assert_eq!((login.count, login.shed), (100, 30));
    let due_to_open = row(&report, 0, "due to open");
    // Told to wait 300 ms, they waited that long and a tenth more at most, from when they
    // were due; some were told twice.
    assert!(due_to_open.p50_us < 5_000, "{due_to_open:?}");
    assert!((300_000..700_000).contains(&due_to_open.max_us), "{due_to_open:?}");
    let storm = report.findings.login_storm.unwrap();
    assert_eq!((storm.came, storm.entered), (100, 100));
    assert!((0.8..1.6).contains(&storm.took_s), "{storm:?}");
}

#[tokio::test(start_paused = true)]
async fn everyone_who_is_cut_off_comes_back_within_the_back_off() {
    let plan = Plan { sessions: 200, ..plan(Scenario::ReconnectStorm { by_server: false }) };
    let report = perform_at(House::new(Quirk::None), plan).await;
    assert_eq!(report.verdict, Verdict::Passed, "{report}");
    let storm = report.findings.reconnect_storm.clone().unwrap();
    assert_eq!((storm.lost, storm.resumed, storm.still_away), (200, 200, 0));
    assert_eq!(report.lost, [("1006".to_owned(), 200)].into());
    // The first wait is spread over a second.
    assert!((400..600).contains(&storm.back_50_ms.unwrap()), "{storm:?}");
    assert!((950..1_010).contains(&storm.back_99_ms.unwrap()), "{storm:?}");
    assert!(storm.back_100_ms >= storm.back_99_ms, "{storm:?}");
    assert_eq!(row(&report, 1, "session.open (resume)").count, 200);
    // What was due while someone was away was asked later, and that is seen.
    let meanwhile = row(&report, 2, "all");
    assert!(meanwhile.max_us > 500_000 && meanwhile.p50_us < 900_000, "{meanwhile:?}");
    assert_eq!(row(&report, 3, "member.me").count, 200);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_deployed_finds_everyone_again() {
    let scenario = Scenario::ReconnectStorm { by_server: true };
    let plan = Plan { sessions: 50, duration: S(30), ..plan(scenario) };
    let report = perform_at(House::new(Quirk::Restarts(S(5), S(9))), plan.clone()).await;
    assert_eq!(report.verdict, Verdict::Passed, "{report}");
    assert_eq!(report.lost, [("4000".to_owned(), 50)].into());
    let storm = report.findings.reconnect_storm.unwrap();
    assert_eq!(storm.resumed, 50);
    // It was away for four seconds; then nobody waited longer than the back-off grows to.
    let times = [storm.back_50_ms, storm.back_100_ms].map(Option::unwrap);
    assert!(times[0] >= 4_000 && times[1] < 12_000, "{times:?}");

    let report = perform_at(House::new(Quirk::Dies(S(5), S(9))), plan).await;
    assert_eq!(report.verdict, Verdict::Passed, "{report}");
    let storm = report.findings.reconnect_storm.unwrap();
    assert_eq!(storm.not_resumed, [("not_kept".to_owned(), 50)].into());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_comes_back_ends_the_run() {
    let quirk = Quirk::Dies(S(3), S(3_600));
    let plan = Plan { give_up: S(20), duration: S(60), ..plan(Scenario::Steady) };
    let report = perform_at(House::new(quirk), plan).await;
    assert_eq!((report.verdict, report.verdict.status()), (Verdict::NobodyThere, 2), "{report}");
    assert_eq!(report.players.gone, 20);
    assert!(report.requests.lost > 0 && report.requests.unanswered == 0, "{report}");
}

#[tokio::test(start_paused = true)]
async fn who_reads_nothing_stalls_and_harms_nobody() {
    let plan = Plan { duration: S(30), ..plan(Scenario::SlowClients { share: 0.2, rate: 50.0 }) };
    let report = perform_at(House::new(Quirk::None), plan).await;
    assert_eq!(report.verdict, Verdict::Passed, "{report}");
    let slow = report.findings.slow_clients.clone().unwrap();
    assert_eq!((slow.many, slow.stalled, slow.closed), (4, 4, 0), "{slow:?}");
    // Neither is anything lost that was taken.
    assert_eq!(slow.ends, [("answered".to_owned(), 4)].into());
    assert!(slow.taken > 0 && slow.taken < 4 * 100, "{slow:?}");
    assert!(row(&report, 2, "all").max_us < 5_000, "{report}");
}

#[tokio::test(start_paused = true)]
async fn the_report_is_of_this_shape() {
    let plan = Plan { sessions: 2, ..plan(Scenario::ReconnectStorm { by_server: false }) };
    let report = perform_at(House::new(Quirk::None), plan).await;
    let report = report.with_metrics(Ok([("process_threads".to_owned(), 4.0)].into()));
    let told: serde_json::Value = serde_json::from_str(&report.json().unwrap()).unwrap();
    assert_eq!(told["scenario"], "reconnect-storm");
    assert_eq!(told["verdict"], "passed");
    assert_eq!(told["options"]["sessions"], 2);
    assert_eq!(told["options"]["format"], "msgpack");
    assert_eq!(told["metrics"], json!({ "process_threads": 4.0 }));
    assert_eq!(told["wrong"], json!({ "count": 0, "first": [] }));
    assert_eq!(told["lost"], json!({ "1006": 2 }));
    for field in ["resumed", "not_resumed", "back_50_ms", "back_99_ms", "still_away", "gone"] {
        assert!(!told["reconnect_storm"][field].is_null(), "{field}");
    }
    let row = &told["sections"][0]["rows"][0];
    for field in ["name", "count", "shed", "p50_us", "p90_us", "p99_us", "p999_us", "max_us"] {
        assert!(!row[field].is_null(), "{field}");
    }
    for field in ["asked", "answered", "shed", "lost", "unanswered"] {
        assert!(told["requests"][field].is_u64(), "{field}");
    }
    assert!(told["costs"]["seconds"].is_f64() && told["costs"]["server"].is_null());
    assert!(told.get("login_storm").is_none() && told.get("slow_clients").is_none());
}

#[tokio::test]
async fn without_a_server_nothing_begins() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = free.local_addr().unwrap();
    drop(free);
    let plan = Plan { to, server: format!("http://{to}"), ..plan(Scenario::Steady) };
    let fault = run(plan, Screen::Silent).await.unwrap_err();
    assert_eq!(fault.status(), 2);
    let line = fault.to_string();
    assert!(line.contains(&format!("http://{to}")) && line.contains("cargo run"), "{line}");
}

#[tokio::test]
async fn more_players_than_files_are_refused() {
    let plan = Plan { sessions: usize::MAX / 2, ..plan(Scenario::Steady) };
    let fault = run(plan, Screen::Silent).await.unwrap_err();
    assert_eq!(fault.status(), 2);
    assert!(fault.to_string().starts_with("--sessions: "), "{fault}");
}
