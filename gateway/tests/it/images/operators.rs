//! What operators do about images, and what is not taken from them.

use std::path::Path;
use std::process::Command;

use actors::content::images::MAX_UPLOAD;
use futures_util::future::join_all;
use hyper::Method;
use image::ImageFormat;
use loadtest::HttpClient;
use serde_json::{Value, json};
use storage::audit::Actor;
use storage::clock::Clock;
use storage::documents::{Change, Changed, Kind, Sealed, Write};
use uuid::Uuid;

use super::{IMAGES, address, asked, picture, upload};
use crate::admin::{Account, with_owner};
use crate::harness::{Daemun, text};
use crate::kill;

pub(super) async fn an_image_is_uploaded_listed_shown_and_taken_away(house: Daemun) {
    let (house, _, browser) = with_owner(house).await;
    let png = picture(ImageFormat::Png);
    let named = format!("{IMAGES}?name=A%20cat");
    let made = upload(&browser, &named, "image/png", "k", &png).await;
    assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")), "{}", made.body);
    let again = upload(&browser, &named, "image/png", "k", &png).await;
    assert_eq!((again.status, &again.body), (201, &made.body), "one request, sent twice");
    let other = upload(&browser, &named, "image/jpeg", "k", &picture(ImageFormat::Jpeg)).await;
    assert_eq!(other.refused(), (422, "op.key_reused"));
    let twice = upload(&browser, IMAGES, "image/*", "k2", &png).await;
    assert_eq!((twice.status, &twice.body), (200, &made.body), "one picture, uploaded twice");

    let document = made.ok();
    let body = &document["body"];
    assert_eq!(
        (&body["name"], &body["width"], &body["height"]),
        (&json!("A cat"), &json!(24), &json!(16))
    );
    let served = house.http().get(&address(&document)).await.unwrap();
    assert_eq!(json!(served.body.len()), body["bytes"]);
    let list = browser.get(IMAGES).await.ok();
    assert_eq!(list["items"], json!([document]));
    let path = format!("{IMAGES}/{}", text(&document, "id"));
    assert_eq!(browser.get(&path).await.ok(), document);
    let elsewhere = browser.get(&path.replace("/demo/", "/-/")).await;
    assert_eq!(elsewhere.refused(), (404, "document.missing"));

    let bare = browser.with("DELETE", &path, &[], None).await;
    assert_eq!(bare.refused(), (428, "document.version_required"));
    let gone = browser.with("DELETE", &path, &[("if-match", "\"1\"")], None).await;
    assert_eq!(gone.status, 200, "{}", gone.body);
    assert_eq!(browser.get(&path).await.refused(), (404, "document.missing"));
    // Who was told of it may still fetch it.
    assert_eq!(house.http().get(&address(&document)).await.unwrap().status, 200);
    let audit = browser.get("/admin/v1/apps/demo/audit").await.ok();
    let whats: Vec<&str> =
        audit["items"].as_array().unwrap().iter().map(|act| text(act, "what")).collect();
    assert_eq!(whats, ["image.remove", "image.put"]);
}

