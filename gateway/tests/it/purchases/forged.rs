//! What is wrong in one way, shown at the door or sent to it: it is refused, nothing comes of it,
//! and what is right is taken afterwards.

use actors::identity::provider::reason as token;
use actors::purchases::verifier::reason;
use protocol::error::ErrorCode;
use serde_json::{Value, json};

use super::buyer::{Bought, Buyer, Market};
use super::letters::Letter;
use crate::harness::Daemun;

/// What can be wrong with evidence, and why it is refused then.
const EVIDENCE: [(&str, &[(&str, &str)]); 3] = [
    (
        "app_store",
        &[
            ("unknown", reason::UNKNOWN),
            ("other_app", reason::OTHER_APP),
            ("expired_leaf", reason::CHAIN),
            ("leaf_not_marked", reason::CHAIN_PURPOSE),
            ("intermediate_not_marked", reason::CHAIN_PURPOSE),
            ("intermediate_not_ca", reason::CHAIN),
            ("other_root", reason::CHAIN),
            ("two_certificates", reason::CHAIN_SHAPE),
            ("four_certificates", reason::CHAIN_SHAPE),
            ("alg_none", reason::ALGORITHM),
            ("forged_signature", reason::SIGNATURE),
            ("tampered", reason::SIGNATURE),
            ("xcode", reason::ENVIRONMENT),
            ("local_testing", reason::ENVIRONMENT),
        ],
    ),
    (
        "google_play",
        &[
            ("unknown", reason::UNKNOWN),
            ("other_app", reason::OTHER_APP),
            ("other_product", reason::PRODUCT),
        ],
    ),
    (
        "one_store",
        &[
            ("unknown", reason::UNKNOWN),
            ("other_app", reason::UNKNOWN),
            ("other_product", reason::UNKNOWN),
        ],
    ),
];

pub async fn evidence_that_is_wrong_in_one_way_is_refused(house: Daemun) {
    let market = Market::of(&house);
    for (store, ways) in EVIDENCE {
        market.hold_letters(store).await;
        for (wrong, why) in ways {
            let buyer = market.guest().await;
            let forged = buyer.buys(store, json!({ "misbehave": wrong })).await;
            for _ in 0..2 {
                let error = buyer.is_refused(&forged).await;
                assert_eq!(error.code, ErrorCode::PurchaseRefused, "{store} {wrong}");
                let detail = json!({"finish": false, "reason": why});
                assert_eq!(error.detail, Some(detail), "{store} {wrong}");
            }
            assert_eq!(buyer.history().await, Vec::<Value>::new(), "{store} {wrong}");
            assert_eq!(buyer.has("gem").await, 0, "{store} {wrong}");
            // The purchase itself is good.
            let good = market.shows_again(&forged).await;
            let shown = buyer.shows(&good).await.unwrap();
            assert_eq!(shown["purchase"]["state"], "granted", "{store} {wrong}");
            assert_eq!(buyer.has("gem").await, 100, "{store} {wrong}");
        }
    }
}

/// A purchase of which the game is told by the store alone.
async fn untold(market: &Market, store: &str) -> (Buyer, Bought) {
    let buyer = market.guest().await;
    market.hold_letters(store).await;
    let bought = buyer.buys(store, json!({})).await;
    market.letters(store, None).await;
    (buyer, bought)
}

/// Whatever was brought came to nothing; what the store says itself is believed.
async fn only_the_truth_counts(market: &Market, buyer: &Buyer, bought: &Bought) {
    assert_eq!(buyer.history().await, Vec::<Value>::new(), "{}", bought.store);
    assert_eq!(buyer.has("gem").await, 0, "{}", bought.store);
    let letter = market.tells(bought, None).await;
    market.is_taken(&bought.store, &letter).await;
    buyer.is_told("granted").await;
    assert_eq!(buyer.has("gem").await, 100, "{}", bought.store);
}

pub async fn notifications_that_apple_has_not_signed_are_not_believed(house: Daemun) {
    let market = Market::of(&house);
    let (buyer, bought) = untold(&market, "app_store").await;
    for (wrong, why) in EVIDENCE[0].1 {
        if *wrong == "unknown" {
            continue;
        }
        let letter = market.tells(&bought, Some(wrong)).await;
        assert_eq!(market.is_not_believed("app_store", &letter).await, *why, "{wrong}");
    }
    only_the_truth_counts(&market, &buyer, &bought).await;
}

