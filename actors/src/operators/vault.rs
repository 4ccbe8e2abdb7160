//! Under which key the operators' second factors are kept.
//!
//! Unlike a password, the secret that an authenticator has cannot be kept as a hash: it is needed
//! to know its codes. With a key that stands in no database it is kept encrypted (AES-256-GCM), so
//! that a copy of the database alone opens no account. What is kept says of which key it is, and is
//! bound to its operator. The previous key opens what the present one does not, and each code that
//! is used has the secret written anew under the present one.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::error::ErrorBody;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::game_servers::SECRET_BYTES;
use crate::identity::IdentitySettings;
use crate::{fault, random, secret_file};

/// What stands before a secret that is encrypted; no character of base 32.
const SEALED: &str = "~";
/// How it is encrypted: version, key's id, nonce, and what AES-256-GCM makes of it.
const VERSION: u8 = 1;
/// How many bytes a key's id has.
const ID: usize = 4;

/// The keys. A clone is the same keys; the default has none, and keeps secrets as they are.
#[derive(Clone, Default)]
pub struct Vault(Arc<Keys>);

#[derive(Default)]
struct Keys {
    present: Option<Key>,
    previous: Option<Key>,
}

struct Key {
    id: [u8; ID],
    key: LessSafeKey,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Key {
    fn read(file: &Path) -> Result<Self, String> {
        let secret = secret_file::read(file)?;
        if secret.len() < SECRET_BYTES {
            return Err(format!("{}: has less than {SECRET_BYTES} bytes", file.display()));
        }
        Self::of(&secret).ok_or_else(|| format!("{}: cannot be used", file.display()))
    }

    fn of(secret: &str) -> Option<Self> {
        // The words keep these uses of the secret apart from each other, and from any other.
        let digest = |what: &[u8]| Sha256::new().chain_update(what).chain_update(secret).finalize();
        let key: [u8; 32] = digest(b"daemun operators' second factors v1").into();
        let id = *digest(b"daemun operators' second factors, id of the key").first_chunk()?;
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).ok()?);
        Some(Self { id, key })
    }

    /// What is bound: nothing of it can be changed without its being noticed.
    fn bound(&self, operator: Uuid) -> Aad<Vec<u8>> {
        Aad::from([&[VERSION], &self.id[..], operator.as_bytes()].concat())
    }

    fn seal(&self, operator: Uuid, secret: &str) -> Option<String> {
        let (nonce, mut sealed) = (random::bytes::<NONCE_LEN>(), secret.as_bytes().to_vec());
        let bound = self.bound(operator);
        let unique = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(unique, bound, &mut sealed).ok()?;
        let all = [&[VERSION], &self.id[..], &nonce, &sealed].concat();
        Some(format!("{SEALED}{}", URL_SAFE_NO_PAD.encode(all)))
    }

    fn open(&self, operator: Uuid, nonce: [u8; NONCE_LEN], sealed: &[u8]) -> Option<String> {
        let (nonce, mut secret) = (Nonce::assume_unique_for_key(nonce), sealed.to_vec());
        let opened = self.key.open_in_place(nonce, self.bound(operator), &mut secret).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }
}

