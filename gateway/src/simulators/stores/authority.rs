//! Certificates as Apple issues them, under a root that is made at the start.

use actors::random;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use protocol::error::{ErrorBody, ErrorCode};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, date_time_ymd,
};
use serde_json::{Value, json};

use super::forgery::Wrong;

const LEAF: &[u64] = &[1, 2, 840, 113_635, 100, 6, 11, 1];
const INTERMEDIATE: &[u64] = &[1, 2, 840, 113_635, 100, 6, 2, 1];

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// A root, and a chain under it.
pub(super) struct Authority {
    root: Issuer,
    chain: Chain,
}

/// Certificates from the leaf to the root, and the leaf's key.
struct Chain {
    x5c: Vec<Vec<u8>>,
    key: EcdsaKeyPair,
}

impl Authority {
    /// A new root with a good chain. Takes some milliseconds.
    pub(super) fn new() -> Result<Self, ErrorBody> {
        let root = root()?;
        let chain = chain(&root, None)?;
        Ok(Self { root, chain })
    }

    /// The root in PEM.
    pub(super) fn pem(&self) -> String {
        self.root.pem()
    }

    /// Signs a payload, with the one thing wrong that is asked for, if it is the chain's or the
    /// signature's matter.
    pub(super) fn sign(&self, payload: &Value, wrong: Option<Wrong>) -> Result<String, ErrorBody> {
        let other;
        let chain = match wrong {
            Some(
                Wrong::ExpiredLeaf
                | Wrong::LeafNotMarked
                | Wrong::IntermediateNotMarked
                | Wrong::IntermediateNotCa
                | Wrong::ForgedSignature,
            ) => {
                other = chain(&self.root, wrong)?;
                &other
            }
            Some(Wrong::OtherRoot) => {
                other = chain(&root()?, None)?;
                &other
            }
            Some(
                Wrong::Unknown
                | Wrong::OtherApp
                | Wrong::OtherProduct
                | Wrong::TwoCertificates
                | Wrong::FourCertificates
                | Wrong::AlgNone
                | Wrong::Tampered
                | Wrong::Xcode
                | Wrong::LocalTesting
                | Wrong::OtherAudience
                | Wrong::OtherIssuer
                | Wrong::OtherSender
                | Wrong::UnverifiedSender
                | Wrong::ExpiredToken,
            )
            | None => &self.chain,
        };
        let shown = if wrong == Some(Wrong::ForgedSignature) { &self.chain } else { chain };
        let mut x5c: Vec<_> = shown.x5c.iter().map(|der| STANDARD.encode(der)).collect();
        match wrong {
            Some(Wrong::TwoCertificates) => x5c.truncate(2),
            Some(Wrong::FourCertificates) => x5c.extend(x5c.last().cloned()),
            Some(_) | None => {}
        }
        let alg = if wrong == Some(Wrong::AlgNone) { "none" } else { "ES256" };
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = part(&json!({"alg": alg, "x5c": x5c}));
        let signed = format!("{header}.{}", part(payload));
        if wrong == Some(Wrong::AlgNone) {
            return Ok(format!("{signed}."));
        }
        let random = SystemRandom::new();
        let signature = chain.key.sign(&random, signed.as_bytes()).map_err(|_| failed())?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        if wrong == Some(Wrong::Tampered) {
            let mut payload = payload.clone();
            payload["quantity"] = json!(1_000);
            return Ok(format!("{header}.{}.{signature}", part(&payload)));
        }
        Ok(format!("{signed}.{signature}"))
    }
}

pub(super) fn failed() -> ErrorBody {
    ErrorBody::new(ErrorCode::Internal, "the simulator could not make or use a key")
}

fn made<T, E>(result: Result<T, E>) -> Result<T, ErrorBody> {
    result.map_err(|_| failed())
}

fn root() -> Result<Issuer, ErrorBody> {
    let key = made(KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384))?;
    // Two roots of one name would be mistaken for each other.
    let number = u32::from_be_bytes(random::bytes::<4>());
    let params = params(&format!("Simulated Root {number}"), true, None);
    made(CertifiedIssuer::self_signed(params, key))
}

fn chain(root: &Issuer, wrong: Option<Wrong>) -> Result<Chain, ErrorBody> {
    let key = made(KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384))?;
    let mark = (wrong != Some(Wrong::IntermediateNotMarked)).then_some(INTERMEDIATE);
    let is_ca = wrong != Some(Wrong::IntermediateNotCa);
    let params_of = params("Simulated Developer Relations", is_ca, mark);
    let intermediate = made(CertifiedIssuer::signed_by(params_of, key, root))?;
    let key = made(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256))?;
    let mark = (wrong != Some(Wrong::LeafNotMarked)).then_some(LEAF);
    let mut leaf = params("Simulated Receipt Signing", false, mark);
    if wrong == Some(Wrong::ExpiredLeaf) {
        leaf.not_after = date_time_ymd(2021, 1, 1);
    }
    let leaf = made(leaf.signed_by(&key, &intermediate))?.der().to_vec();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der());
    Ok(Chain { x5c: vec![leaf, intermediate.der().to_vec(), root.der().to_vec()], key: made(key)? })
}

fn params(name: &str, is_ca: bool, mark: Option<&[u64]>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2049, 1, 1));
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    // Apple's marks are not critical, and hold nothing.
    let mark = mark.map(|oid| CustomExtension::from_oid_content(oid, vec![0x05, 0x00]));
    params.custom_extensions.extend(mark);
    params
}
