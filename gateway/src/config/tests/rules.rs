//! Rules between fields.

use super::*;

const PRODUCTION_NEEDS_A_URL: &str = "public_url: production has to be told the address players use, because clients are sent to it and tokens name it; set it, such as \"https://play.example.com\"";

#[test]
fn rules_name_the_key_and_its_origin() {
    let cases = [
        (
            "[gateway]\nlisten = \"127.0.0.1:7351\"",
            "gateway.private: 127.0.0.1:7351 takes the port that gateway.listen, 127.0.0.1:7351, takes; give the private listener its own",
        ),
        (
            "[gateway]\nprivate = \"0.0.0.0:7350\"",
            "gateway.private (daemun.toml:2): 0.0.0.0:7350 takes the port that gateway.listen, 127.0.0.1:7350, takes; give the private listener its own",
        ),
        (
            "[gateway]\nadmin = \"0.0.0.0:7351\"",
            "gateway.admin (daemun.toml:2): 0.0.0.0:7351 takes the port that gateway.private, 127.0.0.1:7351, takes; give the admin listener its own",
        ),
        (
            "[gateway]\nlisten = \"127.0.0.1:7352\"",
            "gateway.admin: 127.0.0.1:7352 takes the port that gateway.listen, 127.0.0.1:7352, takes; give the admin listener its own",
        ),
        (
            "[gateway]\nadmin_url = \"http://admin.example.com\"",
            "gateway.admin_url (daemun.toml:2): expected https:// and a host and nothing behind it, such as \"https://admin.example.com\" (http:// only for this machine), found \"http://admin.example.com\"",
        ),
        ("[gateway]\nheartbeat_s = 0", "gateway.heartbeat_s (daemun.toml:2): at least 1, found 0"),
        (
            "[gateway]\nin_flight_per_connection = 0",
            "gateway.in_flight_per_connection (daemun.toml:2): at least 1, found 0",
        ),
        (
            "[gateway]\nframe_limit_bytes = 1048577\noutbound_limit_bytes = 2000000",
            "gateway.frame_limit_bytes (daemun.toml:2): at most 1048576 bytes, found 1048577",
        ),
        (
            "[gateway]\noutbound_limit_bytes = 1000",
            "gateway.outbound_limit_bytes (daemun.toml:2): at least gateway.frame_limit_bytes, 65536, or the largest frame could never be sent; found 1000",
        ),
        (
            "[gateway]\nopen_timeout_s = 5",
            "gateway.open_timeout_s (daemun.toml:2): at least gateway.first_frame_timeout_s, 10, found 5",
        ),
        (
            "[gateway]\ntrusted_proxies = [\"10.0.0.0/8\", \"10.0.0.1\"]",
            "gateway.trusted_proxies[1] (daemun.toml:2): invalid IP address syntax; expected a value such as \"10.0.0.0/8\", found \"10.0.0.1\"",
        ),
        (
            "[gateway]\nforwarded_header = \"x-real-ip\"",
            "gateway.forwarded_header (daemun.toml:2): expected `x-forwarded-for` or `forwarded`, found \"x-real-ip\"",
        ),
        (
            "[apps.demo]\nrequests_burst = 0",
            "apps.demo.requests_burst (daemun.toml:2): at least 1, found 0",
        ),
        (
            "mode = \"production\"\npublic_url = \"https://a.example\"\n[gateway]\nsimulators = true",
            "gateway.simulators (daemun.toml:4): production runs without simulators; set it to false or leave it out",
        ),
        (
            "public_url = \"play.example.com\"",
            "public_url (daemun.toml:1): expected http:// or https:// and a host, such as \"https://play.example.com\", found \"play.example.com\"",
        ),
        (
            "public_url = \"https://u:hunter2@play.example.com\"",
            "public_url (daemun.toml:1): expected http:// or https:// and a host, such as \"https://play.example.com\", found \"https://(hidden)@play.example.com\"",
        ),
        ("data = \"\"", "data (daemun.toml:1): expected a directory, found an empty path"),
        (
            "[log]\nlevel = \"inof\"",
            "log.level (daemun.toml:2): expected one of off, error, warn, info, debug, trace or target=level, found \"inof\"",
        ),
        (
            "[apps.\"my game\"]\nname = \"x\"",
            "apps.\"my game\" (daemun.toml:2): not an app id (1 to 32 of a-z, 0-9, - and _, a letter first)",
        ),
        (
            "[apps.2048]\nname = \"x\"",
            "apps.2048 (daemun.toml:2): not an app id (1 to 32 of a-z, 0-9, - and _, a letter first)",
        ),
        (
            "[apps.Demo]\nname = \"x\"",
            "apps.Demo (daemun.toml:2): not an app id (1 to 32 of a-z, 0-9, - and _, a letter first)",
        ),
        (
            "[apps.demo]\norigins = [\"https://a.example\", \"https://b.example/\"]",
            "apps.demo.origins[1] (daemun.toml:2): expected scheme://host or scheme://host:port in lower case, without a path or the scheme's own port, such as \"https://play.example.com\", found \"https://b.example/\"",
        ),
        (
            "[apps.demo.stores.google_play]\npackage_name = \"a\"",
            "apps.demo.stores.google_play.service_account_file: must not be empty, found \"\"",
        ),
        (
            "[apps.demo.stores]\nsandbox = \"some\"",
            "apps.demo.stores.sandbox (daemun.toml:2): expected one of `reject`, `testers`, `allow`, found \"some\"",
        ),
        (
            "mode = \"production\"\npublic_url = \"https://a.example\"\n[apps.demo.stores.app_store]\nbundle_id = \"a\"\nissuer_id = \"b\"\nkey_id = \"c\"\nkey_file = \"d\"\nroots_file = \"e\"",
            "apps.demo.stores.app_store.roots_file (daemun.toml:8): production trusts Apple's own root alone",
        ),
        (
            "mode = \"production\"\npublic_url = \"https://a.example\"\n[apps.demo.stores.google_play]\npackage_name = \"a\"\nservice_account_file = \"b\"\nallow_insecure_loopback = true",
            "apps.demo.stores.google_play.allow_insecure_loopback (daemun.toml:6): production asks stores over https alone",
        ),
        (
            "mode = \"production\"\npublic_url = \"https://a.example\"\n[apps.demo.webhook]\nurl = \"http://127.0.0.1:1/\"\nsecret_file = \"b\"\nallow_insecure_loopback = true",
            "apps.demo.webhook.allow_insecure_loopback (daemun.toml:6): production tells games' servers over https alone",
        ),
        (
            "[apps.demo.webhook]\nurl = \"http://game.example/\"\nsecret_file = \"b\"",
            "apps.demo.webhook.url (daemun.toml:2): must be https, found \"http://game.example/\"",
        ),
        (
            "[[apps.demo.server_keys]]\nid = \"main\"\nsecret_file = \"b\"\nscopes = []",
            "apps.demo.server_keys[0].scopes (daemun.toml:1): at least one is needed, found []",
        ),
        (
            "[[apps.demo.server_keys]]\nid = \"main\"\nsecret_fiel = \"b\"\nscopes = [\"wallet\"]",
            "apps.demo.server_keys[0].secret_fiel (daemun.toml:3): unknown key; did you mean apps.demo.server_keys[0].secret_file?",
        ),
        ("mode = \"production\"", PRODUCTION_NEEDS_A_URL),
        (
            "[storage.mariadb.servers.a]\nurl = \"mysql://u:secret@h/d\"\nshards = \"0-9\"",
            "storage.mariadb.servers (daemun.toml:3): shards 10 to 1023 are given to nobody",
        ),
        (
            "[storage.mariadb.servers.r]\nurl = \"mysql://u:secret@h/d\"\nreplica_of = \"z\"",
            "storage.mariadb.servers.r.replica_of (daemun.toml:3): `z` is no server here",
        ),
        (
            "[storage.mariadb]\nurl = \"mysql://u:secret@h/d\"\n[storage.mariadb.servers.s]\nurl = \"mysql://u:secret@h/d\"\nreplica_of = \"main\"",
            "storage.mariadb.servers.s.url (daemun.toml:4): is the address of `main` too: name each server once",
        ),
        (
            "[storage.mariadb]\nurl = \"mysql://h/d\"\nhome = \"z\"",
            "storage.mariadb.home (daemun.toml:3): `z` is none of the primaries",
        ),
        (
            "[storage.mongodb]\nurl = \"mongodb://u:secret@h\"",
            "storage.mongodb.url (daemun.toml:2): names no database: expected mongodb://user:password@host/database",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(problems(&file(text)), [expected], "in {text}");
    }
}

/// What is asked of numbers: the section, the key, the least and the most.
#[test]
fn numbers_keep_their_bounds() {
    let bounds: [(&str, &str, Option<u64>, Option<u64>); 29] = [
        ("gateway.limits", "session_per_minute", Some(1), Some(1_000_000)),
        ("gateway.limits", "session_burst", Some(1), Some(1_000_000)),
        ("gateway.limits", "session_refusals", Some(1), Some(1_000_000)),
        ("gateway.limits", "address_per_second", Some(1), Some(1_000_000)),
        ("gateway.limits", "address_burst", Some(1), Some(1_000_000)),
        ("gateway.limits", "unopened_per_address", Some(1), Some(1_000_000)),
        ("gateway.limits", "connecting_per_address", Some(1), Some(1_000_000)),
        ("gateway.limits", "logins_per_second", Some(1), Some(1_000_000)),
        ("gateway.limits", "opens_per_second", Some(1), Some(1_000_000)),
        ("gateway.limits", "cluster_logins_per_second", Some(1), Some(1_000_000)),
        ("gateway.limits", "cluster_opens_per_second", Some(1), Some(1_000_000)),
        ("gateway.limits", "requests_in_flight", Some(1), Some(1_000_000)),
        ("gateway.limits", "long_polls", Some(1), Some(1_000_000)),
        ("gateway.limits", "admission_wait_ms", None, Some(10_000)),
        ("identity", "access_token_s", Some(60), Some(86_400)),
        ("sessions", "quiet_ms", Some(1), None),
        ("sessions", "standing_ms", None, Some(30_000)),
        ("sessions", "list_limit", Some(1), None),
        ("storage", "queue_limit", Some(1), Some(1_000_000)),
        ("storage", "workers", Some(1), Some(1024)),
        ("storage", "readers", Some(1), Some(1024)),
        ("storage", "gamelog_limit", Some(1), Some(1_000_000)),
        ("storage", "spool_bytes", Some(16 << 20), Some(1 << 40)),
        ("storage", "cache_ms", None, Some(30_000)),
        ("storage", "cache_members", None, Some(10_000_000)),
        ("storage.mariadb", "connections", Some(1), Some(1024)),
        ("storage.mariadb", "replica_lag_ms", Some(1), Some(60_000)),
        ("storage.mongodb", "retention_days", None, Some(36_500)),
        ("storage.redis", "deadline_ms", Some(1), Some(1_000)),
    ];
    for (section, key, least, most) in bounds {
        // Repeats are as short as may be, so that no token is too short for them.
        let layers = |number: u64| {
            let env = [("DAEMUN_IDENTITY__REFRESH_REPEAT_S", "0")];
            file(&format!("[{section}]\n{key} = {number}")).env(env)
        };
        let good = |number| layers(number).load::<Settings>().unwrap().check().is_ok();
        let says = |bound: &str, number| {
            let expected = format!("{section}.{key} (daemun.toml:2): {bound}, found {number}");
            assert_eq!(problems(&layers(number)), [expected]);
        };
        assert!(good(least.unwrap_or(0)), "{section}.{key}");
        if let Some(least) = least {
            says(&format!("at least {least}"), least - 1);
        }
        if let Some(most) = most {
            assert!(good(most), "{section}.{key}");
            says(&format!("at most {most}"), most + 1);
        }
    }
}

#[test]
fn lifetimes_are_compared() {
    let cases = [
        (
            "refresh_token_s = 900",
            Some(
                "identity.refresh_token_s (daemun.toml:2): more than identity.access_token_s, 900, found 900",
            ),
        ),
        ("refresh_token_s = 901", None),
        (
            "refresh_repeat_s = 900",
            Some(
                "identity.refresh_repeat_s (daemun.toml:2): less than identity.access_token_s, 900, found 900",
            ),
        ),
        ("refresh_repeat_s = 899", None),
        (
            "access_token_s = 60",
            Some("identity.refresh_repeat_s: less than identity.access_token_s, 60, found 60"),
        ),
        // One mistake is not reported three times.
        (
            "access_token_s = 0\nrefresh_token_s = 0",
            Some("identity.access_token_s (daemun.toml:2): at least 60, found 0"),
        ),
        (
            "keys_dir = \"\"",
            Some("identity.keys_dir (daemun.toml:2): expected a directory, found an empty path"),
        ),
        (
            "operator_key_file = \"\"",
            Some(
                "identity.operator_key_file (daemun.toml:2): expected a file, found an empty path",
            ),
        ),
        ("operator_previous_key_file = \"/new\"", None),
    ];
    for (text, expected) in cases {
        let layers = file(&format!("[identity]\n{text}"));
        match expected {
            Some(expected) => assert_eq!(problems(&layers), [expected]),
            None => assert!(layers.load::<Settings>().unwrap().check().is_ok(), "{text}"),
        }
    }
}

#[test]
fn a_folder_for_images_has_a_name() {
    let layers = file("[storage.images]\nfolder = \"\"");
    let said = "storage.images.folder (daemun.toml:2): expected a folder, found an empty path";
    assert_eq!(problems(&layers), [said]);
}

#[test]
fn providers_are_checked() {
    let cases = [
        (
            "kind = \"gogle\"",
            "kind (daemun.toml:2): expected guest, google, apple or oidc, found \"gogle\"",
        ),
        ("audiences = [\"a\"]", "kind: missing; expected guest, google, apple or oidc"),
        ("kind = \"google\"", "audiences: at least one is needed"),
        (
            "kind = \"google\"\naudiences = []",
            "audiences (daemun.toml:3): at least one is needed, found []",
        ),
        (
            "kind = \"google\"\naudiences = \"a\"",
            "audiences (daemun.toml:3): expected an array in brackets, found \"a\"",
        ),
        (
            "kind = \"apple\"\naudiences = [\"a\"]\nnonce = \"sha256\"",
            "nonce (daemun.toml:4): expected `plain` or `sha256_hex`, found \"sha256\"",
        ),
        (
            "kind = \"apple\"\naudiences = [\"a\"]\nalgorithms = [\"HS256\"]",
            "algorithms (daemun.toml:4): \"HS256\" is not an algorithm with a public key, found [\"HS256\"]",
        ),
        (
            "kind = \"guest\"\naudiences = [\"a\"]",
            "audiences (daemun.toml:3): a guest provider has no settings but kind, found [\"a\"]",
        ),
        (
            "kind = \"oidc\"\nissuers = [\"i\"]\naudiences = [\"a\"]\njwks_url = \"http://a.example\"",
            "jwks_url (daemun.toml:5): must be https, found \"http://a.example\"",
        ),
        (
            "kind = \"oidc\"\nissuers = [\"i\"]\naudiences = [\"a\"]\njwks_url = \"https://u:hunter2@a.example\"",
            "jwks_url (daemun.toml:5): must not hold a user name or a password, found \"https://(hidden)@a.example\"",
        ),
        (
            "kind = \"oidc\"\nissuers = \"https://u:hunter2@a.example\"",
            "issuers (daemun.toml:3): expected an array in brackets, found \"https://(hidden)@a.example\"",
        ),
    ];
    for (text, expected) in cases {
        let layers = file(&format!("[apps.demo.providers.\"my.login\"]\n{text}"));
        let expected = format!("apps.demo.providers.\"my.login\".{expected}");
        assert_eq!(problems(&layers), [expected]);
    }
}

#[test]
fn every_problem_of_every_app_is_reported_at_once() {
    let text = "[apps.a]\norigins = [\"a\", \"https://b.example\", \"c\"]\n[apps.a.providers.x]\nkind = \"x\"
[apps.b.providers.y]\nkind = \"guest\"\n[apps.b.providers.z]\nkind = \"google\"";
    let keys = [
        "apps.a.origins[0] ",
        "apps.a.origins[2] ",
        "apps.a.providers.x.kind ",
        "apps.b.providers.z.audiences:",
    ];
    let problems = problems(&file(text));
    assert_eq!(problems.len(), keys.len(), "{problems:?}");
    for (problem, key) in problems.iter().zip(keys) {
        assert!(problem.starts_with(key), "{problem}");
    }
}

#[test]
fn every_limit_that_may_not_be_zero_is_named() {
    let text = "[gateway]\nframe_limit_bytes = 0\nheader_timeout_s = 0\nfirst_frame_timeout_s = 0\nopen_timeout_s = 0
heartbeat_s = 0\nin_flight_per_connection = 0\noutbound_limit_bytes = 0\nmax_connections = 0\ndrain_s = 0";
    assert_eq!(problems(&file(text)).len(), 8);
}

#[test]
fn what_is_allowed_is_let_through() {
    for text in [
        "",
        "mode = \"production\"\npublic_url = \"https://play.example.com\"",
        "mode = \"production\"\npublic_url = \"https://play.example.com\"\n[gateway]\nsimulators = false",
        "[gateway]\nlisten = \"127.0.0.1:0\"\nprivate = \"127.0.0.1:0\"",
        "[gateway]\nlisten = \"127.0.0.2:7351\"",
        "[gateway]\nadmin = \"127.0.0.1:0\"\nadmin_url = \"https://admin.example.com:8443\"",
        "[gateway]\nadmin_url = \"http://localhost:8080\"",
        "[gateway]\nlisten = \"[::1]:7350\"",
        "[log]\nlevel = \"warn,gateway=debug, storage::db=trace\"",
        "[log]\nlevel = \"INFO\"",
        "public_url = \"https://play.example.com/daemun/\"",
        "[apps.demo]\norigins = [\"http://localhost:8080\", \"capacitor://localhost\"]",
        "[apps.space-cats_2.providers.google]\nkind = \"google\"\naudiences = [\"web\"]\nrequire_nonce = false",
        "[apps.demo.providers.any]\nkind = \"oidc\"\nissuers = [\"i\"]\naudiences = [\"a\"]\njwks_url = \"https://a.example\"",
    ] {
        let loaded = file(text).load::<Settings>().unwrap();
        assert!(loaded.check().is_ok(), "{text}: {:?}", loaded.check());
    }
}

#[test]
fn what_is_unset_follows_the_mode_and_the_listener() {
    let development = settings(&file("[gateway]\nlisten = \"0.0.0.0:9000\""));
    assert!(development.docs() && development.simulators());
    assert_eq!(development.public_url(), "http://127.0.0.1:9000");

    let production = settings(&file("mode = \"production\"\npublic_url = \"https://a.example/\""));
    assert!(!production.docs() && !production.simulators());
    assert_eq!(production.public_url(), "https://a.example");

    let explicit = settings(&file("mode = \"production\"\n[gateway]\ndocs = true"));
    assert!(explicit.docs());
}
