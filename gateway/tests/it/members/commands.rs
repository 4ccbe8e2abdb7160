//! `daemun member`, by a running server and without one.

use std::path::Path;
use std::process::Command;

use gateway::control;
use loadtest::{Format, HttpClient, Visitor};
use protocol::error::ErrorCode;
use serde_json::{Value, json};

use super::{member_of, refresh};
use crate::harness::{Daemun, START, guest};
use crate::kill;

/// What a command said: on standard output as JSON, or on standard error.
fn member(data: &Path, arguments: &[&str]) -> Result<Value, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
    command.current_dir(data.parent().unwrap()).env_clear().arg("member").args(arguments);
    let output = command.arg("--data").arg(data).output().unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_banned_by_command_with_and_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let program = kill::start(&data);
    let visitor = Visitor::new(&program.url, "demo", Format::Json).unwrap();
    let mut player = visitor.enter().await.unwrap();
    let id = player.login().member.id.to_string();
    let done = member(&data, &["ban", &id, "--reason", "Cheating", "--for", "7d"]).unwrap();
    assert!(done["until"].is_string() && done["seq"] == 1, "{done}");
    assert_eq!(player.socket().next_push().await.unwrap().body["reason"], "Cheating");
    assert_eq!(player.socket().closed().await.unwrap().code, 4504);
    let shown = member(&data, &["show", &id]).unwrap();
    assert_eq!((&shown["state"], &shown["ban"]["by"]), (&json!("banned"), &json!("command")));
    assert_eq!(member(&data, &["unban", &id]).unwrap()["lifted"]["reason"], "Cheating");
    let http = HttpClient::new(&program.url);
    let login = http.ask("auth.login", None, guest()).await.unwrap();
    drop(program);

    // The same on the data folder itself; a server that starts then knows it.
    let id = member_of(&login).to_string();
    let far = "2999-12-31T23:59:59+09:00";
    let done = member(&data, &["ban", &id, "--reason", "Again", "--until", far]).unwrap();
    assert_eq!(done["until"], "2999-12-31T14:59:59.000000Z");
    assert_eq!(member(&data, &["message", &id, "--text", "hello"]).unwrap()["seq"], 2);
    assert_eq!(member(&data, &["show", &id]).unwrap()["ban"]["reason"], "Again");
    let program = kill::start(&data);
    let http = HttpClient::new(&program.url);
    let refused = http.ask("auth.refresh", None, refresh(&login)).await.unwrap_err();
    assert_eq!(refused.code(), Some(ErrorCode::MemberBanned));
    drop(program);
    member(&data, &["unban", &id]).unwrap();
    let program = kill::start(&data);
    let http = HttpClient::new(&program.url);
    http.ask("auth.refresh", None, refresh(&login)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let nobody = ["ban", "0000000000001", "--reason", "x"];
    let says = |arguments: &[&str]| member(&data, arguments).unwrap_err();
    assert!(says(&nobody).contains("nothing is kept there"), "no folder is made for a command");
    assert!(!data.exists());

    let program = kill::start(&data);
    let login = HttpClient::new(&program.url).ask("auth.login", None, guest()).await.unwrap();
    let id = member_of(&login).to_string();
    let with = |more: &[&str]| says(&[&["ban", id.as_str()], more].concat());
    let long = "x".repeat(513);
    for (more, expected) in [
        (&[][..], "--reason"),
        (&["--reason", ""], "field reason: has no words"),
        (&["--reason", "  "], "field reason: has no words"),
        (&["--reason", &long], "--reason is longer than 512 bytes"),
        (&["--reason", "a\nb"], "--reason holds a control character"),
        (&["--reason", "x", "--until", "2020-01-01T00:00:00Z"], "field until: is not after"),
        (&["--reason", "x", "--until", "tomorrow"], "not an RFC 3339 time"),
        (&["--reason", "x", "--for", "soon"], "not a duration"),
        (&["--reason", "x", "--for", "0s"], "less than a second"),
        (&["--reason", "x", "--for", "36601d"], "over 100 years"),
        (&["--reason", "x", "--for", "1d", "--until", "2999-01-01T00:00:00Z"], "cannot be used"),
        (&["--reason", "x", "--app", "chess"], "member.unknown"),
        (&["--reason", "x", "--app", "no game!"], "--app"),
    ] {
        let error = with(more);
        assert!(error.contains(expected), "{more:?}: {error}");
    }
    assert!(says(&nobody).contains("member.unknown"));
    assert!(says(&["ban", "nobody", "--reason", "x"]).contains("nobody"));
    assert!(says(&["unban", &id, "--app", "chess"]).contains("member.unknown"));
    assert_eq!(member(&data, &["show", &id]).unwrap()["state"], "active");
}

#[tokio::test]
async fn the_private_listener_checks_what_a_command_checks() {
    let house = Daemun::start().await;
    let login = house.login().await;
    let control = control::read(&house.settings.data).unwrap();
    let says = async |more: Value| {
        let mut body = json!({"app": "demo", "member": member_of(&login), "reason": "x"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let body = body.to_string();
        control.call("/commands/member/ban", Some(body.as_bytes())).await.unwrap_err().to_string()
    };
    for (more, expected) in [
        (json!({"reason": ""}), "field reason"),
        (json!({"reason": "x".repeat(513)}), "longer than 512 bytes"),
        (json!({"until": START}), "field until"),
        (json!({"until": START.after(super::DAY), "for_s": 5}), "field for_s"),
        (json!({"for_s": 0}), "field for_s"),
        (json!({"for_s": u64::MAX}), "field for_s"),
        (json!({"for_s": -1}), "for_s"),
        (json!({"app": "chess"}), "member.unknown"),
    ] {
        let error = says(more.clone()).await;
        assert!(error.contains(expected), "{more}: {error}");
    }
}
