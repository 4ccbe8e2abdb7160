//! What was done by a process that died before the game log had it is logged when its caller, who
//! had no answer, asks again.

use protocol::game_servers::MessageRequest;
use protocol::ids::AppId;
use protocol::purchases::Grant;
use protocol::push::MESSAGE;
use protocol::text::Text;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use storage::open::Storage;
use storage::push::{NewPush, PostOnce, PostedOnce};
use storage::wallet::{Cause, Line, TransferWrite, Transferred};

use super::{GameServer, guest_of};
use crate::harness::Daemun;
use crate::purchases::buyer::TRIES;

fn demo() -> AppId {
    "demo".parse().unwrap()
}

/// The records of a kind, all of them.
async fn logged(house: &Daemun, kind: &str) -> Vec<Value> {
    house.server.gate.node.storage.gamelog.flush().await.unwrap();
    let query = json!({"app": "demo", "kind": kind, "since": "1970-01-01T00:00:00Z", "limit": 9});
    let page = house.command("/commands/gamelog", query).await;
    page["records"].as_array().unwrap().clone()
}

fn storage(house: &Daemun) -> &Storage {
    &house.server.gate.node.storage
}

pub async fn a_transfer_of_one_that_died_is_logged_when_it_is_asked_for_again(house: Daemun) {
    let (server, (member, _)) = (GameServer::demo(&house), guest_of(&house, "demo").await);
    let (app, item) = (demo(), Text::new("gem").unwrap());
    let write = TransferWrite {
        id: TransferWrite::id_of(&app, member, "lost"),
        app,
        member,
        cause: Cause::Given,
        lines: vec![Line { item: item.clone(), delta: 5 }],
        note: None,
        login: None,
        now: house.now(),
    };
    let mut done = Err(());
    for _ in 0..TRIES {
        done = storage(&house).wallet.transfer(write.clone()).await.map_err(drop);
        if done.is_ok() {
            break;
        }
    }
    assert!(matches!(done, Ok(Transferred::Done { .. })), "{done:?}");
    assert_eq!(logged(&house, "wallet_moved").await.len(), 0);
    let body = json!({"member": member, "items": [Grant { item, amount: 5 }]});
    for _ in 0..2 {
        let again = server.surely("wallet/grant", "lost", &body).await;
        assert_eq!((&again["seen_before"], &again["transfer"]), (&json!(true), &json!(write.id)));
    }
    let records = logged(&house, "wallet_moved").await;
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(records[0]["fields"]["transfer"], json!(write.id));
}

pub async fn a_message_of_one_that_died_is_logged_when_it_is_asked_for_again(house: Daemun) {
    let (server, (member, _)) = (GameServer::demo(&house), guest_of(&house, "demo").await);
    let (app, now) = (demo(), house.now());
    let text = Text::new("It begins.").unwrap();
    let asked = MessageRequest { member, title: None, text, expires_s: None };
    let expires_at = now.after(std::time::Duration::from_secs(60));
    let write = PostOnce {
        id: PostOnce::id_of(&app, member, "lost"),
        app,
        member,
        digest: Sha256::digest(serde_json::to_vec(&asked).unwrap()).into(),
        push: NewPush { word: MESSAGE.to_owned(), body: "{}".to_owned(), expires_at },
        known_until: expires_at,
        now,
    };
    let mut done = Err(());
    for _ in 0..TRIES {
        done = storage(&house).inboxes.post_once(write.clone()).await.map_err(drop);
        if done.is_ok() {
            break;
        }
    }
    assert!(matches!(done, Ok(PostedOnce::Posted { seq: 1, .. })), "{done:?}");
    assert_eq!(logged(&house, "member_messaged").await.len(), 0);
    for _ in 0..2 {
        let again = server.surely("members/message", "lost", &json!(asked)).await;
        assert_eq!(again, json!({"seq": 1, "seen_before": true}));
    }
    let records = logged(&house, "member_messaged").await;
    assert_eq!(records.len(), 1, "{records:?}");
    assert_eq!(records[0]["fields"], json!({"seq": 1, "by": "server"}));
}
