//! Which layer wins, and how text becomes a value.

use serde_json::json;

use super::*;

#[test]
fn a_later_layer_wins_and_leaves_the_rest() {
    let text = "data = \"/from/file\"\n[gateway]\nlisten = \"127.0.0.1:1\"\nprivate = \"127.0.0.1:2\"\ndrain_s = 3";
    let layers = file(text)
        .env([
            ("DAEMUN_GATEWAY__LISTEN", "127.0.0.1:11"),
            ("DAEMUN_GATEWAY__PRIVATE", "127.0.0.1:12"),
        ])
        .flags(vec![flag("--listen", "gateway.listen", "127.0.0.1:21")]);
    let loaded = layers.load::<Settings>().unwrap();

    let gateway = &loaded.settings.gateway;
    assert_eq!(gateway.listen.port(), 21);
    assert_eq!(gateway.private.port(), 12);
    assert_eq!(gateway.drain_s, 3);
    assert_eq!(gateway.heartbeat_s, 25);
    assert_eq!(loaded.settings.data, PathBuf::from("/from/file"));

    assert_eq!(loaded.origin("gateway.listen").as_deref(), Some("flag --listen"));
    assert_eq!(loaded.origin("gateway.private").as_deref(), Some("env DAEMUN_GATEWAY__PRIVATE"));
    assert_eq!(loaded.origin("gateway.drain_s").as_deref(), Some("daemun.toml:5"));
    assert_eq!(loaded.origin("gateway.heartbeat_s"), None);
    assert_eq!(loaded.origin("no.such.key"), None);
}

#[test]
fn no_layers_are_the_defaults() {
    assert_eq!(settings(&Layers::new()), Settings::default());
    assert_eq!(settings(&file("")), Settings::default());
}

#[test]
fn variables_are_read_as_what_their_key_holds() {
    let layers = Layers::new().env([
        ("DAEMUN_GATEWAY__DRAIN_S", "7"),
        ("DAEMUN_GATEWAY__DOCS", "true"),
        ("DAEMUN_DATA", "2024"),
        ("DAEMUN_APPS__DEMO__NAME", "true"),
        ("DAEMUN_APPS__DEMO__ORIGINS", "[\"https://a.example\", \"https://b.example\"]"),
        ("DAEMUN_APPS__DEMO__PROVIDERS__GOOGLE__KIND", "google"),
        ("DAEMUN_APPS__DEMO__PROVIDERS__GOOGLE__AUDIENCES", "[\"web\", \"ios\"]"),
        ("DAEMUN_APPS__DEMO__PROVIDERS__GOOGLE__REQUIRE_NONCE", "false"),
        ("DAEMUN_IDENTITY__KEYS_DIR", "2025"),
        ("PATH", "/bin"),
    ]);
    let settings = settings(&layers);
    assert_eq!(settings.gateway.drain_s, 7);
    assert_eq!(settings.gateway.docs, Some(true));
    assert_eq!(settings.data, PathBuf::from("2024"));
    let demo = &settings.apps["demo"];
    assert_eq!(demo.name, "true");
    assert_eq!(demo.origins, ["https://a.example", "https://b.example"]);
    let google = json!({"kind": "google", "audiences": ["web", "ios"], "require_nonce": false});
    assert_eq!(demo.providers["google"], google);
    assert_eq!(settings.identity.keys_dir, Some(PathBuf::from("2025")));
}

#[test]
fn names_of_variables_know_neither_case_nor_dashes() {
    for name in [
        "DAEMUN_GATEWAY__FRAME_LIMIT_BYTES",
        "daemun_gateway__frame_limit_bytes",
        "Daemun_Gateway__Frame-Limit-Bytes",
    ] {
        let settings = settings(&Layers::new().env([(name, "1024")]));
        assert_eq!(settings.gateway.frame_limit_bytes, 1024, "{name}");
    }
}

