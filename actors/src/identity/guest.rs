//! Guests: a device that proves to be itself by a secret the server made for it.
//!
//! No hardware id is an identity. The first login makes an id and a 256-bit secret; the
//! client keeps both, the database the secret's digest.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use protocol::error::ErrorBody;
use protocol::identity::Credential;
use protocol::text::{Secret, Text, TextError};
use sha2::{Digest as _, Sha256};
use storage::identity::Proof;

use crate::{fault, random};

/// What a guest shows, or is given.
pub(super) struct Guest {
    /// The id by which the identity is found.
    pub(super) id: String,
    /// How the login is proved.
    pub(super) proof: Proof,
    /// What the client must keep, when it was made just now.
    pub(super) made: Option<Credential>,
}

/// Reads a guest's credential, or makes one for a guest who comes for the first time.
///
/// # Errors
/// `body.invalid` when half of it is missing or it is another provider's.
pub(super) fn read(credential: Option<&Credential>) -> Result<Guest, ErrorBody> {
    let Some(credential) = credential else {
        return make().map_err(|_| fault::internal("the guest could not be made"));
    };
    match (&credential.guest, &credential.secret, &credential.token) {
        (_, _, Some(_)) => {
            Err(ErrorBody::invalid("credential.token", "a guest shows guest and secret"))
        }
        (None, _, None) => Err(ErrorBody::invalid("credential.guest", "is missing")),
        (Some(_), None, None) => Err(ErrorBody::invalid("credential.secret", "is missing")),
        (Some(id), Some(secret), None) => Ok(Guest {
            id: id.to_string(),
            proof: Proof::Secret(Sha256::digest(secret.expose()).into()),
            made: None,
        }),
    }
}

fn make() -> Result<Guest, TextError> {
    let id = URL_SAFE_NO_PAD.encode(random::bytes::<16>());
    let secret = URL_SAFE_NO_PAD.encode(random::bytes::<32>());
    let made = Credential {
        guest: Some(Text::new(&id)?),
        secret: Some(Secret::new(&secret)?),
        token: None,
    };
    let proof = Proof::NewSecret(Sha256::digest(&secret).into());
    Ok(Guest { id, proof, made: Some(made) })
}
