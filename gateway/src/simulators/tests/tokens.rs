//! What the server's verifier says of the tokens.

use actors::identity::provider::{Refusal, reason};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use storage::clock::Micros;

use super::{ISSUERS, START, Stage, misbehaving};

/// A header or payload.
fn part(token: &str, place: usize) -> Value {
    let part = token.split('.').nth(place).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn an_honest_token_logs_in_with_and_without_a_nonce() {
    let stage = Stage::open().await;
    for (issuer, audience, life) in
        [("google", "demo.apps.sim", 3_600), ("apple", "com.example.demo", 86_400)]
    {
        let bare = stage.token(issuer, json!({"subject": "alice"})).await;
        let verified = stage.verify(issuer, &bare, None).await.unwrap();
        assert_eq!((&*verified.subject, &*verified.audience), ("alice", audience));
        assert_eq!(verified.issued_at, Some(Micros::from_seconds(START)));
        assert_eq!(verified.expires_at, Micros::from_seconds(START + life));
        assert_eq!(verified.nonce, None);

        let bound = stage.token(issuer, json!({"subject": "bob", "nonce": "raw"})).await;
        let verified = stage.verify(issuer, &bound, Some("raw")).await.unwrap();
        assert_eq!((&*verified.subject, verified.nonce.as_deref()), ("bob", Some("raw")));
        let stolen = stage.verify(issuer, &bound, Some("other")).await;
        assert_eq!(stolen, Err(Refusal::Rejected(reason::NONCE_MISMATCH)));
    }
}

#[tokio::test]
async fn the_tokens_of_each_issuer_look_like_the_real_ones() {
    let stage = Stage::open().await;
    let request = json!({"subject": "alice", "nonce": "abc"});
    let google = stage.token("google", request.clone()).await;
    assert_eq!(
        (&part(&google, 0)["alg"], &part(&google, 0)["typ"]),
        (&json!("RS256"), &json!("JWT"))
    );
    let claims = part(&google, 1);
    assert_eq!(claims["nonce"], "abc");
    assert_eq!(claims["azp"], "demo.apps.sim");
    assert_eq!(claims["iss"], format!("{}/sim/oidc/google", stage.public));

    let apple = stage.token("apple", request.clone()).await;
    assert_eq!(part(&apple, 0).get("typ"), None);
    let claims = part(&apple, 1);
    // The digest of "abc" from FIPS 180-2, appendix B.1.
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(claims["nonce"], digest);
    assert_eq!(claims["nonce_supported"], true);
    assert_eq!(claims["auth_time"], START);

    let again = stage.token("apple", request).await;
    assert_ne!(apple, again, "two logins in one second are two tokens");
}

#[tokio::test]
async fn a_token_of_one_issuer_is_nothing_to_the_other() {
    let stage = Stage::open().await;
    let google = stage.token("google", json!({"subject": "alice"})).await;
    // The verifier waits a few seconds for a key set, which the making of a key may take.
    stage.jwks("apple").await.unwrap();
    let answer = stage.verify("apple", &google, None).await;
    assert_eq!(answer, Err(Refusal::Rejected(reason::KID_UNKNOWN)));
}

#[tokio::test]
async fn each_misbehaviour_is_refused_for_its_own_reason() {
    let stage = Stage::open().await;
    let cases = [
        ("expired", Refusal::Expired),
        ("future", Refusal::Rejected(reason::IAT_FUTURE)),
        ("wrong_audience", Refusal::Rejected(reason::AUD_OTHER)),
        ("no_audience", Refusal::Rejected(reason::AUD_MISSING)),
        ("wrong_issuer", Refusal::Rejected(reason::ISS_OTHER)),
        ("unknown_key", Refusal::Rejected(reason::KID_UNKNOWN)),
        ("forged_signature", Refusal::Rejected(reason::SIGNATURE)),
        ("alg_none", Refusal::Rejected(reason::ALGORITHM)),
        ("hs256_with_public_key", Refusal::Rejected(reason::ALGORITHM)),
        ("wrong_nonce", Refusal::Rejected(reason::NONCE_UNEXPECTED)),
    ];
    for issuer in ISSUERS {
        for (how, refusal) in cases {
            let token = stage.token(issuer, misbehaving(how)).await;
            // An unknown key is only refused by a fetch, and those need some time between them.
            stage.clock.advance(super::COOLDOWN);
            assert_eq!(stage.verify(issuer, &token, None).await, Err(refusal), "{issuer} {how}");
        }
        let request = json!({"subject": "alice", "nonce": "raw", "misbehave": "wrong_nonce"});
        let token = stage.token(issuer, request).await;
        let answer = stage.verify(issuer, &token, Some("raw")).await;
        assert_eq!(answer, Err(Refusal::Rejected(reason::NONCE_MISMATCH)), "{issuer}");
    }
}

#[tokio::test]
async fn forgeries_are_what_they_claim_to_be() {
    let stage = Stage::open().await;
    for issuer in ISSUERS {
        let honest = stage.token(issuer, json!({"subject": "alice"})).await;
        let kid = part(&honest, 0)["kid"].clone();
        let forged = stage.token(issuer, misbehaving("forged_signature")).await;
        assert_eq!(part(&forged, 0)["kid"], kid);
        let unknown = stage.token(issuer, misbehaving("unknown_key")).await;
        assert_ne!(part(&unknown, 0)["kid"], kid);
        let unsigned = stage.token(issuer, misbehaving("alg_none")).await;
        assert_eq!(part(&unsigned, 0)["alg"], "none");
        assert!(unsigned.ends_with('.'));
        let hmac = stage.token(issuer, misbehaving("hs256_with_public_key")).await;
        assert_eq!(part(&hmac, 0)["alg"], "HS256");
        let seal = hmac.rsplit('.').next().unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(seal).unwrap().len(), 32);
    }
}

#[tokio::test]
async fn a_token_is_for_the_audience_that_was_asked_for() {
    let stage = Stage::open().await;
    let request = json!({"subject": "alice", "audience": "another-game"});
    let token = stage.token("google", request).await;
    assert_eq!(part(&token, 1)["aud"], "another-game");
    let answer = stage.verify("google", &token, None).await;
    assert_eq!(answer, Err(Refusal::Rejected(reason::AUD_OTHER)));
}
