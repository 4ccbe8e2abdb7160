//! The storage actors: what stands between the callers and the backends.

pub mod records;
mod batches;
mod cache;
mod passing;
pub mod gamelog;

#[cfg(test)]
mod fake;
