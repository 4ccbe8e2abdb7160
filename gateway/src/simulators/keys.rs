//! An issuer's keys: RSA, made when they are first needed, and turned on demand.

use std::collections::VecDeque;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use protocol::error::{ErrorBody, ErrorCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::provider::Provider;

/// The most retired keys that stay published. The verifier bounds the size of a set, and real
/// sets have two or three keys.
const MOST_RETIRED: usize = 4;

/// A private key with its public id.
pub(super) struct SigningKey {
    pub(super) kid: String,
    pair: RsaKeyPair,
}

impl SigningKey {
    /// A new key.
    pub(super) async fn make(provider: Provider) -> Result<Arc<Self>, ErrorBody> {
        off_thread(move || {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048)?;
            let kid = provider.kid(Sha256::digest(pair.public_key()).into());
            Ok(Arc::new(Self { kid, pair }))
        })
        .await
    }

    /// The public half, as a key set has it (RFC 7517, RFC 7518 section 6.3.1).
    pub(super) fn jwk(&self) -> Value {
        let public = self.pair.public_key();
        let n = URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
        let e = URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero());
        json!({"kty": "RSA", "kid": self.kid, "use": "sig", "alg": "RS256", "n": n, "e": e})
    }

    /// The public half in DER, as an attacker may use it for the secret of an HMAC.
    pub(super) fn public_der(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    /// The private half, PKCS #8 in PEM, as Google gives it out for a service account.
    pub(super) fn private_pem(&self) -> Result<String, Unspecified> {
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&self.pair)?;
        let text = STANDARD.encode(der.as_ref());
        let mut pem = "-----BEGIN PRIVATE KEY-----\n".to_owned();
        for line in text.as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        Ok(pem + "-----END PRIVATE KEY-----\n")
    }

    /// The signature by RS256 (RFC 7518, section 3.3). Takes about a millisecond.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        self.sign_by(&RSA_PKCS1_SHA256, message)
    }

    /// The signature by SHA512withRSA, as ONE store makes it.
    pub(super) fn sign_sha512(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        self.sign_by(&RSA_PKCS1_SHA512, message)
    }

    fn sign_by(
        &self,
        padding: &'static dyn RsaEncoding,
        message: &[u8],
    ) -> Result<Vec<u8>, Unspecified> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(padding, &SystemRandom::new(), message, &mut signature)?;
        Ok(signature)
    }
}

/// The keys of one issuer.
pub(super) struct Keys {
    provider: Provider,
    ring: OnceCell<Mutex<Ring>>,
    /// Never published.
    stray: OnceCell<Arc<SigningKey>>,
}

struct Ring {
    signing: Arc<SigningKey>,
    /// Still published, the latest first.
    retired: VecDeque<Arc<SigningKey>>,
}

impl Keys {
    pub(super) fn new(provider: Provider) -> Self {
        Self { provider, ring: OnceCell::new(), stray: OnceCell::new() }
    }

    /// The key that signs.
    pub(super) async fn signing(&self) -> Result<Arc<SigningKey>, ErrorBody> {
        Ok(Arc::clone(&self.ring().await?.lock().signing))
    }

    /// A key that this issuer never publishes.
    pub(super) async fn stray(&self) -> Result<Arc<SigningKey>, ErrorBody> {
        let stray = self.stray.get_or_try_init(|| SigningKey::make(self.provider)).await?;
        Ok(Arc::clone(stray))
    }

    /// The key set (RFC 7517, section 5).
    pub(super) async fn set(&self) -> Result<Value, ErrorBody> {
        let ring = self.ring().await?.lock();
        let keys: Vec<_> = ring.published().map(|key| key.jwk()).collect();
        Ok(json!({ "keys": keys }))
    }

    /// Signs with a new key from now on; the one before stays published if `keep_old`, and
    /// otherwise all old ones are withdrawn.
    pub(super) async fn rotate(&self, keep_old: bool) -> Result<(), ErrorBody> {
        let ring = self.ring().await?;
        // The new key is made before the lock is taken, so nobody waits for it.
        let next = SigningKey::make(self.provider).await?;
        let mut ring = ring.lock();
        let before = std::mem::replace(&mut ring.signing, next);
        if keep_old {
            ring.retired.push_front(before);
            ring.retired.truncate(MOST_RETIRED);
        } else {
            ring.retired.clear();
        }
        Ok(())
    }

    /// The ids of the published keys, the signing one first; none before the first use.
    pub(super) fn kids(&self) -> Vec<String> {
        let ring = self.ring.get().map(Mutex::lock);
        ring.map_or_else(Vec::new, |ring| ring.published().map(|key| key.kid.clone()).collect())
    }

    async fn ring(&self) -> Result<&Mutex<Ring>, ErrorBody> {
        let first = async || {
            let signing = SigningKey::make(self.provider).await?;
            Ok(Mutex::new(Ring { signing, retired: VecDeque::new() }))
        };
        self.ring.get_or_try_init(first).await
    }
}

impl Ring {
    fn published(&self) -> impl Iterator<Item = &Arc<SigningKey>> {
        std::iter::once(&self.signing).chain(&self.retired)
    }
}

/// Does work with private keys where it holds up no other request: making a key takes from a
/// tenth of a second to some seconds.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Unspecified> + Send + 'static,
) -> Result<T, ErrorBody> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(Unspecified)) | Err(_) => {
            Err(ErrorBody::new(ErrorCode::Internal, "the simulator could not make or use a key"))
        }
    }
}