impl Vault {
    /// Reads the keys that the settings name. This reads files, so it belongs where a thread may
    /// wait.
    ///
    /// # Errors
    /// Everything that is wrong, each with the setting that it is about.
    pub fn open(settings: &IdentitySettings) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        let mut read = |name: &str, file: Option<&Path>| {
            let key = file.map(Key::read).transpose();
            key.map_err(|what| wrong.push(format!("identity.{name}: {what}"))).unwrap_or_default()
        };
        let present = read("operator_key_file", settings.operator_key_file.as_deref());
        let previous =
            read("operator_previous_key_file", settings.operator_previous_key_file.as_deref());
        if wrong.is_empty() { Ok(Self(Arc::new(Keys { present, previous }))) } else { Err(wrong) }
    }

    /// A secret as it is kept from now on.
    ///
    /// # Errors
    /// `internal`, which nothing is known to cause.
    pub(super) fn sealed(&self, operator: Uuid, secret: &str) -> Result<String, ErrorBody> {
        let Some(key) = &self.0.present else { return Ok(secret.to_owned()) };
        let broken = || fault::internal("the second factor cannot be encrypted");
        key.seal(operator, secret).ok_or_else(broken)
    }

    /// A secret that is kept so, as it is kept from now on: under the present key, if there is one.
    ///
    /// # Errors
    /// As [`Vault::sealed`].
    pub(super) fn renewed(
        &self,
        operator: Uuid,
        kept: &str,
        secret: &str,
    ) -> Result<String, ErrorBody> {
        match &self.0.present {
            Some(_) => self.sealed(operator, secret),
            None => Ok(kept.to_owned()),
        }
    }

    /// A secret that is kept; `None` of what no key here opens, which is said in the log.
    pub(super) fn opened(&self, operator: Uuid, kept: &str) -> Option<String> {
        let Some(sealed) = kept.strip_prefix(SEALED) else { return Some(kept.to_owned()) };
        let opened = self.find(operator, sealed);
        if opened.is_none() {
            tracing::error!(%operator, "no key here opens the second factor of operator {operator}");
        }
        opened
    }

    fn find(&self, operator: Uuid, sealed: &str) -> Option<String> {
        let all = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (version, rest) = all.split_first()?;
        let (id, rest) = rest.split_first_chunk::<ID>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let keys = [&self.0.present, &self.0.previous].into_iter().flatten();
        let mut fitting = keys.filter(|key| *version == VERSION && key.id == *id);
        fitting.find_map(|key| key.open(operator, *nonce, sealed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

    fn vault(present: &str, previous: Option<&str>) -> Vault {
        let (present, previous) = (Key::of(present), previous.and_then(Key::of));
        Vault(Arc::new(Keys { present, previous }))
    }

    #[test]
    fn what_is_kept_is_opened_by_its_key_for_its_operator_alone() {
        let (kim, lee) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let one = vault("one", None);
        let kept = one.sealed(kim, SECRET).unwrap();
        assert!(kept.starts_with('~') && !kept.contains(SECRET));
        assert_ne!(one.sealed(kim, SECRET).unwrap(), kept, "each time another");
        assert_eq!(one.opened(kim, &kept).as_deref(), Some(SECRET));
        assert_eq!(one.opened(lee, &kept), None, "it is not his");
        assert_eq!(vault("two", None).opened(kim, &kept), None);
        assert_eq!(Vault::default().opened(kim, &kept), None);
        assert_eq!(vault("two", Some("one")).opened(kim, &kept).as_deref(), Some(SECRET));
        // Each of its bytes counts.
        let all = URL_SAFE_NO_PAD.decode(&kept[1..]).unwrap();
        for at in 0..all.len() {
            let mut other = all.clone();
            other[at] ^= 1;
            let other = format!("~{}", URL_SAFE_NO_PAD.encode(other));
            assert_eq!(one.opened(kim, &other), None, "{at}");
        }
        for broken in ["~", "~AQ", "~*", &kept[..kept.len() - 4]] {
            assert_eq!(one.opened(kim, broken), None, "{broken}");
        }
        assert_eq!(format!("{one:?}"), "Vault(..)");
    }

    #[test]
    fn what_was_kept_before_there_was_a_key_is_read() {
        let kim = Uuid::from_u128(1);
        assert_eq!(Vault::default().sealed(kim, SECRET).unwrap(), SECRET);
        let one = vault("one", None);
        assert_eq!(one.opened(kim, SECRET).as_deref(), Some(SECRET));
        let kept = one.renewed(kim, SECRET, SECRET).unwrap();
        assert!(kept.starts_with('~'));
        // A node that is only told the key before the others write with it leaves it as it is.
        let told = Vault(Arc::new(Keys { present: None, previous: Key::of("one") }));
        assert_eq!(told.opened(kim, &kept).as_deref(), Some(SECRET));
        assert_eq!(told.renewed(kim, &kept, SECRET).unwrap(), kept);
    }

    #[test]
    fn a_key_of_32_bytes_will_do_and_what_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let named = |previous: Option<&Path>| IdentitySettings {
            operator_key_file: Some(file.clone()),
            operator_previous_key_file: previous.map(Path::to_owned),
            ..IdentitySettings::default()
        };
        std::fs::write(&file, "x".repeat(32)).unwrap();
        assert!(Vault::open(&named(Some(&file))).unwrap().0.previous.is_some());
        assert!(Vault::open(&IdentitySettings::default()).unwrap().0.present.is_none());
        std::fs::write(&file, "x".repeat(31)).unwrap();
        let wrong = Vault::open(&named(Some(&folder.path().join("nowhere")))).unwrap_err();
        assert!(wrong[0].starts_with("identity.operator_key_file: "), "{wrong:?}");
        assert!(wrong[0].ends_with("has less than 32 bytes"), "{wrong:?}");
        assert!(wrong[1].starts_with("identity.operator_previous_key_file: "), "{wrong:?}");
    }
}
