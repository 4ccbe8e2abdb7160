//! The settings of the storage layer, as the file writes them.

mod images;

use std::collections::BTreeMap;

use storage::config::{
    ImagesSettings, MariaDbSettings, MongoDbSettings, RedisSettings, ServerSettings, ServerUrl,
    StorageSettings,
};

use super::{
    bounds::{at_least, at_most},
    problem::Problem,
    schema::{Notes, Schema},
};

/// Workers and readers are made at the start, each with memory of its own, so a mistyped number
/// must not take the machine down.
const MOST_AT_ONCE: usize = 1024;

/// What waits is held in memory.
const MOST_WAITING: usize = 1_000_000;

/// What is known of a primary's past reaches ten minutes back.
const LONGEST_LAG_MS: u64 = 60_000;

/// A segment is a sixteenth of it at most, and a record has to find room in one.
const LEAST_SPOOL: u64 = 16 * 1024 * 1024;

/// No mistyped number takes a disk.
const MOST_SPOOL: u64 = 1024 * 1024 * 1024 * 1024;

/// What a session actor remembers is no older either.
const LONGEST_CACHE_MS: u64 = 30_000;

/// What is remembered is held in memory.
const MOST_REMEMBERED: usize = 10_000_000;

const NOTES: &[(&str, &str)] = &[
    (
        "queue_limit",
        "Calls that may wait or run at a time before the next is told that the server is overloaded; from 1 to 1000000.",
    ),
    ("workers", "Calls that run at a time, no two of them about one member; from 1 to 1024."),
    ("readers", "Threads that read from the embedded database; from 1 to 1024."),
    (
        "gamelog_limit",
        "Records of the game log that may wait in memory before the next is dropped and counted; as many again of those that are never dropped; from 1 to 1000000.",
    ),
    (
        "spool_bytes",
        "Bytes of game-log records that are kept on the disk while a server for the log is away; the default is an hour of 200 logins a second with four records of 300 bytes each (864 million bytes) and an eighth for what is never dropped; from 16777216 to 1099511627776.",
    ),
    (
        "cache_ms",
        "Milliseconds for which what was read of a member may be answered again, never longer than sessions.standing_ms; 0 for not at all; from 0 to 30000.",
    ),
    (
        "cache_members",
        "Members remembered in memory while the truth is in the data folder, about a kilobyte each; from 0 to 10000000.",
    ),
];

const MARIADB: &[(&str, &str)] = &[
    (
        "url",
        "Address of the MariaDB server that keeps the truth, mysql://user:password@host:3306/database, with ?require_ssl=true for TLS; unset, the truth is in the data folder.",
    ),
    (
        "home",
        "Which server keeps what belongs to no member, such as the games; by default the first by name.",
    ),
    (
        "connections",
        "Connections held to each server to read with, and as many to write with; from 1 to 1024.",
    ),
    (
        "ca_file",
        "PEM file of the certificate authority that vouches for the servers; with it every connection uses TLS and trusts nobody else.",
    ),
    (
        "replica_lag_ms",
        "Milliseconds that a replica may lag and still be read by what may be a little old; from 1 to 60000.",
    ),
    (
        "migrate_at_start",
        "Whether a starting server brings the schema up to date; else it asks for daemun migrate up.",
    ),
    ("servers", "One table for each further server, under a name of its own; url is `main`."),
    ("servers.*.url", "Its address."),
    (
        "servers.*.shards",
        "Virtual shards that it begins with, such as \"0-511\" or \"0-99,200-299\", of 0 to 1023; the servers remember them from then on.",
    ),
    (
        "servers.*.replica_of",
        "The server that it is a copy of, which operators' reads are spared then.",
    ),
];

const MONGODB: &[(&str, &str)] = &[
    (
        "url",
        "Address of the MongoDB that keeps the game log, mongodb://user:password@host:27017/database, with ?tls=true&tlsCAFile=FILE for TLS under an authority of one's own; unset, the game log is in the data folder.",
    ),
    (
        "retention_days",
        "Days for which a record of the game log is kept, 0 for ever; what is never dropped is kept for ever in any case; from 0 to 36500.",
    ),
    (
        "migrate_at_start",
        "Whether a starting server brings the schema up to date; else it asks for daemun migrate up.",
    ),
];

const REDIS: &[(&str, &str)] = &[
    (
        "url",
        "Address of the Redis that the nodes share to spare MariaDB reads, redis://user:password@host:6379/0, or rediss:// for TLS; nothing that matters is kept there.",
    ),
    (
        "ca_file",
        "PEM file of the certificate authority that vouches for it, in the place of the system's own; the address has to begin with rediss://.",
    ),
    (
        "deadline_ms",
        "Milliseconds that an answer of Redis is waited for; what takes longer is done without it; from 1 to 1000.",
    ),
];

/// Nobody waits longer for what only saves time.
const LONGEST_DEADLINE_MS: u64 = 1_000;

/// No record is kept for longer than a hundred years by mistake: 0 says for ever.
const MOST_DAYS: u32 = 36_500;

