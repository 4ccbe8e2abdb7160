//! What operators' commands say, and what the audit keeps of them.

use std::process::{Command, Output};

use gateway::config::Settings;
use protocol::ids::AppId;
use serde_json::{Value, json};
use storage::audit::Actor;
use storage::documents::{Change, Kind, Sealed, Write};

use super::{put, refused};
use crate::harness::{Daemun, text};

/// `daemun` with these arguments, for a server of these settings.
async fn run(settings: &Settings, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
    command.env_clear().arg("--data").arg(&settings.data).args(arguments);
    if let Some(url) = &settings.storage.mariadb.url {
        command.env("DAEMUN_STORAGE__MARIADB__URL", url.expose());
    }
    // The server that it asks may run in this very thread.
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

/// What it prints, or says is wrong.
async fn daemun(house: &Daemun, arguments: &[&str]) -> Result<Value, String> {
    let output = run(&house.settings, arguments).await;
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

pub(super) async fn an_operator_runs_it_from_a_shell(house: Daemun) {
    let run = async |arguments: &[&str]| daemun(&house, arguments).await;
    let version = ["version", "put", "1.10.0", "--platform", "android", "--state", "in_service"];
    let put =
        run(&[&version[..], &["--message", "en=Hello=you", "--store", "google_play"]].concat())
            .await;
    let put = put.unwrap()[0].clone();
    assert_eq!(put["body"]["message"], json!({"en": "Hello=you"}));
    // The same again is the same version, written another way.
    let again = ["version", "put", "1.10", "--platform", "android", "--state", "closed"];
    let again = run(&[&again[..], &["--store", "google_play"]].concat()).await.unwrap()[0].clone();
    assert_eq!((&again["id"], &again["version"]), (&put["id"], &json!(2)));
    assert_eq!(run(&["version", "list"]).await.unwrap().as_array().unwrap().len(), 1);
    run(&["version", "remove", text(&put, "id")]).await.unwrap();
    assert_eq!(run(&["version", "list"]).await.unwrap(), json!([]));

    let plan = ["maintenance", "plan", "--from", "2030-03-01T09:00", "--zone", "Asia/Seoul"];
    let more = ["--to", "2030-03-01T02:00:00Z", "--reason", "disks", "--versions", "..1.4"];
    let window =
        run(&[&plan[..], &more, &["--country", "KR", "--all"]].concat()).await.unwrap()[0].clone();
    assert_eq!(text(&window["body"], "from"), "2030-03-01T00:00:00.000000Z");
    assert_eq!(window["body"]["scope"], json!({"versions": [{"to": "1.4"}], "countries": ["KR"]}));
    let id = text(&window, "id");
    assert_eq!(run(&["maintenance", "list", "--all"]).await.unwrap()[0]["id"], window["id"]);
    run(&["maintenance", "extend", id, "--to", "2030-03-01T12:00", "--all"]).await.unwrap();
    assert!(run(&["maintenance", "off", id]).await.unwrap_err().contains("no such maintenance"));
    run(&["maintenance", "off", id, "--all"]).await.unwrap();

    run(&["tester", "add", "--network", "192.0.2.7", "--note", "office"]).await.unwrap();
    run(&["tester", "add", "--device", "lab 1", "--all"]).await.unwrap();
    assert_eq!(run(&["tester", "list"]).await.unwrap().as_array().unwrap().len(), 1);

    let acts = run(&["audit", "list", "--limit", "10"]).await.unwrap();
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
    let of_version = run(&["audit", "list", "--kind", "version", "--app", "demo"]).await.unwrap();
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
        let said = run(arguments).await.unwrap_err();
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}

pub(super) async fn of_two_operators_who_change_one_version_the_second_is_told(house: Daemun) {
    put(&house, "1.0", "in_service", json!({})).await;
    let version = json!({"version": "1.0", "platform": "android", "state": "closed"});
    let order = |expected: i64| json!({"do": "put", "app": "demo".parse::<AppId>().unwrap(), "version": version, "expected": expected});
    house.command("/commands/version", order(1)).await;
    let said = refused(&house, "/commands/version", order(1)).await;
    assert!(said.contains("it is at version 2"), "{said}");
    let said = refused(&house, "/commands/version", order(0)).await;
    assert!(said.contains("it is there already"), "{said}");
}

pub(super) async fn where_no_server_runs_what_is_written_counts_from_its_start(house: Daemun) {
    let (settings, folder) = (house.settings.clone(), house.folder);
    house.server.drain(std::future::pending()).await;
    let put = ["version", "put", "9", "--platform", "web", "--state", "blocked"];
    let put = run(&settings, &put).await;
    assert!(put.status.success(), "{}", String::from_utf8_lossy(&put.stderr));
    let again = Daemun::with(|own| {
        own.data.clone_from(&settings.data);
        own.storage.clone_from(&settings.storage);
    })
    .await;
    let client = json!({"version": "9.0", "platform": "web"});
    let body = json!({"app": "demo", "client": client});
    let told = again.http().ask("launch.status", None, body).await.unwrap();
    assert_eq!(told["status"], 301);
    drop(folder);
}

pub(super) async fn a_list_is_whole_however_long_it_is(house: Daemun) {
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
