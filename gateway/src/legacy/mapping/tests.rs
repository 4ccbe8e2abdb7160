use std::collections::{BTreeMap, BTreeSet};

use protocol::error::ErrorCode;
use protocol::operation::{Doors, Operation};
use serde_json::{Value, json};

use super::*;
use crate::legacy;

fn embedded() -> Mapping {
    toml::from_str(include_str!("../mapping.toml")).unwrap()
}

/// A mapping that says nothing but `text`.
fn of(text: &str) -> Mapping {
    let mut whole: toml::Table = include_str!("../mapping.toml").parse().unwrap();
    for part in ["paths", "requests", "replies", "typed", "families", "results"] {
        whole.insert(part.into(), toml::Table::new().into());
    }
    whole.extend(text.parse::<toml::Table>().unwrap());
    whole.try_into().unwrap()
}

fn served_by_http() -> impl Iterator<Item = &'static Operation> {
    Operation::ALL.iter().filter(|operation| operation.doors() == Doors::Both)
}

#[test]
fn every_error_has_a_number_of_its_own_in_its_familys_hundred() {
    let mapping = embedded();
    let listed: BTreeSet<&str> = mapping.results.keys().map(String::as_str).collect();
    let known: BTreeSet<&str> = ErrorCode::ALL.iter().map(|code| code.word()).collect();
    let missing: Vec<_> = known.difference(&listed).collect();
    assert!(missing.is_empty(), "give {missing:?} a row in [results] of legacy/mapping.toml");
    let strange: Vec<_> = listed.difference(&known).collect();
    assert!(strange.is_empty(), "[results] of legacy/mapping.toml has {strange:?}: no such errors");

    let mut seen = BTreeMap::new();
    for (word, number) in &mapping.results {
        let hundred = mapping.families.get(family(word)).unwrap_or_else(|| panic!("{word}"));
        assert!((hundred + 1..hundred + 100).contains(number), "{word} = {number}");
        assert_eq!(seen.insert(number, word), None, "{word}");
    }
    let hundreds: BTreeSet<&i64> = mapping.families.values().collect();
    assert_eq!(hundreds.len(), mapping.families.len(), "two families share a hundred");
    assert!(hundreds.iter().all(|hundred| **hundred > 0 && **hundred % 100 == 0));
    assert!(hundreds.iter().all(|hundred| !(*hundred..&(*hundred + 100)).contains(&&UNLISTED)));
}

#[test]
fn an_error_without_a_row_is_told_by_its_family() {
    assert_eq!(of("[families]\nauth = 2000").result(ErrorCode::AuthReused), 2000);
    assert_eq!(of("").result(ErrorCode::AuthReused), UNLISTED);
}

#[test]
fn no_alias_hides_an_operation_or_leads_where_http_does_not() {
    let mapping = embedded();
    for operation in served_by_http() {
        let path = operation.name().replacen('.', "/", 1);
        assert_eq!(mapping.operation(&path), Some(*operation), "{path}");
        assert!(!mapping.paths.contains_key(&path), "{path} is an operation's own path");
    }
    for (path, name) in &mapping.paths {
        let target = Operation::parse(name);
        assert!(target.is_none_or(|to| to.doors() == Doors::Both), "{path} = {name}");
        assert_eq!(mapping.operation(path), target, "{path} = {name}");
    }
}

#[test]
fn a_path_is_an_alias_or_a_name_and_nothing_like_it() {
    let mapping = of("[paths]\nlogin = \"auth.login\"\n\"a/b/c\" = \"member.me\"\nx = \"no.such\"");
    assert_eq!(mapping.operation("login"), Some(Operation::AuthLogin));
    assert_eq!(mapping.operation("a/b/c"), Some(Operation::MemberMe));
    assert_eq!(mapping.operation("auth/login"), Some(Operation::AuthLogin));
    for path in
        ["x", "", "/", "auth.login", "auth/login/", "auth//login", "session/open", "AUTH/login"]
    {
        assert_eq!(mapping.operation(path), None, "{path}");
    }
}

