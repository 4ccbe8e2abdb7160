use std::sync::Arc;

use serde_json::{Value, json};
use storage::clock::{Clock, ManualClock};

use super::*;
use crate::identity::provider::reason;
use crate::identity::testing::{
    EC, ED, KeyServer, OTHER_RSA, RSA, START, Signer, base64url, cache, clock,
};

const RAW_NONCE: &str = "n-0S6_WzA2Mj";

/// A provider, the settings for it and all that a verification takes.
struct Desk {
    settings: OidcSettings,
    keys: KeyCache,
    clock: Arc<ManualClock>,
    server: KeyServer,
}

impl Desk {
    async fn open() -> Self {
        Self::with(&[RSA.jwk("rsa"), EC.jwk("ec"), ED.jwk("ed")]).await
    }

    async fn with(jwks: &[Value]) -> Self {
        let server = KeyServer::with(jwks).await;
        let settings = OidcSettings {
            issuers: vec!["https://issuer.example".into()],
            jwks_url: server.url.clone(),
            audiences: vec!["our-app".into(), "our-web".into()],
            algorithms: vec!["RS256".into(), "PS256".into(), "ES256".into(), "EdDSA".into()],
            require_nonce: false,
            allow_insecure_loopback: true,
            ..OidcSettings::default()
        };
        settings.check().expect("settings");
        let clock = clock();
        Self { settings, keys: cache(&clock), clock, server }
    }

    async fn verify(&self, token: &str, nonce: Option<&str>) -> Result<Verified, Refusal> {
        self.settings.verify(&self.keys, token, nonce, self.clock.now()).await
    }

    async fn reason(&self, token: &str) -> &'static str {
        reason_of(self.verify(token, None).await)
    }
}

#[track_caller]
fn reason_of(answer: Result<Verified, Refusal>) -> &'static str {
    match answer {
        Err(Refusal::Rejected(reason)) => reason,
        Err(Refusal::Expired) => "expired",
        other => panic!("{other:?}"),
    }
}

fn header() -> Value {
    json!({"alg": "RS256", "kid": "rsa", "typ": "JWT"})
}

fn claims() -> Value {
    json!({
        "iss": "https://issuer.example",
        "aud": "our-app",
        "sub": "player-7",
        "iat": START,
        "exp": START + 3600,
    })
}

/// `base` with `changes` on top; a change to null takes the member away.
fn but(base: Value, changes: Value) -> Value {
    let (Value::Object(mut base), Value::Object(changes)) = (base, changes) else {
        panic!("two objects")
    };
    for (name, value) in changes {
        match value {
            Value::Null => base.remove(&name),
            value => base.insert(name, value),
        };
    }
    Value::Object(base)
}

/// A good token but for these claims.
fn token(changes: Value) -> String {
    RSA.sign(&header(), &but(claims(), changes))
}

#[tokio::test]
async fn a_good_token_tells_who_it_is() {
    let desk = Desk::open().await;
    let token = token(json!({}));
    let (signed, _) = token.rsplit_once('.').expect("three parts");
    let expected = Verified {
        subject: "player-7".into(),
        audience: "our-app".into(),
        issued_at: Some(Micros::from_seconds(START)),
        expires_at: Micros::from_seconds(START + 3600),
        nonce: None,
        token_digest: Sha256::digest(signed).into(),
    };
    assert_eq!(desk.verify(&token, None).await, Ok(expected));
}

#[tokio::test]
async fn each_listed_algorithm_verifies_with_its_own_kind_of_key() {
    let desk = Desk::open().await;
    let signers: [(&str, &str, &Signer); 4] = [
        ("RS256", "rsa", &RSA),
        ("PS256", "rsa", &RSA),
        ("ES256", "ec", &EC),
        ("EdDSA", "ed", &ED),
    ];
    for (alg, kid, signer) in signers {
        let token = signer.sign(&json!({"alg": alg, "kid": kid}), &claims());
        assert!(desk.verify(&token, None).await.is_ok(), "{alg}");
    }
    for (alg, kid, signer) in
        [("RS256", "ec", &RSA), ("ES256", "rsa", &EC), ("ES256", "ed", &EC), ("EdDSA", "ec", &ED)]
    {
        let token = signer.sign(&json!({"alg": alg, "kid": kid}), &claims());
        assert_eq!(desk.reason(&token).await, reason::KEY_MISMATCH, "{alg} with {kid}");
    }
}

