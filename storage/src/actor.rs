//! The storage actors: what stands between the callers and the backends.

pub mod records;
pub mod gamelog;

#[cfg(test)]
mod fake;
