//! Games' servers before two nodes that share one MariaDB.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use actors::game_servers::ServerKeySettings;
use actors::webhooks::WebhookSettings;
use futures_util::future::join_all;
use protocol::game_servers::Scope;
use protocol::ids::MemberId;
use serde_json::{Value, json};
use storage::config::ServerUrl;
use storage::servers::{MariaDb, MariaDbOptions};

use super::webhooks::{behave, came, more};
use super::{GameServer, bought, guest_of};
use crate::harness::{Daemun, text};
use crate::mariadb::database;

/// Two nodes of a game before one database. What the game is told comes to a third house, whose
/// secrets they have.
async fn nodes(mariadb: &str) -> (Daemun, [Daemun; 2]) {
    let street = Daemun::start().await;
    let secrets = std::path::absolute(street.settings.data.join("simulators")).unwrap();
    let mut game = gateway::demo::game(None, &secrets);
    game.webhook = Some(WebhookSettings {
        url: format!("{}/sim/webhooks/demo", street.url()),
        secret_file: secrets.join("webhook-secret"),
        previous_secret_file: None,
        allow_insecure_loopback: true,
    });
    game.server_keys = vec![ServerKeySettings {
        id: "dev".to_owned(),
        secret_file: secrets.join("server-secret"),
        scopes: Scope::ALL.to_vec(),
        not_after: None,
    }];
    let node = async || {
        Daemun::with(|settings| {
            settings.storage.mariadb.url = Some(ServerUrl::new(mariadb));
            settings.storage.mariadb.migrate_at_start = true;
            settings.apps.insert("demo".into(), game.clone());
        })
        .await
    };
    let pair = [node().await, node().await];
    (street, pair)
}

