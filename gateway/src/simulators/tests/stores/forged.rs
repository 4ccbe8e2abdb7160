//! Evidence that is wrong in one way.

use super::*;

async fn refusal(sale: &Sale, store: StoreName, how: &str) -> &'static str {
    let bought = sale.buy(store, json!({ "misbehave": how })).await;
    let reason = refused(sale.verdict(store, &bought.evidence).await);
    // The purchase itself is good.
    let which = json!({ "transaction": bought.transaction });
    let path = format!("/sim/stores/{}/evidence", store.word());
    let (status, good) = sale.stage.post(&path, &which).await;
    assert_eq!(status, 200, "{good}");
    assert_eq!(sale.verdict(store, &good["evidence"]).await.word(), "granted", "{how}");
    reason
}

#[tokio::test]
async fn evidence_of_something_else_is_refused_by_every_store() {
    let sale = Sale::open().await;
    for store in STORES {
        assert_eq!(refusal(&sale, store, "unknown").await, reason::UNKNOWN, "{}", store.word());
    }
    assert_eq!(refusal(&sale, AppStore, "other_app").await, reason::OTHER_APP);
    assert_eq!(refusal(&sale, GooglePlay, "other_app").await, reason::OTHER_APP);
    assert_eq!(refusal(&sale, OneStore, "other_app").await, reason::UNKNOWN);
    assert_eq!(refusal(&sale, GooglePlay, "other_product").await, reason::PRODUCT);
    // It knows the pair alone.
    assert_eq!(refusal(&sale, OneStore, "other_product").await, reason::UNKNOWN);
}

#[tokio::test]
async fn apples_chain_and_signature_are_looked_at_in_every_part() {
    let sale = Sale::open().await;
    for (how, why) in [
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
    ] {
        assert_eq!(refusal(&sale, AppStore, how).await, why, "{how}");
    }
}

#[tokio::test]
async fn a_notification_that_was_changed_or_is_anothers_is_refused() {
    let sale = Sale::open().await;
    for store in STORES {
        sale.buy(store, json!({})).await;
        let url = format!("{}/sim/stores/{}/notices", sale.stage.private, store.word());
        let answer = sale.stage.client.get(url).send().await.unwrap();
        let (_, notices) = crate::simulators::tests::told(answer).await;
        let body = notices[0]["body"].as_str().unwrap().to_owned();
        let authorization = notices[0]["authorization"].as_str();
        let says = async |authorization, body: &str| {
            sale.at(store).notified(Notice { authorization, body: body.as_bytes() }).await
        };
        assert!(says(authorization, &body).await.unwrap().is_some());
        if store == GooglePlay {
            // A push proves who sends, not what: so nothing but a name is taken from it.
            let unsigned = Err(Fault::Refused(reason::UNSIGNED));
            assert_eq!(says(None, &body).await, unsigned);
            assert!(says(Some("Bearer a.b.c"), &body).await.is_err());
        } else {
            let (start, end) = body.split_at(body.len() / 2);
            let flipped = if end.starts_with('A') { "B" } else { "A" };
            let changed = format!("{start}{flipped}{}", &end[1..]);
            assert!(
                matches!(says(None, &changed).await, Err(Fault::Refused(_))),
                "{}",
                store.word()
            );
        }
        assert!(says(authorization, "{}").await.is_err());
    }
}

#[tokio::test]
async fn what_cannot_be_wrong_with_a_stores_notifications_is_said() {
    let sale = Sale::open().await;
    for (store, how) in [
        (AppStore, "expired_token"),
        (AppStore, "unknown"),
        (GooglePlay, "other_root"),
        (OneStore, "alg_none"),
        (OneStore, "nothing"),
    ] {
        sale.buy(store, json!({})).await;
        let stores = format!("{}/sim/stores/{}", sale.stage.private, store.word());
        let url = format!("{stores}/notices?misbehave={how}");
        let answer = sale.stage.client.get(url).send().await.unwrap();
        let (status, said) = crate::simulators::tests::told(answer).await;
        assert_eq!(status, 400, "{how}: {said}");
        assert!(said.to_string().contains("misbehave"), "{how}: {said}");
    }
}

#[tokio::test]
async fn a_store_that_will_not_hear_of_a_grant_answers_questions_all_the_same() {
    let sale = Sale::open().await;
    for store in [GooglePlay, OneStore] {
        sale.control(store, "behave", json!({"told": 503})).await;
        let bought = sale.buy(store, json!({})).await;
        let purchase = granted(sale.verdict(store, &bought.evidence).await);
        let told = sale.at(store).acknowledge(&purchase.transaction).await;
        assert!(matches!(told, Err(Fault::Unavailable { .. })), "{told:?}");
        let again = granted(sale.verdict(store, &bought.evidence).await);
        assert!(!again.acknowledged);
        let wrong = sale.try_control(store, "behave", json!({"told": 200})).await;
        assert_eq!(wrong.0, 400, "{}", wrong.1);
    }
}
