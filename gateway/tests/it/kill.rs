//! `kill -9` of the real program: what was answered is there after the restart.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use loadtest::{Format, HttpClient, Visitor};
use protocol::error::ErrorCode;
use serde_json::{Value, json};

use crate::harness::{guest, text};

/// The program, killed when the test is over, however it is over.
pub struct Program {
    child: Child,
    pub url: String,
    /// Where operators reach it.
    pub admin: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn daemun(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
    command
        .current_dir(data.parent().unwrap())
        .env_clear()
        .args(["--listen", "127.0.0.1:0", "--private", "127.0.0.1:0"])
        .args(["--admin", "127.0.0.1:0", "--data"])
        .arg(data)
        .stdin(Stdio::null());
    command
}

pub fn start(data: &Path) -> Program {
    start_with(data, &[])
}

/// The program with these variables.
pub fn start_with(data: &Path, variables: &[(&str, &str)]) -> Program {
    let mut command = daemun(data);
    command.envs(variables.iter().copied());
    started(command.stderr(Stdio::null()))
}

/// The program with everything that it logs in a file.
pub fn start_logged(data: &Path, log: &Path) -> Program {
    let mut command = daemun(data);
    command.env("DAEMUN_LOG__LEVEL", "trace");
    started(command.stderr(std::fs::File::create(log).unwrap()))
}

fn started(command: &mut Command) -> Program {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = output.lines().map_while(Result::ok);
    let mut where_are = |who: &str| {
        let said = |line: String| {
            Some(line.trim().strip_prefix(who)?.trim().split(' ').next()?.to_owned())
        };
        lines.by_ref().find_map(said).expect("it says where they reach it")
    };
    let (url, admin) = (where_are("players"), where_are("operators"));
    Program { child, url, admin: admin.trim_end_matches("/admin/docs").to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_before_a_kill_is_there_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut logins: Vec<Value> = Vec::new();
    for round in 0..4 {
        let program = start(&data);
        let http = HttpClient::new(&program.url);
        for login in &mut logins {
            // Every token that was ever answered is still good, and is exchanged again.
            let body = json!({"app": "demo", "refresh_token": login["refresh_token"]});
            let tokens = http.ask("auth.refresh", None, body).await.unwrap();
            let access = Some(text(&tokens, "access_token"));
            let me = http.ask("member.me", access, json!({})).await.unwrap();
            assert_eq!(me["member"], login["member"], "round {round}");
            login["refresh_token"] = tokens["refresh_token"].clone();
        }
        // The kill comes while others are logging in.
        let busy: Vec<_> = (0..8)
            .map(|_| {
                let http = http.clone();
                tokio::spawn(async move {
                    let mut answered = Vec::new();
                    for _ in 0..50 {
                        match http.ask("auth.login", None, guest()).await {
                            Ok(login) => answered.push(login),
                            Err(_) => break,
                        }
                    }
                    answered
                })
            })
            .collect();
        logins.push(http.ask("auth.login", None, guest()).await.unwrap());
        drop(program);
        for task in busy {
            logins.extend(task.await.unwrap());
        }
    }
    assert!(logins.len() > 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_socket_is_cut_by_a_kill_and_the_login_outlives_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let program = start(&data);
    let player =
        Visitor::new(&program.url, "demo", Format::Msgpack).unwrap().enter().await.unwrap();
    let token = player.login().tokens.refresh_token.expose().to_owned();
    drop(program);
    let program = start(&data);
    let http = HttpClient::new(&program.url);
    let body = json!({"app": "demo", "refresh_token": token});
    http.ask("auth.refresh", None, body.clone()).await.unwrap();
    let forged = json!({"app": "demo", "refresh_token": "drt1_AAAA"});
    let refused = http.ask("auth.refresh", None, forged).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::AuthRefused));
}

#[test]
fn a_second_server_on_the_same_data_says_why_it_cannot_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let _first = start(&data);
    let second = daemun(&data).output().unwrap();
    assert!(!second.status.success());
    let says = String::from_utf8(second.stderr).unwrap();
    assert!(says.contains("another process uses this data folder"), "{says}");
}

#[test]
fn production_refuses_what_was_made_in_development() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    drop(start(&data));
    let output = daemun(&data)
        .env("DAEMUN_MODE", "production")
        .env("DAEMUN_PUBLIC_URL", "https://play.example.com")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let says = String::from_utf8(output.stderr).unwrap();
    assert!(says.contains("made in development"), "{says}");

    let output = daemun(&data)
        .env("DAEMUN_MODE", "production")
        .env("DAEMUN_PUBLIC_URL", "https://play.example.com")
        .env("DAEMUN_GATEWAY__SIMULATORS", "true")
        .output()
        .unwrap();
    let says = String::from_utf8(output.stderr).unwrap();
    assert!(says.contains("gateway.simulators"), "{says}");
}

#[test]
fn a_signal_drains_and_exits_0() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = start(&folder.path().join("data"));
    let pid = program.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn keys_are_rotated_by_command_with_and_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let keys = |what: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
        command
            .current_dir(folder.path())
            .env_clear()
            .arg("keys")
            .args(what)
            .arg("--data")
            .arg(&data);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let program = start(&data);
    assert!(keys(&["rotate"]).contains("the running server knows it"));
    assert_eq!(keys(&["list"]).lines().count(), 2);
    drop(program);
    assert!(keys(&["rotate", "--now"]).contains("no server runs"));
    let listed = keys(&["list"]);
    assert_eq!(listed.lines().count(), 3);
    assert_eq!(listed.matches("signs now").count(), 1);
}
