//! The keys that sign access tokens, and the secret behind nonces, from files.
//!
//! The folder holds one file a key, `<from>-<random>.pem`: PKCS #8, P-256, readable by its
//! owner alone. `<from>` is the second from which the key signs. The key that signs is the
//! one with the latest `<from>` that has come; a new key is therefore published for a
//! while before it is used, and an old one verifies until what it signed has expired. Keys
//! made in development are called `dev-<from>-<random>.pem`, and production refuses them.
//! `nonce.secret` holds 32 random bytes.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::Serialize;
use storage::clock::Micros;

/// The prefix of keys made in development.
const DEVELOPMENT: &str = "dev-";
/// A key is published at least this long before it signs, so that whoever caches the
/// published set has fetched it by then. The set is served with half of it as `max-age`.
pub const PUBLISH_AHEAD: Duration = Duration::from_secs(600);

/// The keyring cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// A file or the folder cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is not what its name says.
    #[error("{path} is not a key made by `daemun keys`: {reason}")]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A key of development is found in production.
    #[error(
        "{path} was made in development; production needs keys of its own (remove the file, then `daemun keys rotate --now`)"
    )]
    Development {
        /// Which.
        path: PathBuf,
    },
    /// There is none.
    #[error("{path} holds no key that may sign now; make one with `daemun keys rotate --now`")]
    None {
        /// The folder.
        path: PathBuf,
    },
}

/// One key pair.
pub struct Key {
    /// Its name in tokens and in the published set.
    pub kid: String,
    /// From when it signs.
    pub from: Micros,
    pub(crate) signing: EncodingKey,
    pub(crate) verifying: DecodingKey,
    jwk: Jwk,
}

/// A public key as it is published (RFC 7517).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    alg: &'static str,
    kid: String,
    x: String,
    y: String,
}

/// All keys, the earliest first, as they were in the folder when it was read.
pub struct Keyring {
    keys: Vec<Key>,
    nonce_secret: [u8; 32],
}

impl Keyring {
    /// Reads the folder.
    ///
    /// # Errors
    /// [`KeyringError`], which names the file.
    pub fn read(folder: &Path, production: bool) -> Result<Self, KeyringError> {
        let mut keys = Vec::new();
        for entry in fs::read_dir(folder).map_err(|error| file(folder, error))? {
            let path = entry.map_err(|error| file(folder, error))?.path();
            if path.extension().is_some_and(|extension| extension == "pem") {
                let key = read_key(&path)?;
                if production && key.kid.starts_with(DEVELOPMENT) {
                    return Err(KeyringError::Development { path });
                }
                keys.push(key);
            }
        }
        keys.sort_by(|a, b| (a.from, &a.kid).cmp(&(b.from, &b.kid)));
        let path = folder.join("nonce.secret");
        let secret = fs::read(&path).map_err(|error| file(&path, error))?;
        let nonce_secret = secret
            .try_into()
            .map_err(|_| KeyringError::Key { path, reason: "it is not 32 bytes long".into() })?;
        Ok(Self { keys, nonce_secret })
    }

    /// Makes the folder, the nonces' secret and a first key that signs at once, where they
    /// are missing.
    ///
    /// # Errors
    /// [`KeyringError`], which names the file.
    pub fn prepare(folder: &Path, now: Micros, production: bool) -> Result<(), KeyringError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder).map_err(|error| file(folder, error))?;
        let secret = folder.join("nonce.secret");
        if !secret.exists() {
            write_new(&secret, &random::<32>())?;
        }
        let has_key = fs::read_dir(folder)
            .map_err(|error| file(folder, error))?
            .flatten()
            .any(|entry| entry.path().extension().is_some_and(|extension| extension == "pem"));
        if !has_key {
            add(folder, now, production)?;
        }
        Ok(())
    }

    /// The key that signs now.
    #[must_use]
    pub fn signer(&self, now: Micros) -> Option<&Key> {
        self.keys.iter().rev().find(|key| key.from <= now)
    }

    /// The key of that name, if what it signed may still be good. A key stops when its
    /// successor has signed for `token_life`.
    #[must_use]
    pub fn verifier(&self, kid: &str, now: Micros, token_life: Duration) -> Option<&Key> {
        let at = self.keys.iter().position(|key| key.kid == kid)?;
        let stopped = self.keys.get(at + 1).is_some_and(|next| next.from.after(token_life) < now);
        (!stopped).then(|| &self.keys[at])
    }

    /// The public keys to publish: those that verify, and those that will.
    #[must_use]
    pub fn published(&self, now: Micros, token_life: Duration) -> Vec<Jwk> {
        self.keys
            .iter()
            .filter(|key| self.verifier(&key.kid, now, token_life).is_some())
            .map(|key| key.jwk.clone())
            .collect()
    }

    /// Every key's name and the moment from which it signs, the earliest first.
    pub fn names(&self) -> impl Iterator<Item = (&str, Micros)> {
        self.keys.iter().map(|key| (key.kid.as_str(), key.from))
    }

    /// Whether each key of the one is a key of the other, under the same name.
    pub(crate) fn has_the_keys_of(&self, other: &Self) -> bool {
        let keys = |ring: &Self| ring.keys.iter().map(|key| key.jwk.clone()).collect::<Vec<_>>();
        keys(self) == keys(other)
    }

    pub(crate) fn nonce_secret(&self) -> &[u8; 32] {
        &self.nonce_secret
    }
}

