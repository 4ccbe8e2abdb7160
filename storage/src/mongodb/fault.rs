//! The driver's errors: what they mean, and words for them that quote no document.

use mongodb::error::{Error, ErrorKind, InsertManyError};

use super::NAME;
use crate::error::StorageError;

/// Codes by which a server says that the account or the settings have to be put right first:
/// `BadValue` (a journal is asked for and off), `Unauthorized`, `AuthenticationFailed`,
/// `IllegalOperation`, `InvalidNamespace`, `CommandNotSupportedOnView`.
/// (<https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml>)
const SETUP: &[i32] = &[2, 13, 18, 20, 73, 166, 8000];
/// Codes of a unique index that has such an entry already.
const REPEATED: &[i32] = &[11000, 11001, 12582];
/// Codes by which a server refuses one document, and will again: what a validator does not
/// pass, what is too long, too deep, or cannot be put into an index of somebody else's.
const REFUSED: &[i32] = &[
    15, 52, 53, 55, 56, 57, 121, 146, 171, 10334, 16755, 16766, 16804, 17261, 17262, 17280, 17419,
    17420, 5_000_400,
];
/// Codes of a server that is stopping, is no primary, has no time, no room or no lock: what it
/// says of one document then it would say of any.
const OF_ALL: &[i32] = &[
    6, 7, 24, 46, 50, 64, 89, 91, 100, 112, 133, 189, 202, 251, 262, 290, 317, 356, 358, 384, 9001,
    10058, 10107, 11600, 11602, 13435, 13436, 14031,
];
/// A unique index, or one of this name, that is made another way.
const INDEX: &[i32] = &[67, 68, 85, 86];

/// `NamespaceNotFound`.
const ABSENT: i32 = 26;

/// What a write error says of one document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OfOne {
    /// A unique index has it already: this record, or something of somebody else's.
    Repeated,
    /// It is refused for good.
    Refused(String),
    /// It failed, with a code that is of no kind known here.
    Failed(String),
}

/// What a failed `insert_many` says of its documents, by their places; all others are kept.
///
/// # Errors
/// When it says nothing of the documents themselves: any of them may not be kept.
pub(super) fn of_documents(error: &Error) -> Result<Vec<(usize, OfOne)>, StorageError> {
    let ErrorKind::InsertMany(InsertManyError { write_errors, write_concern_error, .. }) =
        error.kind.as_ref()
    else {
        return Err(said(error));
    };
    if let Some(error) = write_concern_error {
        let (code, name) = (error.code, &error.code_name);
        let what = format!("{NAME} does not confirm what it wrote: {name} ({code})");
        return Err(StorageError::Unavailable(what));
    }
    let errors = write_errors.iter().flatten();
    errors.map(|error| Ok((error.index, of_one(error.code, error.code_name.as_ref())?))).collect()
}

/// What a code says of one document.
///
/// # Errors
/// When it says it of any.
fn of_one(code: i32, name: Option<&String>) -> Result<OfOne, StorageError> {
    let name = name.map_or("", |name| name.as_str());
    if REPEATED.contains(&code) {
        Ok(OfOne::Repeated)
    } else if REFUSED.contains(&code) {
        Ok(OfOne::Refused(format!("{NAME} refuses it: {} ({code})", named(code, name))))
    } else if SETUP.contains(&code) || INDEX.contains(&code) || OF_ALL.contains(&code) {
        Err(coded(code, name))
    } else {
        Ok(OfOne::Failed(format!("{NAME} does not take it: {} ({code})", named(code, name))))
    }
}

/// A name for a code; a server gives none with a write error.
fn named(code: i32, name: &str) -> String {
    match (code, name) {
        (121, _) => "a validator does not pass it".to_owned(),
        (10334 | 17419 | 17420, _) => "it is too long".to_owned(),
        (code, "") if REFUSED.contains(&code) => "an index cannot take it".to_owned(),
        (_, "") => "a code that is not known here".to_owned(),
        (_, name) => name.to_owned(),
    }
}

/// Whether a server says that there is no such collection.
pub(super) fn is_absent(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Command(failed) if failed.code == ABSENT)
}

/// What an error means for whoever called.
pub(super) fn said(error: &Error) -> StorageError {
    match error.kind.as_ref() {
        ErrorKind::Command(failed) => coded(failed.code, &failed.code_name),
        ErrorKind::Authentication { .. }
        | ErrorKind::InvalidArgument { .. }
        | ErrorKind::InvalidTlsConfig { .. }
        | ErrorKind::IncompatibleServer { .. } => {
            StorageError::Setup(format!("{NAME}: {}", words(error)))
        }
        _ => StorageError::Unavailable(format!("{NAME}: {}", words(error))),
    }
}

fn coded(code: i32, name: &str) -> StorageError {
    let what = format!("{NAME} refuses: {name} ({code})");
    if SETUP.contains(&code) || INDEX.contains(&code) {
        StorageError::Setup(what)
    } else {
        StorageError::Unavailable(what)
    }
}

/// An error in words of ours: the driver's own may quote a document.
pub(super) fn words(error: &Error) -> String {
    match error.kind.as_ref() {
        ErrorKind::Authentication { .. } => "does not let this account in".to_owned(),
        ErrorKind::InvalidArgument { .. } => "cannot do what is asked".to_owned(),
        ErrorKind::InvalidTlsConfig { .. } => "the settings of TLS make no sense".to_owned(),
        ErrorKind::IncompatibleServer { .. } => "is too old or too new".to_owned(),
        ErrorKind::ServerSelection { .. } => "no server that takes writes is reached".to_owned(),
        ErrorKind::ConnectionPoolCleared { .. } => "the connections are cut".to_owned(),
        ErrorKind::DnsResolve { .. } => "its name is not found".to_owned(),
        ErrorKind::Io(error) => error.kind().to_string(),
        ErrorKind::Command(failed) => format!("{} ({})", failed.code_name, failed.code),
        _ => "an answer that makes no sense".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_says_something_of_one_document_or_of_all() {
        let said = |code| of_one(code, None);
        assert_eq!(said(11000), Ok(OfOne::Repeated));
        assert!(matches!(said(121), Ok(OfOne::Refused(_))));
        for code in OF_ALL {
            assert!(matches!(said(*code), Err(StorageError::Unavailable(_))), "{code}");
        }
        assert!(matches!(said(13), Err(StorageError::Setup(_))));
        let Ok(OfOne::Failed(reason)) = said(987_654) else { panic!() };
        assert!(reason.ends_with("a code that is not known here (987654)"), "{reason}");
    }
}
