//! Where a test gets a database of its own.

use super::sql::Hold;
use super::{OWNER, ROOT, sql};
use crate::servers::fault::Fault;
use crate::servers::given;

/// A MariaDB, this process's or a named one, as a place for databases.
#[derive(Clone, Debug)]
pub struct Databases {
    /// Who makes databases.
    root: String,
    /// Who uses them.
    owner: String,
}

impl Databases {
    pub(super) fn own(port: u16) -> Self {
        Self {
            root: format!("mysql://{ROOT}@127.0.0.1:{port}"),
            owner: format!("mysql://{OWNER}:{OWNER}@127.0.0.1:{port}"),
        }
    }

    /// The account of the address makes the databases and uses them.
    pub(in crate::servers) fn given(url: String) -> Result<Self, Fault> {
        let given = Self { root: url.clone(), owner: url };
        given.sweep()?;
        Ok(given)
    }

    /// Makes an empty database that no other test has, and gives its address:
    /// `mysql://daemun:daemun@127.0.0.1:PORT/NAME`. It is gone with the server; on a named
    /// server it is removed a day later, by tests that begin then.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn database(&self, label: &str) -> Result<String, Fault> {
        let name = given::name(label);
        self.sql(&format!("CREATE DATABASE {name}"))?;
        Ok(format!("{}/{name}", self.owner))
    }

    /// The address here of a database that was made elsewhere: of a replica's copy.
    #[must_use]
    pub fn same_database(&self, url: &str) -> String {
        let name = url.rsplit_once('/').map_or("", |(_, name)| name);
        format!("{}/{name}", self.owner)
    }

    /// The address of the account that may do everything, without a database.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Runs a statement as [`root`](Databases::root), and gives the first value of its first
    /// row as text.
    ///
    /// # Errors
    /// What the server says against it, or that it did not answer within two minutes.
    pub fn sql(&self, statement: &str) -> Result<Option<String>, Fault> {
        sql::run(&self.root, statement)
    }

    /// Runs statements as [`root`](Databases::root), and keeps their connection, with the locks
    /// that they took, until the answer is dropped.
    ///
    /// # Errors
    /// As [`Databases::sql`].
    pub fn hold(&self, statements: &[String]) -> Result<Hold, Fault> {
        Hold::new(self.root.clone(), statements.to_vec())
    }

    /// The same in a database of [`Databases::database`].
    ///
    /// # Errors
    /// As [`Databases::sql`].
    pub fn sql_in(&self, url: &str, statement: &str) -> Result<Option<String>, Fault> {
        let name = url.rsplit_once('/').map_or("", |(_, name)| name);
        sql::run(&format!("{}/{name}", self.root), statement)
    }

    /// Removes what tests left here more than a day ago.
    fn sweep(&self) -> Result<(), Fault> {
        let left = self.sql(
            "SELECT GROUP_CONCAT(schema_name) FROM information_schema.schemata \
             WHERE schema_name LIKE 'daemun\\_test\\_%'",
        )?;
        let old = left.iter().flat_map(|names| names.split(',')).filter(|name| given::is_old(name));
        for name in old {
            self.sql(&format!("DROP DATABASE IF EXISTS {name}"))?;
        }
        Ok(())
    }
}
