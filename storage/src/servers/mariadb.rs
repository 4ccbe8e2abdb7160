//! MariaDB.

mod databases;
mod options;
mod sql;
mod template;

use std::sync::OnceLock;

use super::binaries::Binaries;
use super::fault::Fault;
use super::given;
use super::process::{Process, Program};

pub use databases::Databases;
pub use options::MariaDbOptions;
pub use sql::Hold;

/// Names a server for [`MariaDb::shared`].
const GIVEN: &str = "DAEMUN_TEST_MARIADB_URL";

/// What is run: the server, and what makes the data folder that it starts from.
const PROGRAMS: [&str; 2] = ["mariadbd", "mariadb-install-db"];

/// Who may do everything.
const ROOT: &str = "root";

/// Who owns the tests' databases and nothing else; its password is its name. Unlike root it
/// cannot write to a server that is read-only.
const OWNER: &str = "daemun";

/// A real MariaDB of this process, with the settings of `deploy/mariadb/daemun.cnf`, and little
/// memory.
pub struct MariaDb {
    process: Process,
    databases: Databases,
}

impl MariaDb {
    /// The server that the tests of this process share: the one that `DAEMUN_TEST_MARIADB_URL`
    /// names, or else one started at the first use and ended with the process.
    ///
    /// # Errors
    /// When it does not start, each time it is asked for.
    pub fn shared() -> Result<&'static Databases, Fault> {
        static SHARED: OnceLock<Result<(Option<MariaDb>, Databases), Fault>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| match given::url(GIVEN) {
            Some(url) => Ok((None, Databases::given(url)?)),
            None => {
                let own = Self::start(MariaDbOptions::default())?;
                let databases = own.databases.clone();
                Ok((Some(own), databases))
            }
        });
        shared.as_ref().map(|(_, databases)| databases).map_err(Clone::clone)
    }

    /// Whether what [`MariaDb::start`] runs is on this machine.
    ///
    /// # Errors
    /// When one of its programs is missing; says how to get it.
    pub fn installed() -> Result<(), Fault> {
        let binaries = Binaries::default();
        PROGRAMS.iter().try_for_each(|program| binaries.find(program).map(|_| ()))
    }

    /// Starts a server of one's own.
    ///
    /// # Errors
    /// When there is no `mariadbd`, also where a server is named; when it does not start,
    /// with the end of its log; when it cannot follow its primary.
    pub fn start(options: MariaDbOptions) -> Result<Self, Fault> {
        let template = template::of(&options.binaries)?;
        let program = Program {
            binary: options.binaries.find("mariadbd")?,
            ready: "ready for connections",
            arguments: Box::new(move |port, folder| {
                options::arguments(port, folder, &options.arguments)
            }),
        };
        let process = Process::start(program, |folder| template.copy_to(&folder.join("data")))?;
        let databases = Databases::own(process.port());
        let server = Self { process, databases };
        if let Some(primary) = &options.replica_of {
            server.follow(primary)?;
        }
        Ok(server)
    }

    /// Where its databases are made.
    #[must_use]
    pub fn databases(&self) -> &Databases {
        &self.databases
    }

    /// Makes a database that no other test has; see [`Databases::database`].
    ///
    /// # Errors
    /// When the server refuses.
    pub fn database(&self, label: &str) -> Result<String, Fault> {
        self.databases.database(label)
    }

    /// The port of 127.0.0.1 on which it listens, the same after a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.process.port()
    }

    /// The number of its process while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// The folder that is removed with it; its log is the file `log` there.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.process.folder()
    }

    /// Ends it with `SIGKILL`. Nothing happens when it does not run.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<(), Fault> {
        self.process.kill()
    }

    /// Ends it orderly, and waits until it has. Nothing happens when it does not run.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn stop(&mut self) -> Result<(), Fault> {
        self.process.stop()
    }

    /// Starts it again, on its port and with its data; first stops it if it runs. A replica
    /// follows its primary again by itself.
    ///
    /// # Errors
    /// When it does not start, with the end of its log.
    pub fn restart(&mut self) -> Result<(), Fault> {
        self.process.restart()
    }

    /// Starts it again with other arguments behind its own, in place of those of
    /// [`MariaDbOptions::with`].
    ///
    /// # Errors
    /// As [`MariaDb::restart`].
    pub fn restart_with(&mut self, arguments: &[&str]) -> Result<(), Fault> {
        let more: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        self.process
            .restart_as(Box::new(move |port, folder| options::arguments(port, folder, &more)))
    }

    /// Lets it hang: it takes connections and answers nothing until [`MariaDb::resume`].
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pause(&self) -> Result<(), Fault> {
        self.process.pause()
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn resume(&self) -> Result<(), Fault> {
        self.process.resume()
    }

    /// Runs a statement as root, and gives the first value of its first row as text.
    ///
    /// # Errors
    /// What the server says against it, or that it did not answer within two minutes.
    pub fn sql(&self, statement: &str) -> Result<Option<String>, Fault> {
        self.databases.sql(statement)
    }

    /// Where the primary's binary log ends: what a replica has to reach to have all of it.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn position(&self) -> Result<String, Fault> {
        Ok(self.sql("SELECT @@global.gtid_binlog_pos")?.unwrap_or_default())
    }

    /// Waits until this replica has all that its primary wrote up to a
    /// [position](MariaDb::position).
    ///
    /// # Errors
    /// When it is not there after a minute.
    pub fn reach(&self, position: &str) -> Result<(), Fault> {
        let reached = self.sql(&format!("SELECT MASTER_GTID_WAIT('{position}', 60)"))?;
        match reached.as_deref() {
            Some("0") => Ok(()),
            _ => Err(Fault::new(format!("the replica did not come to {position} in a minute"))),
        }
    }

    /// Both came from the same template, so all that the primary did is in its binary log.
    fn follow(&self, primary: &Primary) -> Result<(), Fault> {
        self.sql(&format!(
            "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {}, MASTER_USER = '{ROOT}', \
             MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1",
            primary.0
        ))?;
        self.sql("START SLAVE")?;
        Ok(())
    }
}

/// The port of a server that another follows.
pub(super) struct Primary(u16);
