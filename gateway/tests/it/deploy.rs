//! The files of `deploy/`, held to what they promise. Nothing here needs a container engine.

mod compose;

use std::path::PathBuf;

use gateway::config::{Flags, Layers, Settings};
use storage::config::StorageSettings;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

fn text(path: &str) -> String {
    let path = folder().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The sample configuration, as the server reads it with these variables.
fn sample(env: &[(&str, &str)]) -> Settings {
    let flags = Flags { config: Some(folder().join("daemun.toml")), ..Flags::default() };
    let loaded = Settings::load(&flags, env.iter().copied());
    loaded.unwrap_or_else(|error| panic!("{error}")).settings
}

#[test]
fn the_sample_configuration_is_one_that_the_server_starts_with() {
    let settings = sample(&[]);
    // What it calls a default is one.
    let defaults = StorageSettings::default();
    assert_eq!(settings.storage.spool_bytes, defaults.spool_bytes);
    assert_eq!(settings.storage.mariadb.connections, defaults.mariadb.connections);
    assert_eq!(settings.storage.mongodb.retention_days, defaults.mongodb.retention_days);
    assert_eq!(settings.storage.redis, defaults.redis);
    let limits = [
        (settings.gateway.limits.session_per_minute, 120),
        (settings.gateway.limits.session_burst, 60),
        (settings.gateway.limits.logins_per_second, 200),
    ];
    assert!(limits.iter().all(|(set, default)| *set == Some(*default)), "{limits:?}");
    assert_eq!(settings.apps["demo"].providers["guest"]["kind"], "guest");
}

#[test]
fn what_the_sample_offers_in_a_comment_is_valid_too() {
    let text = text("daemun.toml");
    let is_setting = |line: &&str| line.starts_with('[') || line.contains(" = ");
    let commented = text.lines().filter_map(|line| line.strip_prefix("# "));
    let offered: Vec<&str> = commented.filter(is_setting).collect();
    assert!(offered.contains(&"[apps.demo.providers.google]"), "{offered:?}");
    let whole = text.clone() + &offered.join("\n");
    let loaded = Layers::new().file_text("daemun.toml", whole).load::<Settings>();
    loaded.and_then(|loaded| loaded.check()).unwrap_or_else(|error| panic!("{error}"));
}

/// The instructions of the container file, continued lines joined, comments left out.
fn instructions() -> Vec<String> {
    let text = text("Containerfile");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let joined = lines.join("\n").replace("\\\n", " ");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.lines().map(words).filter(|line| !line.is_empty()).collect()
}

#[test]
fn the_image_is_as_it_is_described() {
    let all = instructions();
    let from = all.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
    assert_eq!(all[from], "FROM scratch", "nothing but the program");
    let last = &all[from..];
    let one = |word: &str| {
        let found: Vec<_> = last.iter().filter_map(|line| line.strip_prefix(word)).collect();
        assert_eq!(found.len(), 1, "{word}: {found:?}");
        found[0].trim().to_owned()
    };
    assert_eq!(one("USER "), "10001:10001");
    assert_eq!(one("STOPSIGNAL "), "SIGTERM");
    assert_eq!(one("VOLUME "), "/var/lib/daemun");
    assert_eq!(one("ENTRYPOINT "), r#"["/usr/local/bin/daemun"]"#);
    assert!(one("HEALTHCHECK ").ends_with(r#"CMD ["/usr/local/bin/daemun", "healthcheck"]"#));
    assert_eq!(one("EXPOSE "), "7350", "the private listener is nobody's");

    // What the image sets are settings, and without more it refuses to serve.
    let env = one("ENV ");
    let env: Vec<_> = env.split(' ').map(|pair| pair.split_once('=').unwrap()).collect();
    let refusal = Settings::load(&Flags::default(), env).unwrap_err();
    assert_eq!(refusal.problems().len(), 1, "{refusal}");
    assert_eq!(refusal.problems()[0].key, "public_url");
}

/// It is made with the workspace's toolchain, of every crate's manifest.
#[test]
fn the_image_is_built_of_this_workspace() {
    let root: toml::Table =
        std::fs::read_to_string(folder().join("../Cargo.toml")).unwrap().parse().unwrap();
    let version = root["workspace"]["package"]["rust-version"].as_str().unwrap();
    let all = instructions();
    assert!(all[0].contains(&format!("/rust:{version}-")), "{}", all[0]);
    for name in root["workspace"]["members"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        let copy = format!("COPY {name}/Cargo.toml {name}/");
        assert!(all.contains(&copy), "{copy}");
        assert!(all.iter().any(|line| line.starts_with("RUN for crate in") && line.contains(name)));
    }
    // What is copied is what is let in.
    let ignored = std::fs::read_to_string(folder().join("../.dockerignore")).unwrap();
    let sources = all.iter().filter_map(|line| line.strip_prefix("COPY "));
    for line in sources.filter(|line| !line.starts_with("--from")) {
        let words: Vec<_> = line.split(' ').collect();
        for source in &words[..words.len() - 1] {
            let top = source.split('/').next().unwrap();
            let let_in = |it: &str| ignored.lines().any(|line| line == format!("!{it}"));
            assert!(let_in(source) || let_in(top), "{source} is not in .dockerignore");
            assert!(folder().join("..").join(source).exists(), "{source}");
        }
    }
}
