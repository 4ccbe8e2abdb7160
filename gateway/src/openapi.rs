//! The OpenAPI document, made from the table of operations and its types.

mod game_servers;
mod simulators;

use std::collections::BTreeMap;

use protocol::error::{ErrorBody, ErrorCode};
use protocol::game_servers::ServerOperation;
use protocol::launching::{Announced, Countdown};
use protocol::members::Ban;
use protocol::operation::{Access, Doors, Effect, Operation, Visitor};
use serde_json::json;
use utoipa::ToSchema;
use utoipa::openapi::path::{
    HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder,
    PathItem, PathsBuilder, Ref, RefOr, Required, ResponseBuilder, ResponsesBuilder, Tag,
};

use crate::http::KEY_BYTES;

const DESCRIPTION: &str = "\
One gate through which every game client logs in and is told what is new. The same \
operations are served over a websocket (`/v1/ws`, subprotocols `daemun.v1.msgpack` and \
`daemun.v1.json`): the path `/v1/auth/login` is the operation `auth.login` there.\n\n\
To try it: send `auth.login` as it stands (a new guest of the game `demo`), copy the \
`access_token` of the answer, press **Authorize**, paste it, and call whatever you like.\n\n\
Success is `{\"ok\": ...}`, an error `{\"err\": {...}}`. Unknown fields of a request are \
ignored; a client ignores unknown fields of an answer.";

const IDEMPOTENCY_KEY: &str = "\
A word of the client's own for this request. The same request sent again with it is not done \
again: it gets the first answer, or waits for it while that is on its way. Keys are one login's \
own; with another operation or body a key that was used is `op.key_reused`. The last 128 answers \
of a login are kept for two minutes after the last use, unless set up otherwise, if they are \
small and there is room; errors that say `later` or `same_id` are not.";

/// The document of this server.
#[must_use]
pub fn document() -> OpenApi {
    let collector = collect();
    let tags = [
        "launch",
        "auth",
        "session",
        "identity",
        "member",
        "product",
        "purchase",
        "wallet",
        "inbox",
        game_servers::TAG,
    ];
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Daemun")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(DESCRIPTION))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").build()))
                .build(),
        )
        .tags(Some(tags.map(Tag::new)))
        .paths(collector.paths.build())
        .components(Some(
            ComponentsBuilder::new()
                .schemas_from_iter(collector.schemas)
                .security_scheme("access_token", bearer())
                .security_scheme(game_servers::SCHEME, game_servers::scheme())
                .build(),
        ))
        .build()
}

/// The same with what is there in development alone: the simulated stores.
#[must_use]
pub fn document_with_simulators() -> OpenApi {
    let mut document = document();
    simulators::add(&mut document);
    document
}

fn collect() -> Collector {
    let mut collector = Collector::default();
    Operation::visit(&mut collector);
    ServerOperation::visit(&mut collector);
    collector.schema::<ErrorBody>("ErrorBody");
    // No operation names it: it is the `detail` of `member.banned`, and the push's body.
    collector.schema::<Ban>("Ban");
    collector.schema::<Countdown>("Countdown");
    collector.schema::<Announced>("Announced");
    collector
}

fn bearer() -> SecurityScheme {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.bearer_format = Some("JWT".into());
    scheme.description = Some("The `access_token` of `auth.login` or `auth.refresh`.".into());
    SecurityScheme::Http(scheme)
}

#[derive(Default)]
struct Collector {
    paths: PathsBuilder,
    schemas: BTreeMap<String, RefOr<Schema>>,
    /// Names that two different types claim.
    clashes: Vec<String>,
}

impl Collector {
    /// Keeps a type's schema under `name`, and those it is made of under their own.
    fn schema<T: ToSchema>(&mut self, name: &str) -> Ref {
        let mut parts = Vec::new();
        T::schemas(&mut parts);
        parts.push((name.to_owned(), T::schema()));
        for (name, schema) in parts {
            match self.schemas.get(&name) {
                Some(known) if *known != schema => self.clashes.push(name),
                Some(_) | None => drop(self.schemas.insert(name, schema)),
            }
        }
        Ref::from_schema_name(name)
    }
}