pub async fn pushes_that_google_has_not_sent_are_not_believed(house: Daemun) {
    let market = Market::of(&house);
    let (buyer, bought) = untold(&market, "google_play").await;
    for (wrong, why) in [
        ("other_audience", token::AUD_OTHER),
        ("other_issuer", token::ISS_OTHER),
        ("other_sender", token::EMAIL_OTHER),
        ("unverified_sender", token::EMAIL_OTHER),
        ("expired_token", "expired"),
        ("alg_none", token::ALGORITHM),
        ("forged_signature", token::SIGNATURE),
        ("other_app", reason::OTHER_APP),
    ] {
        let letter = market.tells(&bought, Some(wrong)).await;
        assert_eq!(market.is_not_believed("google_play", &letter).await, why, "{wrong}");
    }
    let letter = market.tells(&bought, None).await;
    for authorization in [None, Some("Basic eDp5".to_owned())] {
        let letter = Letter { authorization, ..letter.clone() };
        assert_eq!(market.is_not_believed("google_play", &letter).await, reason::UNSIGNED);
    }
    only_the_truth_counts(&market, &buyer, &bought).await;
}

pub async fn payments_that_one_store_has_not_signed_are_not_believed(house: Daemun) {
    let market = Market::of(&house);
    let (buyer, bought) = untold(&market, "one_store").await;
    let letter = market.tells(&bought, Some("tampered")).await;
    assert_eq!(market.is_not_believed("one_store", &letter).await, reason::SIGNATURE, "its price");
    let letter = market.tells(&bought, Some("other_app")).await;
    assert_eq!(market.is_not_believed("one_store", &letter).await, reason::OTHER_APP);

    let letter = market.tells(&bought, None).await;
    let (first, rest) = letter.body[1..].split_once(',').unwrap();
    let (second, rest) = rest.split_once(',').unwrap();
    let reordered = letter.saying(format!("{{{second},{first},{rest}"));
    assert_eq!(market.is_not_believed("one_store", &reordered).await, reason::SIGNATURE);

    let (signed, signature) = letter.body.split_once(",\"signature\"").unwrap();
    let unsigned = letter.saying(format!("{signed}}}"));
    assert_eq!(market.is_not_believed("one_store", &unsigned).await, reason::UNSIGNED);

    // Another payment's signature is as good as none.
    let another = buyer.buys("one_store", json!({"sandbox": true})).await;
    market.letters("one_store", None).await;
    let theirs = market.tells(&another, None).await;
    let (signed, _) = theirs.body.split_once(",\"signature\"").unwrap();
    let borrowed = letter.saying(format!("{signed},\"signature\"{signature}"));
    assert_eq!(market.is_not_believed("one_store", &borrowed).await, reason::SIGNATURE);
    only_the_truth_counts(&market, &buyer, &bought).await;
}

/// What the letter says is no proof: the store is asked, and says that nothing is paid.
pub async fn what_a_store_does_not_confirm_is_not_granted(house: Daemun) {
    let market = Market::of(&house);
    market.hold_letters("google_play").await;
    let buyer = market.guest().await;
    let bought = buyer.buys("google_play", json!({"pay_later": true})).await;
    let paid = buyer.buys("google_play", json!({})).await;
    let letter = market.letter("google_play", None).await;
    // Whoever got hold of a push may say by its token whatever he likes.
    let mut body: Value = serde_json::from_str(&letter.body).unwrap();
    let data = body["message"]["data"].as_str().unwrap().to_owned();
    body["message"]["data"] = claims_to_be(&data, &paid, &bought).into();
    body["message"]["messageId"] = "another".into();
    market.is_taken("google_play", &letter.saying(body.to_string())).await;
    let state = async || buyer.history().await.first().map(|it| it["state"].clone());
    while state().await != Some(json!("pending")) {
        tokio::task::yield_now().await;
    }
    assert_eq!(buyer.has("gem").await, 0);
    market.is_taken("google_play", &letter).await;
    buyer.is_told("granted").await;
    assert_eq!(buyer.has("gem").await, 100);
}

/// A push about one purchase, as if it were about another.
fn claims_to_be(data: &str, of: &Bought, other: &Bought) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let text = String::from_utf8(STANDARD.decode(data).unwrap()).unwrap();
    assert!(text.contains(&of.transaction), "{text}");
    STANDARD.encode(text.replace(&of.transaction, &other.transaction))
}