#[tokio::test]
async fn a_key_is_used_for_the_algorithm_that_its_set_names_only() {
    let desk = Desk::with(&[but(RSA.jwk("rsa"), json!({"alg": "PS256"}))]).await;
    let right = RSA.sign(&json!({"alg": "PS256", "kid": "rsa"}), &claims());
    assert!(desk.verify(&right, None).await.is_ok());
    assert_eq!(desk.reason(&token(json!({}))).await, reason::KEY_MISMATCH);
}

#[tokio::test]
async fn a_token_of_another_shape_or_size_is_refused() {
    let desk = Desk::open().await;
    let good = token(json!({}));
    let (two, _) = good.rsplit_once('.').expect("three parts");
    for shapeless in ["", ".", two, &format!("{good}.x"), &format!("{good}."), "no token"] {
        assert_eq!(desk.reason(shapeless).await, reason::TOKEN_SHAPE, "{shapeless:?}");
    }
    assert_eq!(desk.reason("..").await, reason::HEADER);

    // The limit counts bytes of the whole token; a good token just beneath it passes.
    let stuffed = |filler: usize| token(json!({"filler": "x".repeat(filler)}));
    let (mut fits, mut giant) = (0, token::MAX_TOKEN);
    while giant - fits > 1 {
        let filler = usize::midpoint(fits, giant);
        if stuffed(filler).len() <= token::MAX_TOKEN { fits = filler } else { giant = filler }
    }
    assert!(desk.verify(&stuffed(fits), None).await.is_ok());
    assert_eq!(desk.reason(&stuffed(giant)).await, reason::TOKEN_SIZE);
}

#[tokio::test]
async fn an_algorithm_that_is_not_listed_is_refused() {
    let desk = Desk::open().await;
    for alg in ["none", "None", "", "HS256", "RS384", "ES384", "rs256", "ES512"] {
        let header = but(header(), json!({"alg": alg}));
        let unsigned = format!("{}.{}.", base64url(header.to_string()), base64url("{}"));
        assert_eq!(desk.reason(&unsigned).await, reason::ALGORITHM, "{alg}");
        assert_eq!(desk.reason(&RSA.sign(&header, &claims())).await, reason::ALGORITHM, "{alg}");
    }
    assert_eq!(desk.server.asked(), 0);
}

#[tokio::test]
async fn a_token_keyed_with_the_public_key_is_refused() {
    let mut desk = Desk::open().await;
    let header = json!({"alg": "HS256", "kid": "rsa"});
    let signed = format!("{}.{}", base64url(header.to_string()), base64url(claims().to_string()));
    let secret = jsonwebtoken::EncodingKey::from_secret(&RSA.public_der());
    let mac = jsonwebtoken::crypto::sign(signed.as_bytes(), &secret, Algorithm::HS256);
    let forged = format!("{signed}.{}", mac.expect("a code"));
    assert_eq!(desk.reason(&forged).await, reason::ALGORITHM);

    // Nor do settings that nobody checked let it through.
    desk.settings.algorithms.push("HS256".into());
    assert_eq!(desk.verify(&forged, None).await, Err(Refusal::Misconfigured("algorithms")));
}

