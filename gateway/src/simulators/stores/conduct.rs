//! How a store's API answers, and whether its notifications arrive.

use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{Html, IntoResponse, Response};
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
    /// Whether what is answered, with that status or 200, is a page for people and no JSON.
    pub rubbish: bool,
    /// Whether it is far too much.
    pub oversize: bool,
    /// Whether nothing is ever answered.
    pub never: bool,
    /// The status to answer with, 300 to 599, when it is told of a grant: that it is acknowledged
    /// or used up. Nothing is done then. What is asked is answered all the same.
    #[schema(minimum = 300, maximum = 599)]
    pub told: Option<u16>,
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
    /// It is kept until it is fetched, or until the store behaves otherwise.
    Held,
}

impl Conduct {
    /// Checks what the types do not.
    pub(super) fn check(&self) -> Result<(), ErrorBody> {
        for (field, status) in [("status", self.status), ("told", self.told)] {
            if status.is_some_and(|status| !(300..=599).contains(&status)) {
                return Err(ErrorBody::invalid(field, "is not one of 300 to 599"));
            }
        }
        Ok(())
    }

    /// What is answered in place of an answer, if anything.
    pub(super) async fn failure(&self) -> Option<Response> {
        if self.never {
            std::future::pending::<()>().await;
        }
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok());
        if self.rubbish {
            let page = Html("<html><body>It works!</body></html>");
            return Some((status.unwrap_or(StatusCode::OK), page).into_response());
        }
        if self.oversize {
            return Some(" ".repeat(OVERSIZE).into_response());
        }
        let status = status?;
        // A redirect leads somewhere, so that following it would be seen.
        match status.is_redirection() {
            true => Some((status, [(LOCATION, "/sim/oidc/google/jwks")]).into_response()),
            false => Some(status.into_response()),
        }
    }
}
