//! `daemun operator`, by a running server and without one.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use actors::operators::totp;
use loadtest::HttpClient;
use serde_json::{Value, json};
use storage::clock::{Clock, SystemClock};

use super::{Browser, PASSWORD};
use crate::kill;
use crate::mariadb::database;

/// What a command said: on standard output as JSON, or on standard error.
fn operator(data: &Path, arguments: &[&str], input: &str) -> Result<Value, String> {
    operator_of(data, &[], arguments, input)
}

/// The same with these variables.
fn operator_of(
    data: &Path,
    variables: &[(&str, &str)],
    arguments: &[&str],
    input: &str,
) -> Result<Value, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
    command.current_dir(data.parent().unwrap()).env_clear().envs(variables.iter().copied());
    command.arg("operator").args(arguments);
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

#[test]
fn an_account_is_made_and_changed_by_command_with_and_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let nobody = operator(&data, &["list"], "").unwrap_err();
    assert!(nobody.contains("nothing is kept there") && !data.exists(), "{nobody}");

    made_and_changed(&data, &[]);
}

#[test]
fn the_same_where_the_accounts_are_in_mariadb() {
    let (folder, url) = (tempfile::tempdir().unwrap(), database());
    let variables = [
        ("DAEMUN_STORAGE__MARIADB__URL", url.as_str()),
        ("DAEMUN_STORAGE__MARIADB__MIGRATE_AT_START", "true"),
    ];
    made_and_changed(&folder.path().join("data"), &variables);
}

fn made_and_changed(data: &Path, variables: &[(&str, &str)]) {
    let operator = |arguments: &[&str], input: &str| operator_of(data, variables, arguments, input);
    let program = kill::start_with(data, variables);
    let input = format!("{PASSWORD}\n");
    let add = ["add", "Kim", "--role", "owner", "--role", "editor@demo"];
    let made = operator(&add, &input).unwrap();
    assert_eq!(made["operator"]["roles"][1], json!({"app": "demo", "role": "editor"}));
    assert_eq!(made["totp_secret"].as_str().map(str::len), Some(32));
    assert!(made["totp_uri"].as_str().unwrap().starts_with("otpauth://totp/Daemun:Kim?secret="));
    let twice = operator(&add, &input).unwrap_err();
    assert!(twice.contains("of this name is there"), "{twice}");
    drop(program);

    // The same on the data folder itself.
    let list = operator(&["list"], "").unwrap();
    assert_eq!(list["items"][0]["name"], "Kim");
    assert!(!list.to_string().contains("argon2") && !list.to_string().contains("totp"));
    assert_eq!(operator(&["disable", "kim"], "").unwrap()["disabled"], true);
    assert_eq!(operator(&["enable", "kim"], "").unwrap()["disabled"], false);
    let roles = operator(&["roles", "kim", "--role", "viewer"], "").unwrap();
    assert_eq!(roles["roles"], json!([{"app": "*", "role": "viewer"}]));
    let totp = operator(&["totp", "kim"], "").unwrap();
    assert_ne!(totp["totp_secret"], made["totp_secret"]);
    operator(&["password", "kim"], "another battery\n").unwrap();
    operator(&["remove", "kim"], "").unwrap();
    assert_eq!(operator(&["list"], "").unwrap()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_everything_has_no_secret_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let (data, log) = (folder.path().join("data"), folder.path().join("log"));
    let program = kill::start_logged(&data, &log);
    let add = ["add", "kim", "--role", "owner"];
    let made = operator(&data, &add, &format!("{PASSWORD}\n")).unwrap();
    let secret = made["totp_secret"].as_str().unwrap().to_owned();
    let nobody = Browser { http: HttpClient::new(&program.admin), cookie: None, csrf: None };
    let wrong = json!({"name": "kim", "password": "hunter2 hunter2", "totp": "000000"});
    let said = nobody.post("/admin/v1/login", wrong).await;
    assert_eq!(said.refused(), (401, "operator.login_refused"));
    let mut browser = nobody.clone();
    let code = totp::shows(&secret, SystemClock.now());
    assert_eq!(browser.log_in("kim", &code).await.status, 200);
    let newer = json!({"password": PASSWORD, "new_password": "another battery"});
    let said = browser.with("PUT", "/admin/v1/me/password", &[], Some(newer)).await;
    assert_eq!(said.status, 200, "{}", said.body);
    drop(program);

    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("logs in") && log.contains("is refused"), "what happened is in it");
    let token = browser.cookie.as_deref().unwrap().split_once('=').unwrap().1;
    let csrf = browser.csrf.as_deref().unwrap();
    for hidden in [PASSWORD, "hunter2", "another battery", "argon2id", &secret, token, csrf] {
        assert!(!log.contains(hidden), "{hidden} is in the log");
    }
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