#[tokio::test]
async fn a_header_that_is_not_that_of_an_id_token_is_refused() {
    let desk = Desk::open().await;
    let reason = async |changes| desk.reason(&RSA.sign(&but(header(), changes), &claims())).await;
    assert_eq!(reason(json!({"alg": null})).await, reason::HEADER);
    assert_eq!(reason(json!({"alg": ["RS256"]})).await, reason::HEADER);
    assert_eq!(reason(json!({"kid": 7})).await, reason::HEADER);
    assert_eq!(reason(json!({"kid": null})).await, reason::KID_MISSING);
    assert_eq!(reason(json!({"kid": "forged"})).await, reason::KID_UNKNOWN);
    assert_eq!(reason(json!({"typ": "at+jwt"})).await, reason::HEADER_TYP);
    assert_eq!(reason(json!({"crit": ["b64"], "b64": false})).await, reason::HEADER_CRIT);

    let twice = r#"{"alg":"RS256","alg":"RS256","kid":"rsa"}"#;
    assert_eq!(desk.reason(&RSA.sign_text(twice, "{}")).await, reason::HEADER);
    let list = r#"["RS256","rsa","JWT",null]"#;
    assert_eq!(desk.reason(&RSA.sign_text(list, &claims().to_string())).await, reason::HEADER);
    let padded = format!("e30=.{}", token(json!({})).split_once('.').expect("parts").1);
    assert_eq!(desk.reason(&padded).await, reason::HEADER);
}

#[tokio::test]
async fn a_key_in_the_header_is_not_used() {
    let desk = Desk::open().await;
    let attacker = KeyServer::with(&[OTHER_RSA.jwk("rsa")]).await;
    let tricks = json!({
        "jwk": OTHER_RSA.jwk("rsa"),
        "jku": attacker.url,
        "x5u": attacker.url,
        "x5c": ["AQAB"],
    });
    // Signed by the attacker's key, which the header offers: the pinned set decides.
    let forged = OTHER_RSA.sign(&but(header(), tricks.clone()), &claims());
    assert_eq!(desk.reason(&forged).await, reason::SIGNATURE);
    // Signed by the provider, the same members are noise.
    assert!(desk.verify(&RSA.sign(&but(header(), tricks), &claims()), None).await.is_ok());
    assert_eq!(attacker.asked(), 0);
}

#[tokio::test]
async fn a_tampered_token_is_refused() {
    let desk = Desk::open().await;
    let good = token(json!({}));
    let [header, _, signature] = good.split('.').collect::<Vec<_>>()[..] else { panic!() };

    let other = base64url(but(claims(), json!({"sub": "victim"})).to_string());
    assert_eq!(desk.reason(&format!("{header}.{other}.{signature}")).await, reason::SIGNATURE);
    let signed = good.rsplit_once('.').expect("three parts").0;
    for signature in ["", "AQAB", "*", &base64url([0; 256])] {
        assert_eq!(desk.reason(&format!("{signed}.{signature}")).await, reason::SIGNATURE);
    }
    let stranger = OTHER_RSA.sign(&self::header(), &claims());
    assert_eq!(desk.reason(&stranger).await, reason::SIGNATURE);
}

#[tokio::test]
async fn a_second_signature_over_the_same_token_has_the_same_digest() {
    let desk = Desk::open().await;
    let header = json!({"alg": "ES256", "kid": "ec"});
    let (one, two) = (EC.sign(&header, &claims()), EC.sign(&header, &claims()));
    assert_ne!(one, two);
    let digest = async |token: String| desk.verify(&token, None).await.expect("valid").token_digest;
    assert_eq!(digest(one).await, digest(two).await);
}

