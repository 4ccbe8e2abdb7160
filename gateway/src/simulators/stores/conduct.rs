//! How a store's API answers, and whether its notifications arrive.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use protocol::error::ErrorBody;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// More than any answer that is read, in bytes.
const OVERSIZE: usize = 2 * 1024 * 1024;

/// How a store's API answers. The default is good behaviour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Conduct {
    /// The status to answer with, 300 to 599 and without a body, in place of an answer.
    #[schema(minimum = 300, maximum = 599)]
    pub status: Option<u16>,
    /// Whether what is answered is no JSON.
    pub rubbish: bool,
    /// Whether it is far too much.
    pub oversize: bool,
    /// Whether nothing is ever answered.
    pub never: bool,
    /// How often each notification is sent.
    pub notifications: Delivery,
}

/// How often a notification is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// As it should be.
    #[default]
    Once,
    /// Again, under the same id.
    Twice,
    /// Not at all.
    Lost,
}

impl Conduct {
    /// Checks what the types do not.
    pub(super) fn check(&self) -> Result<(), ErrorBody> {
        if self.status.is_some_and(|status| !(300..=599).contains(&status)) {
            return Err(ErrorBody::invalid("status", "is not one of 300 to 599"));
        }
        Ok(())
    }

    /// What is answered in place of an answer, if anything.
    pub(super) async fn failure(&self) -> Option<Response> {
        if self.never {
            std::future::pending::<()>().await;
        }
        if self.rubbish {
            return Some("<html><body>It works!</body></html>".into_response());
        }
        if self.oversize {
            return Some(" ".repeat(OVERSIZE).into_response());
        }
        let status = StatusCode::from_u16(self.status?).ok()?;
        // A redirect leads somewhere, so that following it would be seen.
        match status.is_redirection() {
            true => Some((status, [(LOCATION, "/sim/oidc/google/jwks")]).into_response()),
            false => Some(status.into_response()),
        }
    }
}
