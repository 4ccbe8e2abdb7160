use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::RSA_PKCS1_SHA512;

use super::*;

/// The members without a signature, as the store writes them.
fn members(state: &str) -> String {
    format!(
        "\"msgVersion\":\"3.1.0\",\"clientId\":\"com.example.game\",\"productId\":\"gem_100\",\
         \"messageType\":\"SINGLE_PAYMENT_TRANSACTION\",\"purchaseId\":\"1\",\
         \"developerPayload\":\"a \\\"b\\\" c\",\"purchaseTimeMillis\":1800000000000,\
         \"purchaseState\":\"{state}\",\"price\":\"1100\",\"priceCurrencyCode\":\"KRW\",\
         \"productName\":\"보석 100/개\",\
         \"paymentTypeList\":[{{\"paymentMethod\":\"DCB\",\"amount\":\"1100\"}}],\
         \"purchaseToken\":\"t\",\"environment\":\"COMMERCIAL\",\"marketCode\":\"MKT_ONE\""
    )
}

fn signature_by(key: &RsaKeyPair, text: &str) -> String {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA512, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    STANDARD.encode(signature)
}

fn signature(members: &str) -> String {
    signature_by(&KEY, &format!("{{{members}}}"))
}

fn signed(members: &str) -> String {
    format!("{{{members},\"signature\":\"{}\"}}", signature(members))
}

fn told(body: &str) -> Result<Option<Hint>, Fault> {
    notification::hint(
        body.as_bytes(),
        "com.example.game",
        &license(license_key().as_bytes()).unwrap(),
    )
}

#[test]
fn a_payment_is_a_hint_about_a_purchase() {
    let hint = told(&signed(&members("COMPLETED"))).unwrap().unwrap();
    assert_eq!((hint.what, hint.at), (Happened::Changed, Micros::from_seconds(START)));
    assert_eq!(hint.transaction, Some(transaction(Some(Environment::Production))));
    assert_eq!(hint.id.len(), 64);
    let again = told(&signed(&members("COMPLETED"))).unwrap().unwrap();
    assert_eq!(again.id, hint.id, "the same, sent twice");
    let cancelled = told(&signed(&members("CANCELED"))).unwrap().unwrap();
    assert_eq!(cancelled.what, Happened::Refunded);
    assert_ne!(cancelled.id, hint.id);
    let sandbox = members("COMPLETED").replace("COMMERCIAL", "SANDBOX");
    let hint = told(&signed(&sandbox)).unwrap().unwrap();
    assert_eq!(hint.transaction.unwrap().environment, Some(Environment::Sandbox));
}

#[test]
fn the_signature_may_stand_anywhere_and_blanks_do_not_matter() {
    let members = members("COMPLETED");
    let signature = signature(&members);
    let first = format!("{{\"signature\":\"{signature}\",{members}}}");
    assert!(told(&first).is_ok());
    let (before, after) = members.split_once(",\"price\"").unwrap();
    let middle = format!("{{{before},\"signature\":\"{signature}\",\"price\"{after}}}");
    assert!(told(&middle).is_ok());
    let pretty = first.replace("\":", "\" : ").replace(",\"", ",\n  \"");
    assert!(told(&pretty).is_ok(), "blanks between, none within");
}

#[test]
fn version_3_0_names_the_package_in_place_of_the_client() {
    let old = members("COMPLETED").replace("\"clientId\"", "\"packageName\"");
    assert!(told(&signed(&old)).is_ok());
}

#[test]
fn what_was_changed_on_the_way_is_refused() {
    let good = signed(&members("COMPLETED"));
    let refused = Err(Fault::Refused(reason::SIGNATURE));
    assert_eq!(told(&good.replace("\"price\":\"1100\"", "\"price\":\"1\"")), refused);
    assert_eq!(told(&good.replace("\"amount\":\"1100\"", "\"amount\":\"1\"")), refused);
    assert_eq!(told(&good.replace("a \\\"b\\\" c", "a\\\"b\\\" c")), refused, "a blank in a text");
    let (version, rest) = good[1..].split_once(',').unwrap();
    let (client, rest) = rest.split_once(',').unwrap();
    assert_eq!(told(&format!("{{{client},{version},{rest}")), refused, "another order");
    let added = good.replace("\"msgVersion\"", "\"more\":1,\"msgVersion\"");
    assert_eq!(told(&added), refused);
    let other = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let members = members("COMPLETED");
    let forged = signature_by(&other, &format!("{{{members}}}"));
    assert_eq!(told(&format!("{{{members},\"signature\":\"{forged}\"}}")), refused);
}

#[test]
fn what_is_no_notification_is_refused() {
    let unsigned = Err(Fault::Refused(reason::UNSIGNED));
    let members_only = members("COMPLETED");
    for other in [
        format!("{{{members_only}}}"),
        format!("{{{members_only},\"signature\":7}}"),
        format!("{{{members_only},\"signature\":\"*\"}}"),
        "{}".to_owned(),
    ] {
        assert_eq!(told(&other), unsigned, "{other:.60}");
    }
    let shape = Err(Fault::Refused(reason::EVIDENCE_SHAPE));
    for other in ["", "[]", "7", "{\"a\":1,\"a\":1}"] {
        assert_eq!(told(other), shape, "{other}");
    }
    // Signed, and yet not what is served here.
    let other = members_only.replace("com.example.game", "com.example.other");
    assert_eq!(told(&signed(&other)), Err(Fault::Refused(reason::OTHER_APP)));
    let other = members_only.replace("SINGLE_PAYMENT_TRANSACTION", "SUBSCRIPTION");
    assert_eq!(told(&signed(&other)), Ok(None));
    let other = members_only.replace("COMMERCIAL", "ELSEWHERE");
    assert_eq!(told(&signed(&other)), Err(Fault::Refused(reason::ENVIRONMENT)));
    let other = members_only.replace("\"purchaseToken\":\"t\"", "\"purchaseToken\":\"a/b\"");
    assert_eq!(told(&signed(&other)), shape);
    let large = " ".repeat(64 * 1024 + 1);
    assert_eq!(told(&large), Err(Fault::Refused(reason::EVIDENCE_SIZE)));
}
