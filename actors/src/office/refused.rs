//! Why what an operator wants is not done.

use storage::documents::{Document, Kind};
use storage::error::StorageError;

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A field cannot be so; an empty one stands for all of it.
    #[error("{field}{} {reason}", if field.is_empty() { "it" } else { "" })]
    Invalid {
        /// Which.
        field: String,
        /// Why.
        reason: String,
    },
    /// Somebody else changed it meanwhile; so it stands now.
    #[error("it was changed meanwhile: it is at version {}", .0.version)]
    Stale(Box<Document>),
    /// It is there already, as this.
    #[error("it is there already, as {}", .0.id)]
    Exists(Box<Document>),
    /// These use it.
    #[error("it is in use, by {}", listed(.0))]
    InUse(Vec<Document>),
    /// There is none.
    #[error("there is no such {}", .0.word())]
    Missing(Kind),
    /// The idempotency key came with another request before.
    #[error("the idempotency key came with another request before")]
    KeyReused,
    /// There are as many as there may be.
    #[error("there are {most} of kind {} already, the most there may be", .kind.word())]
    Full {
        /// What.
        kind: Kind,
        /// How many there may be.
        most: usize,
    },
    /// What storage says.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The most that are named of those which use something.
const NAMED: usize = 5;

fn listed(users: &[Document]) -> String {
    let named: Vec<String> =
        users.iter().take(NAMED).map(|it| format!("{} {}", it.kind.word(), it.id)).collect();
    let more = users.len().saturating_sub(NAMED);
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{rest}", named.join(", "))
}

impl Refused {
    pub(crate) fn invalid(field: &str, reason: impl Into<String>) -> Self {
        Self::Invalid { field: field.to_owned(), reason: reason.into() }
    }
}