impl Visitor for Collector {
    fn operation<Request: ToSchema, Reply: ToSchema>(&mut self, operation: Operation) {
        if operation.doors() == Doors::Socket {
            return;
        }
        // The domains call their bodies alike; the operation's name tells them apart.
        let request = self.schema::<Request>(&format!("{operation:?}Request"));
        let reply = self.schema::<Reply>(&format!("{operation:?}Reply"));
        let mut content = ContentBuilder::new().schema(Some(request));
        if let Some(example) = example(operation) {
            content = content.example(Some(example));
        }
        let body = RequestBodyBuilder::new()
            .content("application/json", content.build())
            .required(Some(Required::True))
            .build();
        let tag = operation.name().split('.').next().unwrap_or_default();
        let mut described = OperationBuilder::new()
            .operation_id(Some(operation.name()))
            .summary(Some(operation.summary()))
            .description(Some(format!("On the websocket: `\"op\": \"{}\"`.", operation.name())))
            .tag(tag)
            .request_body(Some(body))
            .responses(responses(reply, false));
        if operation.access() == Access::Member && operation.effect() == Effect::Changes {
            let key = text_header("Idempotency-Key", Required::False, IDEMPOTENCY_KEY);
            described = described.parameter(key);
        }
        if operation.access() != Access::Public {
            let none: [String; 0] = [];
            described = described.security(SecurityRequirement::new("access_token", none));
        }
        let item = PathItem::new(HttpMethod::Post, described.build());
        self.paths = std::mem::take(&mut self.paths).path(operation.http_path(), item);
    }
}

/// A header with a text of the caller's own.
fn text_header(name: &str, required: Required, description: &str) -> Parameter {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(KEY_BYTES))
        .pattern(Some("^[ -~]+$"))
        .build();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(required)
        .description(Some(description))
        .schema(Some(Schema::Object(text)))
        .build()
}

/// What may be answered. Of signatures games' servers alone are told.
fn responses(reply: Ref, signed: bool) -> utoipa::openapi::Responses {
    let json = |field: &str, schema: Ref| {
        let body = ObjectBuilder::new().property(field, schema).required(field).build();
        ContentBuilder::new().schema(Some(Schema::Object(body))).build()
    };
    let good = ResponseBuilder::new()
        .description("Done.")
        .content("application/json", json("ok", reply))
        .build();
    let mut responses = ResponsesBuilder::new().response("200", good);
    let mut words: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    let told = |code: &&ErrorCode| signed || !code.word().starts_with("server.");
    for code in ErrorCode::ALL.iter().filter(told) {
        words.entry(code.http_status()).or_default().push(code.word());
    }
    for (status, words) in words {
        let content = json("err", Ref::from_schema_name("ErrorBody"));
        let error = ResponseBuilder::new()
            .description(words.join(", "))
            .content("application/json", content)
            .build();
        responses = responses.response(status.to_string(), error);
    }
    responses.build()
}

/// What the page proposes to send, where the types' own examples do not make a good request.
fn example(operation: Operation) -> Option<serde_json::Value> {
    let client = json!({"version": "1.4.0", "platform": "android", "store": "google_play", "lang": "ko", "country": "KR"});
    match operation {
        Operation::LaunchStatus => Some(json!({"app": "demo", "client": client})),
        Operation::NoticeList | Operation::BannerList => {
            Some(json!({"app": "demo", "client": client}))
        }
        Operation::AuthNonce => Some(json!({"app": "demo"})),
        Operation::AuthLogin => Some(json!({"app": "demo", "provider": "guest", "client": client})),
        Operation::AuthRefresh => Some(json!({"app": "demo", "refresh_token": "drt1_..."})),
        Operation::SessionRefresh => Some(json!({"token": "eyJ..."})),
        Operation::InboxAck => Some(json!({"seq": 1})),
        Operation::ProductList => Some(json!({"store": "google_play"})),
        Operation::PurchaseReserve => Some(json!({"product": "gem_100", "store": "google_play"})),
        Operation::PurchaseSubmit => Some(json!({
            "store": "google_play", "evidence": {"token": "...", "product": "gem_100"},
        })),
        Operation::PurchaseConsume => {
            Some(json!({"purchase": "019aac4b-2e3f-7d55-8a53-0d1c5a3b9e10"}))
        }
        Operation::ContentSeen => Some(json!({"ids": ["019aac4b-2e3f-7d55-8a53-0d1c5a3b9e10"]})),
        Operation::ContentDismiss => {
            Some(json!({"id": "019aac4b-2e3f-7d55-8a53-0d1c5a3b9e10", "days": 7}))
        }
        Operation::ContentClick => Some(json!({"id": "019aac4b-2e3f-7d55-8a53-0d1c5a3b9e10"})),
        Operation::SessionPing
        | Operation::InboxList
        | Operation::AuthLogout
        | Operation::AuthLogoutEverywhere
        | Operation::IdentityList
        | Operation::MemberMe
        | Operation::SessionList
        | Operation::PurchaseUnconsumed
        | Operation::PurchaseHistory
        | Operation::WalletBalances
        | Operation::ContentState
        | Operation::SessionOpen
        | Operation::SessionClose => Some(json!({})),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_types_share_a_name() {
        assert_eq!(collect().clashes, Vec::<String>::new());
    }
}
