//! The truth: one trait per domain, its backends, and the storage actors in front of them.
//!
//! A caller holds a [`Storage`](open::Storage) and asks a typed handle
//! (`storage.sessions.refresh(..)`). The handle takes a place in the bounded
//! [`records`](actor::records) factory, whose workers call the backend. Times and random
//! numbers come from outside, so that a transaction may run twice.

pub mod open;
pub mod tend;
pub mod finding;
pub mod failpoint;
pub mod config;
pub mod error;
pub mod clock;
pub mod freshness;

pub mod apps;
pub mod identity;
pub mod members;
pub mod sessions;
pub mod push;
pub mod purchases;
pub mod wallet;
pub mod outbox;
pub mod turns;
pub mod documents;
pub mod content;
pub mod audit;
pub mod images;
pub mod operators;
pub mod presence;
pub mod rates;
pub mod replies;
pub mod revocations;
pub mod gamelog;
pub mod cache;

pub mod actor;
mod alarm;
pub mod spool;
pub mod embedded;
pub mod mariadb;
pub mod mongodb;
pub mod redis;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
#[cfg(any(test, feature = "servers"))]
pub mod servers;