#[test]
fn a_variable_reaches_what_the_file_names_with_capitals_and_dashes() {
    let layers = file("[apps.my-game.providers.My-Login]\nkind = \"google\"").env([
        ("DAEMUN_APPS__MY_GAME__NAME", "env"),
        ("DAEMUN_APPS__MY_GAME__PROVIDERS__MY_LOGIN__KIND", "guest"),
    ]);
    let settings = settings(&layers);
    assert_eq!(settings.apps.len(), 1);
    assert_eq!(settings.apps["my-game"].name, "env");
    assert_eq!(settings.apps["my-game"].providers["My-Login"], json!({"kind": "guest"}));
}

#[test]
fn what_was_read_is_named_from_weakest_to_strongest() {
    let layers = file("")
        .env([
            ("DAEMUN_LOG__LEVEL", "debug"),
            ("DAEMUN_LOG__FORMAT", "json"),
            ("DAEMUN_DATA", "/srv"),
            ("DAEMUN_PUBLIC_URL", ""),
            ("DAEMUN_SERVICE_HOST", "10.0.0.1"),
            ("DAEMUN_APPS", "{ demo = {} }"),
            ("PATH", "/bin"),
        ])
        .flags(vec![flag("--data", "data", "/other")]);
    let sources = [
        "daemun.toml",
        "env DAEMUN_APPS",
        "env DAEMUN_DATA",
        "env DAEMUN_LOG__FORMAT",
        "env DAEMUN_LOG__LEVEL",
        "flag --data",
    ];
    assert_eq!(layers.load::<Settings>().unwrap().sources(), sources);
    assert!(Layers::new().load::<Settings>().unwrap().sources().is_empty());
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let layers = Layers::new().env([("DAEMUN_PUBLIC_URL", ""), ("DAEMUN_GATEWAY__DRAIN_S", "")]);
    assert_eq!(settings(&layers), Settings::default());
}

#[test]
fn what_kubernetes_tells_about_a_service_called_daemun_is_passed_over() {
    let layers = Layers::new().env([
        ("DAEMUN_SERVICE_HOST", "10.0.0.1"),
        ("DAEMUN_SERVICE_PORT", "7350"),
        ("DAEMUN_SERVICE_PORT_HTTP", "7350"),
        ("DAEMUN_PORT", "tcp://10.0.0.1:7350"),
        ("DAEMUN_PORT_7350_TCP", "tcp://10.0.0.1:7350"),
        ("DAEMUN_PORT_7350_TCP_ADDR", "10.0.0.1"),
        ("DAEMUN_PRIVATE_PORT_7351_TCP_PROTO", "tcp"),
    ]);
    assert_eq!(settings(&layers), Settings::default());
}

#[test]
fn an_empty_section_makes_an_app_with_its_defaults() {
    let settings = settings(&file("[apps.demo]"));
    assert_eq!(settings.apps["demo"], AppSettings::default());
}

#[test]
fn flags_map_to_their_keys() {
    let flags = Flags {
        listen: Some("127.0.0.1:1".to_owned()),
        private: Some("127.0.0.1:2".to_owned()),
        admin: Some("127.0.0.1:3".to_owned()),
        data: Some("/srv".to_owned()),
        config: None,
        mode: Some("production".to_owned()),
    };
    let settings = settings(&Layers::new().flags(flags.values()));
    assert_eq!(settings.gateway.listen.port(), 1);
    assert_eq!(settings.gateway.private.port(), 2);
    assert_eq!(settings.gateway.admin.port(), 3);
    assert_eq!(settings.data, PathBuf::from("/srv"));
    assert_eq!(settings.mode, Mode::Production);
    assert!(Flags::default().values().is_empty());
}

#[test]
fn the_command_line_is_parsed() {
    #[derive(Debug, clap::Parser)]
    struct Serve {
        #[command(flatten)]
        flags: Flags,
    }
    let parse = <Serve as clap::Parser>::try_parse_from::<[&str; 5], &str>;
    let serve = parse(["serve", "--listen", "127.0.0.1:1", "--config", "game.toml"]).unwrap();
    assert_eq!(serve.flags.listen.as_deref(), Some("127.0.0.1:1"));
    assert_eq!(serve.flags.config, Some(PathBuf::from("game.toml")));
    assert!(parse(["serve", "--mode", "prod", "--data", "x"]).is_err());
}