impl Schema for StorageSettings {
    fn sample() -> Self {
        let (mariadb, mongodb) = (MariaDbSettings::sample(), MongoDbSettings::sample());
        let (redis, images) = (RedisSettings::sample(), ImagesSettings::sample());
        Self { mariadb, mongodb, redis, images, ..Self::default() }
    }

    fn notes() -> Notes {
        Notes::new(NOTES)
            .with("mariadb", MariaDbSettings::notes())
            .with("mongodb", MongoDbSettings::notes())
            .with("redis", RedisSettings::notes())
            .with("images", ImagesSettings::notes())
    }

    fn validate(&self) -> Vec<Problem> {
        let problems = [
            at_least("queue_limit", self.queue_limit, 1),
            at_most("queue_limit", self.queue_limit, MOST_WAITING),
            at_least("workers", self.workers, 1),
            at_most("workers", self.workers, MOST_AT_ONCE),
            at_least("readers", self.readers, 1),
            at_most("readers", self.readers, MOST_AT_ONCE),
            at_least("gamelog_limit", self.gamelog_limit, 1),
            at_most("gamelog_limit", self.gamelog_limit, MOST_WAITING),
            at_least("spool_bytes", self.spool_bytes, LEAST_SPOOL),
            at_most("spool_bytes", self.spool_bytes, MOST_SPOOL),
            at_most("cache_ms", self.cache_ms, LONGEST_CACHE_MS),
            at_most("cache_members", self.cache_members, MOST_REMEMBERED),
        ];
        let mariadb = self.mariadb.validate().into_iter();
        let mariadb = mariadb.map(|problem| problem.under("mariadb"));
        let mongodb = self.mongodb.validate().into_iter();
        let mongodb = mongodb.map(|problem| problem.under("mongodb"));
        let redis = self.redis.validate().into_iter().map(|problem| problem.under("redis"));
        let images = self.images.validate().into_iter().map(|problem| problem.under("images"));
        let servers = mariadb.chain(mongodb).chain(redis);
        problems.into_iter().flatten().chain(servers).chain(images).collect()
    }
}

impl Schema for MariaDbSettings {
    /// A primary beside `main`, and a copy of it.
    fn sample() -> Self {
        let at = |host: &str| {
            ServerUrl::new(format!("mysql://daemun:password@{host}.example.com:3306/daemun"))
        };
        let server = |host, shards: Option<&str>, replica_of: Option<&str>| ServerSettings {
            url: at(host),
            shards: shards.map(str::to_owned),
            replica_of: replica_of.map(str::to_owned),
        };
        Self {
            url: Some(at("db")),
            servers: BTreeMap::from([
                ("*primary".to_owned(), server("db2", Some("0-1023"), None)),
                ("*replica".to_owned(), server("copy", None, Some("main"))),
            ]),
            home: Some("main".to_owned()),
            ca_file: Some("/etc/daemun/mariadb-ca.pem".into()),
            ..Self::default()
        }
    }

    fn notes() -> Notes {
        Notes::new(MARIADB)
    }

    fn validate(&self) -> Vec<Problem> {
        let bounds = [
            at_least("connections", self.connections, 1),
            at_most("connections", self.connections, MOST_AT_ONCE),
            at_least("replica_lag_ms", self.replica_lag_ms, 1),
            at_most("replica_lag_ms", self.replica_lag_ms, LONGEST_LAG_MS),
        ];
        let mut problems: Vec<Problem> = bounds.into_iter().flatten().collect();
        if self.is_named()
            && let Err(wrong) = self.plan()
        {
            problems.extend(wrong.into_iter().map(|(key, what)| Problem::new(key, what)));
        }
        problems
    }
}

impl Schema for MongoDbSettings {
    fn sample() -> Self {
        let url = "mongodb://daemun:password@log.example.com:27017/daemun";
        Self { url: Some(ServerUrl::new(url)), ..Self::default() }
    }

    fn notes() -> Notes {
        Notes::new(MONGODB)
    }

    fn validate(&self) -> Vec<Problem> {
        let address = self.check().err().map(|(key, what)| Problem::new(key, what));
        let days = at_most("retention_days", self.retention_days, MOST_DAYS);
        address.into_iter().chain(days).collect()
    }
}

impl Schema for RedisSettings {
    fn sample() -> Self {
        let url = ServerUrl::new("rediss://daemun:password@cache.example.com:6379/0");
        let ca_file = Some("/etc/daemun/redis-ca.pem".into());
        Self { url: Some(url), ca_file, ..Self::default() }
    }

    fn notes() -> Notes {
        Notes::new(REDIS)
    }

    fn validate(&self) -> Vec<Problem> {
        let address = self.check().err().map(|(key, what)| Problem::new(key, what));
        let deadline = [
            at_least("deadline_ms", self.deadline_ms, 1),
            at_most("deadline_ms", self.deadline_ms, LONGEST_DEADLINE_MS),
        ];
        address.into_iter().chain(deadline.into_iter().flatten()).collect()
    }
}
