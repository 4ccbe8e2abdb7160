//! What operators do with notices and banners, by commands and by their API.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{being, enters, notices, titles, told};
use crate::admin::{Said, with_owner};
use crate::harness::{Daemun, text};

const NOTICES: &str = "/admin/v1/apps/demo/notices";

/// What `daemun` prints, or says is wrong.
async fn daemun(house: &Daemun, arguments: &[&str], input: &str) -> Result<Value, String> {
    use std::io::Write;
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
    command.env_clear().arg("--data").arg(&house.settings.data).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    // The server that it asks may run in this very thread.
    let output = tokio::task::spawn_blocking(move || child.wait_with_output());
    let output = output.await.unwrap().unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

pub(super) async fn an_operator_shows_a_notice_from_a_shell_and_takes_it_back(house: Daemun) {
    let client = being("ko", json!({}));
    let run = async |arguments: &[&str]| daemun(&house, arguments, "").await;
    let put = async |arguments: &[&str], input: &str| {
        daemun(&house, &[&["notice", "put", "-"], arguments].concat(), input).await
    };
    let made = put(&[], r#"{"title": {"ko": "안녕"}}"#).await.unwrap()[0].clone();
    assert_eq!((&made["state"], &made["version"]), (&json!("shown"), &json!(1)));
    assert_eq!(titles(&notices(&house, &client).await), ["안녕"]);
    let id = text(&made, "id");
    put(&["--id", id], r#"{"title": {"ko": "또"}}"#).await.unwrap();
    assert_eq!(titles(&notices(&house, &client).await), ["또"]);
    let listed = run(&["notice", "list"]).await.unwrap();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["version"]), (1, &json!(2)));
    for (input, word) in [
        ("{", "EOF"),
        ("", "is not a JSON object"),
        ("[]", "is not a JSON object"),
        (r#"{"title": {"ko": "x"}, "tex": {}}"#, "there is no field tex"),
        (r#"{"title": {"ko": "<a href=x>"}}"#, "HTML"),
        (r#"{"title": {"ko": 1}}"#, "title.ko"),
    ] {
        let said = put(&[], input).await.unwrap_err();
        assert!(said.contains(word), "{input}: {said}");
    }
    let wrong = run(&["banner", "remove", id]).await.unwrap_err();
    assert!(wrong.contains("there is no such banner"), "{wrong}");
    run(&["notice", "remove", id]).await.unwrap();
    assert_eq!(titles(&notices(&house, &client).await), [""; 0]);
}

pub(super) async fn of_two_operators_with_one_notice_the_second_is_told(house: Daemun) {
    let (house, _, browser) = with_owner(house).await;
    let mut player = enters(&house, &being("ko", json!({}))).await;
    let body = json!({"title": {"en": "one"}});
    let make = async |key: &str, body: &Value| -> Said {
        browser.with("POST", NOTICES, &[("idempotency-key", key)], Some(body.clone())).await
    };
    let made = make("a", &body).await;
    assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")), "{}", made.body);
    assert_eq!(made.body["ok"]["state"], "shown");
    let again = make("a", &body).await;
    assert_eq!(again.body["ok"]["id"], made.body["ok"]["id"], "once");
    told(&mut player, "notice.published").await;
    let path = format!("{NOTICES}/{}", text(&made.body["ok"], "id"));
    let put = async |tag: &str, title: &str| {
        let body = json!({"title": {"en": title}});
        browser.with("PUT", &path, &[("if-match", tag)], Some(body)).await
    };
    assert_eq!(put("\"1\"", "two").await.status, 200);
    let stale = put("\"1\"", "other").await;
    assert_eq!(stale.refused(), (412, "document.stale"));
    assert_eq!(stale.body["err"]["detail"]["body"]["title"]["en"], "two");
    assert_eq!(text(&told(&mut player, "notice.published").await["notice"], "title"), "two");
    let id = &made.body["ok"]["id"];
    for op in ["content.seen", "content.click"] {
        let body = if op == "content.seen" { json!({"ids": [id]}) } else { json!({ "id": id }) };
        player.socket().request(op, body.clone()).await.unwrap();
    }
    let kept = browser.get(&format!("{path}/counts")).await.ok();
    assert_eq!(kept["shown"], 1);
    assert_eq!((&kept["clicked"], &kept["days"][0]["day"]), (&json!(1), &json!("2027-01-15")));
    let gone = browser.with("DELETE", &path, &[("if-match", "\"2\"")], None).await;
    assert_eq!(gone.status, 200, "{}", gone.body);
    told(&mut player, "notice.withdrawn").await;
    let audit = browser.get("/admin/v1/apps/demo/audit").await.ok();
    let whats: Vec<&str> =
        audit["items"].as_array().unwrap().iter().map(|act| text(act, "what")).collect();
    assert_eq!(whats, ["notice.remove", "notice.put", "notice.put"]);
    assert_eq!(audit["items"][1]["before"]["title"]["en"], "one");
    assert_eq!(audit["items"][1]["after"]["title"]["en"], "two");
    let banner = json!({"title": {"en": "x"}});
    let path = "/admin/v1/apps/-/banners";
    let said = browser.with("POST", path, &[("idempotency-key", "b")], Some(banner)).await;
    assert_eq!(said.refused(), (400, "body.invalid"));
}
