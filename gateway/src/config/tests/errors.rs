//! Mistakes and the exact words for them.

use std::{ffi::OsString, os::unix::ffi::OsStringExt};

use super::*;

#[test]
fn mistakes_in_a_file() {
    let cases = [
        (
            "[gateway]\nlisen = \"x\"",
            "gateway.lisen (daemun.toml:2): unknown key; did you mean gateway.listen?",
        ),
        (
            "\n[gatway]\nlisten = \"x\"\nprivate = \"y\"",
            "gatway (daemun.toml:2): unknown key; did you mean gateway?",
        ),
        ("listen = \"x\"", "listen (daemun.toml:1): unknown key; did you mean gateway.listen?"),
        (
            "[gateway]\nheartbeat = 5",
            "gateway.heartbeat (daemun.toml:2): unknown key; did you mean gateway.heartbeat_s?",
        ),
        (
            "[apps.demo]\norgins = []",
            "apps.demo.orgins (daemun.toml:2): unknown key; did you mean apps.demo.origins?",
        ),
        (
            "[apps.demo.providers.google]\nkind = \"google\"\naudience = []",
            "apps.demo.providers.google.audience (daemun.toml:3): unknown key; did you mean apps.demo.providers.google.audiences?",
        ),
        (
            "[apps.demo.providers.x]\njwks_uri = \"https://a\"",
            "apps.demo.providers.x.jwks_uri (daemun.toml:2): unknown key; did you mean apps.demo.providers.x.jwks_url?",
        ),
        (
            "[apps.demo.provider.google]\nkind = \"google\"",
            "apps.demo.provider (daemun.toml:1): unknown key; did you mean apps.demo.providers?",
        ),
        (
            "[apps.demo.providers]\nguest = true",
            "apps.demo.providers.guest (daemun.toml:2): expected a table, [apps.demo.providers.guest]",
        ),
        (
            "[identity]\naccess_token_ms = 1",
            "identity.access_token_ms (daemun.toml:2): unknown key; did you mean identity.access_token_s?",
        ),
        (
            "[identity]\naccess_token_s = \"15m\"",
            "identity.access_token_s (daemun.toml:2): expected a whole number, 0 or more, found \"15m\"",
        ),
        ("[session]\nquiet_ms = 1", "session (daemun.toml:1): unknown key; did you mean sessions?"),
        ("workers = 1", "workers (daemun.toml:1): unknown key; did you mean storage.workers?"),
        ("[app.demo]\norigins = []", "app (daemun.toml:1): unknown key; did you mean apps?"),
        ("origins = []", "origins (daemun.toml:1): unknown key; did you mean apps.<name>.origins?"),
        (
            "[apps.\"a.b\"]\nnam = \"x\"",
            "apps.\"a.b\".nam (daemun.toml:2): unknown key; did you mean apps.\"a.b\".name?",
        ),
        ("zzz = 1", "zzz (daemun.toml:1): unknown key"),
        ("gateway = 5", "gateway (daemun.toml:1): expected a table, [gateway]"),
        ("gateway = [\"127.0.0.1:1\"]", "gateway (daemun.toml:1): expected a table, [gateway]"),
        (
            "[gateway]\ndrain_s = \"soon\"",
            "gateway.drain_s (daemun.toml:2): expected a whole number, 0 or more, found \"soon\"",
        ),
        (
            "[gateway]\ndrain_s = \"30\"",
            "gateway.drain_s (daemun.toml:2): expected a whole number, 0 or more, found \"30\"",
        ),
        (
            "[gateway]\ndrain_s = -1",
            "gateway.drain_s (daemun.toml:2): expected a whole number, 0 or more, found -1",
        ),
        (
            "[gateway]\ndrain_s = 1.5",
            "gateway.drain_s (daemun.toml:2): expected a whole number, 0 or more, found 1.5",
        ),
        (
            "[gateway]\nmax_connections = 99999999999999999999",
            "gateway.max_connections (daemun.toml:2): expected a whole number, 0 or more, found \"99999999999999999999\"",
        ),
        (
            "[gateway]\nlisten = \"localhost\"",
            "gateway.listen (daemun.toml:2): invalid socket address syntax; expected a value such as \"127.0.0.1:7350\", found \"localhost\"",
        ),
        (
            "[gateway]\nlisten = 7350",
            "gateway.listen (daemun.toml:2): expected socket address such as \"127.0.0.1:7350\", found 7350",
        ),
        (
            "[gateway.listen]\nport = 7350",
            "gateway.listen (daemun.toml:2): expected socket address such as \"127.0.0.1:7350\", found a table",
        ),
        ("[gateway]\ndocs = 1", "gateway.docs (daemun.toml:2): expected true or false, found 1"),
        (
            "mode = \"prod\"",
            "mode (daemun.toml:1): expected `development` or `production`, found \"prod\"",
        ),
        ("data = 7", "data (daemun.toml:1): expected a string in quotes, found 7"),
        (
            "[apps.demo]\norigins = \"https://a\"",
            "apps.demo.origins (daemun.toml:2): expected an array in brackets, found \"https://a\"",
        ),
        (
            "[apps.demo]\norigins = [\"https://a\", 7]",
            "apps.demo.origins[1] (daemun.toml:2): expected a string in quotes, found 7",
        ),
        ("[apps]\ndemo = 1", "apps.demo (daemun.toml:2): expected a table, [apps.demo]"),
    ];
    for (text, expected) in cases {
        assert_eq!(problems(&file(text)), [expected], "in {text}");
    }
}