pub(super) async fn what_is_no_image_is_refused_in_words(house: Daemun) {
    let (_house, _, browser) = with_owner(house).await;
    let png = picture(ImageFormat::Png);
    let page = [&png[..8], b"<html><script>alert(1)</script>"].concat();
    let mut bomb = png.clone();
    // The header's width and height; its checksum is looked at later, or not.
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    for (at, (media_type, bytes, refused, words)) in [
        ("image/*", &b"<svg onload=\"x()\"/>"[..], (415, "body.media_type"), "is svg"),
        ("image/png", b"GIF89a\x01\0\x01\0", (415, "body.media_type"), "is gif"),
        ("image/jpeg", &png, (415, "body.media_type"), "is a PNG"),
        ("image/svg+xml", &png, (415, "body.media_type"), "is none of"),
        ("application/json", b"{}", (415, "body.media_type"), "is none of"),
        ("image/png", &page, (400, "body.invalid"), "cannot be read"),
        ("image/png", &bomb, (400, "body.invalid"), ""),
        ("image/png", &png[..png.len() / 2], (400, "body.invalid"), "cannot be read"),
        ("image/png", b"", (415, "body.media_type"), "is no image"),
        ("image/png", &vec![0; MAX_UPLOAD + 1], (413, "body.too_large"), "4194304"),
    ]
    .into_iter()
    .enumerate()
    {
        let said = upload(&browser, IMAGES, media_type, &format!("k{at}"), bytes).await;
        assert_eq!(said.refused(), refused, "{at}: {}", said.body);
        let message = said.body["err"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{at}: {message}");
    }
    let named = format!("{IMAGES}?name={}", "x".repeat(129));
    assert_eq!(upload(&browser, &named, "image/png", "n", &png).await.refused().0, 400);
    let typo = format!("{IMAGES}?nam=x");
    assert_eq!(upload(&browser, &typo, "image/png", "n", &png).await.refused().0, 400);
    let unkeyed = asked(&browser.http, Method::POST, IMAGES, &[("content-type", "image/png")]);
    assert_eq!(unkeyed.await.status, 401);
    assert_eq!(browser.get(IMAGES).await.ok()["items"], json!([]), "nothing was kept");
}

pub(super) async fn what_is_behind_an_image_is_not_served(house: Daemun) {
    let (house, _, browser) = with_owner(house).await;
    let hidden = b"<script>alert(1)</script>";
    let sent = [&picture(ImageFormat::Png)[..], hidden].concat();
    let made = upload(&browser, IMAGES, "image/png", "k", &sent).await.ok();
    let served = house.http().get(&address(&made)).await.unwrap().body;
    assert!(!served.windows(hidden.len()).any(|window| window == hidden));
    assert_eq!(image::load_from_memory(&served).unwrap().width(), 24);
}

pub(super) async fn an_upload_may_be_as_large_as_it_may_be(house: Daemun) {
    let (_house, _, browser) = with_owner(house).await;
    let mut sent = picture(ImageFormat::Png);
    sent.resize(MAX_UPLOAD, 0);
    assert_eq!(upload(&browser, IMAGES, "image/png", "k", &sent).await.status, 201);
}

pub(super) async fn one_picture_uploaded_by_many_at_once_is_one(house: Daemun) {
    let (_house, _, browser) = with_owner(house).await;
    let png = picture(ImageFormat::Png);
    let keys: Vec<String> = (0..8).map(|at| format!("k{at}")).collect();
    let all = join_all(keys.iter().map(|key| upload(&browser, IMAGES, "image/png", key, &png)));
    let all = all.await;
    assert_eq!(all.iter().filter(|said| said.status == 201).count(), 1);
    assert!(all.iter().all(|said| said.body == all[0].body && said.status < 300), "{all:?}");
    assert_eq!(browser.get(IMAGES).await.ok()["items"].as_array().unwrap().len(), 1);
}

pub(super) async fn who_may_not_write_uploads_nothing_whatever_it_is(house: Daemun) {
    let (house, _, _) = with_owner(house).await;
    let viewer = Account::new(&house, "viewer", &["viewer"]).await.enter(&house).await;
    let said = upload(&viewer, IMAGES, "image/png", "k", &picture(ImageFormat::Png)).await;
    assert_eq!(said.refused(), (403, "operator.forbidden"));
    assert_eq!(viewer.get(IMAGES).await.status, 200);
    let mut stranger = viewer.clone();
    stranger.csrf = Some("A".repeat(43));
    let said = upload(&stranger, IMAGES, "image/png", "k", &picture(ImageFormat::Png)).await;
    assert_eq!(said.refused(), (403, "operator.csrf"));
}

/// A notice that shows an image, as it stands in the truth.
async fn notice(house: &Daemun, image: &str) -> Uuid {
    let now = house.clock.now();
    let (id, body) = (actors::random::uuid(now), json!({"images": {"en": image}}).to_string());
    let change = Change {
        kind: Kind::Notice,
        id,
        app: Some("demo".parse().unwrap()),
        handle: None,
        expected: None,
        write: Write::Put { body, sealed: Sealed::Keep },
        by: Actor::Command,
        key: None,
        what: "notice.put",
        now,
    };
    let documents = &house.server.gate.node.storage.documents;
    assert!(matches!(documents.change(change).await, Ok(Changed::Written(_))));
    id
}

pub(super) async fn an_image_that_a_notice_shows_is_not_taken_away(house: Daemun) {
    let (house, _, browser) = with_owner(house).await;
    let made = upload(&browser, IMAGES, "image/png", "k", &picture(ImageFormat::Png)).await.ok();
    let user = notice(&house, text(&made, "id")).await;
    let path = format!("{IMAGES}/{}", text(&made, "id"));
    let said = browser.with("DELETE", &path, &[("if-match", "\"1\"")], None).await;
    assert_eq!(said.refused(), (409, "document.in_use"));
    let users = json!([{"id": user, "kind": "notice", "app": "demo"}]);
    assert_eq!(said.body["err"]["detail"], users);
    assert_eq!(browser.get(&path).await.status, 200);
}

/// What `daemun image` said: on standard output as JSON, or on standard error.
fn command(data: &Path, arguments: &[&str]) -> Result<Value, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daemun"));
    command.current_dir(data.parent().unwrap()).env_clear().arg("image").args(arguments);
    let output = command.arg("--data").arg(data).output().unwrap();
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_put_listed_and_removed_by_command_with_and_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let mut large = picture(ImageFormat::Png);
    large.resize(MAX_UPLOAD, 0);
    write("large.png", &large);
    large.push(0);
    write("over.png", &large);
    write("cat.jpg", &picture(ImageFormat::Jpeg));
    write("page.png", b"<html>");

    let program = kill::start(&data);
    let made = command(&data, &["put", "large.png", "--name", "A cat"]).unwrap();
    assert_eq!(made[0]["body"]["name"], "A cat");
    let served = HttpClient::new(&program.url).get(&address(&made[0])).await.unwrap();
    assert_eq!(served.status, 200);
    for (arguments, expected) in [
        (&["put", "over.png"][..], "over 4194304 bytes"),
        (&["put", "page.png"], "is html"),
        (&["put", "nowhere.png"], "nowhere.png"),
        (&["put", "cat.jpg", "--app", "nobody"], "no game"),
        (&["remove", "00000000-0000-0000-0000-000000000000"], "no such image"),
    ] {
        let error = command(&data, arguments).unwrap_err();
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    drop(program);

    let other = command(&data, &["put", "cat.jpg", "--all"]).unwrap();
    assert_eq!(other[0]["app"], Value::Null);
    let list = command(&data, &["list"]).unwrap();
    assert_eq!((list.as_array().unwrap().len(), &list[0]), (1, &made[0]));
    command(&data, &["remove", text(&made[0], "id")]).unwrap();
    assert_eq!(command(&data, &["list"]).unwrap(), json!([]));
    let program = kill::start(&data);
    let served = HttpClient::new(&program.url).get(&address(&other[0])).await.unwrap();
    assert_eq!(served.status, 200);
}
