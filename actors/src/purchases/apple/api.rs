//! The App Store Server API, as far as it is used.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Client, Method, RequestBuilder};
use serde::{Deserialize, Serialize};
use serde_json::json;
use storage::clock::{Clock, Micros};

use crate::outside::{encoded, form};
use crate::purchases::reply::{self, LATER, Reply};
use crate::purchases::settings::AppleSettings;
use crate::purchases::stores::Parts;
use crate::purchases::verified::Environment;
use crate::purchases::verifier::{Fault, reason};

/// How long a token for the API is good, in seconds; Apple allows an hour.
const TOKEN_LIFE_S: i64 = 300;

/// The API of both environments.
pub(super) struct Api {
    client: Client,
    clock: Arc<dyn Clock>,
    production: String,
    sandbox: String,
    bundle_id: String,
    issuer_id: String,
    key_id: String,
    key: EncodingKey,
}

/// Whether a transaction is there.
pub(super) enum Found {
    /// It is; this is signed.
    Here(String),
    /// This environment has none of that id.
    Nowhere,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
    exp: i64,
    aud: &'static str,
    bid: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TransactionInfo {
    signed_transaction_info: String,
}

/// A page of a history.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct History {
    #[serde(default)]
    pub(super) signed_transactions: Vec<String>,
    pub(super) revision: Option<String>,
    #[serde(default)]
    pub(super) has_more: bool,
}

/// A page of notifications.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notifications {
    #[serde(default)]
    pub(super) notification_history: Vec<Notification>,
    pub(super) pagination_token: Option<String>,
    #[serde(default)]
    pub(super) has_more: bool,
}

/// One notification that Apple sent or tried to send.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Notification {
    pub(super) signed_payload: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiError {
    error_code: i64,
}

impl Api {
    pub(super) fn new(settings: &AppleSettings, key: EncodingKey, parts: &Parts) -> Self {
        Self {
            client: parts.client.clone(),
            clock: Arc::clone(&parts.clock),
            production: settings.api_base.clone(),
            sandbox: settings.sandbox_api_base.clone(),
            bundle_id: settings.bundle_id.clone(),
            issuer_id: settings.issuer_id.clone(),
            key_id: settings.key_id.clone(),
            key,
        }
    }

    #[cfg(test)]
    pub(super) fn set_production(&mut self, base: String) {
        self.production = base;
    }

    /// Get Transaction Info.
    pub(super) async fn transaction(
        &self,
        environment: Environment,
        id: &str,
    ) -> Result<Found, Fault> {
        const WHAT: &str = "a transaction";
        let path = format!("/inApps/v1/transactions/{}", encoded(id));
        let reply = self.ask(WHAT, self.request(Method::GET, environment, &path)?).await?;
        if reply.is_good() {
            let info: TransactionInfo = reply.read(WHAT)?;
            return Ok(Found::Here(info.signed_transaction_info));
        }
        match self.fault(WHAT, &reply) {
            Fault::Refused(_) => Ok(Found::Nowhere),
            fault @ (Fault::Unavailable { .. } | Fault::Misconfigured(_)) => Err(fault),
        }
    }

    /// Get Transaction History, or Get Refund History: 20 a page.
    pub(super) async fn history(
        &self,
        environment: Environment,
        id: &str,
        refunded_only: bool,
        revision: Option<&str>,
    ) -> Result<History, Fault> {
        const WHAT: &str = "a history";
        let list = if refunded_only { "refund/lookup" } else { "history" };
        let query = revision.map(|revision| format!("?{}", form(&[("revision", revision)])));
        let path = format!("/inApps/v2/{list}/{}{}", encoded(id), query.unwrap_or_default());
        let reply = self.ask(WHAT, self.request(Method::GET, environment, &path)?).await?;
        if reply.is_good() { reply.read(WHAT) } else { Err(self.fault(WHAT, &reply)) }
    }

    /// Get Notification History.
    pub(super) async fn notifications(
        &self,
        environment: Environment,
        since: Micros,
        until: Micros,
        page: Option<&str>,
    ) -> Result<Notifications, Fault> {
        const WHAT: &str = "notifications";
        let query = page.map(|page| format!("?{}", form(&[("paginationToken", page)])));
        let path = format!("/inApps/v1/notifications/history{}", query.unwrap_or_default());
        let span = json!({"startDate": since.0 / 1_000, "endDate": until.0 / 1_000});
        let request = self.request(Method::POST, environment, &path)?;
        let request = request.header("content-type", "application/json").body(span.to_string());
        let reply = self.ask(WHAT, request).await?;
        if reply.is_good() { reply.read(WHAT) } else { Err(self.fault(WHAT, &reply)) }
    }

    /// Finishes a transaction.
    pub(super) async fn finish(&self, environment: Environment, id: &str) -> Result<(), Fault> {
        const WHAT: &str = "a finish";
        let path = format!("/inApps/v1/transactions/{}/finish", encoded(id));
        let reply = self.ask(WHAT, self.request(Method::POST, environment, &path)?).await?;
        if reply.is_good() { Ok(()) } else { Err(self.fault(WHAT, &reply)) }
    }

    async fn ask(&self, what: &'static str, request: RequestBuilder) -> Result<Reply, Fault> {
        reply::ask(what, request).await
    }

    fn request(
        &self,
        method: Method,
        environment: Environment,
        path: &str,
    ) -> Result<RequestBuilder, Fault> {
        let base = match environment {
            Environment::Production => &self.production,
            Environment::Sandbox => &self.sandbox,
        };
        let token = self.token()?;
        Ok(self.client.request(method, format!("{base}{path}")).bearer_auth(token))
    }

    /// A token for one request: it costs less than keeping one.
    fn token(&self) -> Result<String, Fault> {
        let now = self.clock.now().seconds();
        let claims = Claims {
            iss: &self.issuer_id,
            iat: now,
            exp: now + TOKEN_LIFE_S,
            aud: "appstoreconnect-v1",
            bid: &self.bundle_id,
        };
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, &claims, &self.key)
            .map_err(|_| Fault::Misconfigured("app_store.key_file"))
    }

    /// What a failure means. It is final only in Apple's own words.
    fn fault(&self, what: &'static str, reply: &Reply) -> Fault {
        let code = reply.try_read().map(|ApiError { error_code }| error_code);
        let now_ms = self.clock.now().0 / 1_000;
        match (reply.status(), code) {
            (401 | 403, _) => Fault::Misconfigured("app_store.key_file"),
            // Apple's own "try again" among the 404.
            (404, Some(4_040_002 | 4_040_004 | 4_040_006)) => LATER,
            (404, Some(_)) | (400, Some(4_000_006)) => Fault::Refused(reason::UNKNOWN),
            _ => reply.unavailable(what, now_ms),
        }
    }
}
