//! A purchase, Apple's certificates as a test makes them, and a store on loopback that answers
//! as it is told and keeps what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use protocol::client::StoreName;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, date_time_ymd,
};
use serde_json::{Value, json};
use storage::clock::{ManualClock, Micros};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::stores::Parts;
use super::verified::{Environment, Kind, State, Transaction, Verified};
use crate::identity::keys::KeyCache;
use crate::identity::testing::base64url;
pub(crate) use crate::identity::testing::{START, clock};
use crate::outside::http_client;

/// A paid purchase of a consumable.
pub(crate) fn purchase() -> Verified {
    Verified {
        store: StoreName::AppStore,
        environment: Environment::Production,
        key: "1".into(),
        other_key: None,
        transaction: Transaction { environment: None, product: None, id: "1".into() },
        order: None,
        original: None,
        product: "gem_100".into(),
        kind: Some(Kind::Consumable),
        quantity: 1,
        account_token: None,
        price: None,
        at_an_offer: false,
        purchased_at: None,
        changed_at: Micros(0),
        state: State::Paid,
        refund: None,
        acknowledged: false,
        consumed: false,
        settle_by: None,
        evidence: [0; 32],
    }
}

/// What stores need, with a clock that stands at [`START`].
pub(crate) fn parts(clock: &Arc<ManualClock>) -> Parts {
    let client = http_client().expect("root certificates");
    let keys = KeyCache::new(client.clone(), Arc::clone(clock) as _);
    Parts { client, keys, clock: Arc::clone(clock) as _ }
}

/// A folder with a file in it.
pub(crate) fn file(folder: &TempDir, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("a file");
    path
}

pub(crate) const LEAF_OID: &[u64] = &[1, 2, 840, 113_635, 100, 6, 11, 1];
pub(crate) const INTERMEDIATE_OID: &[u64] = &[1, 2, 840, 113_635, 100, 6, 2, 1];

/// A root as Apple's.
pub(crate) struct Root(CertifiedIssuer<'static, KeyPair>);

pub(crate) static ROOT: LazyLock<Root> = LazyLock::new(Root::new);
pub(crate) static OTHER_ROOT: LazyLock<Root> = LazyLock::new(Root::new);

/// In what a chain differs from Apple's.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) leaf_marked: bool,
    pub(crate) intermediate_marked: bool,
    pub(crate) critical: bool,
    pub(crate) intermediate_is_ca: bool,
    pub(crate) leaf_is_ca: bool,
    pub(crate) leaf_on_root: bool,
    /// The last day of the leaf.
    pub(crate) leaf_until: (i32, u8, u8),
}

pub(crate) const AS_APPLE: Shape = Shape {
    leaf_marked: true,
    intermediate_marked: true,
    critical: false,
    intermediate_is_ca: true,
    leaf_is_ca: false,
    leaf_on_root: false,
    leaf_until: (2028, 1, 1),
};

fn params(name: &str, is_ca: bool, mark: Option<&[u64]>, critical: bool) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (date_time_ymd(2025, 1, 1), date_time_ymd(2036, 1, 1));
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    if let Some(oid) = mark {
        let mut extension = CustomExtension::from_oid_content(oid, vec![0x05, 0x00]);
        extension.set_criticality(critical);
        params.custom_extensions = vec![extension];
    }
    params
}

impl Root {
    fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).expect("a key");
        let params = params("Test Root", true, None, false);
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }

    /// A chain under this root.
    pub(crate) fn chain(&self, shape: Shape) -> Chain {
        let mark = shape.intermediate_marked.then_some(INTERMEDIATE_OID);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).expect("a key");
        let of = params("Test Intermediate", shape.intermediate_is_ca, mark, shape.critical);
        let intermediate = CertifiedIssuer::signed_by(of, key, &self.0).expect("a certificate");
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
        let mark = shape.leaf_marked.then_some(LEAF_OID);
        let mut of = params("Test Leaf", shape.leaf_is_ca, mark, shape.critical);
        let (year, month, day) = shape.leaf_until;
        of.not_after = date_time_ymd(year, month, day);
        let leaf = match shape.leaf_on_root {
            true => of.signed_by(&key, &self.0),
            false => of.signed_by(&key, &intermediate),
        };
        let leaf = leaf.expect("a certificate").der().to_vec();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der());
        Chain { x5c: [leaf, intermediate.der().to_vec(), self.der()], key: key.expect("a key") }
    }
}

/// A chain, and the key of its leaf.
pub(crate) struct Chain {
    pub(crate) x5c: [Vec<u8>; 3],
    key: EcdsaKeyPair,
}

/// A chain as Apple's under [`ROOT`].
pub(crate) static APPLE: LazyLock<Chain> = LazyLock::new(|| ROOT.chain(AS_APPLE));

impl Chain {
    pub(crate) fn header(&self) -> Value {
        json!({"alg": "ES256", "x5c": self.x5c.iter().map(|der| STANDARD.encode(der)).collect::<Vec<_>>()})
    }

    pub(crate) fn sign(&self, payload: &Value) -> String {
        self.sign_under(&self.header(), payload)
    }

    pub(crate) fn sign_under(&self, header: &Value, payload: &Value) -> String {
        let signed =
            format!("{}.{}", base64url(header.to_string()), base64url(payload.to_string()));
        let signature =
            self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", base64url(signature))
    }
}

/// A request as a store sees it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method and path with query.
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A store on loopback. Each request takes the next answer; the last one stays.
#[derive(Clone)]
pub(crate) struct FakeStore {
    pub(crate) url: String,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    answers: VecDeque<Option<Vec<u8>>>,
    asked: Vec<Asked>,
}

impl FakeStore {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared: Arc<Mutex<Shared>> = Arc::default();
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self { url, shared }
    }

    /// Answers the next request so.
    pub(crate) fn answers(&self, status: u16, body: &str) {
        self.answers_with(status, "", body);
    }

    pub(crate) fn answers_with(&self, status: u16, header: &str, body: &str) {
        let answer = format!("HTTP/1.1 {status} S\r\nConnection: close\r\n{header}\r\n{body}");
        self.shared.lock().answers.push_back(Some(answer.into_bytes()));
    }

    /// Never answers the next request.
    pub(crate) fn is_silent(&self) {
        self.shared.lock().answers.push_back(None);
    }

    /// Forgets all answers that were not given.
    pub(crate) fn anew(&self) {
        let mut shared = self.shared.lock();
        shared.answers.clear();
        shared.asked.clear();
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.lock().asked.clone()
    }
}

async fn serve(mut stream: TcpStream, shared: Arc<Mutex<Shared>>) {
    let mut text = Vec::new();
    let asked = loop {
        match stream.read_buf(&mut text).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if let Some(asked) = request(&text) {
            break asked;
        }
    };
    let answer = {
        let mut shared = shared.lock();
        shared.asked.push(asked);
        match shared.answers.len() {
            0 => None,
            1 => shared.answers[0].clone(),
            _ => shared.answers.pop_front().flatten(),
        }
    };
    match answer {
        // The client may hang up as soon as it has seen enough.
        Some(answer) => {
            let _ = stream.write_all(&answer).await;
            let _ = stream.shutdown().await;
        }
        None => drop(stream.read(&mut [0]).await),
    }
}

/// The request, if it is there as a whole.
pub(crate) fn request(text: &[u8]) -> Option<Asked> {
    let text = String::from_utf8_lossy(text);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let asked = Asked { line, headers, body: body.to_owned() };
    let length = asked.header("content-length").map_or(0, |text| text.parse().unwrap_or(0));
    (body.len() >= length).then_some(asked)
}
