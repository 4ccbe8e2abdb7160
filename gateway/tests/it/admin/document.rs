//! The published document is the one that the table makes, and holds what it promises.
//!
//! `UPDATE=1 cargo test -p gateway --test it admin::document` writes it anew.

use std::path::PathBuf;

use gateway::admin::openapi::document;
use protocol::operators::endpoint::Endpoint;
use serde_json::Value;

use super::Browser;
use crate::harness::Daemun;

fn made() -> Value {
    serde_json::to_value(document()).unwrap()
}

#[test]
fn the_committed_document_is_up_to_date() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/admin-openapi.json");
    let made = document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "docs/admin-openapi.json is stale: run `make docs`");
}

#[test]
fn every_row_is_in_it_and_nothing_else() {
    let document = made();
    let paths = document["paths"].as_object().unwrap();
    for endpoint in Endpoint::ALL {
        let method = endpoint.method().word().to_lowercase();
        let described = &paths[endpoint.path()][method];
        assert_eq!(described["operationId"], format!("{endpoint:?}"));
        assert!(described["responses"]["421"].is_object(), "{endpoint:?}");
    }
    let count: usize = paths.values().map(|item| item.as_object().unwrap().len()).sum();
    assert_eq!(count, Endpoint::ALL.len());
}

#[test]
fn every_reference_in_it_leads_somewhere() {
    let document = made();
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
    }
}

#[tokio::test]
async fn the_page_and_the_document_are_served_unless_switched_off() {
    let house = Daemun::start().await;
    let browser = Browser::new(&house);
    assert_eq!(browser.get("/admin/docs/").await.status, 200);
    assert_eq!(browser.get("/admin/docs/openapi.json").await.body, made());
    let house = Daemun::with(|settings| settings.gateway.docs = Some(false)).await;
    let browser = Browser::new(&house);
    assert_eq!(browser.get("/admin/docs/").await.refused(), (404, "op.unknown"));
}
