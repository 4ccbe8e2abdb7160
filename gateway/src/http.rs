//! The HTTP door.

mod failure;
mod request;
mod operations;
mod well_known;

pub use failure::Failure;
pub(crate) use failure::answer;
pub(crate) use operations::{Asked, dispatch, served};
pub use operations::{call, options, unknown};
pub(crate) use request::{
    KEY_BYTES, bearer, client, content_type, idempotency_key, origin, read, read_within,
    refuse_credentials_in,
};
pub use well_known::jwks;
