//! Nonces that nobody has to remember until they are used.
//!
//! A nonce is 16 random bytes, the second it expires, and a code over both and the game
//! under a secret of ours. Giving one out writes nothing, so nobody can fill a table by
//! asking for them; using one writes its digest in the login's own transaction, so it is
//! used once.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::ids::AppId;
use storage::clock::Micros;

use crate::random;

/// How long a nonce is good.
pub const LIFE: Duration = Duration::from_secs(300);

const RANDOM: usize = 16;
const EXPIRY: usize = 8;
const CODE: usize = 16;

/// Makes a nonce for one login in that game.
#[must_use]
pub fn make(secret: &[u8; 32], app: &AppId, now: Micros) -> String {
    let mut nonce = Vec::with_capacity(RANDOM + EXPIRY + CODE);
    nonce.extend_from_slice(&random::bytes::<RANDOM>());
    nonce.extend_from_slice(&now.after(LIFE).seconds().to_be_bytes());
    let code = code(secret, app, &nonce);
    nonce.extend_from_slice(&code.as_ref()[..CODE]);
    URL_SAFE_NO_PAD.encode(nonce)
}

/// When a nonce of ours for that game expires; `None` when it is not ours or has expired.
#[must_use]
pub fn check(secret: &[u8; 32], app: &AppId, nonce: &str, now: Micros) -> Option<Micros> {
    let bytes = URL_SAFE_NO_PAD.decode(nonce).ok()?;
    let (body, shown) = bytes.split_at_checked(RANDOM + EXPIRY)?;
    let real = code(secret, app, body);
    aws_lc_rs::constant_time::verify_slices_are_equal(&real.as_ref()[..CODE], shown).ok()?;
    let expiry = body.get(RANDOM..)?.try_into().ok()?;
    let expires_at = Micros::from_seconds(i64::from_be_bytes(expiry));
    (now <= expires_at).then_some(expires_at)
}

fn code(secret: &[u8; 32], app: &AppId, body: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    context.update(app.as_str().as_bytes());
    // No app's word holds a zero byte, so the two parts cannot run into each other.
    context.update(&[0]);
    context.update(body);
    context.sign()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_for_its_game_and_its_time_alone() {
        let (secret, now) = ([7; 32], Micros::from_seconds(1_800_000_000));
        let (demo, other): (AppId, AppId) = ("demo".parse().unwrap(), "other".parse().unwrap());
        let nonce = make(&secret, &demo, now);
        let end = now.after(LIFE);

        assert_eq!(check(&secret, &demo, &nonce, end), Some(end));
        assert_eq!(check(&secret, &demo, &nonce, Micros(end.0 + 1)), None);
        assert_eq!(check(&secret, &other, &nonce, now), None);
        assert_eq!(check(&[8; 32], &demo, &nonce, now), None);
        assert_ne!(make(&secret, &demo, now), nonce);
    }

    #[test]
    fn what_was_not_made_here_is_not_a_nonce() {
        let (secret, now) = ([7; 32], Micros::from_seconds(1_800_000_000));
        let demo: AppId = "demo".parse().unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(make(&secret, &demo, now)).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert_eq!(check(&secret, &demo, &URL_SAFE_NO_PAD.encode(&bytes), now), None, "{at}");
            bytes[at] ^= 1;
        }
        for text in ["", "a", "!!!!", &"A".repeat(32), &"A".repeat(54), &"A".repeat(500)] {
            assert_eq!(check(&secret, &demo, text, now), None, "{text}");
        }
    }
}
