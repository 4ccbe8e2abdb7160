//! Refresh tokens: opaque to clients, kept as digests.
//!
//! A token is the login's id, a tag that all tokens of that login share, and 32 random
//! bytes. The tag tells a token that was used long ago from one that never was, without
//! keeping every token there has been. A token's successor is kept sealed under a key
//! made from the token itself, so that a client whose answer was lost can be given the
//! same successor again, and a thief of the database none.
//!
//! Behind the token stands whose it is, so that its login is found among many databases. That
//! is no part of the token: a wrong name finds nothing.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::ids::{LoginId, MemberId};
use protocol::text::Secret;
use sha2::{Digest as _, Sha256};
use storage::identity::Digest;
use uuid::Uuid;

use crate::random;

/// What every token begins with, so that one that leaks can be found by a search.
const PREFIX: &str = "drt1_";
/// What stands between the token and whose it is; no character of either.
const BEFORE_MEMBER: char = '.';
const LOGIN: usize = 16;
const TAG: usize = 16;
const RANDOM: usize = 32;

/// A refresh token.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken([u8; LOGIN + TAG + RANDOM]);

impl RefreshToken {
    /// The first token of a login.
    #[must_use]
    pub fn first(login: LoginId) -> Self {
        Self::of(login, &random::bytes())
    }

    /// The token to give for this one.
    #[must_use]
    pub fn next(&self) -> Self {
        let tag: &[u8; TAG] = self.0[LOGIN..].first_chunk().unwrap_or(&[0; TAG]);
        Self::of(self.login(), tag)
    }

    fn of(login: LoginId, tag: &[u8; TAG]) -> Self {
        let mut token = [0; LOGIN + TAG + RANDOM];
        token[..LOGIN].copy_from_slice(login.0.as_bytes());
        token[LOGIN..LOGIN + TAG].copy_from_slice(tag);
        random::fill(&mut token[LOGIN + TAG..]);
        Self(token)
    }

    /// Reads a token as a client sends it, and the member that it names; `None` when it is none
    /// of ours. Tokens that were given before they named anybody are read as well.
    #[must_use]
    pub fn read(text: &str) -> Option<(Self, Option<MemberId>)> {
        let text = text.strip_prefix(PREFIX)?;
        let (text, member) = match text.split_once(BEFORE_MEMBER) {
            Some((text, member)) => (text, Some(member.parse().ok()?)),
            None => (text, None),
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(|token| (Self(token), member))
    }

    /// The token as a client is given it; `member` is whose it is.
    ///
    /// # Errors
    /// Never: it is 105 bytes of plain characters.
    pub fn text(&self, member: MemberId) -> Result<Secret<256>, protocol::text::TextError> {
        let token = URL_SAFE_NO_PAD.encode(self.0);
        Secret::new(&format!("{PREFIX}{token}{BEFORE_MEMBER}{member}"))
    }

    /// The login that the token says it is of.
    #[must_use]
    pub fn login(&self) -> LoginId {
        let id = self.0.first_chunk().unwrap_or(&[0; LOGIN]);
        LoginId(Uuid::from_bytes(*id))
    }

    /// The digest of its tag.
    #[must_use]
    pub fn tag_digest(&self) -> Digest {
        Sha256::digest(&self.0[LOGIN..LOGIN + TAG]).into()
    }

    /// The digest of the whole.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Sha256::digest(self.0).into()
    }

    /// Seals a successor so that only who has this token can open it.
    #[must_use]
    pub fn seal(&self, successor: &Self) -> Vec<u8> {
        let nonce: [u8; NONCE_LEN] = random::bytes();
        let mut sealed = successor.0.to_vec();
        let seal = self.sealing_key().and_then(|key| {
            let nonce = Nonce::assume_unique_for_key(nonce);
            key.seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed).ok()
        });
        match seal {
            Some(()) => [nonce.as_slice(), &sealed].concat(),
            // Nothing that can be opened: a lost answer is then given anew, not again.
            None => Vec::new(),
        }
    }

    /// Opens a sealed successor.
    #[must_use]
    pub fn open(&self, sealed: &[u8]) -> Option<Self> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let open = self.sealing_key()?.open_in_place(nonce, Aad::empty(), &mut body).ok()?;
        (&*open).try_into().ok().map(Self)
    }

    fn sealing_key(&self) -> Option<LessSafeKey> {
        // The token's 32 random bytes are a key already; the words keep this use of them
        // apart from the digest.
        let mut hash = Sha256::new();
        hash.update(b"daemun refresh successor v1");
        hash.update(self.0);
        let key: [u8; 32] = hash.finalize().into();
        UnboundKey::new(&AES_256_GCM, &key).ok().map(LessSafeKey::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> LoginId {
        LoginId(Uuid::from_u128(7))
    }

    #[test]
    fn a_token_reads_back_and_its_successor_shares_the_tag() {
        let token = RefreshToken::first(login());
        let member = MemberId::compose(7, MemberId::EPOCH_MS, 7);
        let text = token.text(member).unwrap();
        assert!(RefreshToken::read(text.expose()) == Some((token.clone(), Some(member))));
        let (older, _) = text.expose().split_once(BEFORE_MEMBER).unwrap();
        assert!(RefreshToken::read(older) == Some((token.clone(), None)));
        let next = token.next();
        assert_eq!(next.login(), login());
        assert_eq!(next.tag_digest(), token.tag_digest());
        assert_ne!(next.digest(), token.digest());
        assert_ne!(RefreshToken::first(login()).tag_digest(), token.tag_digest());
    }

    #[test]
    fn only_the_token_opens_its_sealed_successor() {
        let token = RefreshToken::first(login());
        let next = token.next();
        let mut sealed = token.seal(&next);
        assert!(token.open(&sealed).unwrap() == next);
        assert!(next.open(&sealed).is_none());
        assert!(token.open(&[]).is_none());
        *sealed.last_mut().unwrap() ^= 1;
        assert!(token.open(&sealed).is_none());
    }

    #[test]
    fn what_is_no_token_is_not_read() {
        let good = "A".repeat(86);
        assert!(RefreshToken::read(&format!("drt1_{good}")).is_some());
        for text in [&format!("drt1_{good}."), &format!("drt1_{good}.nobody"), &format!("{good}.")]
        {
            assert!(RefreshToken::read(text).is_none(), "{text}");
        }
        for text in ["", "drt1_", "drt1_AAAA", "nope", &format!("drt1_{}", "A".repeat(300))] {
            assert!(RefreshToken::read(text).is_none(), "{text}");
        }
    }
}
