//! What games' servers may ask.

use std::time::Duration;

use serde_json::{Value, json};

use super::{GameServer, bought, code, guest_of};
use crate::harness::{Daemun, text};

fn gems(amount: i64) -> Value {
    json!([{"item": "gem", "amount": amount}])
}

pub async fn a_token_is_verified_for_as_long_as_its_login_stands(house: Daemun) {
    let server = GameServer::demo(&house);
    let (member, login) = guest_of(&house, "demo").await;
    let verify = async |token: &str| server.ask("sessions/verify", json!({ "token": token })).await;
    let token = text(&login, "access_token");
    let shown = verify(token).await;
    assert_eq!((&shown["valid"], &shown["member"]), (&json!(true), &json!(member)));
    assert!(shown.get("reason").is_none() && shown["login"].is_string(), "{shown}");
    let expires_at = house.now().after(Duration::from_secs(900));
    assert_eq!(shown["expires_at"], json!(expires_at));
    assert_eq!(verify("eyJ.not.a.token").await, json!({"valid": false, "reason": "auth.refused"}));

    // A newer login takes its place.
    let body = json!({"app": "demo", "provider": "guest", "client": crate::harness::client(),
        "credential": login["credential"]});
    let newer = house.http().ask("auth.login", None, body).await.unwrap();
    let shown = verify(token).await;
    assert_eq!((&shown["valid"], &shown["reason"]), (&json!(false), &json!("session.replaced")));
    assert_eq!(shown["member"], json!(member), "it was theirs");
    let newer = text(&newer, "access_token");
    assert_eq!(verify(newer).await["valid"], true);

    server.ask("members/ban", json!({"member": member, "reason": "Cheating"})).await;
    assert_eq!(verify(newer).await["reason"], "member.banned");
    let shown = server.ask("members/get", json!({ "member": member })).await;
    assert_eq!((&shown["state"], &shown["ban"]["reason"]), (&json!("banned"), &json!("Cheating")));
    assert_eq!(shown["providers"], json!(["guest"]));
    let lifted = server.ask("members/unban", json!({ "member": member })).await;
    assert_eq!(lifted, json!({"lifted": {"reason": "Cheating"}}));
    assert_eq!(server.ask("members/unban", json!({ "member": member })).await, json!({}));
    assert_eq!(verify(newer).await["valid"], true);

    house.http().ask("auth.logout", Some(newer), json!({})).await.unwrap();
    assert_eq!(verify(newer).await["reason"], "auth.logged_out");
    house.advance(Duration::from_secs(900 + 60));
    assert_eq!(verify(newer).await, json!({"valid": false, "reason": "auth.expired"}));
}

pub async fn what_is_moved_is_moved_once_and_the_member_is_told(house: Daemun) {
    let server = GameServer::demo(&house);
    let mut player = house.guest().await;
    let member = player.login().member.id;
    let body = json!({"member": member, "items": [{"item": "gem", "amount": 100},
        {"item": "coin.gold", "amount": 7}], "note": "welcome"});
    let (status, first) = server.once("wallet/grant", "welcome", body.clone()).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(first["ok"]["seen_before"], false);
    let push = player.socket().next_push().await.unwrap();
    assert_eq!((push.seq, push.word.as_str()), (Some(1), "wallet.changed"));
    let (_, again) = server.once("wallet/grant", "welcome", body).await;
    assert_eq!(again["ok"]["seen_before"], true);
    assert_eq!(again["ok"]["balances"], first["ok"]["balances"]);
    assert_eq!(again["ok"]["transfer"], first["ok"]["transfer"]);

    let spend = |amount| json!({"member": member, "items": gems(amount)});
    let (_, spent) = server.once("wallet/spend", "order-1", spend(30)).await;
    assert_eq!(spent["ok"]["balances"], gems(70));
    let push = player.socket().next_push().await.unwrap();
    assert_eq!((push.seq, &push.body["balances"]), (Some(2), &gems(70)));
    let answer = server.once("wallet/spend", "order-1", spend(31)).await;
    assert_eq!(code(&answer), (422, "op.key_reused"));
    let answer = server.once("wallet/spend", "order-2", spend(71)).await;
    assert_eq!(code(&answer), (409, "wallet.too_little"));
    assert_eq!(answer.1["err"]["detail"], json!({"item": "gem", "amount": 70}));
    // What was refused has not used up its key.
    assert_eq!(server.once("wallet/spend", "order-2", spend(70)).await.0, 200);
    let most = 9_007_199_254_740_991_i64;
    let grant = json!({"member": member, "items": [{"item": "coin.gold", "amount": most}]});
    let answer = server.once("wallet/grant", "much", grant).await;
    assert_eq!(code(&answer), (409, "wallet.too_much"));
    assert_eq!(answer.1["err"]["detail"], json!({"item": "coin.gold", "amount": 7}));

    let answer = server.call("wallet/spend", spend(1)).await;
    assert_eq!(code(&answer), (400, "body.invalid"));
    assert_eq!(answer.1["err"]["detail"]["field"], "Idempotency-Key");
    let wrong = json!({"member": member, "items": []});
    let answer = server.once("wallet/spend", "none", wrong).await;
    assert_eq!(answer.1["err"]["detail"]["field"], "items");

    let shown = server.ask("wallet/balances", json!({ "member": member })).await;
    assert_eq!(
        shown["balances"],
        json!([{"item": "coin.gold", "amount": 7}, {"item": "gem", "amount": 0}])
    );
    // The log says by which key.
    house.server.gate.node.storage.gamelog.flush().await.unwrap();
    let query = json!({"app": "demo", "kind": "wallet_moved", "since": house.now(), "limit": 9});
    let page = house.command("/commands/gamelog", query).await;
    let records = page["records"].as_array().unwrap();
    assert_eq!(records.len(), 3, "what moved nothing is not in it: {page}");
    assert!(records.iter().all(|it| it["fields"]["key"] == "dev"), "{page}");
}