#[test]
fn mistakes_in_variables() {
    let cases = [
        (
            ("DAEMUN_GATEWAY__LISEN", "x"),
            "gateway.lisen (env DAEMUN_GATEWAY__LISEN): unknown key; did you mean DAEMUN_GATEWAY__LISTEN?",
        ),
        (
            ("DAEMUN_GATEWAY_LISTEN", "x"),
            "gateway_listen (env DAEMUN_GATEWAY_LISTEN): unknown key; did you mean DAEMUN_GATEWAY__LISTEN?",
        ),
        (
            ("DAEMUN_GATWAY__LISTEN", "x"),
            "gatway.listen (env DAEMUN_GATWAY__LISTEN): unknown key; did you mean DAEMUN_GATEWAY__LISTEN?",
        ),
        (
            ("DAEMUN_APPS__MY_GAME__ORIGIN", "x"),
            "apps.my_game.origin (env DAEMUN_APPS__MY_GAME__ORIGIN): unknown key; did you mean DAEMUN_APPS__MY_GAME__ORIGINS?",
        ),
        (
            ("DAEMUN_APPS__DEMO__PROVIDERS__GOOGLE__AUDIENCE", "[]"),
            "apps.demo.providers.google.audience (env DAEMUN_APPS__DEMO__PROVIDERS__GOOGLE__AUDIENCE): unknown key; did you mean DAEMUN_APPS__DEMO__PROVIDERS__GOOGLE__AUDIENCES?",
        ),
        (
            ("DAEMUN_GATEWAY__DRAIN_S", "soon"),
            "gateway.drain_s (env DAEMUN_GATEWAY__DRAIN_S): expected a whole number, 0 or more, found \"soon\"",
        ),
        (
            ("DAEMUN_GATEWAY__DOCS", "1"),
            "gateway.docs (env DAEMUN_GATEWAY__DOCS): expected true or false, found 1",
        ),
        (("DAEMUN_GATEWAY", "5"), "gateway (env DAEMUN_GATEWAY): expected a table, [gateway]"),
        (("DAEMUN_PORT", "7350"), "port (env DAEMUN_PORT): unknown key"),
        (("DAEMUN_", "1"), "\"\" (env DAEMUN_): unknown key"),
    ];
    for (variable, expected) in cases {
        assert_eq!(problems(&Layers::new().env([variable])), [expected]);
    }
}

