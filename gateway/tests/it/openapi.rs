//! The published document is the one that the types make.
//!
//! `UPDATE=1 cargo test -p gateway --test it openapi` writes it anew.

use std::path::PathBuf;

use protocol::client::StoreName;
use protocol::game_servers::ServerOperation;
use protocol::operation::{Doors, Operation};
use protocol::purchases::PurchaseState;

use crate::harness::Daemun;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json")
}

#[test]
fn the_committed_document_is_up_to_date() {
    let made = gateway::openapi::document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path(), &made).unwrap();
    }
    let committed = std::fs::read_to_string(path()).unwrap_or_default();
    assert!(committed == made, "docs/openapi.json is stale: run `make docs`");
}

#[test]
fn every_operation_of_the_http_door_is_in_it_and_nothing_else() {
    let document = serde_json::to_value(gateway::openapi::document()).unwrap();
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    let served = Operation::ALL.iter().filter(|operation| operation.doors() == Doors::Both);
    let mut served: Vec<String> = served.map(|operation| operation.http_path()).collect();
    served.extend(ServerOperation::ALL.iter().map(|operation| operation.http_path()));
    served.sort();
    assert_eq!(paths, served.iter().collect::<Vec<_>>());
}

#[test]
fn every_reference_in_it_leads_somewhere() {
    let document = serde_json::to_value(gateway::openapi::document()).unwrap();
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
    }
}

/// A client that is written by the document sends what it says.
#[test]
fn a_word_is_documented_as_it_is_sent() {
    let document = serde_json::to_value(gateway::openapi::document()).unwrap();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let of = |name: &str| schemas[name]["enum"].clone();
    let words: Vec<&str> = StoreName::ALL.iter().map(|it| it.word()).collect();
    assert_eq!(of("StoreName"), serde_json::json!(words));
    let words: Vec<&str> = PurchaseState::ALL.iter().map(|it| it.word()).collect();
    assert_eq!(of("PurchaseState"), serde_json::json!(words));
    for (name, schema) in schemas {
        let values = schema["enum"].as_array().into_iter().flatten();
        for value in values.filter_map(|value| value.as_str()) {
            assert!(!value.contains(char::is_uppercase), "{name}: {value}");
        }
    }
}

#[tokio::test]
async fn the_docs_page_and_the_document_are_served_in_development_alone() {
    let house = Daemun::start().await;
    let page = house.http().get("/docs/").await.unwrap();
    assert_eq!(page.status, 200);
    let document = house.http().get("/docs/openapi.json").await.unwrap();
    assert_eq!(document.status, 200);
    let text = String::from_utf8(document.body.to_vec()).unwrap();
    assert!(text.contains("/sim/stores/{store}/buy"), "what is bought is bought on the page");

    let house = Daemun::with(|settings| settings.gateway.docs = Some(false)).await;
    assert_eq!(house.http().get("/docs/").await.unwrap().status, 404);
}
