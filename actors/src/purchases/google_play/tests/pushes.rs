use super::*;
use crate::identity::provider::reason as token_reason;
use crate::identity::testing::{KeyServer, OTHER_RSA, RSA};

fn body(data: &Value) -> String {
    let data = STANDARD.encode(data.to_string());
    json!({"message": {"attributes": {}, "data": data, "messageId": "17"},
           "subscription": "projects/p/subscriptions/s"})
    .to_string()
}

fn data(changes: Value) -> Value {
    let mut data = json!({
        "version": "1.0", "packageName": "com.example.game", "eventTimeMillis": "1800000000000",
    });
    for (name, value) in changes.as_object().unwrap() {
        data[name] = value.clone();
    }
    data
}

fn paid() -> Value {
    json!({"oneTimeProductNotification": {
        "version": "1.0", "notificationType": 1, "purchaseToken": "t", "sku": "gem_100",
    }})
}

fn claims(changes: Value) -> Value {
    let mut claims = json!({
        "iss": "https://accounts.google.com", "aud": "https://play.example.com", "sub": "1",
        "email": EMAIL, "email_verified": true, "iat": START, "exp": START + 3600,
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn bearer(claims: &Value) -> String {
    format!("Bearer {}", RSA.sign(&json!({"alg": "RS256", "kid": "k"}), claims))
}

async fn scene() -> (Scene, KeyServer) {
    let keys = KeyServer::with(&[RSA.jwk("k")]).await;
    (Scene::bare(&keys.url).await, keys)
}

async fn told(scene: &Scene, authorization: &str, body: &str) -> Result<Option<Hint>, Fault> {
    let notice = Notice { authorization: Some(authorization), body: body.as_bytes() };
    scene.play.notified(notice).await
}

#[tokio::test]
async fn a_push_is_a_hint_about_a_token() {
    let (scene, _keys) = scene().await;
    let proof = bearer(&claims(json!({})));
    let says = async |changes| told(&scene, &proof, &body(&data(changes))).await;
    let hint = says(paid()).await.unwrap().unwrap();
    assert_eq!((hint.id.as_str(), hint.what), ("17", Happened::Changed));
    assert_eq!(hint.at, Micros::from_seconds(START));
    assert_eq!(hint.transaction, Some(transaction()));
    let voided = |kind: i64| {
        json!({"voidedPurchaseNotification": {
            "purchaseToken": "t", "orderId": "GPA.1", "productType": kind, "refundType": 1,
        }})
    };
    let hint = says(voided(2)).await.unwrap().unwrap();
    assert_eq!((hint.what, hint.transaction.unwrap().id.as_str()), (Happened::Refunded, "t"));
    assert_eq!(says(voided(1)).await, Ok(None), "a subscription");
    let hint = says(json!({"testNotification": {"version": "1.0"}})).await.unwrap().unwrap();
    assert_eq!((hint.what, hint.transaction), (Happened::Test, None));
    let subscription = json!({"subscriptionNotification": {"notificationType": 2}});
    assert_eq!(says(subscription).await, Ok(None));
    assert!(scene.store.asked().is_empty(), "asking is the caller's part");
}

#[tokio::test]
async fn who_pushes_is_proven_before_anything_is_read() {
    let (scene, _keys) = scene().await;
    let body = body(&data(paid()));
    let cases = [
        (claims(json!({"aud": "https://other.example"})), token_reason::AUD_OTHER),
        (claims(json!({"iss": "https://attacker.example"})), token_reason::ISS_OTHER),
        (claims(json!({"email": "attacker@example.com"})), token_reason::EMAIL_OTHER),
        (claims(json!({"email": null})), token_reason::EMAIL_OTHER),
        (claims(json!({"email_verified": false})), token_reason::EMAIL_OTHER),
        (claims(json!({"email_verified": "yes"})), token_reason::EMAIL_OTHER),
        (claims(json!({"email_verified": null})), token_reason::EMAIL_OTHER),
        (claims(json!({"exp": START - 60})), "expired"),
        (claims(json!({"exp": null})), token_reason::EXP_MALFORMED),
    ];
    for (claims, why) in cases {
        let answer = told(&scene, &bearer(&claims), &body).await;
        assert_eq!(answer, Err(Fault::Refused(why)), "{claims}");
    }
    let refused = async |authorization: &str| told(&scene, authorization, &body).await.unwrap_err();
    let header = json!({"alg": "RS256", "kid": "k"});
    let forged = OTHER_RSA.sign(&header, &claims(json!({})));
    let forged = refused(&format!("Bearer {forged}")).await;
    assert_eq!(forged, Fault::Refused(token_reason::SIGNATURE));
    let none = RSA.sign(&json!({"alg": "none", "kid": "k"}), &claims(json!({})));
    let none = refused(&format!("Bearer {none}")).await;
    assert_eq!(none, Fault::Refused(token_reason::ALGORITHM));
    assert_eq!(refused("Basic x").await, Fault::Refused(reason::UNSIGNED));
    let bare = Notice { authorization: None, body: body.as_bytes() };
    assert_eq!(scene.play.notified(bare).await, Err(Fault::Refused(reason::UNSIGNED)));
    let good = told(&scene, &bearer(&claims(json!({"email_verified": "true"}))), &body).await;
    assert!(good.is_ok());
}

#[tokio::test]
async fn a_push_that_is_none_is_refused() {
    let (scene, _keys) = scene().await;
    let proof = bearer(&claims(json!({})));
    let shape = Err(Fault::Refused(reason::EVIDENCE_SHAPE));
    let odd = json!({"message": {"data": "*", "messageId": "1"}}).to_string();
    let unnamed = json!({"message": {"data": "e30=", "messageId": ""}}).to_string();
    let text = json!({"message": {"data": STANDARD.encode("text"), "messageId": "1"}}).to_string();
    for other in ["", "{}", "[]", &odd, &unnamed, &text] {
        assert_eq!(told(&scene, &proof, other).await, shape, "{other}");
    }
    let other = body(&data(json!({"packageName": "com.example.other"})));
    assert_eq!(told(&scene, &proof, &other).await, Err(Fault::Refused(reason::OTHER_APP)));
    let large = " ".repeat(64 * 1024 + 1);
    assert_eq!(told(&scene, &proof, &large).await, Err(Fault::Refused(reason::EVIDENCE_SIZE)));
}

#[tokio::test]
async fn without_settings_for_pushes_none_is_taken() {
    let (mut scene, _keys) = scene().await;
    scene.play.push.forget_email();
    let answer = told(&scene, &bearer(&claims(json!({"email": ""}))), &body(&data(paid()))).await;
    assert_eq!(answer, Err(Fault::Misconfigured("google_play.push_email")));
}
