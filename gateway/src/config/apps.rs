//! The settings of one app, a game that this server serves, as the file writes them.
//!
//! What an app may be told is the actors' matter: the rules asked here are theirs.

use std::collections::BTreeMap;

use actors::{
    apps::AppSettings,
    game_servers::ServerKeySettings,
    identity::oidc::OidcSettings,
    purchases::catalogue::ProductSettings,
    purchases::settings::{AppleSettings, GooglePlaySettings, OneStoreSettings, StoresSettings},
    webhooks::WebhookSettings,
};
use protocol::{purchases::Kind, time::Micros};
use serde_json::{Map, Value as Json, json};

use super::{
    problem::Problem,
    redact::is_secret_name,
    schema::{Notes, Schema},
    tree::{dotted, value_at},
    wording::{Refusal, objection},
};

const NOTES: &[(&str, &str)] = &[
    ("name", "What people call the game."),
    (
        "origins",
        "Web pages that may connect, as scheme://host or scheme://host:port; clients that are no browsers need none.",
    ),
    (
        "language",
        "The language in which players are told of maintenance and updates where their own is missing.",
    ),
    (
        "requests_per_minute",
        "Requests a minute of one login; by default gateway.limits.session_per_minute.",
    ),
    (
        "requests_burst",
        "How many of them may come at once; by default gateway.limits.session_burst.",
    ),
    ("providers", "One table for each way to log in, under the word by which clients ask for it."),
    (
        "providers.*.kind",
        "How a login is verified: \"guest\" by a secret made here, \"google\", \"apple\" and \"oidc\" by an ID token.",
    ),
    ("providers.*.issuers", "Accepted values of iss; google and apple know theirs."),
    (
        "providers.*.jwks_url",
        "Where the provider's public keys are, https; google and apple know theirs.",
    ),
    (
        "providers.*.audiences",
        "The game's client ids at the provider, one of which aud has to name; at least 1.",
    ),
    (
        "providers.*.algorithms",
        "Accepted values of alg: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384 or EdDSA.",
    ),
    (
        "providers.*.authorized_parties",
        "Accepted values of azp in a token that has one; an empty list leaves it unchecked.",
    ),
    (
        "providers.*.nonce",
        "How the provider hands the nonce back: \"plain\" as it was, \"sha256_hex\" as its hash.",
    ),
    (
        "providers.*.require_nonce",
        "Whether a token without a nonce is refused; false only for old SDKs that cannot pass one.",
    ),
    (
        "providers.*.nonce_supported_claim",
        "Whether the claim nonce_supported may excuse a missing nonce, as Apple's does.",
    ),
    (
        "providers.*.allow_insecure_loopback",
        "Whether jwks_url may be http to a loopback address, for tests and simulators.",
    ),
    ("products", "One table for each product, under its word."),
    ("products.*.kind", "\"consumable\", or \"non_consumable\" for what is bought once."),
    ("products.*.grants", "What one grants: an amount of each item or currency of the game."),
    ("products.*.grants.*", "How much of that item."),
    ("products.*.stores", "What it is called in each store that sells it."),
    ("products.*.stores.app_store", "Its id in Apple's App Store."),
    ("products.*.stores.google_play", "Its id at Google Play."),
    ("products.*.stores.one_store", "Its id at ONE store."),
    (
        "products.*.prices",
        "What one costs in each currency that is checked; who paid something else waits.",
    ),
    ("products.*.prices.*", "The price in millionths of that currency."),
    ("products.*.from", "From when on it is sold, RFC 3339 in UTC."),
    ("products.*.until", "Until when it is sold; what was paid before is granted after, too."),
    (
        "testers",
        "Ids of members whose purchases in a store's sandbox count where stores.sandbox says so.",
    ),
    (
        "server_keys",
        "By which keys the game's own servers are known: of each the id, the secret_file, the scopes (sessions, members, purchases, wallet, moderation) and, if it ends, not_after.",
    ),
    ("webhook.url", "Where the game's own server is told what happened, https."),
    (
        "webhook.secret_file",
        "The file of the secret that signs: whsec_ and 24 to 64 bytes in base64.",
    ),
    (
        "webhook.previous_secret_file",
        "The file of the secret before, which signs too while it is changed.",
    ),
    (
        "webhook.allow_insecure_loopback",
        "Whether the address may be http to a loopback address, for simulators.",
    ),
    (
        "stores.sandbox",
        "Whose purchases in a store's sandbox count: \"reject\", \"testers\" or \"allow\" for everybody's.",
    ),
    ("stores.app_store.bundle_id", "The game's bundle id at Apple."),
    ("stores.app_store.issuer_id", "The issuer id of App Store Connect's In-App Purchase keys."),
    ("stores.app_store.key_id", "The id of one such key."),
    ("stores.app_store.key_file", "The file of that key, .p8 as Apple gave it."),
    (
        "stores.app_store.roots_file",
        "Roots trusted in place of Apple's own, in PEM; for simulators alone.",
    ),
    ("stores.app_store.api_base", "Where the App Store Server API is, https."),
    ("stores.app_store.sandbox_api_base", "Where its sandbox is, https."),
    (
        "stores.app_store.allow_insecure_loopback",
        "Whether the addresses may be http to a loopback address, for simulators.",
    ),
    ("stores.google_play.package_name", "The game's package name at Google Play."),
    (
        "stores.google_play.service_account_file",
        "The file of the service account's key, JSON as Google gave it.",
    ),
    (
        "stores.google_play.push_audience",
        "The audience of the Pub/Sub push subscription; without it notifications are refused.",
    ),
    (
        "stores.google_play.push_email",
        "The service account as which Pub/Sub pushes; without it notifications are refused.",
    ),
    ("stores.google_play.push_issuers", "Accepted values of iss in Pub/Sub's tokens."),
    ("stores.google_play.push_jwks_url", "Where the keys of Pub/Sub's tokens are, https."),
    ("stores.google_play.api_base", "Where the Android Publisher API is, https."),
    (
        "stores.google_play.allow_insecure_loopback",
        "Whether the addresses may be http to a loopback address, for simulators.",
    ),
    ("stores.one_store.client_id", "The game's client id at ONE store."),
    (
        "stores.one_store.client_secret_file",
        "The file that holds the client's secret and nothing else.",
    ),
    (
        "stores.one_store.license_file",
        "The file of the licence key, RSA in base64 as the console shows it.",
    ),
    ("stores.one_store.market", "On which market the game is sold: MKT_ONE (Korea) or MKT_GLB."),
    ("stores.one_store.api_base", "Where the store's API is, https."),
    ("stores.one_store.sandbox_api_base", "Where its sandbox is, https."),
    (
        "stores.one_store.allow_insecure_loopback",
        "Whether the addresses may be http to a loopback address, for simulators.",
    ),
];

