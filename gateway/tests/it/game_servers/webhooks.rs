//! What a game's server is told, end to end: the demo game's is played by the server itself.

use std::time::Duration;

use serde_json::{Value, json};

use super::{GameServer, bought, guest_of};
use crate::harness::Daemun;

/// What came to the simulated game server, once it is so much.
pub async fn came(house: &Daemun, at_least: usize) -> Vec<Value> {
    loop {
        let came = seen(house, at_least).await;
        if came.len() >= at_least {
            return came;
        }
    }
}

/// How much came, once it is so much or nothing more has come for a while.
pub async fn more(house: &Daemun, at_least: usize) -> usize {
    seen(house, at_least).await.len()
}

async fn seen(house: &Daemun, at_least: usize) -> Vec<Value> {
    let path = format!("/sim/webhooks?at_least={at_least}");
    let http = house.private().patient_for(Duration::from_secs(30));
    serde_json::from_slice(&http.get(&path).await.unwrap().body).unwrap()
}

pub async fn behave(house: &Daemun, behaviour: Value) {
    let http = house.private();
    let request = http.request(hyper::Method::POST, "/sim/webhooks/behave");
    let request = request.header("content-type", "application/json");
    let answer = http.send(request.body(behaviour.to_string().into())).await.unwrap();
    assert_eq!(answer.status, 200, "{:?}", answer.body);
}

/// The notices about a member, as an operator is shown them, once so many stand so.
async fn notices(house: &Daemun, member: &Value, sent: &str, count: usize) -> Vec<Value> {
    loop {
        let query = json!({"app": "demo", "member": member, "sent": sent});
        let page = house.command("/commands/webhooks/list", query).await;
        let found = page["notices"].as_array().unwrap();
        if found.len() >= count {
            return found.clone();
        }
        // What came of a notice is written after it was answered.
        tokio::task::yield_now().await;
    }
}

pub async fn a_games_server_is_told_of_purchases_and_told_again_if_asked_to(house: Daemun) {
    let (member, _) = guest_of(&house, "demo").await;
    let purchase = bought(&house, "demo", member, "gems").await;
    let told = came(&house, 1).await;
    assert_eq!((&told[0]["verified"], &told[0]["answered"]), (&json!(true), &json!(200)));
    let body = &told[0]["body"];
    assert_eq!(body["type"], "purchase.granted");
    assert_eq!(body["data"]["app"], "demo");
    assert_eq!(body["data"]["member"], json!(member));
    assert_eq!(body["data"]["purchase"]["id"], json!(purchase));

    behave(&house, json!({"status": 500})).await;
    let consume = json!({"member": member, "purchase": purchase});
    GameServer::demo(&house).ask("purchases/consume", consume).await;
    let told = came(&house, 2).await;
    assert_eq!(told[1]["body"]["type"], "purchase.consumed");
    assert_eq!(told[1]["answered"], 500);
    let waiting = loop {
        let waiting = notices(&house, &json!(member), "waiting", 1).await;
        if waiting[0]["tries"] == 1 {
            break waiting;
        }
    };
    assert_eq!(waiting[0]["why"], "status 500");
    behave(&house, json!({})).await;
    house.advance(Duration::from_secs(7));
    let told = came(&house, 3).await;
    assert_eq!(told[2]["id"], told[1]["id"]);
    let done = notices(&house, &json!(member), "done", 2).await;
    assert_eq!(done.len(), 2);

    let first = done.iter().find(|notice| notice["what"] == "purchase.granted").unwrap();
    let command = json!({"app": "demo", "member": member, "seq": first["seq"]});
    let replayed = house.command("/commands/webhooks/replay", command).await;
    assert_eq!(replayed, json!({"replayed": true}));
    let told = came(&house, 4).await;
    assert_eq!((&told[3]["id"], &told[3]["body"]), (&told[0]["id"], &told[0]["body"]));
    let taken = house.metric("daemun_webhooks_total{outcome=\"done\"}").await;
    assert!(taken >= 2.0, "{taken}");
}

#[tokio::test]
async fn what_is_not_signed_is_not_taken_by_the_simulated_server() {
    let house = Daemun::start().await;
    let http = house.http();
    let request = http
        .request(hyper::Method::POST, "/sim/webhooks/demo")
        .header("webhook-id", "x")
        .header("webhook-timestamp", house.now().seconds().to_string())
        .header("webhook-signature", "v1,AAAA");
    assert_eq!(http.send(request.body("{}".into())).await.unwrap().status, 401);
    let came = came(&house, 1).await;
    assert_eq!((&came[0]["verified"], &came[0]["answered"]), (&json!(false), &json!(401)));
}
