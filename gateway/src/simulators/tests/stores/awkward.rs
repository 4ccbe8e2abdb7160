//! Stores at their worst.

use super::*;

/// The verdict on what has to be asked for, while the store behaves so.
async fn verdict_while(sale: &Sale, store: StoreName, conduct: Value) -> Verdict {
    let bought = sale.buy(store, json!({})).await;
    sale.stage.clock.advance(A_WHILE);
    sale.control(store, "behave", conduct).await;
    let verdict = sale.verdict(store, &bought.evidence).await;
    sale.control(store, "behave", json!({})).await;
    // Nothing of it stays longer than a second.
    sale.stage.clock.advance(Duration::from_secs(1));
    assert_eq!(sale.verdict(store, &bought.evidence).await.word(), "granted");
    verdict
}

#[tokio::test]
async fn a_store_in_trouble_says_nothing_about_a_purchase() {
    let sale = Sale::open().await;
    for store in STORES {
        for conduct in [
            json!({"status": 500}),
            json!({"status": 502}),
            json!({"status": 503}),
            json!({"status": 429}),
            json!({"status": 302}),
            json!({"status": 404}),
            json!({"status": 400}),
            json!({"rubbish": true}),
            json!({"oversize": true}),
        ] {
            let verdict = verdict_while(&sale, store, conduct.clone()).await;
            assert_eq!(verdict.word(), "unavailable", "{} {conduct}", store.word());
        }
        let google = sale.stage.states().await["google"].clone();
        assert_eq!(google["jwks_fetches"], 0, "no redirect was followed");
    }
}

#[tokio::test]
async fn a_store_that_does_not_let_us_in_is_our_fault_and_final_for_nobody() {
    let sale = Sale::open().await;
    for store in STORES {
        for status in [401, 403] {
            let verdict = verdict_while(&sale, store, json!({ "status": status })).await;
            let Verdict::Misconfigured(what) = verdict else { panic!("{verdict:?}") };
            assert!(what.starts_with(store.word()), "{what} names the setting");
        }
    }
}

#[tokio::test]
async fn wrong_credentials_are_our_fault() {
    let sale = Sale::open().await;
    let folder = TempDir::new().unwrap();
    // Those of another server that plays the same stores.
    let other = Stage::open().await;
    other.simulators.prepare(folder.path()).await.unwrap();
    let foreign = other.simulators.stores(folder.path());
    let mut settings = sale.settings.clone();
    if let (Some(ours), Some(theirs)) = (&mut settings.app_store, foreign.app_store) {
        ours.key_file = theirs.key_file;
    }
    if let Some(ours) = &mut settings.one_store {
        let path = folder.path().join("wrong");
        std::fs::write(&path, "not-the-secret").unwrap();
        ours.client_secret_file = path;
    }
    if let (Some(ours), Some(theirs)) = (&mut settings.google_play, foreign.google_play) {
        // Its key, sent to our token server.
        let text = std::fs::read_to_string(theirs.service_account_file).unwrap();
        let text = text.replace(&other.public, &sale.stage.public);
        let path = folder.path().join("account.json");
        std::fs::write(&path, text).unwrap();
        ours.service_account_file = path;
    }
    let stores = Sale::stores(&sale.stage, &settings);
    for store in STORES {
        let bought = sale.buy(store, json!({})).await;
        sale.stage.clock.advance(A_WHILE);
        let evidence = Evidence::read(bought.evidence.to_string().as_bytes()).unwrap();
        let question =
            Question { evidence: &evidence, accounts: None, tester: false, expected: None };
        let verdict = stores.verify(store, question).await.unwrap();
        assert_eq!(verdict.word(), "misconfigured", "{}", store.word());
    }
}

#[tokio::test]
async fn a_store_that_never_answers_is_given_up_after_ten_seconds() {
    let sale = Sale::open().await;
    for store in STORES {
        let bought = sale.buy(store, json!({})).await;
        // The access token is fetched in good times.
        sale.stage.clock.advance(A_WHILE);
        assert_eq!(sale.verdict(store, &bought.evidence).await.word(), "granted");
        sale.control(store, "behave", json!({"never": true})).await;
        tokio::time::pause();
        let before = tokio::time::Instant::now();
        let verdict = sale.verdict(store, &bought.evidence).await;
        let waited = before.elapsed();
        tokio::time::resume();
        assert_eq!(verdict.word(), "unavailable", "{}", store.word());
        assert!(waited <= Duration::from_millis(10_002), "{waited:?}");
        sale.control(store, "behave", json!({})).await;
    }
}

#[tokio::test]
async fn an_expired_access_token_is_changed_without_anyone_noticing() {
    let sale = Sale::open().await;
    for store in STORES {
        let bought = sale.buy(store, json!({})).await;
        for _ in 0..3 {
            assert_eq!(sale.verdict(store, &bought.evidence).await.word(), "granted");
            sale.stage.clock.advance(Duration::from_secs(3_600));
        }
    }
}