#[test]
fn a_flag_is_named_as_it_was_typed() {
    let wrong = Layers::new()
        .flags(vec![flag("--mode", "mode", "prod"), flag("--listen", "gateway.lisen", "x")]);
    assert_eq!(
        problems(&wrong),
        [
            "gateway.lisen (flag --listen): unknown key; did you mean gateway.listen?",
            "mode (flag --mode): expected `development` or `production`, found \"prod\"",
        ]
    );
}

#[test]
fn every_mistake_of_every_layer_is_reported_at_once() {
    let layers = file("dta = \"x\"\n[gateway]\nlisen = \"x\"\ndrain_s = true\ndocs = \"no\"")
        .env([("DAEMUN_LOGS__LEVEL", "debug"), ("DAEMUN_LOG__FORMAT", "xml")])
        .flags(vec![flag("--listen", "gateway.listen", "here")]);
    let error = layers.load::<Settings>().expect_err("seven mistakes");
    assert_eq!(
        error.to_string(),
        "the configuration has 7 problems:
  dta (daemun.toml:1): unknown key; did you mean data?
  gateway.lisen (daemun.toml:3): unknown key; did you mean gateway.listen?
  logs.level (env DAEMUN_LOGS__LEVEL): unknown key; did you mean DAEMUN_LOG__LEVEL?
  gateway.docs (daemun.toml:5): expected true or false, found \"no\"
  gateway.drain_s (daemun.toml:4): expected a whole number, 0 or more, found true
  gateway.listen (flag --listen): invalid socket address syntax; expected a value such as \"127.0.0.1:7350\", found \"here\"
  log.format (env DAEMUN_LOG__FORMAT): expected `text` or `json`, found \"xml\""
    );
}

#[test]
fn a_syntax_error_names_the_line_and_quotes_nothing_of_it() {
    let found = problems(&file("mode = \"production\"\nclient_secret = \"hunter2\nx = 1"));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("daemun.toml:2: not valid TOML: "), "{found:?}");
    assert!(!found[0].contains("hunter2"), "{found:?}");
    assert_eq!(
        problems(&file("mode = \"production\"\nmode = \"development\"")),
        ["daemun.toml:2: not valid TOML: duplicate key"]
    );
}

#[test]
fn a_named_file_has_to_be_there() {
    let flags = Flags { config: Some("/nonexistent/game.toml".into()), ..Flags::default() };
    let error = Settings::load(&flags, [("DAEMUN_CONFIG", "/other.toml")]).expect_err("no file");
    assert_eq!(
        error.to_string(),
        "the configuration file /nonexistent/game.toml cannot be read: No such file or directory (os error 2)"
    );
    let error = Settings::load(&Flags::default(), [("DAEMUN_CONFIG", "/nonexistent/env.toml")]);
    assert!(error.expect_err("no file").to_string().contains("env.toml"));
    assert!(Layers::new().file_if_present("/nonexistent/game.toml").is_ok());
}

#[test]
fn variables_that_are_not_text_are_named() {
    let bytes = |text: &[u8]| OsString::from_vec(text.to_vec());
    let layers = Layers::new().env([
        (bytes(b"DAEMUN_DATA"), bytes(b"/srv/\xff")),
        (bytes(b"DAEMUN_\xff"), bytes(b"1")),
        (bytes(b"OTHER_\xff"), bytes(b"\xff")),
    ]);
    assert_eq!(
        problems(&layers),
        [
            "data (env DAEMUN_DATA): the variable's value is not valid UTF-8",
            "env DAEMUN_\u{fffd}: the variable's name is not valid UTF-8",
        ]
    );
}

#[test]
fn a_long_value_is_cut() {
    let text = format!("mode = \"{}\"", "ä\\n".repeat(500));
    let found = problems(&file(&text)).remove(0);
    assert!(found.len() < 250 && found.lines().count() == 1, "{found}");
    assert!(found.ends_with("..."), "{found}");
}

#[test]
fn one_key_set_by_two_variables_is_a_mistake() {
    let layers = Layers::new().env([("DAEMUN_DATA", "a"), ("daemun_data", "b")]);
    assert_eq!(
        problems(&layers),
        ["data (env daemun_data): set twice, by DAEMUN_DATA and by daemun_data"]
    );
}