#[test]
fn fields_are_renamed_for_their_operation_and_for_every_one() {
    let mapping = of(r#"
        [requests."*"]
        appId = "app"
        [requests."auth.login"]
        "device.model" = "client.device"
        appVersion = "client.version"
        [replies."auth.login"]
        access_token = "accessToken"
        "member.id" = "userId"
    "#);
    let renamed = |operation, fields: Value| {
        let Value::Object(mut fields) = fields else { panic!("not a map") };
        mapping.rename_request(operation, &mut fields);
        Value::Object(fields)
    };
    let sent = json!({"appId": "demo", "appVersion": "1", "device": {"model": "x"}, "nonce": "n"});
    let is = json!({
        "app": "demo", "client": {"version": "1", "device": "x"}, "device": {}, "nonce": "n",
    });
    assert_eq!(renamed(Operation::AuthLogin, sent), is);
    let elsewhere = json!({"appId": "demo", "appVersion": "1"});
    let is = json!({"app": "demo", "appVersion": "1"});
    assert_eq!(renamed(Operation::AuthNonce, elsewhere), is);
    let both = json!({"appId": "theirs", "app": "ours"});
    assert_eq!(renamed(Operation::AuthNonce, both), json!({"app": "ours"}));

    let Value::Object(mut reply) = json!({"access_token": "t", "member": {"id": "m"}}) else {
        panic!("not a map")
    };
    mapping.rename_reply(Operation::AuthLogin, &mut reply);
    assert_eq!(json!(reply), json!({"accessToken": "t", "userId": "m", "member": {}}));
}

#[test]
fn every_header_name_is_one() {
    assert_eq!(legacy::headers().len(), embedded().names.transaction_headers.len());
}

/// The published document, which knows each field's type.
fn document() -> Value {
    serde_json::to_value(crate::openapi::document()).unwrap()
}

/// The fields of a schema with the types they may have, those inside others with dots.
fn types(document: &Value, schema: &Value, path: &str, found: &mut BTreeSet<(String, String)>) {
    let referred = schema["$ref"].as_str().and_then(|to| document.pointer(to.strip_prefix('#')?));
    let parts = ["allOf", "oneOf", "anyOf"].map(|of| schema[of].as_array());
    for part in parts.into_iter().flatten().flatten().chain(referred) {
        types(document, part, path, found);
    }
    let one = schema["type"].as_str().map(String::from);
    let many = schema["type"].as_array().into_iter().flatten();
    for word in many.filter_map(|word| word.as_str().map(String::from)).chain(one) {
        found.insert((path.to_owned(), word));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let dot = if path.is_empty() { "" } else { "." };
        types(document, field, &format!("{path}{dot}{name}"), found);
    }
}

fn fields_of(document: &Value, type_name: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let schema = &document["components"]["schemas"][type_name];
    assert!(schema.is_object(), "{type_name} is not in the document");
    types(document, schema, "", &mut found);
    found
}

#[test]
fn the_typed_fields_are_those_that_the_operations_have() {
    let (mapping, document) = (embedded(), document());
    for operation in served_by_http() {
        let fields = fields_of(&document, &format!("{operation:?}Request"));
        let typed = fields
            .iter()
            .filter(|(_, word)| ["boolean", "integer", "number"].contains(&word.as_str()));
        let typed: BTreeSet<&String> = typed.map(|(field, _)| field).collect();
        let listed: BTreeSet<&String> = mapping.typed(*operation).iter().collect();
        assert_eq!(listed, typed, "[typed] of legacy/mapping.toml: {}", operation.name());
    }
}

#[test]
fn no_reply_has_a_field_that_the_envelope_has() {
    let (mapping, document) = (embedded(), document());
    for operation in served_by_http() {
        for (field, _) in fields_of(&document, &format!("{operation:?}Reply")) {
            assert!(!["header", "error"].contains(&field.as_str()), "{}", operation.name());
        }
    }
    for to in mapping.replies.values().flat_map(BTreeMap::values) {
        assert!(!["header", "error"].contains(&to.split('.').next().unwrap()), "{to}");
    }
}
