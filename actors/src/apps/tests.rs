//! Which settings of a game make sense.

use serde_json::json;

use super::*;

fn settings(value: Value) -> AppSettings {
    serde_json::from_value(value).unwrap()
}

fn game(value: Value) -> Result<Game, AppProblem> {
    Game::new("demo".parse().unwrap(), &settings(value))
}

#[test]
fn google_is_a_configuration_of_openid_connect_that_a_game_may_change() {
    let game = game(json!({"providers": {
        "guest": {"kind": "guest"},
        "google": {"kind": "google", "audiences": ["web-client"]},
    }}))
    .unwrap();
    let Provider::Oidc(google) = &game.providers["google"] else { panic!() };
    assert_eq!(google.audiences, ["web-client"]);
    assert!(google.issuers.contains(&"https://accounts.google.com".to_owned()));
    assert_eq!(game.providers["guest"], Provider::Guest);
}

#[test]
fn a_setting_that_cannot_be_used_is_named() {
    let says = |value| game(value).unwrap_err().to_string();
    let provider = |value| says(json!({"providers": {"x": value}}));
    let kinds = "expected guest, google, apple or oidc";
    assert_eq!(provider(json!({"kind": "gogle"})), format!("providers.x.kind: {kinds}"));
    assert_eq!(provider(json!({"kind": 1})), format!("providers.x.kind: {kinds}"));
    assert_eq!(provider(json!({})), format!("providers.x.kind: missing; {kinds}"));
    assert_eq!(provider(json!("guest")), "providers.x: expected a table");
    assert_eq!(
        provider(json!({"kind": "google"})),
        "providers.x.audiences: at least one is needed"
    );
    assert_eq!(
        provider(json!({"kind": "google", "audiences": "a"})),
        "providers.x.audiences: invalid type: string \"a\", expected a sequence"
    );
    assert!(
        provider(json!({"kind": "google", "audience": "a"}))
            .starts_with("providers.x.audience: unknown field `audience`")
    );
    assert_eq!(
        provider(json!({"kind": "guest", "y": 1})),
        "providers.x.y: a guest provider has no settings but kind"
    );
    assert!(says(json!({"origins": ["game.example"]})).starts_with("origins[0]: expected "));
    assert_eq!(says(json!({"requests_per_minute": 0})), "requests_per_minute: at least 1");
    assert_eq!(says(json!({"requests_burst": 0})), "requests_burst: at least 1");
}

#[test]
fn a_game_without_a_rate_of_its_own_is_written_as_it_always_was() {
    // The row's digest tells whether the file has changed.
    let written = serde_json::to_value(AppSettings::default()).unwrap();
    assert_eq!(written, json!({"name": "", "origins": [], "providers": {}}));
    let game = game(json!({"requests_burst": 5})).unwrap();
    assert_eq!(game.rate, RequestRate { per_minute: None, burst: Some(5) });
}

#[test]
fn a_store_that_cannot_be_used_is_named_and_one_that_is_played_is_for_development() {
    let bad = json!({"stores": {"app_store": {"bundle_id": "a", "issuer_id": "b", "key_id": "c"}}});
    assert_eq!(game(bad).unwrap_err().to_string(), "stores.app_store.key_file: must not be empty");
    let of = |loopback: bool| {
        json!({"stores": {"google_play": {"package_name": "a", "service_account_file": "b",
            "allow_insecure_loopback": loopback}}})
    };
    assert!(game(of(true)).unwrap().is_for_development());
    assert!(!game(of(false)).unwrap().is_for_development());
}

#[test]
fn everything_that_cannot_be_used_is_found_at_once() {
    let settings = settings(json!({
        "origins": ["https://a.example", "b"],
        "providers": {
            "one": {"kind": "oidc", "issuers": 1, "require_nonce": "no"},
            "two": {"kind": "apple", "audiences": ["a"]},
            "three": {"kind": "guest", "y": 1, "z": 2},
        },
    }));
    let keys: Vec<_> = settings.problems().iter().map(AppProblem::key).collect();
    assert_eq!(
        keys,
        [
            "origins[1]",
            "providers.one.issuers",
            "providers.one.require_nonce",
            "providers.three.y",
            "providers.three.z",
        ]
    );
}

#[test]
fn an_origin_is_what_a_browser_sends() {
    for origin in [
        "https://game.example",
        "https://game.example:8443",
        "http://localhost:8080",
        "http://127.0.0.1:443",
        "http://[::1]:8080",
        "https://[2001:db8::1]",
        "https://xn--9n2bp8q.example",
        "capacitor://localhost",
    ] {
        assert!(is_origin(origin), "{origin}");
    }
    for other in [
        "",
        "*",
        "null",
        "game.example",
        "://game.example",
        "https://",
        "https://:8080",
        "https://game.example/",
        "https://game.example:443",
        "http://game.example:80",
        "https://game.example:",
        "https://game.example:0",
        "https://game.example:08443",
        "https://game.example:+8443",
        "https://game.example:65536",
        "https://Game.example",
        "HTTPS://game.example",
        "https://*.game.example",
        "https://게임.example",
        "https://user@game.example",
        "https://game.example?x",
        "https://game example",
        "https://[::1",
        "https://[::G]",
        "https://[2001:DB8::1]",
        "1http://game.example",
    ] {
        assert!(!is_origin(other), "{other}");
    }
}

#[test]
fn providers_are_not_printed() {
    let value = json!({"providers": {"x": {"kind": "oidc", "client_secret": "hunter2"}}});
    let printed = format!("{:?}", settings(value));
    assert!(printed.contains("\"x\"") && !printed.contains("hunter2"), "{printed}");
}
