//! `deploy/compose.yml`, read as an engine reads it.

use std::collections::BTreeSet;

use saphyr::{LoadableYamlNode, Yaml};
use serde_json::{Value as Json, json};

use super::{folder, sample, text};

/// Who keeps something for us, and who does something once.
const DATABASES: [&str; 3] = ["mariadb", "redis", "mongodb"];
const ONCE: [&str; 2] = ["migrate", "mongodb-init"];

fn compose() -> Json {
    let text = text("compose.yml");
    let documents = Yaml::load_from_str(&text).unwrap();
    assert_eq!(documents.len(), 1);
    plain(&documents[0])
}

fn plain(yaml: &Yaml<'_>) -> Json {
    if let Some(entries) = yaml.as_mapping() {
        let entry = |(key, value): (&Yaml<'_>, _)| (key.as_str().unwrap().to_owned(), plain(value));
        return entries.iter().map(entry).collect();
    }
    if let Some(items) = yaml.as_sequence() {
        return items.iter().map(plain).collect();
    }
    let number = || yaml.as_integer().map(Json::from);
    let scalar = yaml.as_bool().map(Json::from).or_else(number);
    let scalar = scalar.or_else(|| yaml.as_str().map(Json::from));
    scalar.unwrap_or_else(|| panic!("not used here: {yaml:?}"))
}

fn services() -> Vec<(String, Json)> {
    let services = compose()["services"].as_object().unwrap().clone();
    services.into_iter().collect()
}

fn strings(value: &Json) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    items.map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// `1m30s` and the like, in seconds.
fn seconds(text: &str) -> u64 {
    let (mut total, mut number) = (0, String::new());
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            number.push(letter);
            continue;
        }
        let unit = match letter {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            other => panic!("{other} of {text}"),
        };
        total += std::mem::take(&mut number).parse::<u64>().unwrap() * unit;
    }
    assert!(number.is_empty(), "{text} has no unit");
    total
}

#[test]
fn every_part_is_locked_in() {
    for (name, service) in services() {
        let user = service["user"].as_str().unwrap_or_else(|| panic!("{name} names no user"));
        let numbers: Vec<u32> = user.split(':').map(|number| number.parse().unwrap()).collect();
        assert!(numbers.len() == 2 && numbers.iter().all(|number| *number > 0), "{name}: {user}");
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], json!(["ALL"]), "{name}");
        assert_eq!(service["security_opt"], json!(["no-new-privileges:true"]), "{name}");
        assert!(service.get("privileged").is_none() && service.get("cap_add").is_none(), "{name}");
        for limit in ["cpus", "memory", "pids"] {
            let limit = &service["deploy"]["resources"]["limits"][limit];
            assert!(!limit.is_null(), "{name} has no limit: {limit}");
        }
        let image = service["image"].as_str().unwrap();
        let (image, tag) = image.rsplit_once(':').unwrap();
        match image {
            "daemun" => assert_eq!(tag, env!("CARGO_PKG_VERSION"), "{name}"),
            _ => assert_ne!(tag, "latest", "{name}: {image}"),
        }
    }
}

#[test]
fn nobody_outside_reaches_a_database_or_the_private_listener() {
    for (name, service) in services() {
        let ports = strings(&service["ports"]);
        match name.as_str() {
            "daemun" => assert_eq!(ports, ["127.0.0.1:7350:7350"]),
            _ => assert!(ports.is_empty(), "{name} publishes {ports:?}"),
        }
        let networks = strings(&service["networks"]);
        match name.as_str() {
            "daemun" => assert_eq!(networks, ["front", "data"]),
            "mongodb-init" => assert_eq!(service["network_mode"], "service:mongodb"),
            _ => assert_eq!(networks, ["data"], "{name}"),
        }
    }
    assert_eq!(compose()["networks"]["data"]["internal"], true);
    assert!(sample(&[]).gateway.private.ip().is_loopback());
}

#[test]
fn a_part_starts_when_what_it_needs_is_there_and_says_when_it_is_well() {
    let services = compose()["services"].clone();
    for name in DATABASES.iter().chain(&["daemun"]) {
        let service = &services[name];
        assert!(service["healthcheck"]["test"].as_array().is_some_and(|it| it.len() > 1), "{name}");
        assert_eq!(service["restart"], "unless-stopped", "{name}");
    }
    for name in ONCE {
        assert_eq!(services[name]["restart"], "no", "{name}");
    }
    let needs = |name: &str, of: &str| services[name]["depends_on"][of]["condition"].clone();
    assert_eq!(needs("daemun", "migrate"), "service_completed_successfully");
    assert_eq!(needs("migrate", "mongodb-init"), "service_completed_successfully");
    assert_eq!(needs("migrate", "mariadb"), "service_healthy");
    assert_eq!(needs("mongodb-init", "mongodb"), "service_healthy");
    // Play goes on without it.
    assert_eq!(needs("daemun", "redis"), "service_started");
}

