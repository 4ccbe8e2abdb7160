//! `daemun app key`, `daemun webhooks`, and what `daemun check` says of secrets.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{bought, guest_of};
use crate::harness::Daemun;

/// What the program prints, or says on standard error.
async fn daemun(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
    command.env_clear().current_dir(folder).args(arguments);
    // The server that it asks runs in this process.
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

#[tokio::test]
async fn a_secret_is_made_in_a_new_file_of_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let made = daemun(folder.path(), &["app", "key", "main"]).await.unwrap();
    let file = folder.path().join("main");
    let secret = std::fs::read_to_string(&file).unwrap();
    assert!(secret.trim().len() >= 32 && !made.contains(secret.trim()), "{made}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(daemun(folder.path(), &["app", "key", "main"]).await.is_err());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), secret, "it stays");
    daemun(folder.path(), &["app", "key", "--webhook", "hook"]).await.unwrap();
    let config = "[[apps.cats.server_keys]]\nid = \"main\"\nsecret_file = \"main\"\n\
        scopes = [\"wallet\"]\n[apps.cats.webhook]\nurl = \"https://cats.example/\"\n\
        secret_file = \"hook\"\n";
    std::fs::write(folder.path().join("daemun.toml"), config).unwrap();
    daemun(folder.path(), &["check"]).await.unwrap();

    std::fs::write(&file, "hunter2").unwrap();
    std::fs::write(folder.path().join("hook"), "hunter2").unwrap();
    let error = daemun(folder.path(), &["check"]).await.unwrap_err();
    let wrong = "apps.cats.server_keys[0].secret_file: main: has less than 32 bytes";
    assert!(error.contains(wrong), "{error}");
    let wrong = "apps.cats.webhook.secret_file: hook: is not whsec_ and 24 to 64 bytes in base64";
    assert!(error.contains(wrong), "both at once: {error}");
    assert!(!error.contains("hunter2"), "{error}");
    let error = daemun(
        folder.path(),
        &["--private", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--listen", "127.0.0.1:0"],
    );
    assert!(error.await.unwrap_err().contains(wrong), "nor does a server start");
}

#[tokio::test]
async fn an_operator_sees_what_a_game_is_told() {
    let house = Daemun::start().await;
    let (member, _) = guest_of(&house, "demo").await;
    bought(&house, "demo", member, "gems").await;
    let data = house.settings.data.to_str().unwrap().to_owned();
    let folder = house.folder.path();
    let id = member.to_string();
    let listed = loop {
        let listed = daemun(folder, &["--data", &data, "webhooks", "list", "--member", &id]).await;
        let listed: Value = serde_json::from_str(&listed.unwrap()).unwrap();
        if listed["notices"][0]["sent"] == "done" {
            break listed;
        }
    };
    assert_eq!(listed["notices"][0]["what"], "purchase.granted");
    let seq = listed["notices"][0]["seq"].to_string();
    let failed = daemun(folder, &["--data", &data, "webhooks", "list", "--failed"]).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&failed).unwrap()["notices"], serde_json::json!([]));
    let replay = async |seq: &str| {
        daemun(folder, &["--data", &data, "webhooks", "replay", "demo", &id, seq]).await
    };
    assert!(replay(&seq).await.unwrap().contains("true"));
    let error = replay("99").await.unwrap_err();
    assert!(error.contains("names no webhook of member"), "{error}");
}