impl Schema for AppSettings {
    /// One provider of each kind. Together they know every key that any of them may have; which
    /// of these a kind takes is the check's matter.
    fn sample() -> Self {
        Self {
            name: "My Game".to_owned(),
            origins: vec!["https://play.example.com".to_owned()],
            language: Some("en".to_owned()),
            providers: BTreeMap::from([
                ("*guest".to_owned(), json!({"kind": "guest"})),
                (
                    "*google".to_owned(),
                    json!({"kind": "google", "audiences": ["123.apps.googleusercontent.com"]}),
                ),
                ("*apple".to_owned(), json!({"kind": "apple", "audiences": ["com.example.game"]})),
                ("*oidc".to_owned(), oidc_sample()),
            ]),
            requests_per_minute: Some(120),
            requests_burst: Some(60),
            server_keys: vec![server_key_sample()],
            webhook: Some(webhook_sample()),
            stores: stores_sample(),
            products: BTreeMap::from([("*".to_owned(), product_sample())]),
            testers: vec!["0G3Q8TZ4M1A7C".to_owned()],
        }
    }

    fn notes() -> Notes {
        Notes::new(NOTES)
    }

    fn validate(&self) -> Vec<Problem> {
        // The values at fault are looked up by the same path that the problem names.
        let tree = serde_json::to_value(self).unwrap_or_default();
        let problems = self.problems().into_iter();
        problems
            .map(|problem| {
                // `providers` and the provider's word, `stores` and the store's, `server_keys` and a
                // place among them speak of no secret, whatever they are.
                let secret = problem.path.iter().skip(2).any(|name| is_secret_name(name));
                let message = objection(&Refusal {
                    text: &problem.reason,
                    given: value_at(&tree, &problem.path),
                    example: None,
                    secret,
                });
                Problem::new(dotted(&problem.path), message)
            })
            .collect()
    }
}

