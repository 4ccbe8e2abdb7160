//! The HTTP door.

mod failure;
mod operations;
mod well_known;

pub use failure::Failure;
pub use operations::{call, options, unknown};
pub use well_known::jwks;
