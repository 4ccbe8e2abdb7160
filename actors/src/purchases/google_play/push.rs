//! Real-time developer notifications, as Pub/Sub pushes them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use storage::clock::Micros;

use crate::identity::keys::KeyCache;
use crate::identity::oidc::OidcSettings;
use crate::identity::provider::Refusal;
use crate::purchases::reply::LATER;
use crate::purchases::settings::GooglePlaySettings;
use crate::purchases::stores::Parts;
use crate::purchases::verified::Transaction;
use crate::purchases::verifier::{Fault, Happened, Hint, id, reason};

/// The longest push, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// The longest id of a message; they are numbers.
const MAX_ID: usize = 128;

/// Who may push.
pub(super) struct Push {
    tokens: OidcSettings,
    /// Empty: nobody.
    email: String,
    keys: KeyCache,
}

#[derive(Deserialize)]
struct Envelope {
    message: Message,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    data: String,
    message_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    package_name: String,
    event_time_millis: String,
    one_time_product_notification: Option<OneTime>,
    voided_purchase_notification: Option<Voided>,
    test_notification: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OneTime {
    purchase_token: String,
    sku: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Voided {
    purchase_token: String,
    product_type: Option<i64>,
}

/// A one-time product among what was voided; 1 is a subscription.
const ONE_TIME: i64 = 2;

impl Push {
    pub(super) fn new(settings: &GooglePlaySettings, parts: &Parts) -> Self {
        let tokens = OidcSettings {
            issuers: settings.push_issuers.clone(),
            jwks_url: settings.push_jwks_url.clone(),
            audiences: vec![settings.push_audience.clone()],
            require_nonce: false,
            allow_insecure_loopback: settings.allow_insecure_loopback,
            ..OidcSettings::default()
        };
        Self { tokens, email: settings.push_email.clone(), keys: parts.keys.clone() }
    }

    #[cfg(test)]
    pub(super) fn forget_email(&mut self) {
        self.email.clear();
    }

    /// Proves who pushes, before anything of the body is read. The token is not bound to the
    /// body, so this does not prove what is said.
    pub(super) async fn proven(
        &self,
        authorization: Option<&str>,
        now: Micros,
    ) -> Result<(), Fault> {
        if self.email.is_empty() {
            return Err(Fault::Misconfigured("google_play.push_email"));
        }
        let bearer = authorization.and_then(|value| value.strip_prefix("Bearer "));
        let token = bearer.ok_or(Fault::Refused(reason::UNSIGNED))?;
        let verified = self.tokens.verify_service(&self.keys, token, &self.email, now).await;
        verified.map(|_| ()).map_err(|refusal| match refusal {
            Refusal::Rejected(reason) => Fault::Refused(reason),
            // Pub/Sub makes a new one for each attempt.
            Refusal::Expired => Fault::Refused("expired"),
            Refusal::Unavailable { retry_after_ms } => Fault::Unavailable { retry_after_ms },
            Refusal::Misconfigured(_) => Fault::Misconfigured("google_play.push_jwks_url"),
        })
    }
}

/// What a push hints at, `None` if at nothing that is handled here.
pub(super) fn hint(body: &[u8], package: &str) -> Result<Option<Hint>, Fault> {
    if body.len() > MAX_BODY {
        return Err(Fault::Refused(reason::EVIDENCE_SIZE));
    }
    let shape = |_| Fault::Refused(reason::EVIDENCE_SHAPE);
    let Envelope { message } = serde_json::from_slice(body).map_err(shape)?;
    if message.message_id.is_empty() || message.message_id.len() > MAX_ID {
        return Err(Fault::Refused(reason::EVIDENCE_SHAPE));
    }
    let data =
        STANDARD.decode(&message.data).map_err(|_| Fault::Refused(reason::EVIDENCE_SHAPE))?;
    let said: Notification = serde_json::from_slice(&data).map_err(shape)?;
    if said.package_name != package {
        return Err(Fault::Refused(reason::OTHER_APP));
    }
    let millis: i64 = said.event_time_millis.parse().map_err(|_| LATER)?;
    let hint = |what, transaction| {
        let at = Micros(millis.saturating_mul(1_000));
        Ok(Some(Hint { id: message.message_id, at, what, transaction }))
    };
    let about = |token: String, product: Option<String>| {
        id(&token)?;
        Ok(Some(Transaction { environment: None, product, id: token }))
    };
    if let Some(OneTime { purchase_token, sku }) = said.one_time_product_notification {
        return hint(Happened::Changed, about(purchase_token, sku)?);
    }
    if let Some(Voided { purchase_token, product_type }) = said.voided_purchase_notification {
        return match product_type {
            Some(ONE_TIME) | None => hint(Happened::Refunded, about(purchase_token, None)?),
            Some(_) => Ok(None),
        };
    }
    if said.test_notification.is_some() {
        return hint(Happened::Test, None);
    }
    // Subscriptions, and what Google adds.
    Ok(None)
}