fn product_sample() -> ProductSettings {
    let stores = ["app_store", "google_play", "one_store"];
    ProductSettings {
        kind: Kind::Consumable,
        grants: BTreeMap::from([("*".to_owned(), 100)]),
        stores: stores.map(|store| (store.to_owned(), "gem_100".to_owned())).into(),
        prices: BTreeMap::from([("*KRW".to_owned(), 1_100_000_000)]),
        from: Some(Micros(1_767_225_600_000_000)),
        until: Some(Micros(1_798_761_600_000_000)),
    }
}

fn stores_sample() -> StoresSettings {
    StoresSettings {
        app_store: Some(AppleSettings {
            bundle_id: "com.example.game".to_owned(),
            issuer_id: "57246542-96fe-1a63-e053-0824d011072a".to_owned(),
            key_id: "2X9R4HXF34".to_owned(),
            key_file: "/etc/daemun/apple.p8".into(),
            roots_file: Some("/etc/daemun/test-roots.pem".into()),
            ..AppleSettings::default()
        }),
        google_play: Some(GooglePlaySettings {
            package_name: "com.example.game".to_owned(),
            service_account_file: "/etc/daemun/google-play.json".into(),
            push_audience: "https://play.example.com/hooks/google_play".to_owned(),
            push_email: "rtdn@example.iam.gserviceaccount.com".to_owned(),
            ..GooglePlaySettings::default()
        }),
        one_store: Some(OneStoreSettings {
            client_id: "com.example.game".to_owned(),
            client_secret_file: "/etc/daemun/one-store-secret".into(),
            license_file: "/etc/daemun/one-store-license".into(),
            ..OneStoreSettings::default()
        }),
        ..StoresSettings::default()
    }
}

fn server_key_sample() -> ServerKeySettings {
    use protocol::game_servers::Scope;
    ServerKeySettings {
        id: "main".to_owned(),
        secret_file: "/etc/daemun/server-main".into(),
        scopes: vec![Scope::Sessions, Scope::Wallet],
        not_after: Some(protocol::time::Micros::from_seconds(1_893_456_000)),
    }
}

fn webhook_sample() -> WebhookSettings {
    WebhookSettings {
        url: "https://game.example.com/daemun".to_owned(),
        secret_file: "/etc/daemun/webhook".into(),
        previous_secret_file: Some("/etc/daemun/webhook-old".into()),
        allow_insecure_loopback: false,
    }
}

/// Written from the type, so that a setting it gains is a known key at once.
fn oidc_sample() -> Json {
    let settings = OidcSettings {
        issuers: vec!["https://login.example.com".to_owned()],
        jwks_url: "https://login.example.com/keys".to_owned(),
        audiences: vec!["my-game".to_owned()],
        authorized_parties: vec!["my-game".to_owned()],
        ..OidcSettings::default()
    };
    let mut entries = match serde_json::to_value(settings) {
        Ok(Json::Object(entries)) => entries,
        Ok(_) | Err(_) => Map::new(),
    };
    entries.insert("kind".to_owned(), "oidc".into());
    Json::Object(entries)
}