/// Makes a key that signs from `from` on, and returns its name.
///
/// # Errors
/// [`KeyringError`], which names the file.
pub fn add(folder: &Path, from: Micros, production: bool) -> Result<String, KeyringError> {
    let prefix = if production { "" } else { DEVELOPMENT };
    let random = u32::from_be_bytes(random());
    let kid = format!("{prefix}{}-{random:08x}", from.seconds());
    let path = folder.join(format!("{kid}.pem"));
    let pkcs8 =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| KeyringError::Key {
                path: path.clone(),
                reason: "the key could not be generated".into(),
            })?;
    let encoded = STANDARD.encode(pkcs8.as_ref());
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in encoded.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    write_new(&path, pem.as_bytes())?;
    Ok(kid)
}

fn file(path: &Path, error: io::Error) -> KeyringError {
    KeyringError::File { path: path.to_owned(), error }
}

/// Writes a file that nobody else can read, whole or not at all.
fn write_new(path: &Path, content: &[u8]) -> Result<(), KeyringError> {
    let partial = path.with_extension("partial");
    let write = || -> io::Result<()> {
        let mut file = fs::File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().map_err(|error| file(path, error))
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    crate::random::fill(&mut bytes);
    bytes
}

fn read_key(path: &Path) -> Result<Key, KeyringError> {
    let bad = |reason: &str| KeyringError::Key { path: path.to_owned(), reason: reason.into() };
    let kid = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    let from = kid
        .strip_prefix(DEVELOPMENT)
        .unwrap_or(&kid)
        .split('-')
        .next()
        .and_then(|seconds| seconds.parse().ok())
        .map(Micros::from_seconds)
        .ok_or_else(|| bad("its name does not say from when it signs"))?;
    let pem = fs::read_to_string(path).map_err(|error| file(path, error))?;
    let pkcs8 = pem
        .strip_prefix("-----BEGIN PRIVATE KEY-----")
        .and_then(|rest| rest.trim_end().strip_suffix("-----END PRIVATE KEY-----"))
        .map(|body| body.split_ascii_whitespace().collect::<String>())
        .and_then(|body| STANDARD.decode(body).ok())
        .ok_or_else(|| bad("it is not PEM of PKCS #8"))?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8)
        .map_err(|_| bad("it is not a P-256 key"))?;
    // An uncompressed point: 4, then x and y of 32 bytes each (SEC 1, 2.3.3).
    let point = pair.public_key().as_ref();
    let (Some(x), Some(y)) = (point.get(1..33), point.get(33..65)) else {
        return Err(bad("its public half is not a point"));
    };
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    let verifying = DecodingKey::from_ec_components(&x, &y)
        .map_err(|_| bad("its public half is not a point"))?;
    let jwk = Jwk { kty: "EC", crv: "P-256", usage: "sig", alg: "ES256", kid: kid.clone(), x, y };
    Ok(Key { kid, from, signing: EncodingKey::from_ec_der(&pkcs8), verifying, jwk })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(900);

    #[test]
    fn a_new_key_is_published_first_signs_later_and_the_old_one_verifies_on() {
        let folder = tempfile::tempdir().unwrap();
        let start = Micros::from_seconds(1_800_000_000);
        Keyring::prepare(folder.path(), start, true).unwrap();
        let old = Keyring::read(folder.path(), true).unwrap().signer(start).unwrap().kid.clone();
        let from = start.after(PUBLISH_AHEAD);
        let new = add(folder.path(), from, true).unwrap();
        let ring = Keyring::read(folder.path(), true).unwrap();

        assert_eq!(ring.published(start, LIFE).len(), 2);
        assert_eq!(ring.signer(start).unwrap().kid, old);
        assert_eq!(ring.signer(from).unwrap().kid, new);
        assert!(ring.verifier(&old, from.after(LIFE), LIFE).is_some());
        let over = from.after(LIFE).after(Duration::from_secs(1));
        assert!(ring.verifier(&old, over, LIFE).is_none());
        assert_eq!(ring.published(over, LIFE).len(), 1);
    }

    #[test]
    fn production_refuses_keys_of_development_and_strange_files() {
        let folder = tempfile::tempdir().unwrap();
        let now = Micros::from_seconds(1_800_000_000);
        Keyring::prepare(folder.path(), now, false).unwrap();
        assert!(Keyring::read(folder.path(), false).is_ok());
        let refused = Keyring::read(folder.path(), true).err().unwrap().to_string();
        assert!(refused.contains("made in development"), "{refused}");

        fs::write(folder.path().join("mine.pem"), "hello").unwrap();
        let refused = Keyring::read(folder.path(), false).err().unwrap().to_string();
        assert!(refused.contains("mine.pem") && refused.contains("does not say"), "{refused}");
    }

    #[test]
    fn key_files_are_their_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        Keyring::prepare(folder.path(), Micros(0), true).unwrap();
        for entry in fs::read_dir(folder.path()).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
