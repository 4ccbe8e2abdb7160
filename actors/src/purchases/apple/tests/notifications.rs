use super::*;
use crate::purchases::verifier::Happened;

fn notification(kind: &str, changes: Value) -> Value {
    let mut payload = json!({
        "notificationType": kind,
        "notificationUUID": "002e14d5-51f5-4503-b5a8-c3a1af68eb20",
        "version": "2.0",
        "signedDate": START_MS,
        "data": {
            "environment": "Production",
            "bundleId": "com.example.game",
            "signedTransactionInfo": APPLE.sign(&transaction()),
        },
    });
    for (name, value) in changes.as_object().unwrap() {
        payload["data"][name] = value.clone();
    }
    payload
}

async fn told(scene: &Scene, payload: &Value) -> Result<Option<Hint>, Fault> {
    sent(scene, &json!({ "signedPayload": APPLE.sign(payload) }).to_string()).await
}

async fn sent(scene: &Scene, body: &str) -> Result<Option<Hint>, Fault> {
    scene.apple.notified(Notice { authorization: None, body: body.as_bytes() }).await
}

#[tokio::test]
async fn a_notification_is_a_hint_about_a_transaction() {
    let scene = Scene::open().await;
    for (kind, what) in [
        ("ONE_TIME_CHARGE", Happened::Changed),
        ("REFUND", Happened::Refunded),
        ("REVOKE", Happened::Refunded),
        ("REFUND_REVERSED", Happened::RefundReversed),
    ] {
        let hint = told(&scene, &notification(kind, json!({}))).await.unwrap().unwrap();
        assert_eq!(hint.what, what);
        assert_eq!(hint.id, "002e14d5-51f5-4503-b5a8-c3a1af68eb20");
        assert_eq!(hint.at, Micros(START_MS * 1_000));
        assert_eq!(hint.transaction.unwrap().id, "2000000123456789");
    }
    assert!(scene.store.asked().is_empty(), "asking is the caller's part");
}

#[tokio::test]
async fn what_is_about_nothing_here_is_no_hint() {
    let scene = Scene::open().await;
    for kind in ["DID_RENEW", "CONSUMPTION_REQUEST", "SOMETHING_NEW"] {
        assert_eq!(told(&scene, &notification(kind, json!({}))).await, Ok(None), "{kind}");
    }
    let subscription = APPLE.sign(&with(json!({"type": "Auto-Renewable Subscription"})));
    let payload = notification("REFUND", json!({ "signedTransactionInfo": subscription }));
    assert_eq!(told(&scene, &payload).await, Ok(None));
    let test = json!({
        "notificationType": "TEST", "notificationUUID": "a", "signedDate": START_MS,
        "data": {"bundleId": "com.example.game", "environment": "Sandbox"},
    });
    let hint = told(&scene, &test).await.unwrap().unwrap();
    assert_eq!((hint.what, hint.transaction), (Happened::Test, None));
}

#[tokio::test]
async fn what_is_not_apples_or_not_ours_is_refused() {
    let scene = Scene::open().await;
    let forged = OTHER_ROOT.chain(AS_APPLE).sign(&notification("REFUND", json!({})));
    let body = json!({ "signedPayload": forged }).to_string();
    assert_eq!(sent(&scene, &body).await, Err(Fault::Refused(reason::CHAIN)));
    // The outer text is Apple's, the inner one is not.
    let inner = OTHER_ROOT.chain(AS_APPLE).sign(&transaction());
    let payload = notification("REFUND", json!({ "signedTransactionInfo": inner }));
    assert_eq!(told(&scene, &payload).await, Err(Fault::Refused(reason::CHAIN)));
    let payload = notification("REFUND", json!({"bundleId": "com.example.other"}));
    assert_eq!(told(&scene, &payload).await, Err(Fault::Refused(reason::OTHER_APP)));
    let inner = APPLE.sign(&with(json!({"bundleId": "com.example.other"})));
    let payload = notification("REFUND", json!({ "signedTransactionInfo": inner }));
    assert_eq!(told(&scene, &payload).await, Err(Fault::Refused(reason::OTHER_APP)));
    let payload = notification("REFUND", json!({"environment": "Sandbox"}));
    assert_eq!(told(&scene, &payload).await, Err(Fault::Refused(reason::ENVIRONMENT)));
    for body in ["", "[]", "{}", r#"{"signedPayload": 1}"#] {
        assert_eq!(sent(&scene, body).await, Err(Fault::Refused(reason::EVIDENCE_SHAPE)));
    }
    let large = format!("{{\"signedPayload\":\"{}\"}}", "a".repeat(64 * 1024));
    assert_eq!(sent(&scene, &large).await, Err(Fault::Refused(reason::EVIDENCE_SIZE)));
    // A transaction is no notification.
    assert_eq!(told(&scene, &transaction()).await, Err(LATER));
}

#[tokio::test]
async fn the_history_of_both_environments_is_read_page_by_page() {
    let scene = Scene::open().await;
    let page = |kinds: &[&str], next: Option<&str>| {
        let items: Vec<_> = kinds
            .iter()
            .map(|kind| json!({"signedPayload": APPLE.sign(&notification(kind, json!({})))}))
            .collect();
        json!({"notificationHistory": items, "hasMore": next.is_some(), "paginationToken": next})
            .to_string()
    };
    scene.store.answers(200, &page(&["REFUND", "DID_RENEW"], Some("a b")));
    scene.store.answers(200, &page(&["REFUND_REVERSED"], None));
    scene.sandbox.answers(200, &page(&[], None));
    let since = Micros((START_MS - 172_800_000) * 1_000);
    let mut page = None;
    let mut told = Vec::new();
    for _ in 0..3 {
        let TakenBack::Listed { hints, next } =
            scene.apple.taken_back(since, page.as_deref()).await.unwrap()
        else {
            panic!("a list");
        };
        told.extend(hints.into_iter().map(|hint| hint.what));
        page = next;
    }
    assert_eq!((told, page), (vec![Happened::Refunded, Happened::RefundReversed], None));
    let asked = scene.store.asked();
    assert_eq!(asked[0].line, "POST /inApps/v1/notifications/history");
    assert_eq!(asked[1].line, "POST /inApps/v1/notifications/history?paginationToken=a%20b");
    let span: Value = serde_json::from_str(&asked[0].body).unwrap();
    assert_eq!(span, json!({"startDate": START_MS - 172_800_000, "endDate": START_MS}));
    assert_eq!(scene.sandbox.asked().len(), 1);
    let odd = scene.apple.taken_back(since, Some("elsewhere:x")).await;
    assert_eq!(odd, Err(Fault::Refused(reason::EVIDENCE_SHAPE)));
}
