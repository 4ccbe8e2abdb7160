//! App Store Server Notifications, version 2.

use serde::Deserialize;

use super::{Apple, transaction};
use crate::purchases::reply::LATER;
use crate::purchases::verified::Environment;
use crate::purchases::verifier::{Fault, Happened, Hint, reason};

/// The longest notification, in bytes.
const MAX_BODY: usize = 64 * 1024;
/// The longest id of one; they are UUIDs.
const MAX_ID: usize = 128;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    signed_payload: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    notification_type: String,
    #[serde(rename = "notificationUUID")]
    id: String,
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    bundle_id: Option<String>,
    environment: Option<String>,
    signed_transaction_info: Option<String>,
}

/// The signed text in the body.
pub(super) fn envelope(body: &[u8]) -> Result<String, Fault> {
    if body.len() > MAX_BODY {
        return Err(Fault::Refused(reason::EVIDENCE_SIZE));
    }
    let envelope: Result<Envelope, _> = serde_json::from_slice(body);
    envelope
        .map(|envelope| envelope.signed_payload)
        .map_err(|_| Fault::Refused(reason::EVIDENCE_SHAPE))
}

/// Where a page of the history begins: the environment, and Apple's own token.
pub(super) fn page(page: &str) -> Result<(Environment, Option<&str>), Fault> {
    let shape = Fault::Refused(reason::EVIDENCE_SHAPE);
    let (word, token) = page.split_once(':').ok_or(shape)?;
    let environment = Environment::parse(word).ok_or(shape)?;
    Ok((environment, Some(token).filter(|token| !token.is_empty())))
}

/// What a type of notification means for a one-time product; `None` for one that means nothing.
fn happened(kind: &str) -> Option<Happened> {
    match kind {
        "ONE_TIME_CHARGE" => Some(Happened::Changed),
        "REFUND" | "REVOKE" => Some(Happened::Refunded),
        "REFUND_REVERSED" => Some(Happened::RefundReversed),
        "TEST" => Some(Happened::Test),
        // Subscriptions, and types that Apple adds.
        _ => None,
    }
}

impl Apple {
    /// What a signed notification hints at.
    pub(super) async fn hint(&self, jws: &str) -> Result<Option<Hint>, Fault> {
        let signed = self.verifier.open(jws).await?;
        self.not_ahead(&signed)?;
        let Payload { notification_type, id, data } = signed.read()?;
        if id.is_empty() || id.len() > MAX_ID {
            return Err(LATER);
        }
        let data = data.unwrap_or(Data {
            bundle_id: None,
            environment: None,
            signed_transaction_info: None,
        });
        if data.bundle_id.as_ref().is_some_and(|bundle_id| *bundle_id != self.bundle_id) {
            return Err(Fault::Refused(reason::OTHER_APP));
        }
        let Some(what) = happened(&notification_type) else { return Ok(None) };
        let at = signed.at;
        if what == Happened::Test {
            return Ok(Some(Hint { id, at, what, transaction: None }));
        }
        let environment = data.environment.as_deref().map(transaction::environment).transpose()?;
        let Some(jws) = data.signed_transaction_info else { return Err(LATER) };
        let purchase = match self.read(&jws).await {
            Ok(purchase) => purchase,
            // What was refunded may be a subscription.
            Err(Fault::Refused(reason::KIND | reason::FAMILY)) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        if environment.is_some_and(|environment| environment != purchase.environment) {
            return Err(Fault::Refused(reason::ENVIRONMENT));
        }
        Ok(Some(Hint { id, at, what, transaction: Some(purchase.transaction) }))
    }
}
