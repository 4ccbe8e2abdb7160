//! The table of effective values and the default file.

use std::collections::BTreeSet;

use super::*;

#[test]
fn explain_tells_each_value_and_its_origin() {
    let layers =
        file("[gateway]\nlisten = \"127.0.0.1:1\"\n[apps.demo]\norigins = [\"https://a.example\"]")
            .env([("DAEMUN_GATEWAY__DRAIN_S", "7")])
            .flags(vec![flag("--data", "data", "/srv")]);
    assert_eq!(
        layers.load::<Settings>().unwrap().explain().unwrap(),
        "\
mode                                      \"development\"          default
data                                      \"/srv\"                 flag --data
public_url                                (not set)              default
gateway.listen                            \"127.0.0.1:1\"          daemun.toml:2
gateway.private                           \"127.0.0.1:7351\"       default
gateway.admin                             \"127.0.0.1:7352\"       default
gateway.admin_url                         (not set)              default
gateway.frame_limit_bytes                 65536                  default
gateway.header_timeout_s                  5                      default
gateway.first_frame_timeout_s             10                     default
gateway.open_timeout_s                    120                    default
gateway.heartbeat_s                       25                     default
gateway.in_flight_per_connection          32                     default
gateway.outbound_limit_bytes              262144                 default
gateway.max_connections                   100000                 default
gateway.trusted_proxies                   []                     default
gateway.forwarded_header                  \"x-forwarded-for\"      default
gateway.drain_s                           7                      env DAEMUN_GATEWAY__DRAIN_S
gateway.docs                              (not set)              default
gateway.simulators                        (not set)              default
gateway.limits.session_per_minute         (not set)              default
gateway.limits.session_burst              (not set)              default
gateway.limits.session_refusals           120                    default
gateway.limits.server_per_second          (not set)              default
gateway.limits.server_burst               (not set)              default
gateway.limits.address_per_second         (not set)              default
gateway.limits.address_burst              (not set)              default
gateway.limits.unopened_per_address       (not set)              default
gateway.limits.connecting_per_address     (not set)              default
gateway.limits.logins_per_second          (not set)              default
gateway.limits.opens_per_second           (not set)              default
gateway.limits.cluster_logins_per_second  (not set)              default
gateway.limits.cluster_opens_per_second   (not set)              default
gateway.limits.admission_wait_ms          2000                   default
gateway.limits.requests_in_flight         (not set)              default
gateway.limits.long_polls                 (not set)              default
log.format                                \"text\"                 default
log.level                                 \"info\"                 default
identity.keys_dir                         (not set)              default
identity.operator_key_file                (not set)              default
identity.operator_previous_key_file       (not set)              default
identity.access_token_s                   900                    default
identity.refresh_token_s                  2592000                default
identity.refresh_repeat_s                 60                     default
sessions.quiet_ms                         10000                  default
sessions.standing_ms                      30000                  default
sessions.grace_ms                         120000                 default
sessions.replies_bytes                    67108864               default
sessions.list_limit                       50                     default
storage.queue_limit                       4096                   default
storage.workers                           256                    default
storage.readers                           2                      default
storage.gamelog_limit                     65536                  default
storage.spool_bytes                       1073741824             default
storage.cache_ms                          30000                  default
storage.cache_members                     1000                   default
storage.mariadb.url                       (not set)              default
storage.mariadb.home                      (not set)              default
storage.mariadb.connections               16                     default
storage.mariadb.ca_file                   (not set)              default
storage.mariadb.replica_lag_ms            5000                   default
storage.mariadb.migrate_at_start          false                  default
storage.mongodb.url                       (not set)              default
storage.mongodb.retention_days            400                    default
storage.mongodb.migrate_at_start          false                  default
storage.redis.url                         (not set)              default
storage.redis.ca_file                     (not set)              default
storage.redis.deadline_ms                 50                     default
storage.images.folder                     (not set)              default
apps.demo.name                            \"\"                     default
apps.demo.origins                         [\"https://a.example\"]  daemun.toml:4
"
    );
}

#[test]
fn explain_and_debug_hide_secrets() {
    let text = "[apps.demo.providers.login]\nkind = \"oidc\"\naudiences = [\"shown\"]
jwks_url = \"https://u:hunter2@login.example.com\"\n[identity]\nkeys_dir = \"/run/secrets/daemun\"";
    let loaded = file(text)
        .env([
            ("DAEMUN_APPS__TURKEY__NAME", "shown too"),
            ("DAEMUN_PUBLIC_URL", "https://u:hunter2@host"),
            ("DAEMUN_STORAGE__MARIADB__URL", "mysql://u:hunter2@db.example.com/daemun"),
            ("DAEMUN_STORAGE__REDIS__URL", "redis://:hunter2@cache.example.com"),
        ])
        .load::<Settings>()
        .unwrap();
    let table = loaded.explain().unwrap();
    assert!(!table.contains("hunter2"), "{table}");
    for shown in [
        "[\"shown\"]",
        "\"shown too\"",
        "\"/run/secrets/daemun\"",
        "@login.example.com",
        "@db.example.com/daemun",
    ] {
        assert!(table.contains(shown), "{shown} is not in\n{table}");
    }
    assert_eq!(table.matches("(hidden)").count(), 4, "{table}");
    let (apps, storage) = (&loaded.settings.apps, &loaded.settings.storage);
    assert!(!format!("{loaded:?} {apps:?} {storage:?}").contains("hunter2"));
}

#[test]
fn a_providers_keys_are_explained_in_the_order_of_the_notes() {
    let text = "[apps.demo.providers.b]\naudiences = [\"x\"]\nissuers = [\"y\"]\nkind = \"oidc\"
[apps.demo.providers.a]\nkind = \"guest\"";
    let lines = file(text).load::<Settings>().unwrap().effective().unwrap();
    let keys = lines.iter().filter_map(|line| line.key.strip_prefix("apps.demo.providers."));
    assert_eq!(keys.collect::<Vec<_>>(), ["a.kind", "b.kind", "b.issuers", "b.audiences"]);
}

#[test]
fn the_default_file_reads_back_as_the_defaults() {
    let text = default_toml::<Settings>().unwrap();
    assert_eq!(settings(&file(&text)), Settings::default());
}

#[test]
fn everything_in_the_default_file_can_be_switched_on() {
    let text = default_toml::<Settings>().unwrap();
    let on: Vec<_> = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(off) if !off.starts_with(' ') => {
                off.replace("<name>", "demo").replace(['<', '>'], "")
            }
            Some(_) | None => line.to_owned(),
        })
        .collect();
    let loaded = file(&on.join("\n")).load::<Settings>().unwrap();
    assert!(loaded.check().is_ok(), "{:?}", loaded.check());
    let settings = loaded.settings;
    assert_eq!(settings.apps["demo"].name, "My Game");
    let providers: Vec<_> = settings.apps["demo"].providers.keys().collect();
    assert_eq!(providers, ["apple", "google", "guest", "oidc"]);
    assert_eq!(settings.identity, IdentitySettings::sample());
    assert_eq!(settings.public_url.as_deref(), Some("https://play.example.com"));
    // A list is on as it is.
    let trusted_proxies = GatewaySettings::default().trusted_proxies;
    assert_eq!(settings.gateway, GatewaySettings { trusted_proxies, ..GatewaySettings::sample() });
}

