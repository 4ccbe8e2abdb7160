//! Random bytes from the operating system.

use uuid::{NoContext, Timestamp, Uuid};

use storage::clock::Micros;

/// Fills `bytes`. The operating system's generator does not fail once it has been seeded,
/// which is long before this program starts.
///
/// # Panics
/// When the system has no generator: without one no secret can be made, and going on
/// would be worse.
#[expect(clippy::expect_used, reason = "no secret may be made from anything less")]
pub fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system's random generator");
}

/// Random bytes.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

/// A UUID of version 7 for this moment (RFC 9562, section 5.7).
#[must_use]
pub fn uuid(now: Micros) -> Uuid {
    let seconds = u64::try_from(now.seconds()).unwrap_or(0);
    let micros = u32::try_from(now.0.rem_euclid(1_000_000)).unwrap_or(0);
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, micros * 1_000))
}
