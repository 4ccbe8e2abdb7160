//! Who a player is: what providers vouch for, and how a login comes of it.

pub mod provider;
pub mod guest;
pub mod oidc;
pub mod google;
pub mod apple;
pub mod keys;

pub mod nonce;
pub mod tokens;
pub mod refresh;
pub mod keyring;

mod settings;
mod login;
mod told;

#[cfg(test)]
pub(crate) mod testing;

pub use login::{IdentityService, Parts};
pub use settings::IdentitySettings;
pub(crate) use told::{banned, ended, replaced, wire};