#[tokio::test]
async fn claims_that_identify_are_required_with_their_types() {
    let desk = Desk::open().await;
    let cases = [
        (json!({"iss": null}), reason::ISS_MISSING),
        (json!({"iss": ["https://issuer.example"]}), reason::ISS_MALFORMED),
        (json!({"iss": "https://issuer.example/"}), reason::ISS_OTHER),
        (json!({"iss": "https://evil.example"}), reason::ISS_OTHER),
        (json!({"aud": null}), reason::AUD_MISSING),
        (json!({"aud": 7}), reason::AUD_MALFORMED),
        (json!({"aud": ["our-app", 7]}), reason::AUD_MALFORMED),
        (json!({"aud": []}), reason::AUD_OTHER),
        (json!({"aud": "other-app"}), reason::AUD_OTHER),
        (json!({"aud": ["other-app", "our-app-2"]}), reason::AUD_OTHER),
        (json!({"sub": null}), reason::SUB_MISSING),
        (json!({"sub": ""}), reason::SUB_MALFORMED),
        (json!({"sub": 7}), reason::SUB_MALFORMED),
        (json!({"sub": "a\u{0}b"}), reason::SUB_MALFORMED),
        (json!({"sub": "x".repeat(256)}), reason::SUB_MALFORMED),
        (json!({"sub": "가".repeat(86)}), reason::SUB_MALFORMED),
    ];
    for (changes, reason) in cases {
        assert_eq!(desk.reason(&token(changes.clone())).await, reason, "{changes}");
    }
    let sent_as_null = RSA.sign_text(&header().to_string(), r#"{"iss":null}"#);
    assert_eq!(desk.reason(&sent_as_null).await, reason::ISS_MALFORMED);
    let twice = r#"{"iss":"https://issuer.example","iss":"https://issuer.example"}"#;
    for payload in [twice, "[]", "null", "7", "", "\u{feff}{}"] {
        let forged = RSA.sign_text(&header().to_string(), payload);
        let reason = desk.reason(&forged).await;
        assert_eq!(reason, reason::PAYLOAD, "{payload}");
    }
}

#[tokio::test]
async fn claims_at_their_limits_are_accepted() {
    let desk = Desk::open().await;
    let audience = desk.verify(&token(json!({"aud": ["other", "our-web"]})), None).await;
    assert_eq!(audience.expect("ours is among them").audience, "our-web");
    let longest = "x".repeat(255);
    let subject = desk.verify(&token(json!({"sub": longest})), None).await;
    assert_eq!(subject.expect("255 bytes").subject, longest);
    let no_iat = desk.verify(&token(json!({"iat": null})), None).await;
    assert_eq!(no_iat.expect("iat is not required").issued_at, None);
    for verified in [json!(true), json!("true"), json!("false"), json!(7)] {
        let changes = json!({"email": "a@b.example", "email_verified": verified});
        assert!(desk.verify(&token(changes), None).await.is_ok(), "{verified}");
    }
}

#[tokio::test]
async fn times_are_judged_by_the_clock_that_is_given() {
    let desk = Desk::open().await;
    let cases = [
        (json!({"exp": START - 60}), "expired"),
        (json!({"exp": 0}), "expired"),
        (json!({"exp": null}), reason::EXP_MISSING),
        (json!({"exp": (START + 3600).to_string()}), reason::EXP_MALFORMED),
        (json!({"exp": (START + 3600) * 1000}), reason::EXP_MALFORMED),
        (json!({"exp": -1}), reason::EXP_MALFORMED),
        (json!({"iat": START + 301}), reason::IAT_FUTURE),
        (json!({"iat": "now"}), reason::IAT_MALFORMED),
        (json!({"nbf": START + 61}), reason::NBF_FUTURE),
        (json!({"nbf": "now"}), reason::NBF_MALFORMED),
        // Another app's token is not said to be expired.
        (json!({"exp": 0, "aud": "other-app"}), reason::AUD_OTHER),
    ];
    for (changes, reason) in cases {
        assert_eq!(desk.reason(&token(changes.clone())).await, reason, "{changes}");
    }
    for changes in [
        json!({"exp": START - 59}),
        json!({"exp": START as f64 + 0.5}),
        json!({"iat": START + 300}),
        json!({"nbf": START + 60}),
    ] {
        assert!(desk.verify(&token(changes.clone()), None).await.is_ok(), "{changes}");
    }

    let token = token(json!({}));
    desk.clock.advance(Duration::from_secs(3600 + 59));
    assert!(desk.verify(&token, None).await.is_ok());
    desk.clock.advance(Duration::from_secs(1));
    assert_eq!(desk.verify(&token, None).await, Err(Refusal::Expired));
}

#[tokio::test]
async fn the_authorized_party_is_checked_where_parties_are_listed() {
    let mut desk = Desk::open().await;
    let azp = |azp: Value| token(json!({ "azp": azp }));
    assert!(desk.verify(&azp(json!("other-native")), None).await.is_ok());
    desk.settings.authorized_parties = vec!["our-native".into()];
    assert!(desk.verify(&azp(json!("our-native")), None).await.is_ok());
    assert!(desk.verify(&azp(Value::Null), None).await.is_ok());
    assert_eq!(desk.reason(&azp(json!("other-native"))).await, reason::AZP_OTHER);
    assert_eq!(desk.reason(&azp(json!(["our-native"]))).await, reason::AZP_MALFORMED);
}

#[tokio::test]
async fn a_nonce_has_to_be_the_one_that_the_client_names() {
    let mut desk = Desk::open().await;
    let with = |nonce: Value| token(json!({ "nonce": nonce }));
    let (bound, bare) = (with(json!(RAW_NONCE)), token(json!({})));
    for required in [false, true] {
        desk.settings.require_nonce = required;
        let reason = async |token, named| reason_of(desk.verify(token, named).await);
        let verified = desk.verify(&bound, Some(RAW_NONCE)).await.expect("bound");
        assert_eq!(verified.nonce.as_deref(), Some(RAW_NONCE));
        assert_eq!(reason(&bound, Some("another")).await, reason::NONCE_MISMATCH);
        assert_eq!(reason(&bound, Some("")).await, reason::NONCE_MISMATCH);
        assert_eq!(reason(&bound, None).await, reason::NONCE_UNEXPECTED);
        assert_eq!(reason(&bare, Some(RAW_NONCE)).await, reason::NONCE_MISSING);
        assert_eq!(reason(&with(json!(7)), Some("7")).await, reason::NONCE_MALFORMED);
    }
    assert_eq!(desk.reason(&bare).await, reason::NONCE_MISSING);
    desk.settings.require_nonce = false;
    assert_eq!(desk.verify(&bare, None).await.expect("allowed").nonce, None);
}

#[tokio::test]
async fn a_hashed_nonce_is_compared_as_lower_case_hex_of_its_sha256() {
    let mut desk = Desk::open().await;
    desk.settings.nonce = NonceEcho::Sha256Hex;
    // The digest of "abc" from FIPS 180-2, appendix B.1.
    let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let with = |nonce: &str| token(json!({ "nonce": nonce }));
    let verified = desk.verify(&with(hex), Some("abc")).await.expect("bound");
    assert_eq!(verified.nonce.as_deref(), Some("abc"));
    for other in ["abc", &hex.to_uppercase(), &hex[..63]] {
        let answer = desk.verify(&with(other), Some("abc")).await;
        assert_eq!(reason_of(answer), reason::NONCE_MISMATCH, "{other}");
    }
    assert_eq!(reason_of(desk.verify(&with(hex), Some(hex)).await), reason::NONCE_MISMATCH);
}

#[tokio::test]
async fn the_claim_nonce_supported_excuses_only_where_the_settings_say_so() {
    let mut desk = Desk::open().await;
    let with = |supported: Value| token(json!({ "nonce_supported": supported }));
    let named = Some(RAW_NONCE);
    for supported in [json!(false), json!("false"), Value::Null] {
        let token = with(supported);
        desk.settings.nonce_supported_claim = false;
        assert_eq!(reason_of(desk.verify(&token, named).await), reason::NONCE_MISSING, "off");
        desk.settings.nonce_supported_claim = true;
        assert_eq!(desk.verify(&token, named).await.expect("excused").nonce, None);
        desk.settings.require_nonce = true;
        assert_eq!(reason_of(desk.verify(&token, named).await), reason::NONCE_MISSING, "required");
        desk.settings.require_nonce = false;
    }
    desk.settings.nonce_supported_claim = true;
    for supported in [json!(true), json!("true"), json!(7)] {
        let answer = desk.verify(&with(supported.clone()), named).await;
        assert_eq!(reason_of(answer), reason::NONCE_MISSING, "{supported}");
    }
}

#[tokio::test]
async fn a_provider_that_is_down_is_unavailable_and_an_unknown_kid_too() {
    let desk = Desk::open().await;
    desk.server.fail();
    let good = token(json!({}));
    let unavailable = Err(Refusal::Unavailable { retry_after_ms: 10_000 });
    assert_eq!(desk.verify(&good, None).await, unavailable);
    desk.server.serve(&[RSA.jwk("rsa")], None);
    desk.clock.advance(Duration::from_secs(10));
    assert!(desk.verify(&good, None).await.is_ok());
    let forged = RSA.sign(&but(header(), json!({"kid": "forged"})), &claims());
    assert_eq!(desk.verify(&forged, None).await, unavailable);
}

#[test]
fn bad_settings_are_named() {
    let good = OidcSettings::google(vec!["our-app".into()]);
    let list = |entries: &[&str]| entries.iter().map(|&entry| entry.to_owned()).collect();
    let with = |change: &dyn Fn(&mut OidcSettings)| {
        let mut settings = good.clone();
        change(&mut settings);
        settings.check()
    };
    assert_eq!(good.check(), Ok(()));
    let bad: [(&str, Result<(), String>); 13] = [
        ("issuers", with(&|s| s.issuers = list(&[]))),
        ("issuers", with(&|s| s.issuers = list(&["a", ""]))),
        ("jwks_url", with(&|s| s.jwks_url = String::new())),
        ("jwks_url", with(&|s| s.jwks_url = "http://keys.example".into())),
        ("jwks_url", with(&|s| s.jwks_url = "http://127.0.0.1/jwks".into())),
        ("audiences", with(&|s| s.audiences = list(&[]))),
        ("audiences", with(&|s| s.audiences = list(&[" "]))),
        ("algorithms", with(&|s| s.algorithms = list(&[]))),
        ("algorithms", with(&|s| s.algorithms = list(&["RS256", "HS256"]))),
        ("algorithms", with(&|s| s.algorithms = list(&["none"]))),
        ("algorithms", with(&|s| s.algorithms = list(&["rs256"]))),
        ("algorithms", with(&|s| s.algorithms = list(&[""]))),
        ("authorized_parties", with(&|s| s.authorized_parties = list(&[""]))),
    ];
    for (field, checked) in bad {
        let error = checked.expect_err(field);
        assert!(error.starts_with(&format!("{field}: ")), "{error}");
    }
    let loopback = with(&|s| {
        s.jwks_url = "http://127.0.0.1/jwks".into();
        s.allow_insecure_loopback = true;
    });
    assert_eq!(loopback, Ok(()));
}

#[test]
fn settings_have_defaults_and_no_unknown_fields() {
    let parse = |settings: Value| serde_json::from_value::<OidcSettings>(settings);
    assert_eq!(parse(json!({})).expect("defaults"), OidcSettings::default());
    let given = parse(json!({"audiences": ["a"], "nonce": "sha256_hex"})).expect("settings");
    assert_eq!((given.audiences, given.nonce), (vec!["a".to_owned()], NonceEcho::Sha256Hex));
    assert!(parse(json!({"audience": ["a"]})).is_err());
    assert!(parse(json!({"nonce": "md5"})).is_err());
}

#[test]
fn google_and_apple_are_settings() {
    let google = OidcSettings::google(vec!["our-app".into()]);
    let apple = OidcSettings::apple(vec!["our-app".into()]);
    for preset in [&google, &apple] {
        assert_eq!(preset.check(), Ok(()));
        assert!(preset.require_nonce && !preset.allow_insecure_loopback);
        assert_eq!(preset.algorithms, ["RS256"]);
    }
    assert_eq!(google.issuers, ["https://accounts.google.com", "accounts.google.com"]);
    assert_eq!((google.nonce, google.nonce_supported_claim), (NonceEcho::Plain, false));
    assert_eq!(apple.issuers, ["https://appleid.apple.com"]);
    assert_eq!((apple.nonce, apple.nonce_supported_claim), (NonceEcho::Sha256Hex, true));
}
