//! What can go wrong in a transaction, and what follows from it.

use mysql_async::{DriverError, Error, IoError};

use crate::error::StorageError;

/// Why a transaction did not reach its commit.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server or the way to it failed.
    Sql(Error),
    /// The work itself said no.
    Own(StorageError),
    /// This primary does not keep the shards, or keeps another version of them.
    StaleMap,
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StorageError> for Fault {
    fn from(error: StorageError) -> Self {
        Self::Own(error)
    }
}

/// What an error of the server or the driver means for the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Another transaction was in the way; this one is gone, or has to be given up.
    Conflict(&'static str),
    /// The connection is gone, and the transaction with it.
    Lost,
    /// The server gave the statement up before its end.
    Interrupted,
    /// Running it again would change nothing.
    Final,
}

/// Whether a row was refused because a unique key of it is another row's.
pub(super) fn is_repeated(error: &Error) -> bool {
    matches!(error, Error::Server(error) if error.code == 1062)
}

/// Why a transaction that waited too long for another's lock is in conflict.
pub(super) const LOCK_WAIT: &str = "lock_wait";

impl Meaning {
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Server(error) => match error.code {
                1020 => Self::Conflict("changed"),
                1205 => Self::Conflict(LOCK_WAIT),
                1213 => Self::Conflict("deadlock"),
                // Shut down, killed, and what clients call 2006 and 2013.
                1053 | 1927 | 2006 | 2013 => Self::Lost,
                // By `KILL QUERY`, and by `max_statement_time`.
                1317 | 1969 => Self::Interrupted,
                _ => Self::Final,
            },
            Error::Io(_) => Self::Lost,
            Error::Driver(
                DriverError::ConnectionClosed
                | DriverError::PoolDisconnected
                | DriverError::PacketOutOfOrder,
            ) => Self::Lost,
            Error::Driver(_) | Error::Other(_) | Error::Url(_) => Self::Final,
        }
    }
}

/// Codes whose words speak of the server, its settings and its schema, never of a row.
const PLAIN: &[u16] = &[
    1020, 1021, 1026, 1030, 1040, 1044, 1045, 1049, 1053, 1054, 1114, 1129, 1130, 1142, 1143, 1146,
    1203, 1205, 1213, 1226, 1290, 1792, 1927, 1969,
];

/// An error in words that hold no row's content: others may name a key, and keys name people.
pub(super) fn words(error: &Error) -> String {
    match error {
        Error::Server(error) if PLAIN.contains(&error.code) => {
            format!("error {}: {}", error.code, error.message)
        }
        Error::Server(error) => format!("error {} ({})", error.code, error.state),
        Error::Io(error) => {
            let said = error.to_string();
            let tls = matches!(error, IoError::Tls(_)) || said.contains("peer certificate");
            let hint = " (storage.mariadb.ca_file names who vouches for the servers)";
            if tls { said + hint } else { said }
        }
        Error::Driver(DriverError::FromRow { .. } | DriverError::FromValue { .. }) => {
            "a row is not readable".to_owned()
        }
        Error::Driver(error) => error.to_string(),
        Error::Other(error) => error.to_string(),
        // The address may hold a password.
        Error::Url(_) => "the address is not readable".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use mysql_async::ServerError;

    use super::*;

    fn server(code: u16, message: &str) -> Error {
        Error::Server(ServerError { code, message: message.into(), state: "HY000".into() })
    }

    #[test]
    fn only_what_another_try_may_mend_is_tried_again() {
        for (code, meaning) in [
            (1020, Meaning::Conflict("changed")),
            (1205, Meaning::Conflict("lock_wait")),
            (1317, Meaning::Interrupted),
            (1969, Meaning::Interrupted),
            (1213, Meaning::Conflict("deadlock")),
            (1927, Meaning::Lost),
            (1062, Meaning::Final),
            (1290, Meaning::Final),
            (1406, Meaning::Final),
        ] {
            assert_eq!(Meaning::of(&server(code, "")), meaning, "{code}");
        }
        let broken = Error::Io(std::io::Error::other("broken").into());
        assert_eq!(Meaning::of(&broken), Meaning::Lost);
    }

    #[test]
    fn an_error_never_says_what_stands_in_a_row() {
        let named = server(1062, "Duplicate entry 'kim@example.com' for key 'PRIMARY'");
        assert_eq!(words(&named), "error 1062 (HY000)");
        assert!(words(&server(1290, "read-only")).contains("read-only"));
        let address = mysql_async::Opts::from_url("mysql://root:secret@[").unwrap_err();
        assert!(!words(&Error::Url(address)).contains("secret"));
    }
}
