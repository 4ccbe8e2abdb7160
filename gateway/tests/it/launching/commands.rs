//! What operators' commands say, and what the audit keeps of them.

use std::process::Command;

use protocol::ids::AppId;
use serde_json::{Value, json};
use storage::audit::Actor;
use storage::documents::{Change, Kind, Sealed, Write};

use super::{put, refused};
use crate::harness::{Daemun, text};

/// What `daemun` prints, or says is wrong.
fn daemun(house: &Daemun, arguments: &[&str]) -> Result<Value, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
    command.env_clear().arg("--data").arg(&house.settings.data).args(arguments);
    let output = command.output().unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_runs_it_from_a_shell() {
    let house = Daemun::start().await;
    let run = |arguments: &[&str]| daemun(&house, arguments);
    let version = ["version", "put", "1.10.0", "--platform", "android", "--state", "in_service"];
    let put =
        run(&[&version[..], &["--message", "en=Hello=you", "--store", "google_play"]].concat());
    let put = put.unwrap()[0].clone();
    assert_eq!(put["body"]["message"], json!({"en": "Hello=you"}));
    // The same again is the same version, written another way.
    let again = ["version", "put", "1.10", "--platform", "android", "--state", "closed"];
    let again = run(&[&again[..], &["--store", "google_play"]].concat()).unwrap()[0].clone();
    assert_eq!((&again["id"], &again["version"]), (&put["id"], &json!(2)));
    assert_eq!(run(&["version", "list"]).unwrap().as_array().unwrap().len(), 1);
    run(&["version", "remove", text(&put, "id")]).unwrap();
    assert_eq!(run(&["version", "list"]).unwrap(), json!([]));

    let plan = ["maintenance", "plan", "--from", "2030-03-01T09:00", "--zone", "Asia/Seoul"];
    let more = ["--to", "2030-03-01T02:00:00Z", "--reason", "disks", "--versions", "..1.4"];
    let window =
        run(&[&plan[..], &more, &["--country", "KR", "--all"]].concat()).unwrap()[0].clone();
    assert_eq!(text(&window["body"], "from"), "2030-03-01T00:00:00.000000Z");
    assert_eq!(window["body"]["scope"], json!({"versions": [{"to": "1.4"}], "countries": ["KR"]}));
    let id = text(&window, "id");
    assert_eq!(run(&["maintenance", "list", "--all"]).unwrap()[0]["id"], window["id"]);
    run(&["maintenance", "extend", id, "--to", "2030-03-01T12:00", "--all"]).unwrap();
    assert!(run(&["maintenance", "off", id]).unwrap_err().contains("no such maintenance"));
    run(&["maintenance", "off", id, "--all"]).unwrap();

    run(&["tester", "add", "--network", "192.0.2.7", "--note", "office"]).unwrap();
    run(&["tester", "add", "--device", "lab 1", "--all"]).unwrap();
    assert_eq!(run(&["tester", "list"]).unwrap().as_array().unwrap().len(), 1);

    let acts = run(&["audit", "list", "--limit", "10"]).unwrap();
    let words: Vec<_> = acts.as_array().unwrap().iter().map(|act| text(act, "what")).collect();
    let expected = [
        "tester.put",
        "tester.put",
        "maintenance.off",
        "maintenance.extend",
        "maintenance.put",
        "version.remove",
        "version.put",
        "version.put",
    ];
    assert_eq!(words, expected);
    assert_eq!(
        (&acts[2]["before"]["off"], &acts[2]["after"]["off"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(acts[5]["after"], json!(null));
    let of_version = run(&["audit", "list", "--kind", "version", "--app", "demo"]).unwrap();
    assert_eq!(of_version.as_array().unwrap().len(), 3);

    for (arguments, expected) in [
        (&["version", "put", "1.x", "--platform", "android", "--state", "test"][..], "1.x"),
        (&["version", "put", "1", "--platform", "amiga", "--state", "test"], "is none of android"),
        (
            &["version", "put", "1", "--platform", "web", "--state", "test", "--app", "chess"],
            "app.unknown",
        ),
        (&["tester", "add"], "--device"),
        (&["tester", "add", "--network", "0.0.0.0/0"], "is everybody"),
        (&["audit", "list", "--limit", "1001"], "not between 1 and 1000"),
        (&["maintenance", "plan", "--from", "x", "--to", "y"], "`x` is no time"),
    ] {
        let said = run(arguments).unwrap_err();
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn of_two_operators_who_change_one_version_the_second_is_told() {
    let house = Daemun::start().await;
    put(&house, "1.0", "in_service", json!({})).await;
    let version = json!({"version": "1.0", "platform": "android", "state": "closed"});
    let order = |expected: i64| json!({"do": "put", "app": "demo".parse::<AppId>().unwrap(), "version": version, "expected": expected});
    house.command("/commands/version", order(1)).await;
    let said = refused(&house, "/commands/version", order(1)).await;
    assert!(said.contains("it is at version 2"), "{said}");
    let said = refused(&house, "/commands/version", order(0)).await;
    assert!(said.contains("it is there already"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_server_runs_what_is_written_counts_from_its_start() {
    let house = Daemun::start().await;
    let (settings, folder) = (house.settings.clone(), house.folder);
    house.server.drain(std::future::pending()).await;
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
        command.env_clear().arg("--data").arg(&settings.data).args(arguments);
        command.output().unwrap()
    };
    let put = run(&["version", "put", "9", "--platform", "web", "--state", "blocked"]);
    assert!(put.status.success(), "{}", String::from_utf8_lossy(&put.stderr));
    let again = Daemun::with(|own| own.data = settings.data.clone()).await;
    let client = json!({"version": "9.0", "platform": "web"});
    let body = json!({"app": "demo", "client": client});
    let told = again.http().ask("launch.status", None, body).await.unwrap();
    assert_eq!(told["status"], 301);
    drop(folder);
}

#[tokio::test]
async fn a_list_is_whole_however_long_it_is() {
    let house = Daemun::start().await;
    let documents = &house.server.gate.node.storage.documents;
    for number in 0..1_001 {
        let body = json!({"version": format!("1.{number}"), "platform": "web", "state": "beta"});
        let change = Change {
            kind: Kind::Version,
            id: uuid::Uuid::now_v7(),
            app: Some("demo".parse().unwrap()),
            handle: Some(format!("web/any/1.{number}")),
            expected: None,
            write: Write::Put { body: body.to_string(), sealed: Sealed::Keep },
            by: Actor::Command,
            key: None,
            what: "version.put",
            now: house.now(),
        };
        documents.change(change).await.unwrap();
    }
    let list = house.command("/commands/version", json!({"do": "list", "app": "demo"})).await;
    assert_eq!(list.as_array().unwrap().len(), 1_001);
}
