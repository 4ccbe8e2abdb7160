//! Autobahn's suite, as a client of the echo.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::serve;

/// The name under which the suite reports.
const AGENT: &str = "daemun";
/// Starts the suite where it was installed to, which is not where Python looks.
const START: &str = "import os, site, sys; site.addsitedir(os.environ['AUTOBAHN_SUITE']); \
    from autobahntestsuite.wstest import run; sys.exit(run())";
/// How many cases the suite has; a run of fewer has left some out.
const CASES: usize = 517;

/// Runs all cases, tells their counts, and fails when one of them did.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it takes minutes and needs Python 2.7: `make autobahn` runs it"]
async fn autobahn_finds_no_fault() {
    let folder = |name| PathBuf::from(std::env::var_os(name).expect("make autobahn sets it"));
    let (python, suite, reports) =
        (folder("PYTHON2"), folder("AUTOBAHN_SUITE"), folder("AUTOBAHN_REPORTS"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener));

    // What an earlier run has found says nothing of this one.
    let _ = std::fs::remove_dir_all(&reports);
    std::fs::create_dir_all(&reports).unwrap();
    let spec = reports.join("spec.json");
    let what = json!({
        "outdir": reports, "servers": [{ "agent": AGENT, "url": url }],
        "cases": ["*"], "exclude-cases": [], "exclude-agent-cases": {},
    });
    std::fs::write(&spec, what.to_string()).unwrap();
    let log = std::fs::File::create(reports.join("log")).unwrap();
    let mut client = Command::new(python);
    client
        .env("AUTOBAHN_SUITE", &suite)
        .args(["-c", START, "--mode", "fuzzingclient", "--spec"])
        .arg(&spec)
        .stderr(log.try_clone().unwrap())
        .stdout(log)
        .stdin(Stdio::null());
    let ended = tokio::task::spawn_blocking(move || client.status()).await.unwrap().unwrap();
    assert!(ended.success(), "the suite did not run: see {}", reports.join("log").display());

    let index: Value =
        serde_json::from_slice(&std::fs::read(reports.join("index.json")).unwrap()).unwrap();
    let cases = index[AGENT].as_object().unwrap();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failed = Vec::new();
    for (case, result) in cases {
        for field in ["behavior", "behaviorClose"] {
            let word = result[field].as_str().unwrap();
            if field == "behavior" {
                *counts.entry(word).or_default() += 1;
            }
            if !is_harmless(case, word) {
                failed.push(format!("{case}: {field} {word}"));
            }
        }
    }
    for (word, count) in counts {
        println!("{count:>4} {word}");
    }
    println!("{} cases: see {}", cases.len(), reports.join("index.html").display());
    assert_eq!(cases.len(), CASES);
    assert!(failed.is_empty(), "{failed:#?}");
}

/// Whether a verdict is known to be no fault. One that is not known is a fault.
fn is_harmless(case: &str, word: &str) -> bool {
    match word {
        "OK" | "NON-STRICT" | "INFORMATIONAL" => true,
        // Compression, which is never agreed upon.
        "UNIMPLEMENTED" => case.starts_with("12.") || case.starts_with("13."),
        _ => false,
    }
}

#[test]
fn what_is_not_known_to_be_harmless_is_a_fault() {
    assert!(is_harmless("1.1.1", "OK") && is_harmless("12.1.1", "UNIMPLEMENTED"));
    for (case, word) in [("1.1.1", "FAILED"), ("1.1.1", "WRONG CODE"), ("1.2.1", "UNIMPLEMENTED")] {
        assert!(!is_harmless(case, word), "{case} {word}");
    }
}