fn servers<'a>(street: &Daemun, pair: &'a [Daemun; 2]) -> [GameServer<'a>; 2] {
    let secret = GameServer::demo(street).secret;
    [0, 1].map(|at: usize| GameServer {
        house: &pair[at],
        app: "demo",
        key: "dev",
        secret: secret.clone(),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_at_both_nodes_at_once_is_done_once() {
    let (street, pair) = nodes(&database()).await;
    let servers = servers(&street, &pair);
    let (member, _) = guest_of(&pair[0], "demo").await;
    let gems = json!({"member": member, "items": [{"item": "gem", "amount": 10}]});
    let says = json!({"member": member, "text": "hello"});
    let orders = [
        ("wallet/grant", "given", &gems),
        ("wallet/spend", "taken", &gems),
        ("members/message", "said", &says),
    ];
    for (name, word, body) in orders {
        for turn in 0..5 {
            let key = format!("{word}-{turn}");
            let asks = (0..8).map(|ask| servers[ask % 2].surely(name, &key, body));
            let answers = join_all(asks).await;
            let first = answers.iter().filter(|it| it["seen_before"] == false).count();
            // Who had no answer the first time is told that it was done before.
            assert!(first <= 1, "{key}: {answers:?}");
            let done = |it: &Value| (it["transfer"].clone(), it["seq"].clone());
            assert!(answers.iter().all(|it| done(it) == done(&answers[0])), "{key}: {answers:?}");
        }
    }
    let has = servers[1].ask("wallet/balances", json!({ "member": member })).await;
    assert_eq!(has["balances"], json!([{"item": "gem", "amount": 0}]));
    let moved = servers[0].ask("wallet/transfers", json!({ "member": member })).await;
    assert_eq!(moved["transfers"].as_array().unwrap().len(), 10);
    let shown = json!({"app": "demo", "member": member});
    let shown = pair[0].command("/commands/member/show", shown).await;
    assert_eq!(shown["inbox"], 15, "ten changes of the wallet and five messages");
}

/// What a game is to be told of a member, in order: what, and of which purchase.
async fn happen(servers: &[GameServer<'_>; 2], member: MemberId) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for turn in 0..4 {
        let (here, there) = (&servers[turn % 2], &servers[(turn + 1) % 2]);
        let purchase = bought(here.house, "demo", member, "gems").await;
        let consume = json!({"member": member, "purchase": purchase});
        there.ask("purchases/consume", consume).await;
        for what in ["purchase.granted", "purchase.consumed"] {
            told.push((what.to_owned(), purchase.to_string()));
        }
    }
    told
}

/// What the game has taken, each notice once: one of which it is not known whether it was taken
/// comes again under its id.
fn taken(came: &[Value]) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let taken = came.iter().filter(|it| it["answered"] == 200);
    taken.filter(|it| seen.insert(text(it, "id").to_owned())).cloned().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_tell_of_each_member_in_order_and_of_each_thing_once() {
    let (street, pair) = nodes(&database()).await;
    let servers = servers(&street, &pair);
    behave(&street, json!({"status": 503})).await;
    let mut expected = BTreeMap::new();
    for turn in 0..6 {
        let (member, _) = guest_of(&pair[turn % 2], "demo").await;
        expected.insert(json!(member).to_string(), happen(&servers, member).await);
    }
    // Each member's first notice was in vain once at least.
    came(&street, expected.len()).await;
    behave(&street, json!({})).await;
    let all: usize = expected.values().map(Vec::len).sum();
    let later = || {
        for house in pair.iter().chain([&street]) {
            house.advance(Duration::from_secs(7));
        }
    };
    // By then what was in vain has rested.
    later();
    let taken = loop {
        let came = came(&street, 0).await;
        let taken = taken(&came);
        if taken.len() >= all {
            break taken;
        }
        // More time passes when nothing is under way: leases would end in its midst.
        if came.len() == more(&street, came.len() + 1).await {
            later();
        }
    };
    let mut told: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for notice in &taken {
        assert_eq!(notice["verified"], true);
        let (body, data) = (&notice["body"], &notice["body"]["data"]);
        let thing = (text(body, "type"), text(&data["purchase"], "id"));
        let of = told.entry(data["member"].to_string()).or_default();
        of.push((thing.0.to_owned(), thing.1.to_owned()));
    }
    assert_eq!(told, expected);
}

/// The claim says whose a purchase is, and whoever decided that died before the owner's rows
/// followed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_node_left_is_finished_told_and_logged() {
    let mariadb = MariaDb::start(MariaDbOptions::default()).unwrap();
    let url = mariadb.database("left").unwrap();
    let (_street, pair) = nodes(&url).await;
    let mut player = pair[0].guest().await;
    let member = player.login().member.id;
    let (other, _) = guest_of(&pair[1], "demo").await;
    let others = bought(&pair[1], "demo", other, "gems").await;
    let name = url.rsplit('/').next().unwrap();
    let of = |table: &str| format!("{name}.{table} WHERE member = {}", other.number());
    // As if nothing but the claim had ever been written, and that for another member.
    for table in ["purchase", "wallet", "ledger"] {
        mariadb.sql(&format!("DELETE FROM {}", of(table))).unwrap();
    }
    let left = format!(
        "UPDATE {name}.purchase_claim SET owner = {}, version = version + 1, pending = 1",
        member.number()
    );
    mariadb.sql(&left).unwrap();
    // To the other node alone it was left long enough ago, so that is who finishes it.
    pair[0].advance(Duration::from_secs(120));
    let push = player.socket().next_push().await.unwrap();
    assert_eq!((push.seq, push.word.as_str()), (Some(1), "purchase.updated"));
    assert_eq!(push.body["purchase"]["id"], json!(others));
    assert_eq!(player.socket().next_push().await.unwrap().word, "wallet.changed");
    // It was logged before anybody was told.
    pair[0].server.gate.node.storage.gamelog.flush().await.unwrap();
    let query =
        json!({"app": "demo", "member": member, "since": "2027-01-01T00:00:00Z", "limit": 100});
    let page = pair[0].command("/commands/gamelog", query).await;
    let changed = |it: &&Value| it["kind"] == "purchase_changed";
    let logged: Vec<_> = page["records"].as_array().unwrap().iter().filter(changed).collect();
    assert_eq!(logged.len(), 1, "{page}");
    assert_eq!(logged[0]["fields"]["purchase"], json!(others));
    assert_eq!(logged[0]["fields"]["state"], "granted");
}
