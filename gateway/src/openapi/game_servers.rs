//! The operations for the games' own servers, in the document.

use protocol::game_servers::{Idempotency, ServerOperation, Visitor};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, OperationBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, PathItem, Required};

use super::{Collector, responses, text_header};

/// The tag of all of them.
pub(super) const TAG: &str = "server";
/// The name of the scheme by which they are signed.
pub(super) const SCHEME: &str = "server_key";

const IDEMPOTENCY_KEY: &str = "\
A word of the game's own for this change. It is done once under it, for good: the same request sent \
again gets the first answer, with `seen_before`. With another body it is `op.key_reused`.";

/// How a request is signed.
pub(super) fn scheme() -> SecurityScheme {
    let description = "`Daemun-HMAC-SHA256 app=.., key=.., time=.., nonce=.., signature=..`, as \
        docs/game-servers.md says. It is of one request, so this page cannot make it.";
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
        "Authorization",
        description,
    )))
}

impl Visitor for Collector {
    fn operation<Request: ToSchema, Reply: ToSchema>(&mut self, operation: ServerOperation) {
        // Players' operations may be called alike.
        let request = self.schema::<Request>(&format!("Server{operation:?}Request"));
        let reply = self.schema::<Reply>(&format!("Server{operation:?}Reply"));
        let content =
            ContentBuilder::new().schema(Some(request)).example(Some(example(operation))).build();
        let body = RequestBodyBuilder::new()
            .content("application/json", content)
            .required(Some(Required::True))
            .build();
        let scope = operation.scope().word();
        let none: [String; 0] = [];
        let mut described = OperationBuilder::new()
            .operation_id(Some(format!("server/{}", operation.name())))
            .summary(Some(operation.summary()))
            .description(Some(format!("The key needs the scope `{scope}`.")))
            .tag(TAG)
            .request_body(Some(body))
            .responses(responses(reply, true))
            .security(SecurityRequirement::new(SCHEME, none));
        let required = match operation.idempotency() {
            Idempotency::Free => None,
            Idempotency::Keyed => Some(Required::True),
            Idempotency::Offered => Some(Required::False),
        };
        if let Some(required) = required {
            let key = text_header("Idempotency-Key", required, IDEMPOTENCY_KEY);
            described = described.parameter(key);
        }
        let item = PathItem::new(HttpMethod::Post, described.build());
        self.paths = std::mem::take(&mut self.paths).path(operation.http_path(), item);
    }
}

fn example(operation: ServerOperation) -> Value {
    let member = "0G3Q8TZ4M1A7C";
    let items = json!([{"item": "gem", "amount": 100}]);
    match operation {
        ServerOperation::SessionsVerify => json!({"token": "eyJ..."}),
        ServerOperation::MembersGet
        | ServerOperation::MembersUnban
        | ServerOperation::WalletBalances
        | ServerOperation::WalletTransfers => json!({"member": member}),
        ServerOperation::MembersMessage => json!({"member": member, "text": "Thank you!"}),
        ServerOperation::MembersBan => json!({"member": member, "reason": "Cheating."}),
        ServerOperation::PurchasesList => json!({"member": member, "unconsumed": true}),
        ServerOperation::PurchasesConsume => {
            json!({"member": member, "purchase": "0190a1b2-c3d4-7000-8000-000000000000"})
        }
        ServerOperation::WalletSpend | ServerOperation::WalletGrant => {
            json!({"member": member, "items": items})
        }
    }
}
