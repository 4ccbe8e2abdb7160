//! Signing what is sent, as the Standard Webhooks specification has it (1.0, "Signature scheme"):
//! HMAC-SHA256 of the id, the time and the body with dots between them.

use std::fmt;
use std::path::Path;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::settings::WebhookSettings;
use crate::secret_file;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// How many bytes a secret may have (the specification, "Signing secret").
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// The secrets that sign: the present one, and the one before while it is not given up.
#[derive(Clone)]
pub struct Secrets(Vec<hmac::Key>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(..)")
    }
}

impl Secrets {
    /// Reads the files of a game's webhook.
    ///
    /// # Errors
    /// The field, and what is wrong with its file.
    pub fn open(settings: &WebhookSettings) -> Result<Self, (&'static str, String)> {
        let secret = read("secret_file", &settings.secret_file)?;
        let previous = settings.previous_secret_file.as_deref();
        let previous = previous.map(|file| read("previous_secret_file", file)).transpose()?;
        Ok(Self([Some(secret), previous].into_iter().flatten().collect()))
    }

    /// One secret, as it is written.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn one(text: &str) -> Result<Self, &'static str> {
        key(text).map(|key| Self(vec![key]))
    }

    /// The header `webhook-signature`: a signature by each secret.
    #[must_use]
    pub fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        let content = format!("{id}.{seconds}.{body}");
        let signatures = self.0.iter().map(|key| {
            let tag = hmac::sign(key, content.as_bytes());
            format!("v1,{}", STANDARD.encode(tag.as_ref()))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }

    /// Whether any signature of the header is by any of the secrets: what a receiver does.
    #[must_use]
    pub fn verify(&self, header: &str, id: &str, seconds: i64, body: &[u8]) -> bool {
        let content = [format!("{id}.{seconds}.").as_bytes(), body].concat();
        let signatures = header.split(' ').filter_map(|one| one.strip_prefix("v1,"));
        let mut decoded = signatures.filter_map(|one| STANDARD.decode(one).ok());
        decoded.any(|tag| self.0.iter().any(|key| hmac::verify(key, &content, &tag).is_ok()))
    }
}

fn read(field: &'static str, file: &Path) -> Result<hmac::Key, (&'static str, String)> {
    let text = secret_file::read(file).map_err(|wrong| (field, wrong))?;
    key(&text).map_err(|wrong| (field, format!("{}: {wrong}", file.display())))
}

fn key(text: &str) -> Result<hmac::Key, &'static str> {
    let wrong = "is not whsec_ and 24 to 64 bytes in base64";
    let encoded = text.strip_prefix(PREFIX).ok_or(wrong)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| wrong)?;
    match BYTES.contains(&bytes.len()) {
        true => Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes)),
        false => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const BODY: &str = r#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    /// The vector of the specification's own libraries.
    fn golden() -> Secrets {
        Secrets::one("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap()
    }

    #[test]
    fn a_signature_is_the_one_of_the_specification() {
        assert_eq!(golden().sign(ID, AT, BODY), SIGNATURE);
        assert!(golden().verify(SIGNATURE, ID, AT, BODY.as_bytes()));
    }

    #[test]
    fn another_id_time_body_or_secret_is_not_verified() {
        let good =
            |header: &str, id, at, body: &str| golden().verify(header, id, at, body.as_bytes());
        assert!(!good(SIGNATURE, "msg_2", AT, BODY));
        assert!(!good(SIGNATURE, ID, AT + 1, BODY));
        assert!(!good(SIGNATURE, ID, AT, r#"{"test": 2432232315}"#));
        for header in ["", "v1,", "v1,AAAA", "v1a,AAAA", &SIGNATURE[3..]] {
            assert!(!good(header, ID, AT, BODY), "{header}");
        }
        let other = Secrets::one(&format!("whsec_{}", STANDARD.encode([7; 24]))).unwrap();
        assert!(!other.verify(SIGNATURE, ID, AT, BODY.as_bytes()));
        assert!(good(&format!("{} {SIGNATURE}", other.sign(ID, AT, BODY)), ID, AT, BODY));
    }

    #[test]
    fn two_secrets_both_sign() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, secret: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, secret).unwrap();
            file
        };
        let newer = format!("whsec_{}\n", STANDARD.encode([9; 32]));
        let settings = WebhookSettings {
            url: "https://game.example".into(),
            secret_file: write("newer", &newer),
            previous_secret_file: Some(write("older", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
            allow_insecure_loopback: false,
        };
        let header = Secrets::open(&settings).unwrap().sign(ID, AT, BODY);
        assert_eq!(header.split(' ').count(), 2);
        assert_eq!(header.split(' ').nth(1), Some(SIGNATURE));
        let newer = Secrets::one(newer.trim()).unwrap();
        assert!(newer.verify(&header, ID, AT, BODY.as_bytes()));
        let nowhere = WebhookSettings { secret_file: "/nowhere/secret".into(), ..settings };
        assert_eq!(Secrets::open(&nowhere).unwrap_err().0, "secret_file");
    }

    #[test]
    fn a_secret_is_neither_too_short_nor_too_long() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![1; bytes]));
        for bytes in [24, 64] {
            assert!(Secrets::one(&of(bytes)).is_ok(), "{bytes}");
        }
        for wrong in [of(23), of(65), of(32).replace("whsec_", ""), "whsec_!".into()] {
            let error = Secrets::one(&wrong).unwrap_err();
            assert!(!error.contains("AQEB"), "{error}");
        }
        assert_eq!(format!("{:?}", golden()), "Secrets(..)");
    }
}
