//! How a game's server signs a request.
//!
//! The header `Authorization` says who signs, when, and with which nonce:
//!
//! ```text
//! Daemun-HMAC-SHA256 app=demo, key=main, time=1800000000, nonce=Vd3J5mWbqL0x2sYz, signature=...
//! ```
//!
//! The signature is the HMAC-SHA256, by the key's secret, of these lines with a line feed between
//! them and none at the end, written in base64url without padding:
//!
//! ```text
//! daemun-hmac-sha256
//! the game's word
//! the key's id
//! the method: POST
//! the path, with the query if there is one
//! the Idempotency-Key, or nothing
//! the time, in seconds since 1970
//! the nonce
//! the SHA-256 of the body, in hexadecimal
//! ```
//!
//! The `Idempotency-Key` is among them because it decides whether a request is done once more:
//! whoever could change it could have a spending that he saw done again, at another node.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::error::{ErrorBody, ErrorCode};
use sha2::{Digest as _, Sha256};
use storage::clock::Micros;

/// How far the time of a request may be from ours, either way.
pub const WINDOW: Duration = Duration::from_secs(300);
/// The scheme of the header.
pub const SCHEME: &str = "Daemun-HMAC-SHA256";

/// The bytes of a signature.
const SIGNATURE_BYTES: usize = 32;
/// The shortest and the longest nonce, in characters.
const NONCE: std::ops::RangeInclusive<usize> = 16..=64;
/// The longest time is that of the year 9999, in digits.
const TIME_DIGITS: usize = 12;

/// What is signed of a request.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// The path, with the query if there is one.
    pub target: &'a str,
    /// The `Idempotency-Key`, if there is one.
    pub idempotency: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// What a request says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The game.
    pub app: String,
    /// The key's id.
    pub key: String,
    /// When it was signed, to the second.
    pub time: Micros,
    /// Said once.
    pub nonce: String,
    /// The signature.
    pub signature: Vec<u8>,
}

fn unsigned(what: &str) -> ErrorBody {
    let message = format!(
        "{what}; expected Authorization: {SCHEME} app=.., key=.., time=.., nonce=.., signature=.."
    );
    ErrorBody::new(ErrorCode::ServerUnsigned, message)
}

impl Claimed {
    /// Reads the header.
    ///
    /// # Errors
    /// `server.unsigned`, which says what is wrong with its form.
    pub fn read(header: Option<&str>) -> Result<Self, ErrorBody> {
        let header = header.ok_or_else(|| unsigned("the request is not signed"))?;
        let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Err(unsigned("the request is signed otherwise"));
        }
        let mut fields = [None; NAMES.len()];
        for part in rest.split(',') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (name.trim(), value.trim());
            let known = NAMES.iter().position(|known| *known == name);
            let place = known.ok_or_else(|| unsigned("a field of the header is not known"))?;
            if fields[place].replace(value).is_some() {
                return Err(unsigned(&format!("{name} is given twice")));
            }
        }
        let field = |place: usize| {
            fields[place].ok_or_else(|| unsigned(&format!("{} is missing", NAMES[place])))
        };
        Ok(Self {
            app: field(0)?.to_owned(),
            key: field(1)?.to_owned(),
            time: time(field(2)?)?,
            nonce: nonce(field(3)?)?,
            signature: signature(field(4)?)?,
        })
    }

    /// What is signed.
    #[must_use]
    pub fn content(&self, signed: &Signed<'_>) -> String {
        let body: String = Sha256::digest(signed.body).iter().map(|b| format!("{b:02x}")).collect();
        let time = self.time.seconds().to_string();
        [
            "daemun-hmac-sha256",
            &self.app,
            &self.key,
            signed.method,
            signed.target,
            signed.idempotency.unwrap_or_default(),
            &time,
            &self.nonce,
            &body,
        ]
        .join("\n")
    }

    /// Signs a request, and returns the whole header: what a game's server does.
    #[must_use]
    pub fn sign(mut self, secret: &str, signed: &Signed<'_>) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        self.signature = hmac::sign(&key, self.content(signed).as_bytes()).as_ref().to_vec();
        let Self { app, key, time, nonce, signature } = &self;
        let (time, signature) = (time.seconds(), URL_SAFE_NO_PAD.encode(signature));
        format!("{SCHEME} app={app}, key={key}, time={time}, nonce={nonce}, signature={signature}")
    }
}

