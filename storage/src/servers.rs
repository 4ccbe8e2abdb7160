//! Real database servers for tests and benches, thrown away afterwards.
//!
//! A server runs on a free port of the loopback, in a folder of its own, and ends with whoever
//! started it: when the owner is dropped, when a test panics, and when the test process is
//! killed ([`leash`]). Most tests share one server and take a database of their own:
//!
//! ```no_run
//! # fn main() -> Result<(), storage::servers::Fault> {
//! let url = storage::servers::MariaDb::shared()?.database("logins")?;
//! # Ok(()) }
//! ```
//!
//! A test that kills, restarts or cuts off a server starts its own:
//!
//! ```no_run
//! # fn main() -> Result<(), storage::servers::Fault> {
//! use storage::servers::{MariaDb, MariaDbOptions};
//! let mut server = MariaDb::start(MariaDbOptions::default())?;
//! server.kill()?;
//! server.restart()?;
//! # Ok(()) }
//! ```
//!
//! Shared means by the tests of one process. `cargo test` runs a process a test file;
//! `cargo nextest` runs one a test, each of which then starts a server.
//!
//! Everything here blocks the calling thread, for some seconds at most where all is well, and
//! may be called inside or outside a tokio runtime.

mod fault;
mod binaries;
mod leash;
mod port;
mod process;
mod given;
mod mariadb;
mod redis;
mod mongodb;

pub use binaries::Binaries;
pub use fault::Fault;
pub use mariadb::{Databases, Hold, MariaDb, MariaDbOptions};
pub use mongodb::{MongoDatabases, MongoDb};
pub use redis::{Redis, RedisDatabases};

#[cfg(test)]
mod tests;