#[test]
fn the_default_file_is_commented() {
    let text = default_toml::<Settings>().unwrap();
    let start = "# \"development\" or \"production\"; production refuses what is only fit for trying things out.
mode = \"development\"

# Directory of the server's data; it is made if it is missing.
data = \"./daemun-data\"

# Address at which players reach the server; by default made from gateway.listen, required in production.
#public_url = \"https://play.example.com\"

[gateway]
# Address and port for players: WebSocket, HTTP and hooks.
listen = \"127.0.0.1:7350\"
";
    assert!(text.starts_with(start), "{text}");
    let apps = "#[apps.<name>]
# What people call the game.
#name = \"My Game\"

# Web pages that may connect, as scheme://host or scheme://host:port; clients that are no browsers need none.
#origins = [\"https://play.example.com\"]

# The language in which players are told of maintenance and updates where their own is missing.
#language = \"en\"

# Requests a minute of one login; by default gateway.limits.session_per_minute.
#requests_per_minute = 120

# How many of them may come at once; by default gateway.limits.session_burst.
#requests_burst = 60

# Ids of members whose purchases in a store's sandbox count where stores.sandbox says so.
#testers = [\"0G3Q8TZ4M1A7C\"]

# By which keys the game's own servers are known: of each the id, the secret_file, the scopes (sessions, members, purchases, wallet, moderation) and, if it ends, not_after.
#server_keys = [{ id = \"main\", not_after = \"2030-01-01T00:00:00.000000Z\", scopes = [\"sessions\", \"wallet\"], secret_file = \"/etc/daemun/server-main\" }]

# One table for each way to log in, under the word by which clients ask for it.
#[apps.<name>.providers.<apple>]
# How a login is verified: \"guest\" by a secret made here, \"google\", \"apple\" and \"oidc\" by an ID token.
#kind = \"apple\"

# The game's client ids at the provider, one of which aud has to name; at least 1.
#audiences = [\"com.example.game\"]

#[apps.<name>.providers.<google>]
";
    assert!(text.contains(apps), "{text}");
    assert!(!text.contains("\n\n\n"), "{text}");
}

/// A key without a note would stand in the default file unexplained, and a note without a key
/// would explain what is gone.
#[test]
fn every_key_has_a_note_and_every_note_a_key() {
    let shape = shape::Shape::of::<Settings>().unwrap();
    let named = |path: &Vec<String>| {
        let names = path.iter().map(|name| if name.starts_with('<') { "*" } else { name });
        names.collect::<Vec<_>>().join(".")
    };
    let paths = shape.paths();
    let known: BTreeSet<_> = paths.iter().map(named).collect();
    let keys: BTreeSet<_> = paths.iter().filter(|path| shape.is_leaf(path)).map(named).collect();
    let notes: BTreeSet<_> = Settings::notes().keys().map(str::to_owned).collect();
    assert_eq!(keys.difference(&notes).collect::<Vec<_>>(), [""; 0]);
    // A section may have a note too.
    assert_eq!(notes.difference(&known).collect::<Vec<_>>(), [""; 0]);
}
