//! What who shows a purchase is answered.

use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::MemberId;
use protocol::purchases::{PurchaseState, SubmitReply};
use serde_json::json;
use storage::purchases::{Heard, Purchase, Received, Source};

use super::ask::Asked;
use super::{Desk, Outcome};

/// When our own settings may have been mended, in milliseconds.
const MENDED_MS: u64 = 60_000;

/// Whether a client may finish or consume a purchase at its store.
fn finish(state: PurchaseState) -> bool {
    match state {
        PurchaseState::Granted | PurchaseState::Refunded | PurchaseState::Cancelled => true,
        PurchaseState::Pending | PurchaseState::Held => false,
    }
}

fn error(code: ErrorCode, message: impl Into<String>, finish: bool) -> ErrorBody {
    ErrorBody { detail: Some(json!({ "finish": finish })), ..ErrorBody::new(code, message) }
}

/// The store cannot tell now: what was shown is kept, and tried again.
pub(super) fn unavailable(after_ms: u64) -> ErrorBody {
    let message = "the store cannot be asked now; what was shown is kept";
    error(ErrorCode::PurchaseUnavailable, message, false).after_ms(after_ms)
}

fn reply(purchase: &Purchase, seen_before: bool) -> SubmitReply {
    let finish = finish(purchase.state());
    SubmitReply { purchase: purchase.told(), seen_before, finish }
}

/// The purchase is real, so its client may finish it; whose it is nobody is told.
fn of_another() -> ErrorBody {
    error(ErrorCode::PurchaseOwnedByAnother, "the purchase is another member's", true)
}

pub(super) fn of(asked: Asked, _: MemberId) -> Result<SubmitReply, ErrorBody> {
    match asked {
        Asked::Heard(Heard::Owned { purchase, known, .. }) => Ok(reply(&purchase, known)),
        Asked::Heard(Heard::Others { .. }) => Err(of_another()),
        Asked::Heard(Heard::Nobodys { .. }) => {
            let message = "the purchase is real and names an account that is not known; \
                           the publisher has to look at it";
            Err(error(ErrorCode::PurchaseHeld, message, false))
        }
        Asked::Refused(reason) => {
            let message = format!("the purchase is refused: {reason}");
            let mut refused = error(ErrorCode::PurchaseRefused, message, false);
            refused.detail = Some(json!({ "finish": false, "reason": reason }));
            Err(refused)
        }
        Asked::Unavailable(after_ms) => Err(unavailable(after_ms)),
        Asked::Misconfigured => {
            let message = "this store is not set up rightly here; what was shown is kept";
            Err(error(ErrorCode::PurchaseMisconfigured, message, false).after_ms(MENDED_MS))
        }
        Asked::Storage(mut error) => {
            error.detail = Some(json!({ "finish": false }));
            Err(error)
        }
    }
}

impl Desk {
    /// The answer to what was shown before and led to a purchase that is settled: the store need
    /// not be asked. `None` if it must be.
    pub(super) async fn known(
        &self,
        received: &Received,
        member: MemberId,
    ) -> Option<Outcome<SubmitReply>> {
        if received.evidence.source != Source::Posted(member) {
            return None;
        }
        let purchases = &self.0.storage.purchases;
        let claim = purchases.claim(received.claim?).await.ok().flatten()?;
        match claim.owner {
            Some(owner) if owner != member => return Some(Err(of_another()).into()),
            Some(_) => {}
            None => return None,
        }
        // Its rows may not have followed yet.
        let app = received.evidence.app.clone();
        let owned = purchases.get(app, member, claim.id).await.ok().flatten()?;
        let settled = owned.version == claim.version && finish(owned.state());
        if !settled {
            return None;
        }
        self.on_record(&owned);
        self.recorded().await;
        Some(Ok(reply(&owned, true)).into())
    }
}
