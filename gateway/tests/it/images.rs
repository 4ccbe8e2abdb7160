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
