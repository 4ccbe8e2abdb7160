//! What is served to everybody.

use std::path::PathBuf;

use hyper::Method;
use image::ImageFormat;
use serde_json::{Value, json};

use super::{IMAGES, address, asked, header, picture, upload};
use crate::admin::{Browser, with_owner};
use crate::harness::{Daemun, text};

/// A house with an image, where it is, and its digest.
async fn with_image(house: Daemun) -> (Daemun, String, String) {
    let (house, _, browser) = with_owner(house).await;
    let (path, hash) = uploaded(&browser, ImageFormat::Png).await;
    (house, path, hash)
}

/// Where an image is that was uploaded, and its digest.
async fn uploaded(browser: &Browser, format: ImageFormat) -> (String, String) {
    let made = upload(browser, IMAGES, "image/*", &format!("{format:?}"), &picture(format)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let document = made.ok();
    let hash = text(&document["body"], "hash").to_owned();
    (address(&document), hash)
}

/// More than the burst and what comes back of it in any time that a test takes.
const MANY: usize = 200;

fn kept(house: &Daemun, hash: &str) -> PathBuf {
    house.settings.data.join("images").join(hash)
}

pub(super) async fn an_image_is_served_with_all_that_a_browser_and_a_cache_need_to_know(
    house: Daemun,
) {
    let (house, _, browser) = with_owner(house).await;
    for (format, media_type) in [
        (ImageFormat::Png, "image/png"),
        (ImageFormat::Jpeg, "image/jpeg"),
        (ImageFormat::WebP, "image/webp"),
    ] {
        let (path, hash) = uploaded(&browser, format).await;
        let whole = house.http().get(&path).await.unwrap();
        let long = whole.body.len().to_string();
        let tag = format!("\"{hash}\"");
        assert_eq!(whole.status, 200);
        assert_eq!(image::guess_format(&whole.body).unwrap(), format);
        let head = asked(&house.http(), Method::HEAD, &path, &[]).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        for headers in [&whole.headers, &head.headers] {
            for (name, value) in [
                ("content-type", media_type),
                ("content-length", long.as_str()),
                ("etag", tag.as_str()),
                ("cache-control", "public, max-age=31536000, immutable"),
                ("x-content-type-options", "nosniff"),
                ("accept-ranges", "bytes"),
                ("access-control-allow-origin", "*"),
                ("cross-origin-resource-policy", "cross-origin"),
                ("content-security-policy", "default-src 'none'; sandbox; frame-ancestors 'none'"),
            ] {
                assert_eq!(header(headers, name), Some(value), "{name}");
            }
            assert_eq!(header(headers, "access-control-allow-credentials"), None);
        }
    }
}

pub(super) async fn who_has_it_is_told_so_and_who_has_a_part_gets_the_rest(house: Daemun) {
    let (house, path, hash) = with_image(house).await;
    let (http, tag) = (house.http(), format!("\"{hash}\""));
    let whole = http.get(&path).await.unwrap().body;
    let long = whole.len();
    let get = async |with: &[(&str, &str)]| asked(&http, Method::GET, &path, with).await;

    let known = get(&[("if-none-match", &tag), ("range", "bytes=0-1")]).await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    assert_eq!(header(&known.headers, "etag"), Some(tag.as_str()));
    assert!(header(&known.headers, "cache-control").is_some());
    assert_eq!(get(&[("if-none-match", "\"other\"")]).await.status, 200);

    let part = get(&[("range", "bytes=10-19"), ("if-range", &tag)]).await;
    assert_eq!((part.status, &part.body[..]), (206, &whole[10..20]));
    let said = format!("bytes 10-19/{long}");
    assert_eq!(header(&part.headers, "content-range"), Some(said.as_str()));
    assert_eq!(header(&part.headers, "content-length"), Some("10"));
    let rest = get(&[("range", "bytes=20-")]).await;
    assert_eq!((rest.status, &rest.body[..]), (206, &whole[20..]));
    let last = get(&[("range", "bytes=-5")]).await;
    assert_eq!((last.status, &last.body[..]), (206, &whole[long - 5..]));
    let nowhere = get(&[("range", &format!("bytes={long}-"))]).await;
    assert_eq!(nowhere.status, 416);
    let said = format!("bytes */{long}");
    assert_eq!(header(&nowhere.headers, "content-range"), Some(said.as_str()));
    let error: Value = serde_json::from_slice(&nowhere.body).unwrap();
    assert_eq!(error["err"]["code"], "body.invalid");
    for all in ["bytes=0-1,4-5", "lines=1-2", "bytes=9-2"] {
        let answer = get(&[("range", all)]).await;
        assert_eq!((answer.status, answer.body.len()), (200, long), "{all}");
    }
    let older = get(&[("range", "bytes=0-1"), ("if-range", "\"other\"")]).await;
    assert_eq!(older.status, 200);
}

pub(super) async fn what_is_no_images_address_is_answered_like_any_other_nothing(house: Daemun) {
    let (house, path, hash) = with_image(house).await;
    let http = house.http();
    let other = if hash.starts_with('0') { "1" } else { "0" };
    for wrong in [
        format!("/images/{hash}"),
        format!("/images/{hash}.jpg"),
        format!("/images/{hash}.webp"),
        format!("/images/{hash}.PNG"),
        format!("/images/{hash}.png.html"),
        format!("/images/{}.png", hash.to_uppercase()),
        format!("/images/{}.png", &hash[1..]),
        format!("/images/{other}{}.png", &hash[1..]),
        format!("/images/..%2Fimages%2F{hash}.png"),
        "/images/%ff.png".to_owned(),
        "/images/.png".to_owned(),
        "/images/".to_owned(),
        "/images".to_owned(),
    ] {
        let answer = http.get(&wrong).await.unwrap();
        let error: Value = serde_json::from_slice(&answer.body).unwrap();
        let said = (answer.status, &error["err"]["code"]);
        assert_eq!(said, (404, &json!("op.unknown")), "{wrong}");
    }
    let posted = asked(&http, Method::POST, &path, &[]).await;
    let error: Value = serde_json::from_slice(&posted.body).unwrap();
    assert_eq!((posted.status, &error["err"]["code"]), (405, &json!("op.method")));
    let token = http.get(&format!("{path}?access_token=x")).await.unwrap();
    assert_eq!(token.status, 400);
    assert_eq!(http.get(&format!("{path}?v=2")).await.unwrap().status, 200);
}

pub(super) async fn a_page_of_any_origin_may_read_it(house: Daemun) {
    let (house, path, _) = with_image(house).await;
    let strange = [
        ("origin", "https://anybody.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "range"),
    ];
    let before = asked(&house.http(), Method::OPTIONS, &path, &strange).await;
    assert_eq!(before.status, 200);
    assert_eq!(header(&before.headers, "access-control-allow-origin"), Some("*"));
    let allowed = header(&before.headers, "access-control-allow-headers").unwrap();
    assert!(allowed.contains("range"), "{allowed}");
    let answer = asked(&house.http(), Method::GET, &path, &strange[..1]).await;
    assert_eq!(header(&answer.headers, "access-control-allow-origin"), Some("*"));
    let exposed = header(&answer.headers, "access-control-expose-headers").unwrap();
    assert!(exposed.contains("content-range"), "{exposed}");
}

pub(super) async fn an_image_is_there_after_a_restart_and_one_that_was_changed_is_given_to_nobody(
    house: Daemun,
) {
    let (house, path, hash) = with_image(house).await;
    let whole = house.http().get(&path).await.unwrap().body;
    let house = house.restart().await;
    assert_eq!(house.http().get(&path).await.unwrap().body, whole);
    let mut changed = whole.to_vec();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    std::fs::write(kept(&house, &hash), &changed).unwrap();
    assert_eq!(house.http().get(&path).await.unwrap().body, whole, "as it is remembered");
    let house = house.restart().await;
    let answer = house.http().get(&path).await.unwrap();
    let error: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, &error["err"]["code"]), (503, &json!("storage.unavailable")));
    assert!(house.metric("daemun_images_corrupt_total").await >= 1.0);
}

#[tokio::test]
async fn an_address_that_asks_too_often_is_told_to_wait() {
    let house = Daemun::with(|settings| {
        settings.gateway.limits.address_per_second = Some(1);
        settings.gateway.limits.address_burst = Some(3);
    })
    .await;
    let path = format!("/images/{}.png", "0".repeat(64));
    for n in 0..MANY {
        let answer = house.http().get(&path).await.unwrap();
        if answer.status != 404 {
            assert!(n >= 3, "the burst passes");
            assert_eq!(answer.status, 429);
            return assert!(header(&answer.headers, "retry-after").is_some());
        }
    }
    panic!("nothing was refused");
}