pub async fn transfers_come_in_pages_the_newest_first(house: Daemun) {
    let server = GameServer::demo(&house);
    let (member, _) = guest_of(&house, "demo").await;
    for n in 1..=5 {
        house.advance(Duration::from_millis(1));
        server.give(member, "gem", n).await;
    }
    let page = async |before: &Value| {
        let mut body = json!({"member": member, "limit": 2});
        if !before.is_null() {
            body["before"] = before.clone();
        }
        server.ask("wallet/transfers", body).await
    };
    let mut seen = Vec::new();
    let mut before = Value::Null;
    loop {
        let answer = page(&before).await;
        for transfer in answer["transfers"].as_array().unwrap() {
            assert_eq!(transfer["cause"], "given");
            seen.push(transfer["items"][0]["amount"].as_i64().unwrap());
        }
        match answer.get("before") {
            Some(next) => before = next.clone(),
            None => break,
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);

    // Of one moment, too, by the transfer's id beside it.
    let (member, _) = guest_of(&house, "demo").await;
    for n in 1..=5 {
        server.give(member, "gem", n).await;
    }
    let (mut seen, mut place) = (Vec::new(), json!({}));
    loop {
        let mut body = json!({"member": member, "limit": 2});
        body.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
        let answer = server.ask("wallet/transfers", body).await;
        let page = answer["transfers"].as_array().unwrap();
        seen.extend(page.iter().map(|it| it["items"][0]["amount"].as_i64().unwrap()));
        match answer.get("before") {
            Some(before) => place = json!({"before": before, "before_id": answer["before_id"]}),
            None => break,
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    let alone = json!({"member": member, "before_id": "0190a1b2-c3d4-7000-8000-000000000000"});
    let answer = server.call("wallet/transfers", alone).await;
    assert_eq!(answer.1["err"]["detail"]["field"], "before_id");
    for limit in [0, 101] {
        let answer =
            server.call("wallet/transfers", json!({"member": member, "limit": limit})).await;
        assert_eq!(answer.1["err"]["detail"]["field"], "limit");
    }
}

pub async fn purchases_are_listed_and_consumed_once(house: Daemun) {
    let server = GameServer::demo(&house);
    let (member, _) = guest_of(&house, "demo").await;
    let mut ids = Vec::new();
    for product in ["a", "b", "c"] {
        ids.push(json!(bought(&house, "demo", member, product).await));
    }
    let list = async |more: Value| {
        let mut body = json!({"member": member, "limit": 2});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = server.ask("purchases/list", body).await;
        let found: Vec<_> = answer["purchases"].as_array().unwrap().clone();
        (found.iter().map(|it| it["id"].clone()).collect::<Vec<_>>(), answer.get("after").cloned())
    };
    let (found, after) = list(json!({})).await;
    assert_eq!(found, [ids[2].clone(), ids[1].clone()]);
    let (found, after) = list(json!({ "after": after.unwrap() })).await;
    assert_eq!((found, after), (vec![ids[0].clone()], None));
    let unconsumed = json!({"unconsumed": true});
    let (found, after) = list(unconsumed.clone()).await;
    assert_eq!(found, ids[..2]);
    assert_eq!(
        list(json!({"unconsumed": true, "after": after})).await,
        (vec![ids[2].clone()], None)
    );

    let consume = json!({"member": member, "purchase": ids[0]});
    let consumed = server.ask("purchases/consume", consume.clone()).await;
    assert_eq!((&consumed["seen_before"], &consumed["purchase"]["id"]), (&json!(false), &ids[0]));
    assert!(consumed["purchase"]["consumed_at"].is_string());
    assert_eq!(server.ask("purchases/consume", consume).await["seen_before"], true);
    assert_eq!(list(unconsumed).await.0, ids[1..]);
    let unknown = json!({"member": member, "purchase": "0190a1b2-c3d4-7000-8000-000000000000"});
    assert_eq!(code(&server.call("purchases/consume", unknown).await), (404, "purchase.unknown"));
}

pub async fn a_message_reaches_its_member(house: Daemun) {
    let server = GameServer::demo(&house);
    let mut player = house.guest().await;
    let member = player.login().member.id;
    let body = json!({"member": member, "title": "Raid", "text": "It begins."});
    let sent = server.ask("members/message", body).await;
    assert_eq!(sent, json!({"seq": 1, "seen_before": false}));
    let push = player.socket().next_push().await.unwrap();
    assert_eq!((push.word.as_str(), text(&push.body, "text")), ("message", "It begins."));
    for expires_s in [0, 90 * 24 * 3600 + 1] {
        let body = json!({"member": member, "text": "x", "expires_s": expires_s});
        let answer = server.call("members/message", body).await;
        assert_eq!(answer.1["err"]["detail"]["field"], "expires_s");
    }
    let body = json!({"member": member, "reason": " "});
    assert_eq!(code(&server.call("members/ban", body).await), (400, "body.invalid"));
    server.ask("members/ban", json!({"member": member, "reason": "Cheating"})).await;
    assert_eq!(player.socket().next_push().await.unwrap().word, "member.banned");
    assert_eq!(player.socket().closed().await.unwrap().code, 4504);
}

pub async fn a_message_under_a_key_is_sent_once(house: Daemun) {
    let server = GameServer::demo(&house);
    let mut player = house.guest().await;
    let member = player.login().member.id;
    let says = |text: &str| json!({"member": member, "text": text});
    let (status, first) = server.once("members/message", "raid", says("It begins.")).await;
    assert_eq!((status, &first["ok"]), (200, &json!({"seq": 1, "seen_before": false})));
    let push = player.socket().next_push().await.unwrap();
    assert_eq!((push.seq, text(&push.body, "text")), (Some(1), "It begins."));
    player.socket().ack(1).await.unwrap();
    let (_, again) = server.once("members/message", "raid", says("It begins.")).await;
    assert_eq!(again["ok"], json!({"seq": 1, "seen_before": true}));
    let answer = server.once("members/message", "raid", says("It ends.")).await;
    assert_eq!(code(&answer), (422, "op.key_reused"));
    // Another key, and none, is another message.
    let (_, other) = server.once("members/message", "end", says("It ends.")).await;
    assert_eq!(other["ok"], json!({"seq": 2, "seen_before": false}));
    for seq in [3, 4] {
        let sent = server.ask("members/message", says("Once more.")).await;
        assert_eq!(sent["seq"], seq);
    }
    let nobody = json!({"member": "0G3Q8TZ4M1A7C", "text": "x"});
    let answer = server.once("members/message", "nobody", nobody).await;
    assert_eq!(code(&answer), (404, "member.unknown"));
    house.server.gate.node.storage.gamelog.flush().await.unwrap();
    let query = json!({"app": "demo", "kind": "member_messaged", "since": house.now(), "limit": 9});
    let page = house.command("/commands/gamelog", query).await;
    assert_eq!(page["records"].as_array().unwrap().len(), 4, "{page}");
}
