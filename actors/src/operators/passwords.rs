//! Operators' passwords: Argon2id, on threads of its own, few at once.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use protocol::error::ErrorBody;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{fault, random};

/// OWASP's password storage cheat sheet: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// How many are computed at once: 19 MiB each, and one thread.
const AT_ONCE: usize = 2;
/// How many are computed or wait.
const WAITING: usize = 16;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// The fewest characters of a password.
const FEWEST: usize = 12;

/// The hash of no password, with which the work is done for a name that nobody has.
pub(crate) const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
    AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Where passwords are hashed. A clone is the same place.
#[derive(Clone)]
pub(crate) struct Passwords {
    waiting: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(WAITING)),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

/// A place among those that are computed or wait.
pub(crate) struct Queued {
    waiting: OwnedSemaphorePermit,
    turns: Arc<Semaphore>,
}

impl Passwords {
    /// Takes a place, before anything else is asked for that a password comes with.
    ///
    /// # Errors
    /// `limit.overloaded`.
    pub(crate) fn queue(&self) -> Result<Queued, ErrorBody> {
        let waiting = self.waiting.clone().try_acquire_owned().map_err(|_| fault::overloaded())?;
        Ok(Queued { waiting, turns: self.turns.clone() })
    }

    /// What is kept of a password.
    ///
    /// # Errors
    /// `limit.overloaded`.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, ErrorBody> {
        let password = password.to_owned();
        let hashed = self.queue()?.in_turn(move || {
            let salt: [u8; 16] = random::bytes();
            let hash: PasswordHash =
                argon2id()?.hash_password_with_salt(password.as_bytes(), &salt).ok()?;
            Some(hash.to_string())
        });
        hashed.await?.ok_or_else(|| fault::internal("a password could not be hashed"))
    }

    /// As [`Queued::is`], in a place taken now.
    ///
    /// # Errors
    /// `limit.overloaded`.
    #[cfg(test)]
    pub(crate) async fn is(&self, password: &str, kept: &str) -> Result<bool, ErrorBody> {
        self.queue()?.is(password, kept).await
    }
}

impl Queued {
    /// Whether this is the password of which that is kept.
    ///
    /// # Errors
    /// `limit.overloaded`.
    pub(crate) async fn is(self, password: &str, kept: &str) -> Result<bool, ErrorBody> {
        let (password, kept) = (password.to_owned(), kept.to_owned());
        let same = self.in_turn(move || {
            // The parameters are those of what is kept: ones that were raised later do no harm.
            let kept = PasswordHash::new(&kept).ok()?;
            Some(argon2id()?.verify_password(password.as_bytes(), &kept).is_ok())
        });
        same.await?.ok_or_else(|| fault::internal("what is kept of a password is not readable"))
    }

    async fn in_turn<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ErrorBody> {
        let Self { waiting, turns } = self;
        let turn = tokio::time::timeout(PATIENCE, turns.acquire_owned());
        let turn = turn.await.ok().and_then(Result::ok).ok_or_else(fault::overloaded)?;
        // The places go with the work, which is not stopped by a caller who leaves.
        let worked = tokio::task::spawn_blocking(move || {
            let _places = (waiting, turn);
            work()
        });
        worked.await.map_err(|_| fault::internal("a password could not be worked on"))
    }
}

fn argon2id() -> Option<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Whether this may be a password of whoever has that name.
///
/// # Errors
/// `body.invalid`, naming the field.
pub(crate) fn allowed(field: &str, password: &str, name: &str) -> Result<(), ErrorBody> {
    let refused = |why: &str| Err(ErrorBody::invalid(field, why));
    let mut kinds: Vec<char> = password.chars().collect();
    if kinds.len() < FEWEST {
        return refused(&format!("has fewer than {FEWEST} characters"));
    }
    if password.to_lowercase().contains(&name.to_lowercase()) {
        return refused("has the name in it");
    }
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.len() < 5 {
        return refused("has fewer than 5 different characters");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use protocol::error::ErrorCode;

    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_what_is_kept_says_how_it_was_made() {
        let passwords = Passwords::default();
        let kept = passwords.hash("correct horse battery").await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(passwords.is("correct horse battery", &kept).await.unwrap());
        assert!(!passwords.is("correct horse batterx", &kept).await.unwrap());
        assert_ne!(passwords.hash("correct horse battery").await.unwrap(), kept, "salted");
        assert!(passwords.is("x", "what nobody wrote").await.is_err());
    }

    #[tokio::test]
    async fn nobodys_password_is_never_right_and_costs_what_anybodys_does() {
        assert!(!Passwords::default().is("", NOBODYS).await.unwrap());
        let (kept, own) = (
            PasswordHash::new(NOBODYS).unwrap(),
            Params::try_from(&PasswordHash::new(NOBODYS).unwrap()),
        );
        let params = own.unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (19 * 1024, 2, 1));
        assert_eq!(kept.hash.map(|hash| hash.len()), Some(32));
    }

    #[tokio::test]
    async fn what_finds_no_place_is_refused_at_once() {
        let passwords = Passwords::default();
        let all = passwords.waiting.clone().try_acquire_many_owned(WAITING as u32 - 1).unwrap();
        assert!(passwords.is("x", NOBODYS).await.is_ok(), "at the bound there is one place");
        let last = passwords.waiting.clone().try_acquire_owned().unwrap();
        let error = passwords.is("x", NOBODYS).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::LimitOverloaded);
        drop((all, last));
        assert!(passwords.is("x", NOBODYS).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_too_long_is_refused() {
        let passwords = Passwords::default();
        let _all = passwords.turns.clone().try_acquire_many_owned(AT_ONCE as u32).unwrap();
        let error = passwords.is("x", NOBODYS).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::LimitOverloaded);
    }

    #[test]
    fn a_password_is_long_enough_and_not_the_name() {
        for good in ["correct horse", "한국어로된비밀번호열두자이상", "abcdeabcdeab"]
        {
            assert!(allowed("password", good, "kim").is_ok(), "{good}");
        }
        for (wrong, why) in [
            ("", "fewer than 12"),
            ("elevenchars", "fewer than 12"),
            ("Kimmy was here", "has the name in it"),
            ("aaaaaaaaaaaabcd", "different characters"),
        ] {
            let error = allowed("new_password", wrong, "kim").unwrap_err();
            assert!(error.message.contains(why) && error.message.contains("new_password"));
        }
    }
}
