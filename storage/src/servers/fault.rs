//! What goes wrong with a test's server.

use std::fmt;

/// Why a server is not there, and what to do about it.
///
/// Prints its message in both forms, so that an `unwrap` in a test is readable.
#[derive(Clone, thiserror::Error)]
#[error("{0}")]
pub struct Fault(String);

impl Fault {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Says what was being done when something failed.
pub(super) trait During<T> {
    fn during(self, what: impl fmt::Display) -> Result<T, Fault>;
}

impl<T, E: fmt::Display> During<T> for Result<T, E> {
    fn during(self, what: impl fmt::Display) -> Result<T, Fault> {
        self.map_err(|error| Fault(format!("{what}: {error}")))
    }
}
