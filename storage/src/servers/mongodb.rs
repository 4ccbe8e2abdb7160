//! MongoDB.

mod line;

use std::sync::OnceLock;

use mongodb::bson::doc;

use super::binaries::Binaries;
use super::fault::Fault;
use super::given;
use super::process::{Process, Program};
use line::Line;

/// Names a server for [`MongoDb::shared`].
const GIVEN: &str = "DAEMUN_TEST_MONGODB_URL";

/// What production is told to set.
const PRODUCTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/mongodb/mongod.conf");

/// Little memory and small files, and an index of times that is looked after every second.
const SMALL: &[&str] = &[
    "--bind_ip=127.0.0.1",
    "--nounixsocket",
    "--wiredTigerCacheSizeGB=0.25",
    "--oplogSize=50",
    "--setParameter=diagnosticDataCollectionEnabled=false",
    "--setParameter=ttlMonitorSleepSecs=1",
];

/// A real MongoDB of this process, with the settings of `deploy/mongodb/mongod.conf` and little
/// memory: a replica set of one member.
pub struct MongoDb {
    process: Process,
}

/// A MongoDB, this process's or a named one, as a place for databases.
#[derive(Clone, Debug)]
pub struct MongoDatabases {
    url: String,
}

impl MongoDb {
    /// The server that the tests of this process share: the one that `DAEMUN_TEST_MONGODB_URL`
    /// names, or else one started at the first use and ended with the process.
    ///
    /// # Errors
    /// When it does not start, each time it is asked for.
    pub fn shared() -> Result<&'static MongoDatabases, Fault> {
        static SHARED: OnceLock<Result<(Option<MongoDb>, MongoDatabases), Fault>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| match given::url(GIVEN) {
            Some(url) => Ok((None, MongoDatabases { url })),
            None => {
                let own = Self::start(&Binaries::default(), &[])?;
                let databases = own.databases();
                Ok((Some(own), databases))
            }
        });
        shared.as_ref().map(|(_, databases)| databases).map_err(Clone::clone)
    }

    /// Whether one can be started here.
    ///
    /// # Errors
    /// When there is no `mongod`.
    pub fn installed() -> Result<(), Fault> {
        Binaries::default().find("mongod").map(|_| ())
    }

    /// Starts a server of one's own, with further arguments of `mongod`.
    ///
    /// # Errors
    /// When there is no `mongod`, or it does not start.
    pub fn start(binaries: &Binaries, arguments: &[&str]) -> Result<Self, Fault> {
        let production = ["--config", PRODUCTION];
        let server = Self { process: run(binaries, &[&production, arguments].concat())? };
        let mut line = Line::open(server.process.port())?;
        let member = doc! {"_id": 0, "host": format!("127.0.0.1:{}", server.process.port())};
        line.ask(doc! {"replSetInitiate": {"_id": "daemun", "members": [member]}})?;
        line.wait_for_primary()?;
        Ok(server)
    }

    /// Starts a server as somebody may have it who read nothing: without our settings, and in no
    /// replica set.
    ///
    /// # Errors
    /// As [`MongoDb::start`].
    pub fn alone(binaries: &Binaries, arguments: &[&str]) -> Result<Self, Fault> {
        Ok(Self { process: run(binaries, arguments)? })
    }

    /// Where its databases are.
    #[must_use]
    pub fn databases(&self) -> MongoDatabases {
        MongoDatabases { url: format!("mongodb://127.0.0.1:{}", self.process.port()) }
    }

    /// Ends it with `SIGKILL`.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<(), Fault> {
        self.process.kill()
    }

    /// Starts it again, on its port and with its data, and waits until it takes writes; first
    /// stops it if it runs.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> Result<(), Fault> {
        self.process.restart()?;
        Line::open(self.process.port())?.wait_for_primary()
    }

    /// Lets it hang: it takes connections and answers nothing until [`MongoDb::resume`].
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

fn run(binaries: &Binaries, arguments: &[&str]) -> Result<Process, Fault> {
    let more: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let program = Program {
        binary: binaries.find("mongod")?,
        ready: "Waiting for connections",
        arguments: Box::new(move |port, folder| {
            let mut arguments = vec!["--dbpath".into(), folder.join("data").into()];
            arguments.extend(["--port".into(), port.to_string().into()]);
            arguments.extend(SMALL.iter().map(Into::into));
            arguments.extend(more.iter().map(Into::into));
            arguments
        }),
    };
    Process::start(program, |folder| {
        std::fs::create_dir(folder.join("data"))
            .map_err(|error| Fault::new(format!("making MongoDB's folder: {error}")))
    })
}

impl MongoDatabases {
    /// The address of a database that no other test has: `mongodb://127.0.0.1:PORT/NAME`.
    /// MongoDB makes it when something is written.
    #[must_use]
    pub fn database(&self, label: &str) -> String {
        format!("{}/{}", self.url, given::name(label))
    }
}
