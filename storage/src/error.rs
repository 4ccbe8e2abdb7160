//! What can go wrong between an answer and the truth.

/// Why a storage call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// Too much is waiting already. Nothing was done.
    #[error("storage is overloaded")]
    Overloaded,
    /// The backend could not be reached, or refused the statement. Nothing was done.
    #[error("storage is unavailable: {0}")]
    Unavailable(String),
    /// The work began and its end was not seen: it may have been done.
    #[error("the outcome of a storage call is unknown")]
    OutcomeUnknown,
    /// Another transaction holds what this one would write. Nothing was done.
    #[error("what would be written is held by another transaction")]
    Locked,
    /// What was asked for is being moved from one server to another. Nothing was done.
    #[error("the shard is being moved")]
    Moved,
    /// A newer login of the member holds the session. Nothing was done.
    #[error("a newer login holds the session")]
    Replaced,
    /// What is to be written is too long. Nothing was done.
    #[error("{what} is longer than {most} bytes")]
    TooLong {
        /// What is.
        what: &'static str,
        /// How many bytes it may have at most.
        most: usize,
    },
    /// A row says something that this program never writes.
    #[error("a stored row is not readable: {0}")]
    Corrupt(String),
    /// The folder or database cannot be used as it is.
    #[error("{0}")]
    Setup(String),
}

/// The result of a storage call.
pub type Result<T, E = StorageError> = std::result::Result<T, E>;
