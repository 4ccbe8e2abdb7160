//! What a player does in a simulated store, for the page of a server in development.

use serde_json::json;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{
    ContentBuilder, OpenApi, PathItem, Required, ResponseBuilder, ResponsesBuilder,
};

use super::Collector;
use crate::simulators::{BuyRequest, EvidenceRequest};

const TAG: &str = "simulated stores";

/// What is the same for every store: the last part of the path, what it does, an example.
fn described(collector: &mut Collector, document: &mut OpenApi) {
    let buy = collector.schema::<BuyRequest>("BuyRequest");
    let evidence = collector.schema::<EvidenceRequest>("EvidenceRequest");
    let account = "what purchase.reserve gave";
    let bought = json!({"product": "gem_100", "account": account});
    let again = json!({"transaction": "what buy answered"});
    for (word, what, schema, example) in [
        (
            "buy",
            "Buys in a store, as its SDK does: the answer has what a client shows.",
            buy,
            bought,
        ),
        ("evidence", "Shows once more what was bought.", evidence, again),
    ] {
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        let body = RequestBodyBuilder::new()
            .content("application/json", content)
            .required(Some(Required::True))
            .build();
        let stores = ["google_play", "app_store", "one_store"];
        let store =
            ObjectBuilder::new().schema_type(Type::String).enum_values(Some(stores)).build();
        let parameter = ParameterBuilder::new()
            .name("store")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(Schema::Object(store)));
        let good = ResponseBuilder::new().description("`transaction` and `evidence`");
        let operation = OperationBuilder::new()
            .operation_id(Some(format!("sim.stores.{word}")))
            .summary(Some(what))
            .tag(TAG)
            .parameter(parameter)
            .request_body(Some(body))
            .responses(ResponsesBuilder::new().response("200", good.build()).build());
        let item = PathItem::new(HttpMethod::Post, operation.build());
        document.paths.paths.insert(format!("/sim/stores/{{store}}/{word}"), item);
    }
}

/// Adds what is there in development alone.
pub(super) fn add(document: &mut OpenApi) {
    let mut collector = Collector::default();
    described(&mut collector, document);
    if let Some(components) = &mut document.components {
        components.schemas.extend(collector.schemas);
    }
}
