use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use storage::clock::Micros;

use super::*;
use crate::identity::testing::base64url;
use crate::purchases::testing::{Chain, Shape};

const NOW: Micros = Micros(START * 1_000_000);

fn roots() -> Roots {
    Roots::given(ROOT.pem().as_bytes()).unwrap()
}

fn opened(jws: &str) -> Result<(), Fault> {
    Signed::open(jws, &roots()).map(|_| ())
}

fn signed_by(shape: Shape) -> Result<(), Fault> {
    opened(&ROOT.chain(shape).sign(&transaction()))
}

#[test]
fn a_chain_as_apples_is_taken() {
    assert_eq!(signed_by(AS_APPLE), Ok(()));
}

#[test]
fn a_chain_that_differs_in_one_thing_is_refused() {
    let cases = [
        (Shape { leaf_marked: false, ..AS_APPLE }, reason::CHAIN_PURPOSE),
        (Shape { intermediate_marked: false, ..AS_APPLE }, reason::CHAIN_PURPOSE),
        (Shape { critical: true, ..AS_APPLE }, reason::CHAIN),
        (Shape { intermediate_is_ca: false, ..AS_APPLE }, reason::CHAIN),
        (Shape { leaf_is_ca: true, ..AS_APPLE }, reason::CHAIN),
        (Shape { leaf_on_root: true, ..AS_APPLE }, reason::CHAIN),
        // It ended before the day of signing.
        (Shape { leaf_until: (2027, 1, 1), ..AS_APPLE }, reason::CHAIN),
    ];
    for (number, (shape, why)) in cases.into_iter().enumerate() {
        assert_eq!(signed_by(shape), Err(Fault::Refused(why)), "case {number}");
    }
}

#[test]
fn validity_is_judged_by_the_day_of_signing() {
    let chain = ROOT.chain(Shape { leaf_until: (2027, 1, 1), ..AS_APPLE });
    // 2026-12-31 and 2024-12-31, before any of them began.
    let on = |seconds: i64| opened(&chain.sign(&with(json!({"signedDate": seconds * 1_000}))));
    assert_eq!(on(1_798_675_200), Ok(()));
    assert_eq!(on(1_735_603_200), Err(Fault::Refused(reason::CHAIN)));
    for odd in [json!(-1), json!(i64::MAX), json!("now"), json!(null)] {
        let jws = chain.sign(&with(json!({ "signedDate": odd })));
        assert_eq!(opened(&jws), Err(Fault::Refused(reason::SIGNED_SHAPE)), "{odd}");
    }
}

#[test]
fn another_root_is_refused_even_if_it_comes_along() {
    let attackers = OTHER_ROOT.chain(AS_APPLE);
    assert_eq!(opened(&attackers.sign(&transaction())), Err(Fault::Refused(reason::CHAIN)));
    // With the true root in the third place as well.
    let mut header = attackers.header();
    header["x5c"][2] = STANDARD.encode(ROOT.der()).into();
    let jws = attackers.sign_under(&header, &transaction());
    assert_eq!(opened(&jws), Err(Fault::Refused(reason::CHAIN)));
    // And with the true intermediate.
    header["x5c"][1] = STANDARD.encode(&APPLE.x5c[1]).into();
    let jws = attackers.sign_under(&header, &transaction());
    assert_eq!(opened(&jws), Err(Fault::Refused(reason::CHAIN)));
}

#[test]
fn the_third_certificate_chooses_nothing_where_roots_are_configured() {
    let mut header = APPLE.header();
    header["x5c"][2] = STANDARD.encode(OTHER_ROOT.der()).into();
    assert_eq!(opened(&APPLE.sign_under(&header, &transaction())), Ok(()));
    header["x5c"][2] = STANDARD.encode("no certificate").into();
    assert_eq!(opened(&APPLE.sign_under(&header, &transaction())), Ok(()));
}

#[test]
fn in_production_the_third_is_the_root_if_its_digest_is_the_pinned_one() {
    use sha2::{Digest, Sha256};
    let jws = APPLE.sign(&transaction());
    let pinned = Roots::Apple(Sha256::digest(ROOT.der()).into());
    assert!(Signed::open(&jws, &pinned).is_ok());
    let apples = Signed::open(&jws, &Roots::apple()).map(|_| ());
    assert_eq!(apples, Err(Fault::Refused(reason::CHAIN)), "our root is not Apple's");
    // The digest of a root that nobody's chain leads to.
    let other = Roots::Apple(Sha256::digest(OTHER_ROOT.der()).into());
    let mut header = APPLE.header();
    header["x5c"][2] = STANDARD.encode(OTHER_ROOT.der()).into();
    let jws = APPLE.sign_under(&header, &transaction());
    assert_eq!(Signed::open(&jws, &other).map(|_| ()), Err(Fault::Refused(reason::CHAIN)));
}

#[test]
fn there_are_exactly_three_certificates_in_plain_base64() {
    let all = APPLE.header()["x5c"].clone();
    let cases = [
        json!(null),
        json!([]),
        json!([all[0], all[1]]),
        json!([all[0], all[1], all[2], all[2]]),
        json!([all[0], all[1], "*"]),
        json!([all[0], base64url(&APPLE.x5c[1]), all[2]]),
    ];
    for x5c in cases {
        let mut header = APPLE.header();
        let short = x5c.is_null();
        match short {
            true => drop(header.as_object_mut().unwrap().remove("x5c")),
            false => header["x5c"] = x5c.clone(),
        }
        let jws = APPLE.sign_under(&header, &transaction());
        assert_eq!(opened(&jws), Err(Fault::Refused(reason::CHAIN_SHAPE)), "{x5c}");
    }
    for x5c in [json!("x"), json!([1, 2, 3])] {
        let mut header = APPLE.header();
        header["x5c"] = x5c;
        let jws = APPLE.sign_under(&header, &transaction());
        assert_eq!(opened(&jws), Err(Fault::Refused(reason::SIGNED_SHAPE)));
    }
}

