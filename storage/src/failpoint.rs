//! Places at which a test has the whole process die, as a power cut would have it.
//!
//! A program that is built to run has none of them: they are in tests' builds alone.

/// The variable that names the place.
pub const VARIABLE: &str = "FAILPOINT_ABORT_AT";

/// Dies here, at once and without any cleaning up, if that is what a test asked for.
#[cfg(any(test, feature = "failpoints"))]
pub fn reached(name: &str) {
    if std::env::var_os(VARIABLE).is_some_and(|wanted| wanted == name) {
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(any(test, feature = "failpoints")))]
pub fn reached(_: &str) {}
