//! Images, as players fetch them, operators upload them, and strangers try to.

mod operators;
mod players;

use std::io::Cursor;

use hyper::Method;
use hyper::header::HeaderMap;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use loadtest::HttpClient;
use loadtest::http::HttpAnswer;
use serde_json::Value;

use crate::admin::{Browser, Said};
use crate::harness::before_both;

before_both! {
    operators::an_image_is_uploaded_listed_shown_and_taken_away
    operators::what_is_no_image_is_refused_in_words
    operators::what_is_behind_an_image_is_not_served
    operators::an_upload_may_be_as_large_as_it_may_be
    operators::one_picture_uploaded_by_many_at_once_is_one
    operators::who_may_not_write_uploads_nothing_whatever_it_is
    operators::an_image_that_a_notice_shows_is_not_taken_away
    players::an_image_is_served_with_all_that_a_browser_and_a_cache_need_to_know
    players::who_has_it_is_told_so_and_who_has_a_part_gets_the_rest
    players::what_is_no_images_address_is_answered_like_any_other_nothing
    players::a_page_of_any_origin_may_read_it
    players::an_image_is_there_after_a_restart_and_one_that_was_changed_is_given_to_nobody
}

const IMAGES: &str = "/admin/v1/apps/demo/images";

/// A picture, made anew each time and always the same.
pub fn picture(format: ImageFormat) -> Vec<u8> {
    let pixels = RgbImage::from_fn(24, 16, |x, y| Rgb([(x * 9) as u8, (y * 14) as u8, 200]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(pixels).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Uploads bytes as what they are said to be.
async fn upload(browser: &Browser, path: &str, media_type: &str, key: &str, bytes: &[u8]) -> Said {
    let mut request = browser.http.request(Method::POST, path);
    request = request.header("content-type", media_type).header("idempotency-key", key);
    if let (Some(cookie), Some(csrf)) = (&browser.cookie, &browser.csrf) {
        request = request.header("cookie", cookie).header("x-daemun-csrf", csrf);
    }
    let answer = browser.http.send(request.body(bytes.to_vec().into())).await.unwrap();
    let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
    Said { status: answer.status, headers: answer.headers, body }
}

/// Where players find an image of which that is known.
fn address(document: &Value) -> String {
    let extension = match document["body"]["media_type"].as_str().unwrap() {
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/webp" => "webp",
        other => panic!("{other}"),
    };
    format!("/images/{}.{extension}", document["body"]["hash"].as_str().unwrap())
}

async fn asked(http: &HttpClient, method: Method, path: &str, with: &[(&str, &str)]) -> HttpAnswer {
    let mut request = http.request(method, path);
    for (name, value) in with {
        request = request.header(*name, *value);
    }
    http.send(request.body(Vec::new().into())).await.unwrap()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}