#[test]
fn every_changed_byte_of_the_chain_is_noticed() {
    // The last byte is the signature's; the others are spread over the certificate.
    for place in 0..2 {
        let length = APPLE.x5c[place].len();
        for at in (0..length).step_by(17).chain([length - 1]) {
            let mut der = APPLE.x5c[place].clone();
            der[at] ^= 1;
            let mut header = APPLE.header();
            header["x5c"][place] = STANDARD.encode(der).into();
            let answer = opened(&APPLE.sign_under(&header, &transaction()));
            assert!(matches!(answer, Err(Fault::Refused(_))), "certificate {place}, byte {at}");
        }
        let mut longer = APPLE.x5c[place].clone();
        longer.push(0);
        let mut header = APPLE.header();
        header["x5c"][place] = STANDARD.encode(longer).into();
        assert!(opened(&APPLE.sign_under(&header, &transaction())).is_err());
    }
}

#[test]
fn keys_are_not_confused() {
    // A leaf of the same chain, but signed with another leaf's key.
    let other = ROOT.chain(AS_APPLE);
    let jws = other.sign_under(&APPLE.header(), &transaction());
    assert_eq!(opened(&jws), Err(Fault::Refused(reason::SIGNATURE)));
    // The order of the certificates counts.
    let mut header = APPLE.header();
    let leaf = header["x5c"][0].take();
    header["x5c"][0] = header["x5c"][1].take();
    header["x5c"][1] = leaf;
    assert!(opened(&APPLE.sign_under(&header, &transaction())).is_err());
}

#[test]
fn a_key_that_the_header_brings_along_is_not_even_read() {
    let attackers = OTHER_ROOT.chain(AS_APPLE);
    for (name, value) in [
        ("kid", json!("1")),
        ("jku", json!("https://attacker.example/jwks")),
        ("x5u", json!("https://attacker.example/chain.pem")),
        ("jwk", json!({"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"})),
    ] {
        let mut header = APPLE.header();
        header[name] = value;
        assert_eq!(opened(&APPLE.sign_under(&header, &transaction())), Ok(()), "{name}");
        let forged = attackers.sign_under(&header, &transaction());
        assert_eq!(opened(&forged), Err(Fault::Refused(reason::SIGNATURE)), "{name}");
    }
}

#[test]
fn es256_is_the_only_algorithm() {
    for alg in ["none", "None", "HS256", "ES384", "RS256", "es256", ""] {
        let mut header = APPLE.header();
        header["alg"] = alg.into();
        let jws = APPLE.sign_under(&header, &transaction());
        assert_eq!(opened(&jws), Err(Fault::Refused(reason::ALGORITHM)), "{alg}");
    }
    let mut header = APPLE.header();
    header["crit"] = json!(["exp"]);
    let jws = APPLE.sign_under(&header, &transaction());
    assert_eq!(opened(&jws), Err(Fault::Refused(reason::HEADER_CRIT)));
}

#[test]
fn a_changed_payload_or_signature_is_noticed() {
    let jws = APPLE.sign(&transaction());
    let (signed, signature) = jws.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let other = base64url(with(json!({"quantity": 1000})).to_string());
    let refused = Err(Fault::Refused(reason::SIGNATURE));
    assert_eq!(opened(&format!("{header}.{other}.{signature}")), refused);
    assert_eq!(opened(&format!("{signed}.")), refused);
    assert_eq!(opened(&format!("{signed}.{}", base64url([0; 64]))), refused);
    assert_eq!(opened(&format!("{signed}.{}", &signature[..40])), refused);
}

#[test]
fn what_is_no_signed_text_is_refused() {
    let jws = APPLE.sign(&transaction());
    let (head, rest) = jws.split_once('.').unwrap();
    for other in [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "한.한.한",
        &format!("{jws}."),
        &format!("{jws}.{rest}"),
        head,
        &format!(" {jws}"),
        &transaction().to_string(),
    ] {
        let answer = opened(other);
        assert_eq!(answer, Err(Fault::Refused(reason::SIGNED_SHAPE)), "{other:.40}");
    }
    // A list would fill a struct by position.
    let list = base64url(json!(["ES256", APPLE.header()["x5c"]]).to_string());
    let answer = opened(&format!("{list}.{rest}"));
    assert_eq!(answer, Err(Fault::Refused(reason::SIGNED_SHAPE)));
}

#[test]
fn roots_are_certificates_that_can_be() {
    assert!(Roots::given(b"").is_none());
    assert!(
        Roots::given(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----").is_none()
    );
    let both = format!("{}{}", OTHER_ROOT.pem(), ROOT.pem());
    let both = Roots::given(both.as_bytes()).unwrap();
    let chain: Chain = OTHER_ROOT.chain(AS_APPLE);
    assert!(both.key(chain.x5c, NOW).is_ok() && both.key(APPLE.x5c.clone(), NOW).is_ok());
}
