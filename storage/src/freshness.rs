//! How old an answer may be, and how old it is.

use std::time::Duration;

/// How old an answer may be. What decides something is never asked for with this: it is read on
/// the primary, or in the transaction that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// All that was committed before it was asked for is seen, one's own writes with it. Only
    /// while the primary cannot be reached is the answer older, and says so.
    Present,
    /// Whatever a replica has that lags within the bound of the settings, for what asks much
    /// and is in no hurry; the primary answers when no replica does.
    Lagging,
}

/// An answer that may be old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aged<T> {
    /// The answer.
    pub value: T,
    /// How far it lags behind the primary at most; `None` when it does not.
    pub lag: Option<Duration>,
}

impl<T> Aged<T> {
    /// An answer that does not lag.
    pub fn present(value: T) -> Self {
        Self { value, lag: None }
    }
}
