//! The MariaDB backend sits the exam on real servers, and keeps the promises of its own.

mod exam;
mod server;
mod setup;
mod unfit;
mod claims;
mod faults;
mod moves;
mod away;
mod cached;
mod documents;
mod hung;
mod full;
mod kill;
mod load;
mod purchases;
mod replicas;
mod scans;
mod shape;
mod tls;
