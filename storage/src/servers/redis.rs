//! Redis.

use std::sync::OnceLock;

use super::binaries::Binaries;
use super::fault::Fault;
use super::given;
use super::process::{Process, Program};

mod line;

pub(super) use line::Line;

/// Names a server for [`Redis::shared`].
const GIVEN: &str = "DAEMUN_TEST_REDIS_URL";

/// What production is told to set.
const PRODUCTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/redis/daemun.conf");

/// How many databases a server of ours has; a machine's own often has 16.
const DATABASES: u32 = 10_000;

/// A real Redis of this process, with the settings of `deploy/redis/daemun.conf`: it keeps nothing
/// on disk.
pub struct Redis {
    process: Process,
}

/// A Redis, this process's or a named one, as a place for databases.
#[derive(Clone, Debug)]
pub struct RedisDatabases {
    url: String,
}

impl Redis {
    /// The server that the tests of this process share: the one that `DAEMUN_TEST_REDIS_URL`
    /// names, or else one started at the first use and ended with the process.
    ///
    /// # Errors
    /// When it does not start, each time it is asked for.
    pub fn shared() -> Result<&'static RedisDatabases, Fault> {
        static SHARED: OnceLock<Result<(Option<Redis>, RedisDatabases), Fault>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| match given::url(GIVEN) {
            Some(url) => Ok((None, RedisDatabases::given(url))),
            None => {
                let own = Self::start(&Binaries::default(), &[])?;
                let databases = own.databases();
                Ok((Some(own), databases))
            }
        });
        shared.as_ref().map(|(_, databases)| databases).map_err(Clone::clone)
    }

    /// Starts a server of one's own, with further arguments of `redis-server`.
    ///
    /// # Errors
    /// When there is no `redis-server`, or it does not start.
    pub fn start(binaries: &Binaries, arguments: &[&str]) -> Result<Self, Fault> {
        let more: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let program = Program {
            binary: binaries.find("redis-server")?,
            ready: "Ready to accept connections",
            arguments: Box::new(move |port, folder| {
                let mut arguments = vec![PRODUCTION.into(), "--dir".into(), folder.into()];
                let own = format!("--port {port} --bind 127.0.0.1 --databases {DATABASES}");
                arguments.extend(own.split(' ').map(Into::into));
                arguments.extend(more.iter().map(Into::into));
                arguments
            }),
        };
        Ok(Self { process: Process::start(program, |_| Ok(()))? })
    }

    /// Where its databases are.
    #[must_use]
    pub fn databases(&self) -> RedisDatabases {
        RedisDatabases { url: format!("redis://127.0.0.1:{}", self.process.port()) }
    }

    /// Ends it with `SIGKILL`.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<(), Fault> {
        self.process.kill()
    }

    /// Starts it again on its port; it is empty unless its arguments say otherwise.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> Result<(), Fault> {
        self.process.restart()
    }

    /// Lets it hang: it takes connections and answers nothing until [`Redis::resume`].
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
}

impl RedisDatabases {
    pub(super) fn given(url: String) -> Self {
        Self { url }
    }

    /// Takes a database that no other test has for an hour, emptied, and gives its address:
    /// `redis://127.0.0.1:PORT/NUMBER`. Which are taken is kept in database 0.
    ///
    /// A number sets keys apart, not channels: those of all databases are one space.
    ///
    /// # Errors
    /// When the server does not answer, or all its databases are taken.
    pub fn database(&self) -> Result<String, Fault> {
        let mut line = Line::open(&self.url)?;
        for number in 1..DATABASES {
            if line.ask(&format!("SET daemun-test:{number} taken NX EX 3600"))? == "+OK" {
                let url = format!("{}/{number}", self.url);
                Line::select(&url)?.ask("FLUSHDB")?;
                return Ok(url);
            }
        }
        Err(Fault::new(format!("the tests took all {DATABASES} databases of a Redis")))
    }

    /// The server's address, without a database.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}
