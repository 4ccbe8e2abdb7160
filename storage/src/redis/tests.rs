//! On a real Redis.

mod line;
mod presence;
mod rates;
mod replies;
mod revocations;
