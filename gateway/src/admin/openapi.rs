//! The OpenAPI document of the operators' API, made from its table.

mod rows;

use std::collections::BTreeMap;

use protocol::operators::endpoint::{Endpoint, Method, Need, Visitor, Weight};
use protocol::operators::refusal::{Code, OperatorCode, Refusal};
use protocol::operators::{Act, App, Document, Operator, OperatorSession};
use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, OperationBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder,
    PathItem, PathsBuilder, Ref, RefOr, Required, ResponseBuilder, ResponsesBuilder, Tag,
};

use super::{COOKIE, CSRF};
use rows::{example, makes, media_types, needs, parameters, tag, takes_key, takes_version};

const DESCRIPTION: &str = "\
What operators ask of the server.\n\n\
To try it: make an account (`daemun operator add NAME --role owner`), give the secret that it \
prints to an authenticator, send `login`, copy the `csrf` of the answer, press **Authorize** and \
paste it. The session itself is a cookie that the browser keeps.\n\n\
Success is `{\"ok\": ...}`, an error `{\"err\": {...}}`. An unknown field of a request is an \
error. What can change has a version: it comes as the `ETag`, and a change says in `If-Match` \
which one it changes. Who may do what is said at each path; `-` in the place of a game is where \
the publisher speaks to all games.";

/// The document of this server.
#[must_use]
pub fn document() -> OpenApi {
    let collector = collect();
    let cookie = "The session. The browser keeps it and sends it by itself.";
    let csrf = "The `csrf` of the login's answer or of `/admin/v1/me`, for every change.";
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Daemun for operators")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(DESCRIPTION))
                .license(Some(LicenseBuilder::new().name("Apache-2.0").build()))
                .build(),
        )
        .tags(Some(["session", "operators", "audit", "apps", "launching", "content"].map(Tag::new)))
        .paths(collector.paths.build())
        .components(Some(
            ComponentsBuilder::new()
                .schemas_from_iter(collector.schemas)
                .security_scheme("session", key(ApiKey::Cookie, COOKIE, cookie))
                .security_scheme("csrf", key(ApiKey::Header, CSRF, csrf))
                .build(),
        ))
        .build()
}

fn key(place: fn(ApiKeyValue) -> ApiKey, name: &str, description: &str) -> SecurityScheme {
    SecurityScheme::ApiKey(place(ApiKeyValue::with_description(name, description)))
}

fn collect() -> Collector {
    let mut collector = Collector::default();
    Endpoint::visit(&mut collector);
    collector.schema::<Refusal>("Refusal");
    // What a page has on it is named by the page alone.
    collector.schema::<Act>("Act");
    collector.schema::<App>("App");
    collector.schema::<Document>("Document");
    collector.schema::<Operator>("Operator");
    collector.schema::<OperatorSession>("OperatorSession");
    collector
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
    fn endpoint<Request: ToSchema, Reply: ToSchema>(&mut self, endpoint: Endpoint) {
        let reply = self.schema::<Reply>(&format!("{endpoint:?}Reply"));
        let mut described = OperationBuilder::new()
            .operation_id(Some(format!("{endpoint:?}")))
            .summary(Some(endpoint.summary()))
            .description(Some(needs(endpoint)))
            .tag(tag(endpoint))
            .responses(responses(endpoint, reply));
        if matches!(endpoint.method(), Method::Post | Method::Put) {
            let request = self.schema::<Request>(&format!("{endpoint:?}Request"));
            let mut content = ContentBuilder::new().schema(Some(request));
            if let Some(example) = example(endpoint) {
                content = content.example(Some(example));
            }
            let content = content.build();
            let body = RequestBodyBuilder::new().required(Some(Required::True));
            let body = media_types(endpoint)
                .into_iter()
                .fold(body, |body, media_type| body.content(media_type, content.clone()));
            described = described.request_body(Some(body.build()));
        }
        for parameter in parameters(endpoint) {
            described = described.parameter(parameter);
        }
        if endpoint.need() != Need::Nothing {
            let none: [String; 0] = [];
            let mut security = SecurityRequirement::new("session", none.clone());
            if endpoint.method() != Method::Get {
                security = security.add("csrf", none);
            }
            described = described.security(security);
        }
        let item = PathItem::new(method(endpoint.method()), described.build());
        // Of one path, the methods come together.
        self.paths = std::mem::take(&mut self.paths).path(endpoint.path(), item);
    }
}

fn method(method: Method) -> HttpMethod {
    match method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
        Method::Put => HttpMethod::Put,
        Method::Delete => HttpMethod::Delete,
    }
}

fn responses(endpoint: Endpoint, reply: Ref) -> utoipa::openapi::Responses {
    let json = |field: &str, schema: Ref| {
        let body = ObjectBuilder::new().property(field, schema).required(field).build();
        ContentBuilder::new().schema(Some(Schema::Object(body))).build()
    };
    let status = if makes(endpoint) { "201" } else { "200" };
    let good = |said: &str| {
        let content = json("ok", reply.clone());
        ResponseBuilder::new().description(said).content("application/json", content).build()
    };
    let mut responses = ResponsesBuilder::new().response(status, good("Done."));
    if endpoint == Endpoint::ImageUpload {
        responses = responses.response("200", good("It was there already."));
    }
    let mut words: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for code in Code::all().filter(|code| can_be_told(endpoint, *code)) {
        let said = match code {
            Code::Operators(own) => format!("`{}`: {}", own.word(), own.summary()),
            Code::Shared(shared) => format!("`{}`", shared.word()),
        };
        words.entry(code.http_status()).or_default().push(said);
    }
    for (status, words) in words {
        let content = json("err", Ref::from_schema_name("Refusal"));
        let error = ResponseBuilder::new()
            .description(words.join("\n\n"))
            .content("application/json", content);
        responses = responses.response(status.to_string(), error.build());
    }
    responses.build()
}

/// Whether a row's caller may be told that.
fn can_be_told(endpoint: Endpoint, code: Code) -> bool {
    let changes = endpoint.method() != Method::Get;
    let right = matches!(endpoint.need(), Need::Everywhere(..) | Need::InApp(..));
    let shows_secret = matches!(endpoint, Endpoint::Login | Endpoint::Prove | Endpoint::MyPassword);
    let document = takes_version(endpoint) || takes_key(endpoint).is_some();
    let Code::Operators(code) = code else { return true };
    match code {
        OperatorCode::LoginRequired => endpoint.need() != Need::Nothing,
        OperatorCode::LoginRefused => shows_secret && endpoint != Endpoint::Prove,
        OperatorCode::LoginPaused => shows_secret,
        OperatorCode::ProofRefused => endpoint == Endpoint::Prove,
        OperatorCode::Forbidden => right,
        OperatorCode::ProofRequired => endpoint.weight() == Weight::Grave,
        OperatorCode::Csrf => changes,
        OperatorCode::Host => true,
        OperatorCode::LastOwner => {
            matches!(endpoint, Endpoint::OperatorChange | Endpoint::OperatorRemove)
        }
        OperatorCode::Missing => endpoint.path().contains('{'),
        OperatorCode::Exists => document && endpoint != Endpoint::ImageUpload,
        OperatorCode::InUse => endpoint == Endpoint::ImageRemove,
        OperatorCode::Full => makes(endpoint),
        OperatorCode::Stale | OperatorCode::VersionRequired => takes_version(endpoint),
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
