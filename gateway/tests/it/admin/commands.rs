//! `daemun operator`, by a running server and without one.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::PASSWORD;
use crate::kill;

/// What a command said: on standard output as JSON, or on standard error.
fn operator(data: &Path, arguments: &[&str], input: &str) -> Result<Value, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
    command.current_dir(data.parent().unwrap()).env_clear().arg("operator").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.arg("--data").arg(data).spawn().unwrap();
    // One that reads nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_made_and_changed_by_command_with_and_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let nobody = operator(&data, &["list"], "").unwrap_err();
    assert!(nobody.contains("nothing is kept there") && !data.exists(), "{nobody}");

    let program = kill::start(&data);
    let input = format!("{PASSWORD}\n");
    let add = ["add", "Kim", "--role", "owner", "--role", "editor@demo"];
    let made = operator(&data, &add, &input).unwrap();
    assert_eq!(made["operator"]["roles"][1], json!({"app": "demo", "role": "editor"}));
    assert_eq!(made["totp_secret"].as_str().map(str::len), Some(32));
    assert!(made["totp_uri"].as_str().unwrap().starts_with("otpauth://totp/Daemun:Kim?secret="));
    let twice = operator(&data, &add, &input).unwrap_err();
    assert!(twice.contains("of this name is there"), "{twice}");
    drop(program);

    // The same on the data folder itself.
    let list = operator(&data, &["list"], "").unwrap();
    assert_eq!(list["items"][0]["name"], "Kim");
    assert!(!list.to_string().contains("argon2") && !list.to_string().contains("totp"));
    assert_eq!(operator(&data, &["disable", "kim"], "").unwrap()["disabled"], true);
    assert_eq!(operator(&data, &["enable", "kim"], "").unwrap()["disabled"], false);
    let roles = operator(&data, &["roles", "kim", "--role", "viewer"], "").unwrap();
    assert_eq!(roles["roles"], json!([{"app": "*", "role": "viewer"}]));
    let totp = operator(&data, &["totp", "kim"], "").unwrap();
    assert_ne!(totp["totp_secret"], made["totp_secret"]);
    operator(&data, &["password", "kim"], "another battery\n").unwrap();
    operator(&data, &["remove", "kim"], "").unwrap();
    assert_eq!(operator(&data, &["list"], "").unwrap()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_named_and_the_password_is_not_said() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let program = kill::start(&data);
    for (arguments, input, expected) in [
        (&["add", "kim"][..], "", "--role"),
        (&["add", "kim", "--role", "king"], "", "one of owner"),
        (&["add", "kim", "--role", "owner@NO"], "", "app id"),
        (&["add", "k", "--role", "owner"], "", "not a name"),
        (&["add", "kim", "--role", "owner"], "", "no password was given"),
        (&["add", "kim", "--role", "owner"], "hunter2\n", "fewer than 12"),
        (&["add", "kim", "--role", "owner"], "hunter2\thunter2\n", "control character"),
        (&["add", "hunter2", "--role", "owner"], "hunter2hunter2\n", "has the name in it"),
        (&["disable", "nobody"], "", "no such operator"),
        (&["password", "nobody"], "hunter2 is long enough\n", "no such operator"),
    ] {
        let error = operator(&data, arguments, input).unwrap_err();
        assert!(error.contains(expected), "{arguments:?}: {error}");
        assert!(!error.contains("hunter2"), "{arguments:?}: {error}");
    }
    drop(program);
}
