//! What the command line takes, and what it says when it does not.

use clap::Parser;

use crate::run::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    scenario: Arguments,
}

/// Why a command line is refused.
fn refused(words: &[&str]) -> String {
    match Line::try_parse_from(["run"].iter().chain(words)) {
        Err(error) => error.to_string(),
        Ok(line) => line.scenario.plan().unwrap_err(),
    }
}

fn planned(words: &[&str]) -> Plan {
    Line::try_parse_from(["run"].iter().chain(words)).unwrap().scenario.plan().unwrap().0
}

#[test]
fn what_makes_no_sense_is_refused_by_the_flags_name() {
    for (flag, value) in [
        ("--sessions", "0"),
        ("--sessions", "many"),
        ("--rate", "0"),
        ("--rate", "-1"),
        ("--rate", "NaN"),
        ("--ramp", "0"),
        ("--duration", "0"),
        ("--duration", "0s"),
        ("--duration", "5 parsecs"),
        ("--duration", "1y"),
        ("--patience", "0s"),
        ("--sources", "0"),
        ("--sources", "254"),
        ("--max-p99-ms", "0"),
        ("--format", "xml"),
        ("--server", "127.0.0.1:7350"),
        ("--server", "https://127.0.0.1:7350"),
        ("--server", "http://192.0.2.1:7350"),
        ("--server", "http://play.example:7350"),
        ("--private", "http://192.0.2.1:7351"),
        ("--json", "no/such/folder/report.json"),
    ] {
        // Glued together, a value may begin with a dash.
        let why = refused(&["steady", &format!("{flag}={value}")]);
        assert!(why.contains(flag), "{why:?} for {flag} {value}");
    }
    for share in ["0", "1", "-0.5", "NaN"] {
        let why = refused(&["slow-clients", &format!("--slow-share={share}")]);
        assert!(why.contains("--slow-share"), "{why:?} for {share}");
    }
    assert!(refused(&["slow-clients", "--sessions", "1"]).starts_with("--sessions: "));
}

#[test]
fn somebody_elses_server_needs_a_word() {
    let words = ["steady", "--server", "http://192.0.2.1:7350"];
    assert!(refused(&words).contains("--i-own-this-server"));
    let plan = planned(&[words.as_slice(), &["--i-own-this-server"]].concat());
    assert_eq!(plan.to, "192.0.2.1:7350".parse().unwrap());
}

#[test]
fn every_choice_has_a_default() {
    let plan = planned(&["steady"]);
    assert_eq!(plan.socket_url(), "ws://127.0.0.1:7350/v1/ws");
    assert!(plan.sources >= 1 && plan.max_p99.is_none());
    assert_eq!(plan.slow(), 0);
    let plan = planned(&["slow-clients", "--sessions", "200", "--server", "http://[::1]:80"]);
    assert_eq!((plan.slow(), plan.socket_url().as_str()), (20, "ws://[::1]:80/v1/ws"));
    let plan = planned(&["slow-clients", "--sessions", "2", "--slow-share", "0.001"]);
    assert_eq!(plan.slow(), 1);
    let plan = planned(&["login-storm", "--server", "http://localhost", "--duration", "1.5m"]);
    assert_eq!(plan.to, "127.0.0.1:80".parse().unwrap());
    assert_eq!(plan.duration, std::time::Duration::from_secs(90));
    let plan = planned(&["reconnect-storm", "--by-server", "--max-p99-ms", "2.5"]);
    assert_eq!(plan.scenario, Scenario::ReconnectStorm { by_server: true });
    assert_eq!(plan.max_p99, Some(std::time::Duration::from_micros(2_500)));
}

#[test]
fn messages_need_a_way_to_post_them() {
    let storm = |words: &[&str]| refused(&[&["reconnect-storm"], words].concat());
    assert!(storm(&["--pushes", "10"]).starts_with("--pushes: give --data or --token-file"));
    assert!(storm(&["--pushes", "0", "--data", "x"]).contains("--pushes"));
    assert!(storm(&["--data", "x"]).contains("--pushes"));
    assert!(storm(&["--pushes", "10", "--data", "no/folder"]).starts_with("--data: no/folder/"));
    let file = ["--pushes", "10", "--token-file", "no/file"];
    assert!(storm(&file).starts_with("--token-file: no/file: "));
    assert!(storm(&[&file[..], &["--data", "x"]].concat()).contains("cannot be used with"));
    assert_eq!(planned(&["reconnect-storm", "--by-server"]).messages, None);
}
