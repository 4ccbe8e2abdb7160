//! The keys of access tokens, rotated under players.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Daemun, text};

async fn published(house: &Daemun) -> Vec<String> {
    let answer = house.http().get("/.well-known/jwks.json").await.unwrap();
    let set: Value = serde_json::from_slice(&answer.body).unwrap();
    let keys = set["keys"].as_array().unwrap();
    keys.iter().map(|key| text(key, "kid").to_owned()).collect()
}

fn kid(token: &str) -> String {
    use base64::Engine;
    let header = token.split('.').next().unwrap();
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    text(&header, "kid").to_owned()
}

#[tokio::test]
async fn a_rotation_logs_nobody_out() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    let old_token = player.access_token().to_owned();
    let before = published(&house).await;
    let made = house.command("/commands/keys/rotate", json!({"ahead_s": 600})).await;
    let made = text(&made, "kid").to_owned();

    let both = published(&house).await;
    assert_eq!(both.len(), 2);
    assert!(both.contains(&made), "published before it signs");
    assert_eq!(kid(text(&house.login().await, "access_token")), before[0]);

    house.advance(Duration::from_secs(600));
    assert_eq!(kid(text(&house.login().await, "access_token")), made);
    house.http().ask("member.me", Some(&old_token), json!({})).await.expect("the old one verifies");
    player.refresh().await.unwrap();
    assert_eq!(kid(player.access_token()), made);
    player.renew().await.unwrap();

    house.advance(Duration::from_secs(15 * 60 + 61));
    assert_eq!(published(&house).await, [made], "nothing that the old one signed is good");
}
