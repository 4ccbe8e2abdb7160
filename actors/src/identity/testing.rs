//! A provider for tests: keys made at run time, tokens signed with them, and a server of key
//! sets on loopback that counts its visitors and answers when it is told to.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use storage::clock::{ManualClock, Micros};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::keys::KeyCache;
use crate::outside::http_client;

/// When the tests begin, in seconds since the epoch.
pub(crate) const START: i64 = 1_800_000_000;

/// A clock that stands at [`START`].
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Micros::from_seconds(START)))
}

/// A key cache with the real client.
pub(crate) fn cache(clock: &Arc<ManualClock>) -> KeyCache {
    KeyCache::new(http_client().expect("root certificates"), Arc::clone(clock) as _)
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A provider's private key.
pub(crate) enum Signer {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

pub(crate) static RSA: LazyLock<Signer> = LazyLock::new(|| Signer::Rsa(rsa()));
pub(crate) static OTHER_RSA: LazyLock<Signer> = LazyLock::new(|| Signer::Rsa(rsa()));
pub(crate) static EC: LazyLock<Signer> = LazyLock::new(|| {
    Signer::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
});
pub(crate) static ED: LazyLock<Signer> =
    LazyLock::new(|| Signer::Ed(Ed25519KeyPair::generate().expect("a key")));

fn rsa() -> RsaKeyPair {
    RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")
}

impl Signer {
    /// The public half as a JWK without `alg` and `use`.
    pub(crate) fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let public = key.public_key();
                let n = base64url(public.modulus().big_endian_without_leading_zero());
                let e = base64url(public.exponent().big_endian_without_leading_zero());
                json!({"kty": "RSA", "kid": kid, "n": n, "e": e})
            }
            Self::Ec(key) => {
                // An uncompressed point: 4, then x, then y.
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": kid,
                       "x": base64url(x), "y": base64url(y)})
            }
            Self::Ed(key) => json!({"kty": "OKP", "crv": "Ed25519", "kid": kid,
                                    "x": base64url(key.public_key().as_ref())}),
        }
    }

    /// The public half as an attacker may use it for the secret of an HMAC.
    pub(crate) fn public_der(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => key.public_key().as_ref().to_vec(),
            Self::Ec(key) => key.public_key().as_ref().to_vec(),
            Self::Ed(key) => key.public_key().as_ref().to_vec(),
        }
    }

    /// A token with exactly this header and payload, signed as the header's `alg` says.
    pub(crate) fn sign(&self, header: &Value, payload: &Value) -> String {
        self.sign_text(&header.to_string(), &payload.to_string())
    }

    /// Like [`Self::sign`], for what `serde_json` would not write.
    pub(crate) fn sign_text(&self, header: &str, payload: &str) -> String {
        let signed = format!("{}.{}", base64url(header), base64url(payload));
        let pss = header.contains("PS256");
        format!("{signed}.{}", base64url(self.signature(signed.as_bytes(), pss)))
    }

    fn signature(&self, message: &[u8], pss: bool) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let padding: &'static dyn RsaEncoding =
                    if pss { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                key.sign(padding, &random, message, &mut signature).expect("a signature");
                signature
            }
            Self::Ec(key) => key.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Self::Ed(key) => key.sign(message).as_ref().to_vec(),
        }
    }
}

/// A server of one key set on loopback.
pub(crate) struct KeyServer {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Mutex<Vec<u8>>,
    asked: watch::Sender<usize>,
    open: watch::Sender<bool>,
}

impl KeyServer {
    /// A server that answers with these keys.
    pub(crate) async fn with(keys: &[Value]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/jwks", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            answer: Mutex::default(),
            asked: watch::Sender::new(0),
            open: watch::Sender::new(true),
        });
        let server = Self { url, shared };
        server.serve(keys, None);
        let shared = Arc::clone(&server.shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        server
    }

    /// Answers with these keys from now on.
    pub(crate) fn serve(&self, keys: &[Value], cache_control: Option<&str>) {
        let header = cache_control.map(|value| format!("Cache-Control: {value}\r\n"));
        self.answer("200 OK", &header.unwrap_or_default(), &json!({ "keys": keys }).to_string());
    }

    /// Answers in exactly this way from now on. The body has no length header; it ends with the
    /// connection.
    pub(crate) fn answer(&self, status: &str, header: &str, body: &str) {
        let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{header}\r\n{body}");
        *self.shared.answer.lock() = answer.into_bytes();
    }

    /// Fails from now on.
    pub(crate) fn fail(&self) {
        self.answer("503 Service Unavailable", "", "");
    }

    /// Holds every answer back until [`Self::open`].
    pub(crate) fn close(&self) {
        self.shared.open.send_replace(false);
    }

    /// Answers whoever waits.
    pub(crate) fn open(&self) {
        self.shared.open.send_replace(true);
    }

    /// How many requests have arrived.
    pub(crate) fn asked(&self) -> usize {
        *self.shared.asked.borrow()
    }

    /// Waits until that many requests have arrived.
    pub(crate) async fn wait_asked(&self, times: usize) {
        let mut asked = self.shared.asked.subscribe();
        asked.wait_for(|asked| *asked >= times).await.expect("the server");
    }
}

async fn answer(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
    shared.asked.send_modify(|asked| *asked += 1);
    let mut open = shared.open.subscribe();
    if open.wait_for(|open| *open).await.is_err() {
        return;
    }
    let answer = shared.answer.lock().clone();
    // The client may hang up as soon as it has seen enough.
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}
