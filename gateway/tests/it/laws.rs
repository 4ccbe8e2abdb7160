//! The law of the layout: each crate alone knows its foreign world.
//!
//! `cargo metadata` would say what is linked; the manifests say what may be named.

use std::collections::BTreeSet;
use std::path::PathBuf;

const CRATES: [&str; 6] = ["protocol", "storage", "actors", "gateway", "loadtest", "benches"];

/// A foreign world, and the crates that may name it.
const WORLDS: &[(&str, &[&str])] = &[
    ("rmp", &["protocol"]),
    // On the wire, and in the cache that nodes share.
    ("rmp-serde", &["protocol", "storage", "loadtest"]),
    ("rusqlite", &["storage", "benches"]),
    ("refinery", &["storage"]),
    // What the benches hold the truth in MariaDB against is the bare driver.
    ("mysql_async", &["storage", "benches"]),
    ("redis", &["storage"]),
    ("deadpool-redis", &["storage"]),
    ("mongodb", &["storage", "benches"]),
    ("crossbeam-channel", &["storage"]),
    ("crc32fast", &["storage"]),
    ("ractor", &["storage", "actors"]),
    ("reqwest", &["actors"]),
    ("webpki", &["actors"]),
    ("rustls-pki-types", &["actors"]),
    ("x509-parser", &["actors"]),
    ("axum", &["gateway"]),
    ("tower", &["gateway"]),
    ("tower-http", &["gateway"]),
    ("utoipa", &["protocol", "gateway"]),
    ("utoipa-swagger-ui", &["gateway"]),
    ("rust-embed", &["gateway"]),
    ("governor", &["gateway"]),
    ("rpassword", &["gateway"]),
    // Whom the limits know, and who tests.
    ("ipnet", &["actors", "gateway"]),
    ("rfc7239", &["gateway"]),
    ("metrics-exporter-prometheus", &["gateway"]),
    ("tracing-subscriber", &["gateway"]),
    // The gateway's simulators sign as a provider would.
    ("jsonwebtoken", &["actors", "gateway"]),
    // Operators' passwords and their second factor.
    ("argon2", &["actors"]),
    ("data-encoding", &["actors"]),
    // Operators' pictures, read and written anew.
    ("image", &["actors"]),
    ("http-range-header", &["gateway"]),
    // A bench signs as a store does.
    ("aws-lc-rs", &["actors", "gateway", "benches"]),
    // Strangers at the door have clients of their own; benches' reference server is one too.
    ("tokio-tungstenite", &["gateway", "loadtest", "benches"]),
    ("hyper", &["gateway", "loadtest"]),
    ("indicatif", &["loadtest"]),
    ("criterion", &["benches"]),
    // A scheduler for tests: linked by nobody.
    ("shuttle", &[]),
    // The gateway's simulators issue certificates as Apple does; elsewhere it is for tests.
    ("rcgen", &["gateway"]),
    // What a fuzzer's bytes stand for, in tests: linked by nobody.
    ("arbitrary", &[]),
    // The files of a deployment, in tests.
    ("saphyr", &[]),
    ("nix", &["benches"]),
];

/// Which of our own crates a crate may stand on.
const LAYERS: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("storage", &["protocol"]),
    ("actors", &["protocol", "storage"]),
    ("gateway", &["protocol", "storage", "actors"]),
    ("loadtest", &["protocol"]),
    ("benches", &CRATES),
];

fn manifest(name: &str) -> toml::Table {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(name).join("Cargo.toml")).unwrap().parse().unwrap()
}

/// What a crate may name in its own code.
fn dependencies(name: &str) -> BTreeSet<String> {
    let manifest = manifest(name);
    let table = manifest["dependencies"].as_table().unwrap();
    table
        .iter()
        .map(|(key, value)| {
            // A renamed dependency is the crate that it renames.
            value.get("package").and_then(|package| package.as_str()).unwrap_or(key).to_owned()
        })
        .collect()
}

#[test]
fn a_foreign_world_is_named_in_its_own_crates_alone() {
    for name in CRATES {
        for dependency in dependencies(name) {
            if let Some((_, owners)) = WORLDS.iter().find(|(world, _)| *world == dependency) {
                assert!(owners.contains(&name), "{name} names {dependency}, which is {owners:?}'s");
            }
        }
    }
}

#[test]
fn layers_stand_on_the_layers_below() {
    for (name, below) in LAYERS {
        for dependency in dependencies(name) {
            if CRATES.contains(&dependency.as_str()) {
                assert!(below.contains(&dependency.as_str()), "{name} stands on {dependency}");
            }
        }
    }
}

#[test]
fn every_crate_takes_versions_and_lints_from_the_root() {
    for name in CRATES {
        let manifest = manifest(name);
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true), "{name}");
        for section in ["dependencies", "dev-dependencies"] {
            let Some(table) = manifest.get(section).and_then(|table| table.as_table()) else {
                continue;
            };
            for (dependency, value) in table {
                let from_root = value.get("workspace").and_then(|value| value.as_bool());
                assert_eq!(from_root, Some(true), "{name}: {dependency}");
            }
        }
    }
}

/// What starts servers for tests may be asked for by tests and benches alone.
#[test]
fn the_binary_starts_no_test_servers() {
    for name in ["actors", "gateway"] {
        let storage = &manifest(name)["dependencies"]["storage"];
        assert!(storage.get("features").is_none(), "{name} asks for features of storage");
    }
    let root = manifest(".");
    let storage = &root["workspace"]["dependencies"]["storage"];
    assert!(storage.get("features").is_none(), "everybody asks for features of storage");
}

/// Two crypto back ends in one program panic at run time, so there is one.
#[test]
fn there_is_one_crypto_provider() {
    let tree = std::process::Command::new(env!("CARGO"))
        .current_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".."))
        .args(["tree", "--workspace", "--locked", "--prefix", "none", "--format", "{p}"])
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let names: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains("aws-lc-rs"));
    for other in ["ring", "openssl", "rsa", "native-tls"] {
        assert!(!names.contains(other), "{other} is linked");
    }
}