#[test]
fn the_server_may_end_in_peace() {
    let daemun = &compose()["services"]["daemun"];
    let grace = seconds(daemun["stop_grace_period"].as_str().unwrap());
    let drain = sample(&[]).gateway.drain_s;
    assert!(grace >= drain + drain / 2, "{grace} s for a drain of {drain} s");
    assert_eq!(daemun["stop_signal"], "SIGTERM");
    let files = daemun["ulimits"]["nofile"].as_u64().unwrap();
    assert!(files > sample(&[]).gateway.max_connections as u64);
}

#[test]
fn what_is_kept_is_on_a_volume_and_what_is_mounted_is_there() {
    let compose = compose();
    let volumes = compose["volumes"].as_object().unwrap();
    let mut used = BTreeSet::new();
    for (name, service) in services() {
        for mount in strings(&service["volumes"]) {
            let (source, target) = mount.split_once(':').unwrap();
            if source.starts_with('.') {
                assert!(folder().join(source).is_file(), "{name}: {source}");
                assert!(target.ends_with(":ro"), "{name} may write {source}");
            } else {
                assert!(volumes.contains_key(source), "{name}: {source}");
                used.insert((source.to_owned(), target.to_owned()));
            }
        }
        for config in service["configs"].as_array().into_iter().flatten() {
            let source = config["source"].as_str().unwrap();
            let file = compose["configs"][source]["file"].as_str().unwrap();
            assert!(folder().join(file).is_file(), "{name}: {file}");
            assert_eq!(config["target"], service["environment"]["DAEMUN_CONFIG"], "{name}");
        }
    }
    let kept =
        [("daemun", "/var/lib/daemun"), ("mariadb", "/var/lib/mysql"), ("mongodb", "/data/db")];
    assert_eq!(used, kept.map(|(one, other)| (one.to_owned(), other.to_owned())).into());
}

/// The tests of `storage` run on servers with these very files.
#[test]
fn the_databases_run_with_the_settings_of_the_tests() {
    let services = compose()["services"].clone();
    for (name, file, source) in [
        ("mariadb", "mariadb/daemun.cnf", "mariadb/options.rs"),
        ("redis", "redis/daemun.conf", "redis.rs"),
        ("mongodb", "mongodb/mongod.conf", "mongodb.rs"),
    ] {
        let mounts = strings(&services[name]["volumes"]);
        let mount = mounts.iter().find_map(|it| it.strip_prefix(&format!("./{file}:")));
        assert!(mount.is_some(), "{name} does not mount {file}");
        let tests = folder().join("../storage/src/servers").join(source);
        let tests = std::fs::read_to_string(tests).unwrap();
        assert!(tests.contains(&format!("/../deploy/{file}\"")), "{source} runs without {file}");
    }
}

#[test]
fn secrets_are_files_that_the_script_makes_and_each_is_seen_by_whom_it_is_for() {
    let compose = compose();
    let made = tempfile::tempdir().unwrap();
    let script = folder().join("secrets.sh");
    let make = || {
        let output = std::process::Command::new(&script).arg(made.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(make().contains("mariadb_url"));
    assert_eq!(make(), "", "what is there stays");

    let secrets = compose["secrets"].as_object().unwrap();
    let mut seen = BTreeSet::new();
    for (name, service) in services() {
        let own = strings(&service["secrets"]);
        for (key, value) in service["environment"].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap();
            match value.strip_prefix("/run/secrets/") {
                Some(secret) => assert!(own.iter().any(|it| it == secret), "{name}: {key}"),
                None => assert!(
                    !["PASSWORD", "SECRET", "URL", "KEY"].iter().any(|it| key.contains(it)),
                    "{name}: {key} is no file"
                ),
            }
        }
        seen.extend(own);
    }
    assert_eq!(seen, secrets.keys().cloned().collect());
    for (name, secret) in secrets {
        assert_eq!(secret["file"], format!("./secrets/{name}"));
        assert!(made.path().join(name).is_file(), "secrets.sh does not make {name}");
    }

    // The server reads them, each with the password of its account.
    let environment = compose["services"]["daemun"]["environment"].as_object().unwrap();
    let environment: Vec<(String, String)> = environment
        .iter()
        .filter(|(key, _)| *key != "DAEMUN_CONFIG")
        .map(|(key, value)| {
            let name = value.as_str().unwrap().strip_prefix("/run/secrets/").unwrap();
            (key.clone(), made.path().join(name).to_str().unwrap().to_owned())
        })
        .collect();
    let environment: Vec<_> = environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let storage = sample(&environment).storage;
    let secret = |name: &str| std::fs::read_to_string(made.path().join(name)).unwrap();
    let mariadb = storage.mariadb.url.unwrap();
    let password = secret("mariadb_password");
    assert_eq!(mariadb.expose(), format!("mysql://daemun:{password}@mariadb:3306/daemun"));
    assert_eq!(password.len(), 64);
    let mongodb = storage.mongodb.url.unwrap();
    assert!(mongodb.expose().contains(&secret("mongodb_password")), "the address of MongoDB");
    let redis = storage.redis.url.unwrap();
    let password = secret("redis_password");
    assert_eq!(redis.expose(), format!("redis://daemun:{password}@redis:6379/0"));
    assert!(!secret("redis_users").contains(&secret("redis_password")), "Redis keeps a digest");
}