const NAMES: [&str; 5] = ["app", "key", "time", "nonce", "signature"];

fn time(text: &str) -> Result<Micros, ErrorBody> {
    let digits = !text.is_empty()
        && text.len() <= TIME_DIGITS
        && text.bytes().all(|byte| byte.is_ascii_digit())
        // What is signed is the number: one that is written otherwise would be signed alike.
        && (text == "0" || !text.starts_with('0'));
    let seconds = text.parse().ok().filter(|_| digits);
    seconds.map(Micros::from_seconds).ok_or_else(|| unsigned("time is not in seconds since 1970"))
}

fn nonce(text: &str) -> Result<String, ErrorBody> {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match NONCE.contains(&text.len()) && text.bytes().all(fine) {
        true => Ok(text.to_owned()),
        false => Err(unsigned("nonce is not 16 to 64 letters, digits, `_` or `-`")),
    }
}

fn signature(text: &str) -> Result<Vec<u8>, ErrorBody> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
    let bytes = bytes.filter(|bytes| bytes.len() == SIGNATURE_BYTES);
    bytes.ok_or_else(|| unsigned("signature is not 32 bytes in base64url"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "an example of a secret: 32 bytes";

    fn claimed() -> Claimed {
        Claimed {
            app: "demo".into(),
            key: "main".into(),
            time: Micros::from_seconds(1_800_000_000),
            nonce: "Vd3J5mWbqL0x2sYz".into(),
            signature: Vec::new(),
        }
    }

    fn signed() -> Signed<'static> {
        Signed {
            method: "POST",
            target: "/server/v1/wallet/spend",
            idempotency: Some("order-4711"),
            body: br#"{"member":"0G3Q8TZ4M1A7C","items":[{"item":"gem","amount":100}]}"#,
        }
    }

    /// docs/game-servers.md works this very example.
    #[test]
    fn the_example_of_the_page_is_right() {
        let page = include_str!("../../../docs/game-servers.md");
        let header = claimed().sign(SECRET, &signed());
        assert!(page.contains(SECRET), "the secret");
        let content = claimed().content(&signed());
        for line in content.lines() {
            assert!(page.lines().any(|of_page| of_page.trim() == line), "{line}");
        }
        let signature = header.rsplit_once("signature=").unwrap().1;
        assert!(page.contains(signature), "{signature}");
        assert!(page.contains(std::str::from_utf8(signed().body).unwrap()), "the body");
    }

    #[test]
    fn what_is_signed_is_read_back() {
        let header = claimed().sign(SECRET, &signed());
        let read = Claimed::read(Some(&header)).unwrap();
        assert_eq!(read.signature.len(), 32);
        assert_eq!(Claimed { signature: Vec::new(), ..read }, claimed());
        let spaced = header.replace(", ", " ,").replacen(SCHEME, "daemun-hmac-sha256", 1);
        assert!(Claimed::read(Some(&spaced)).is_ok());
    }

    #[test]
    fn a_header_of_another_form_is_said_to_be_so() {
        let good = claimed().sign(SECRET, &signed());
        let says = |header: &str, what: &str| {
            let error = Claimed::read(Some(header)).err().unwrap();
            assert_eq!(error.code, ErrorCode::ServerUnsigned);
            assert!(error.message.starts_with(what), "{header}: {error}");
            assert!(!error.message.contains("Vd3J5mWbqL0x2sYz"), "{error}");
        };
        assert!(Claimed::read(None).is_err());
        says("", "the request is signed otherwise");
        says("Bearer eyJ", "the request is signed otherwise");
        says(SCHEME, "a field of the header is not known");
        says(&good.replace("app=", "game="), "a field of the header is not known");
        says(&good.replace("app=demo, ", ""), "app is missing");
        says(&good.replace("app=demo", "app=demo, app=demo"), "app is given twice");
        for time in ["", "now", "-1", "01800000000", "1800000000.5", "+1", "1234567890123"] {
            says(&good.replace("1800000000", time), "time is not in seconds");
        }
        for nonce in ["", "fifteen-letters", &"x".repeat(65), "sixteen.letters."] {
            says(&good.replace("Vd3J5mWbqL0x2sYz", nonce), "nonce is not");
        }
        let signature = good.rsplit_once("signature=").unwrap().1;
        for other in ["", "AAAA", "!", &format!("{signature}A")] {
            says(&good.replace(signature, other), "signature is not");
        }
    }
}
