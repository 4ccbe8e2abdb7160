//! The legacy door: the table of operations in another envelope.

mod calls;
mod codes;
mod malformed;
mod transactions;

use hyper::Method;
use loadtest::HttpClient;
use protocol::error::ErrorCode;
use serde_json::Value;

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A guest's first login as a form.
const LOGIN: &str = "app=demo&provider=guest&client.version=1.4.0&client.platform=android";

/// An answer of the legacy door, its envelope checked.
struct Answer(Value);

impl Answer {
    fn read(body: &[u8]) -> Self {
        let answer: Value = serde_json::from_slice(body)
            .unwrap_or_else(|_| panic!("no envelope: {}", String::from_utf8_lossy(body)));
        let header = &answer["header"];
        assert_eq!(header.as_object().unwrap().len(), 4, "{answer}");
        let id = header["transactionId"].as_str().unwrap();
        assert!((1..=128).contains(&id.len()), "{answer}");
        assert!(!header["resultMessage"].as_str().unwrap().is_empty(), "{answer}");
        let number = header["resultCode"].as_i64().unwrap();
        match header["isSuccessful"].as_bool().unwrap() {
            true => assert!(number == 0 && answer.get("error").is_none(), "{answer}"),
            false => {
                let code = ErrorCode::parse(answer["error"]["code"].as_str().unwrap()).unwrap();
                assert_eq!(number, gateway::legacy::result_code(code), "{answer}");
                assert!(answer["error"]["retry"].is_string(), "{answer}");
                assert_eq!(answer.as_object().unwrap().len(), 2, "{answer}");
            }
        }
        Self(answer)
    }

    fn transaction(&self) -> &str {
        self.0["header"]["transactionId"].as_str().unwrap()
    }

    /// The error's word, or `ok`.
    fn code(&self) -> &str {
        self.0["error"]["code"].as_str().unwrap_or("ok")
    }

    /// The field that the error names.
    fn field(&self) -> &str {
        self.0["error"]["detail"]["field"].as_str().unwrap_or_default()
    }

    /// The operation's reply: what is beside the header.
    fn reply(mut self) -> Value {
        assert_eq!(self.code(), "ok", "{}", self.0);
        self.0.as_object_mut().unwrap().remove("header");
        self.0
    }
}

/// Sends anything to anywhere under `/legacy`, which answers 200 with an envelope.
async fn send(
    http: &HttpClient,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> Answer {
    let mut request = http.request(method, &format!("/legacy{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = http.send(request.body(body.into().into())).await.unwrap();
    assert_eq!(answer.status, 200, "{path}");
    assert_eq!(answer.headers["content-type"], "application/json", "{path}");
    assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
    Answer::read(&answer.body)
}

/// Posts to a path behind `/legacy/v1/`.
async fn post(
    http: &HttpClient,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> Answer {
    send(http, Method::POST, &format!("/v1/{path}"), headers, body).await
}

/// Posts an operation as JSON.
async fn ask(http: &HttpClient, operation: &str, body: Value) -> Answer {
    post(http, &operation.replace('.', "/"), &[JSON], body.to_string()).await
}
