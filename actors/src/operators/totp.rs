//! The second factor: time-based one-time passwords (RFC 6238) of six digits and 30 seconds, by
//! HMAC-SHA-1, which is what every authenticator knows.

use aws_lc_rs::{constant_time, hmac};
use data_encoding::BASE32_NOPAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use storage::clock::Micros;

use crate::random;

/// How long a code is shown, in seconds.
const STEP_S: i64 = 30;
/// How many steps a clock may be off, either way.
const LEEWAY: i64 = 1;
/// What authenticators show it under.
const ISSUER: &str = "Daemun";

/// A new secret, in base 32: 160 bits, as RFC 4226 asks for (section 4).
pub(crate) fn secret() -> String {
    BASE32_NOPAD.encode(&random::bytes::<20>())
}

/// The code of a step (RFC 4226, section 5.3).
fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let at = usize::from(tag.last().copied().unwrap_or_default() & 0xf);
    let four = tag.get(at..at + 4).unwrap_or_default().iter();
    let number = four.fold(0_u32, |number, byte| (number << 8) | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// The step at which this code was shown, if it is one of now and none that was used. It takes
/// as long whichever it is.
pub(crate) fn shown(secret: &str, shown: &str, now: Micros, used: i64) -> Option<i64> {
    let secret = BASE32_NOPAD.decode(secret.as_bytes()).unwrap_or_default();
    let shown: String = shown.chars().filter(|char| *char != ' ').collect();
    let present = now.seconds().div_euclid(STEP_S);
    let mut found = None;
    for step in present - LEEWAY..=present + LEEWAY {
        let code = code(&secret, step);
        let same = constant_time::verify_slices_are_equal(code.as_bytes(), shown.as_bytes());
        if same.is_ok() && step > used && !secret.is_empty() {
            found = Some(step);
        }
    }
    found
}

/// The address that authenticators read, mostly as a picture.
pub(crate) fn uri(name: &str, secret: &str) -> String {
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    format!(
        "otpauth://totp/{ISSUER}:{name}?secret={secret}&issuer={ISSUER}\
         &algorithm=SHA1&digits=6&period={STEP_S}"
    )
}

/// What an authenticator with this secret shows at a moment.
///
/// For tests, which have no authenticator.
#[must_use]
pub fn shows(secret: &str, now: Micros) -> String {
    let secret = BASE32_NOPAD.decode(secret.as_bytes()).unwrap_or_default();
    code(&secret, now.seconds().div_euclid(STEP_S))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Micros {
        Micros::from_seconds(seconds)
    }

    /// RFC 6238, appendix B: eight digits there, of which six are shown here.
    #[test]
    fn the_rfcs_own_examples() {
        let secret = b"12345678901234567890";
        for (seconds, expected) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(code(secret, seconds / STEP_S), expected[2..], "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_a_step_early_and_a_step_late_and_once() {
        let (key, now) = (secret(), at(1_800_000_015));
        let present = 1_800_000_000 / STEP_S;
        for (step, good) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let code = shows(&key, at(1_800_000_000 + step * STEP_S));
            let expected = good.then_some(present + step);
            assert_eq!(shown(&key, &code, now, 0), expected, "{step}");
        }
        let code = shows(&key, now);
        assert_eq!(shown(&key, &code, now, present), None, "it was used");
        assert_eq!(shown(&key, &code, now, present - 1), Some(present));
        // As authenticators show it.
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        assert_eq!(shown(&key, &spaced, now, 0), Some(present));
        for wrong in ["", "12345", "abcdef", &format!("{code}0"), "٠١٢٣٤٥"] {
            assert_eq!(shown(&key, wrong, now, 0), None, "{wrong}");
        }
        assert_eq!(shown("", &shows("", now), now, 0), None, "who has no secret has no code");
    }

    #[test]
    fn an_authenticator_is_told_all_it_needs() {
        let uri = uri("a+b@example.com", "JBSWY3DPEHPK3PXP");
        assert!(
            uri.starts_with("otpauth://totp/Daemun:a%2Bb%40example%2Ecom?secret=JBSWY3DPEHPK3PXP&")
        );
    }
}
