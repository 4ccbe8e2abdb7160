//! What is not as it should be with a database server.

/// Something that an operator should know before it hurts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The server's name.
    pub server: String,
    /// Whether a program must not start on it.
    pub refused: bool,
    /// What it is, and what would be right.
    pub what: String,
}
