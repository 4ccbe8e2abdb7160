//! Rules on settings that belong to no single part.

use protocol::ids::AppId;

use super::{Mode, Settings, problem::Problem, redact::shown, tree::dotted};

/// What concerns more than one part, or none.
pub(super) fn across_parts(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    if settings.data.as_os_str().is_empty() {
        problems.push(Problem::new("data", "expected a directory, found an empty path"));
    }
    if let Some(url) = settings.public_url.as_deref().filter(|url| !is_public_url(url)) {
        let message = format!(
            "expected http:// or https:// and a host, such as \"https://play.example.com\", found {}",
            shown(&url.into(), false)
        );
        problems.push(Problem::new("public_url", message));
    }
    if settings.mode == Mode::Production {
        problems.extend(in_production(settings));
    }
    // An app's key is its word on the wire, in addresses and in tokens.
    for key in settings.apps.keys() {
        if let Err(error) = key.parse::<AppId>() {
            let key = dotted(&["apps".to_owned(), key.clone()]);
            problems.push(Problem::new(key, error.to_string()));
        }
    }
    problems
}

/// What is only fit for trying things out.
fn in_production(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    if settings.public_url.is_none() {
        let message = "production has to be told the address players use, because clients are sent to it and tokens name it; \
             set it, such as \"https://play.example.com\"";
        problems.push(Problem::new("public_url", message));
    }
    for (app, settings) in &settings.apps {
        for (word, provider) in &settings.providers {
            if provider.get("allow_insecure_loopback").and_then(|on| on.as_bool()) == Some(true) {
                let path = ["apps", app, "providers", word, "allow_insecure_loopback"];
                let message = "production takes providers' keys over https alone";
                problems.push(Problem::new(dotted(&path.map(str::to_owned)), message));
            }
        }
    }
    for (app, settings) in &settings.apps {
        let stores = &settings.stores;
        let roots = stores.app_store.as_ref().is_some_and(|apple| apple.roots_file.is_some());
        let loopback = [
            ("app_store", stores.app_store.as_ref().map(|it| it.allow_insecure_loopback)),
            ("google_play", stores.google_play.as_ref().map(|it| it.allow_insecure_loopback)),
            ("one_store", stores.one_store.as_ref().map(|it| it.allow_insecure_loopback)),
        ];
        let mut wrong = |store: &str, key: &str, message: &str| {
            let path = ["apps", app, "stores", store, key];
            problems.push(Problem::new(dotted(&path.map(str::to_owned)), message));
        };
        if roots {
            wrong("app_store", "roots_file", "production trusts Apple's own root alone");
        }
        for (store, _) in loopback.into_iter().filter(|(_, on)| *on == Some(true)) {
            wrong(store, "allow_insecure_loopback", "production asks stores over https alone");
        }
    }
    for (app, settings) in &settings.apps {
        if settings.webhook.as_ref().is_some_and(|webhook| webhook.allow_insecure_loopback) {
            let path = ["apps", app, "webhook", "allow_insecure_loopback"];
            let message = "production tells games' servers over https alone";
            problems.push(Problem::new(dotted(&path.map(str::to_owned)), message));
        }
    }
    if settings.simulators() {
        let message = "production runs without simulators; set it to false or leave it out";
        problems.push(Problem::new("gateway.simulators", message));
    }
    problems
}

fn is_public_url(url: &str) -> bool {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    host.is_some_and(|host| {
        !host.is_empty() && !host.starts_with(['/', ':']) && !host.contains(['?', '#', '@', ' '])
    })
}
