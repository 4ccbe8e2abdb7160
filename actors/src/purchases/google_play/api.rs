//! The Android Publisher API, as far as it is used.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method};
use serde::Deserialize;
use serde_json::{Map, Value};
use storage::clock::{Clock, Micros};

use super::Act;
use super::account::Account;
use super::product::Product;
use crate::outside::{encoded, form};
use crate::purchases::bearer::Bearer;
use crate::purchases::reply::{self, LATER, Reply};
use crate::purchases::settings::GooglePlaySettings;
use crate::purchases::stores::Parts;
use crate::purchases::verified::Transaction;
use crate::purchases::verifier::{Fault, Happened, Hint, reason};

/// How long before its end an access token is changed.
const EARLY: Duration = Duration::from_secs(5 * 60);
/// How far back Google lists what was voided.
const LISTED: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How many of them are on a page.
const PAGE: &str = "1000";

/// The API, as one package.
pub(super) struct Api {
    client: Client,
    clock: Arc<dyn Clock>,
    /// With the package's own path, up to what is asked.
    base: String,
    account: Account,
    bearer: Bearer,
}

/// Google's errors; any other body is somebody else's.
#[derive(Deserialize)]
struct ApiError {
    #[serde(rename = "error")]
    _error: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VoidedPage {
    #[serde(default)]
    voided_purchases: Vec<Voided>,
    token_pagination: Option<Pagination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Voided {
    purchase_token: String,
    voided_time_millis: String,
}

impl Api {
    pub(super) fn new(settings: &GooglePlaySettings, account: Account, parts: &Parts) -> Self {
        let package = encoded(&settings.package_name);
        let base = &settings.api_base;
        Self {
            client: parts.client.clone(),
            clock: Arc::clone(&parts.clock),
            base: format!("{base}/androidpublisher/v3/applications/{package}/purchases"),
            account,
            bearer: Bearer::new(Arc::clone(&parts.clock), EARLY),
        }
    }

    /// A one-time purchase.
    pub(super) async fn product(&self, token: &str) -> Result<Product, Fault> {
        const WHAT: &str = "a purchase";
        let path = format!("productsv2/tokens/{}", encoded(token));
        let reply = self.ask(WHAT, Method::GET, &path).await?;
        if reply.is_good() { reply.read(WHAT) } else { Err(self.fault(WHAT, &reply)) }
    }

    /// Acknowledges or consumes. `false` if Google says that this cannot be done, which it also
    /// says when it was done before.
    pub(super) async fn act(&self, product: &str, token: &str, act: Act) -> Result<bool, Fault> {
        let (what, verb) = match act {
            Act::Acknowledge => ("an acknowledgement", "acknowledge"),
            Act::Consume => ("a consumption", "consume"),
        };
        let path = format!("products/{}/tokens/{}:{verb}", encoded(product), encoded(token));
        let reply = self.ask(what, Method::POST, &path).await?;
        if reply.is_good() {
            return Ok(true);
        }
        match (reply.status(), self.fault(what, &reply)) {
            (_, Fault::Refused(_)) | (409, _) => Ok(false),
            (_, fault) => Err(fault),
        }
    }

    /// One page of what was voided since then, and where the next begins.
    pub(super) async fn voided(
        &self,
        since: Micros,
        page: Option<&str>,
    ) -> Result<(Vec<Hint>, Option<String>), Fault> {
        const WHAT: &str = "voided purchases";
        let now = self.clock.now();
        let since = since.max(now.before(LISTED));
        let (start, end) = ((since.0 / 1_000).to_string(), (now.0 / 1_000).to_string());
        let mut query = vec![
            ("startTime", start.as_str()),
            ("endTime", end.as_str()),
            ("type", "0"),
            ("maxResults", PAGE),
            ("includeQuantityBasedPartialRefund", "true"),
        ];
        query.extend(page.map(|page| ("token", page)));
        let reply =
            self.ask(WHAT, Method::GET, &format!("voidedpurchases?{}", form(&query))).await?;
        if !reply.is_good() {
            return Err(self.fault(WHAT, &reply));
        }
        let VoidedPage { voided_purchases, token_pagination } = reply.read(WHAT)?;
        let hints = voided_purchases.into_iter().map(hint).collect::<Result<_, _>>()?;
        let next = token_pagination.and_then(|pagination| pagination.next_page_token);
        Ok((hints, next.filter(|next| !next.is_empty() && Some(next.as_str()) != page)))
    }

    /// Asks, with a new token if the old one is refused.
    async fn ask(&self, what: &'static str, method: Method, path: &str) -> Result<Reply, Fault> {
        let mut last = false;
        loop {
            let now = self.clock.now();
            let token = self.bearer.token(self.account.token(&self.client, now)).await?;
            let url = format!("{}/{path}", self.base);
            let mut request = self.client.request(method.clone(), url).bearer_auth(&token);
            if method == Method::POST {
                request = request.header("content-type", "application/json").body("{}");
            }
            let reply = reply::ask(what, request).await?;
            if reply.status() != 401 || last {
                return Ok(reply);
            }
            self.bearer.forget(&token);
            last = true;
        }
    }

    /// What a failure means. It is final only in Google's own words.
    fn fault(&self, what: &'static str, reply: &Reply) -> Fault {
        let google = reply.try_read::<ApiError>().is_some();
        match reply.status() {
            401 | 403 => Fault::Misconfigured("google_play.service_account_file"),
            400 | 404 | 410 if google => Fault::Refused(reason::UNKNOWN),
            _ => reply.unavailable(what, self.clock.now().0 / 1_000),
        }
    }
}

fn hint(voided: Voided) -> Result<Hint, Fault> {
    let millis: i64 = voided.voided_time_millis.parse().map_err(|_| LATER)?;
    let digest = crate::purchases::hex_digest(voided.purchase_token.as_bytes());
    let transaction = Transaction { environment: None, product: None, id: voided.purchase_token };
    Ok(Hint {
        id: format!("voided:{digest}:{millis}"),
        at: Micros(millis.saturating_mul(1_000)),
        what: Happened::Refunded,
        transaction: Some(transaction),
    })
}
