//! On a real Redis.

mod cache;
mod exam;
mod faults;
mod line;
mod presence;
mod rates;
mod replies;
mod revocations;
pub(crate) mod scene;
mod tls;
