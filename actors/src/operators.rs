//! Operators: their accounts, their logins, their sessions.
//!
//! An account is a document, a session a row. Both are read anew with each request, so whoever is
//! kept out, or loses a right, has lost it on every node with the next one. The accounts' sealed
//! part holds what nobody is shown; the audit says only that it changed.

mod account;
mod accounts;
mod login;
mod owners;
mod passwords;
mod pauses;
mod sessions;
pub mod totp;
mod vault;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use protocol::operators::refusal::{OperatorCode, Refusal};
use protocol::operators::rights::{In, Resource, Right};
use storage::audit::Actor;
use storage::clock::{Clock, Micros};
use storage::documents::{Document, Kind};
use storage::error::StorageError;
use storage::open::Storage;
use uuid::Uuid;

use crate::fault;
pub use account::Account;
use account::Kept;
pub use accounts::By;
pub use login::Entered;
use passwords::Passwords;
use pauses::Pauses;
pub use sessions::{Caller, IDLE};
pub use vault::Vault;

/// How long a code of the second factor opens grave acts.
pub const PROVEN: Duration = Duration::from_secs(5 * 60);
/// How often a change is tried again that another came before.
const TRIES: usize = 5;

/// The operators. A clone is the same.
#[derive(Clone)]
pub struct Operators(Arc<Inner>);

struct Inner {
    storage: Storage,
    clock: Arc<dyn Clock>,
    vault: Vault,
    passwords: Passwords,
    pauses: Pauses,
}

/// From where somebody asks.
#[derive(Clone, Debug)]
pub struct From {
    /// The address.
    pub address: IpAddr,
    /// What the browser says of itself.
    pub agent: String,
}

impl Operators {
    /// The operators of a storage, whose second factors are kept under these keys.
    #[must_use]
    pub fn new(storage: Storage, clock: Arc<dyn Clock>, vault: Vault) -> Self {
        let (passwords, pauses) = (Passwords::default(), Pauses::default());
        Self(Arc::new(Inner { storage, clock, vault, passwords, pauses }))
    }

    /// The present time.
    #[must_use]
    pub fn now(&self) -> Micros {
        self.0.clock.now()
    }

    async fn find(&self, id: Uuid) -> Result<Option<Kept>, Refusal> {
        let found = self.0.storage.documents.get(Kind::Operator, id).await;
        read(found).map(|found| found.filter(|kept| !kept.document.removed))
    }

    async fn named(&self, name: &str) -> Result<Option<Kept>, Refusal> {
        let handle = name.to_ascii_lowercase();
        read(self.0.storage.documents.named(Kind::Operator, None, handle).await)
    }
}

fn read(found: Result<Option<Document>, StorageError>) -> Result<Option<Kept>, Refusal> {
    found.and_then(|found| found.map(Kept::read).transpose()).map_err(storage)
}

fn storage(error: StorageError) -> Refusal {
    fault::of_storage(&error).into()
}

/// What an operator is told who may not do that there.
#[must_use]
pub fn forbidden(resource: Resource, right: Right, there: &In) -> Refusal {
    let (resource, right) = (resource.word(), right.word());
    let message = format!("this needs the right to {right} {resource} in `{there}`");
    let detail = serde_json::json!({
        "resource": resource, "right": right, "app": there.to_string(),
    });
    Refusal::new(OperatorCode::Forbidden, message).with(detail)
}

fn missing() -> Refusal {
    Refusal::new(OperatorCode::Missing, "there is no such operator")
}

fn actor(id: Uuid) -> Actor {
    Actor::Operator(id)
}
