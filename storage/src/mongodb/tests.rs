//! The MongoDB backend sits the exam on a real server, and keeps the promises of its own.

mod exam;
mod scene;
mod records;
mod setup;
mod outage;
mod kill;
