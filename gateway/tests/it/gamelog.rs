//! The game log, read by an operator, and on a MongoDB that hangs.

mod fire;

use std::path::Path;
use std::process::Command;

use loadtest::HttpClient;
use protocol::ids::MemberId;
use serde_json::{Value, json};
use storage::clock::Micros;
use storage::config::ServerUrl;
use storage::gamelog::Of;
use storage::servers::{Binaries, MongoDb};

use crate::harness::{Daemun, guest, text};
use crate::kill;

/// What `daemun` says to these arguments: as JSON, or on standard error.
fn daemun(data: &Path, arguments: &[&str]) -> Result<Value, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
    command.current_dir(data.parent().unwrap()).env_clear().args(arguments);
    let output = command.arg("--data").arg(data).output().unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

fn kinds(page: &Value) -> Vec<&str> {
    page["records"].as_array().unwrap().iter().map(|record| text(record, "kind")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_to_a_member_is_shown_in_pages_with_and_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let program = kill::start(&data);
    let login = HttpClient::new(&program.url).ask("auth.login", None, guest()).await.unwrap();
    let id = text(&login["member"], "id").to_owned();
    let log = |more: &[&str]| daemun(&data, &[&["gamelog", "member", &id], more].concat());
    daemun(&data, &["member", "ban", &id, "--reason", "Cheating"]).unwrap();
    daemun(&data, &["member", "unban", &id]).unwrap();
    // A record is in the log soon after it happened.
    while kinds(&log(&[]).unwrap()).len() < 4 {
        tokio::task::yield_now().await;
    }
    let expected = ["login", "identity_linked", "member_banned", "member_unbanned"];
    let read_in_pages = || {
        let (mut all, mut next) = (Vec::new(), json!({"since": "1970-01-01T00:00:00Z"}));
        while next.is_object() {
            let mut more = vec!["--limit", "1", "--since", next["since"].as_str().unwrap()];
            more.extend(next["after"].as_str().map(|after| ["--after", after]).iter().flatten());
            let page = log(&more).unwrap();
            all.extend(kinds(&page).into_iter().map(str::to_owned));
            next = page["next"].clone();
        }
        all
    };
    assert_eq!(read_in_pages(), expected);
    assert_eq!(kinds(&log(&["--since", "2999-01-01T00:00:00Z"]).unwrap()), [""; 0]);
    assert!(log(&["--limit", "0"]).unwrap_err().contains("field limit"));
    assert!(log(&["--limit", "1001"]).unwrap_err().contains("field limit"));
    assert!(log(&["--since", "soon"]).unwrap_err().contains("neither a time"));
    let banned = || daemun(&data, &["gamelog", "kind", "member_banned", "--since", "1h"]).unwrap();
    let by_kind = banned();
    assert_eq!(
        (kinds(&by_kind), text(&by_kind["records"][0], "member")),
        (vec!["member_banned"], &*id)
    );
    let elsewhere = daemun(&data, &["gamelog", "kind", "login", "--app", "another"]).unwrap();
    assert_eq!(kinds(&elsewhere), [""; 0]);
    let unknown = daemun(&data, &["gamelog", "kind", "logins"]).unwrap_err();
    assert!(unknown.contains("a similar value exists: 'login'"), "{unknown}");
    drop(program);
    // The same on the data folder itself.
    assert_eq!(read_in_pages(), expected);
    assert_eq!(banned(), by_kind);
}

#[tokio::test]
async fn a_session_is_logged_from_its_beginning_to_its_end() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    let member = player.login().member.id;
    let message = json!({"app": "demo", "member": member, "text": "hello"});
    house.command("/commands/member/message", message).await;
    let push = player.socket().next_push().await.unwrap();
    player.socket().ack(push.seq.unwrap()).await.unwrap();
    // Answered behind the acknowledgement, on the same socket.
    while house
        .command(
            "/commands/member/show",
            json!({"app": "demo", "member": member, "lagging": false}),
        )
        .await["acked"]
        != 1
    {
        tokio::task::yield_now().await;
    }
    let mut player = player.drop_hard().reconnect().await.unwrap();
    assert!(player.resume().await.unwrap().resumed);
    house.http().ask("auth.logout", Some(player.access_token()), json!({})).await.unwrap();
    player.socket().closed().await.unwrap();
    let told = json!({"app": "demo", "text": "everyone"});
    house.command("/commands/app/announce", told).await;

    let log = &house.server.gate.node.storage.gamelog;
    log.delivered().await.unwrap();
    let kept = log.of_member("demo".parse().unwrap(), member, Micros(0), 100).await.unwrap();
    let mut seen: Vec<_> = kept.iter().map(|record| record.kind.as_str()).collect();
    seen.sort_unstable();
    let expected = [
        "identity_linked",
        "login",
        "logout",
        "member_messaged",
        "push_acknowledged",
        "push_sent",
        "session_closed",
        "session_closed",
        "session_opened",
        "session_resumed",
    ];
    assert_eq!(seen, expected);
    let fields = |kind: &str| &kept.iter().find(|record| record.kind == kind).unwrap().fields;
    let login = &fields("login")["login"];
    assert_eq!(*fields("push_sent"), json!({"login": login, "from": 1, "to": 1}));
    assert_eq!(*fields("push_acknowledged"), json!({"login": login, "seq": 1}));
    assert_eq!(*fields("session_resumed"), json!({"login": login, "seq": 1}));
    assert_eq!(*fields("member_messaged"), json!({"seq": 1, "by": "command"}));
    let of = Of::Kind("app_announced".to_owned());
    let announced = log.list("demo".parse().unwrap(), of, Micros(0), 10).await.unwrap();
    assert_eq!(announced[0].fields, json!({"told": 0, "by": "command"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_play_while_mongodb_hangs_and_what_they_did_is_there_afterwards() {
    let server = MongoDb::start(&Binaries::default(), &[]).unwrap();
    let url = ServerUrl::new(server.databases().database("played"));
    let house = Daemun::with(|settings| {
        settings.storage.mongodb.url = Some(url);
        settings.storage.mongodb.migrate_at_start = true;
    })
    .await;
    server.pause().unwrap();
    // All of this is answered while the log's server answers nothing.
    let mut members = Vec::new();
    for _ in 0..20 {
        let player = house.guest().await;
        members.push(player.login().member.id);
    }
    let body = json!({"app": "demo", "member": members[0], "reason": "Cheating"});
    house.command("/commands/member/ban", body).await;
    let log = &house.server.gate.node.storage.gamelog;
    log.flush().await.unwrap();

    server.resume().unwrap();
    log.delivered().await.unwrap();
    for (place, member) in members.iter().enumerate() {
        let kinds = logged(&house, *member).await;
        let count = |kind: &str| kinds.iter().filter(|it| *it == kind).count();
        let banned = usize::from(place == 0);
        assert_eq!((count("login"), count("member_banned")), (1, banned), "{kinds:?}");
    }
}

async fn logged(house: &Daemun, member: MemberId) -> Vec<String> {
    let log = &house.server.gate.node.storage.gamelog;
    let kept = log.of_member("demo".parse().unwrap(), member, Micros(0), 100).await.unwrap();
    kept.into_iter().map(|record| record.kind).collect()
}

/// What a command says of a MongoDB, on either stream, and whether it went well.
fn of_mongodb(url: &str, data: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
    command.current_dir(data.parent().unwrap()).env_clear().args(arguments);
    let output = command.arg("--data").arg(data).env("DAEMUN_STORAGE__MONGODB__URL", url).output();
    let output = output.unwrap();
    let words = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(words).unwrap())
}

#[test]
fn a_mongodb_is_migrated_and_checked_by_command() {
    let mut server = MongoDb::start(&Binaries::default(), &[]).unwrap();
    let (url, folder) = (server.databases().database("checked"), tempfile::tempdir().unwrap());
    let data = folder.path().join("data");
    let run = |arguments: &[&str]| of_mongodb(&url, &data, arguments);
    let (good, words) = run(&["check"]);
    assert!(!good && words.contains("`MongoDB`: run `daemun migrate up`"), "{words}");
    let (good, words) = run(&["migrate", "status"]);
    assert!(!good && words.contains("MongoDB: at 0, to run: V1__records"), "{words}");
    let (good, words) = run(&["migrate", "up"]);
    assert!(good && words.contains("MongoDB: V1__records"), "{words}");
    let (good, words) = run(&["migrate", "status"]);
    assert!(good && words.contains("MongoDB: at 1, nothing to run"), "{words}");
    let (good, words) = run(&["check"]);
    assert!(good && words.contains("MongoDB 6.") && words.contains("answers in"), "{words}");
    assert!(words.contains("MongoDB: schema 1, 0 to run"), "{words}");
    assert!(words.contains("0 MiB spooled of at most 1024"), "{words}");

    server.kill().unwrap();
    let secret = url.replace("mongodb://", "mongodb://daemun:canary@");
    let (good, words) = of_mongodb(&secret, &data, &["check"]);
    assert!(!good && words.contains("MongoDB: ") && !words.contains("canary"), "{words}");
}
