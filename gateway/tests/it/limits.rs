//! Back-pressure at the door: what is refused, how it is told, and when it ends.

mod address;
mod node;
mod rate;

use hyper::Method;
use loadtest::http::HttpAnswer;
use serde_json::{Value, json};

use crate::harness::{Daemun, client};

/// `launch.status` over HTTP, with header fields of one's own.
async fn status(house: &Daemun, headers: &[(&str, &str)]) -> HttpAnswer {
    let http = house.http();
    let mut request = http.request(Method::POST, "/v1/launch/status");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = json!({"app": "demo", "client": client()}).to_string();
    http.send(request.header("content-type", "application/json").body(body.into())).await.unwrap()
}

/// The result code of an operation over the legacy door.
async fn legacy(house: &Daemun, path: &str) -> i64 {
    let http = house.http();
    let request = http
        .request(Method::POST, &format!("/legacy/v1/{path}"))
        .header("content-type", "application/x-www-form-urlencoded");
    let form = "app=demo&client.version=1.4.0&client.platform=android".to_owned();
    let answer = http.send(request.body(form.into())).await.unwrap();
    assert_eq!(answer.status, 200, "as the old SDKs want it");
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    answer["header"]["resultCode"].as_i64().unwrap()
}

/// The error of an HTTP answer, whose hint stands in its head too.
fn told(answer: &HttpAnswer) -> Value {
    let error = serde_json::from_slice::<Value>(&answer.body).unwrap()["err"].clone();
    assert_eq!(error["retry"], "later", "{error}");
    let after: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(after, error["retry_after_ms"].as_u64().unwrap().div_ceil(1_000));
    error
}

/// How often something was refused by a limit.
async fn limited(house: &Daemun, limit: &str) -> f64 {
    house.metric(&format!("daemun_limited_total{{limit=\"{limit}\"}}")).await
}
