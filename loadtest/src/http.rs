//! The HTTP door.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::failure::Failure;
use crate::frame;
use crate::onlooker::{Event, Onlooker};

/// How long a client waits for anything unless told otherwise.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The largest answer that is read, in bytes: the documents are a few hundred kilobytes.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// A client of the HTTP door. Clones share their kept connections.
#[derive(Clone)]
pub struct HttpClient {
    base: String,
    client: Client<HttpConnector, Full<Bytes>>,
    patience: Duration,
    onlooker: Option<Arc<dyn Onlooker>>,
}

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl HttpClient {
    /// A client of the server at `base`, for example `http://127.0.0.1:7350`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            patience: PATIENCE,
            onlooker: None,
        }
    }

    /// Waits this long for each answer.
    #[must_use]
    pub fn patient_for(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Shows every [`HttpClient::call`] and its answer to `onlooker`.
    #[must_use]
    pub fn watched_by(mut self, onlooker: Arc<dyn Onlooker>) -> Self {
        self.onlooker = Some(onlooker);
        self
    }

    /// The server's address, without a slash at its end.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Posts an operation and gives the status and the whole body: `{"ok"}` or `{"err"}`.
    ///
    /// # Errors
    /// When no answer comes, or one that is not JSON. An error of the contract is an answer.
    pub async fn call(
        &self,
        op: &str,
        bearer: Option<&str>,
        body: Value,
    ) -> Result<(u16, Value), Failure> {
        let path = format!("/v1/{}", op.replace('.', "/"));
        self.show(Event::Call { path: &path, bearer, body: &body });
        let mut request =
            self.request(Method::POST, &path).header(CONTENT_TYPE, "application/json");
        if let Some(token) = bearer {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let answer = self.send(request.body(Full::from(body.to_string()))).await?;
        let body = frame::decode(protocol::codec::Format::Json, &answer.body)?;
        self.show(Event::Answer { status: answer.status, body: &body });
        Ok((answer.status, body))
    }

    /// Posts an operation and gives what is in its `ok`.
    ///
    /// # Errors
    /// As [`HttpClient::call`], and [`Failure::Refused`] with what is in its `err`.
    pub async fn ask(&self, op: &str, bearer: Option<&str>, body: Value) -> Result<Value, Failure> {
        let (status, body) = self.call(op, bearer, body).await?;
        outcome(status, body)
    }

    /// Gets a path.
    ///
    /// # Errors
    /// When no answer comes. Any status is an answer.
    pub async fn get(&self, path: &str) -> Result<HttpAnswer, Failure> {
        self.send(self.request(Method::GET, path).body(Full::default())).await
    }

    /// Begins a request of a test's own making; [`HttpClient::send`] sends it.
    #[must_use]
    pub fn request(&self, method: Method, path: &str) -> hyper::http::request::Builder {
        Request::builder().method(method).uri(format!("{}{path}", self.base))
    }

    /// Sends a request as it is.
    ///
    /// # Errors
    /// When it cannot be built, or no answer comes. Any status is an answer.
    pub async fn send(
        &self,
        request: Result<Request<Full<Bytes>>, hyper::http::Error>,
    ) -> Result<HttpAnswer, Failure> {
        let request = request.map_err(|error| Failure::Unsendable(error.to_string()))?;
        tokio::time::timeout(self.patience, self.exchange(request))
            .await
            .unwrap_or(Err(Failure::Late { what: "an HTTP answer", after: self.patience }))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<HttpAnswer, Failure> {
        let answer = self.client.request(request).await.map_err(|error| self.fault(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES)
            .collect()
            .await
            .map_err(|error| Failure::Strange(format!("an HTTP body that breaks off: {error}")))?;
        Ok(HttpAnswer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.to_bytes(),
        })
    }

    fn fault(&self, error: &hyper_util::client::legacy::Error) -> Failure {
        let why = root(error).to_string();
        if error.is_connect() {
            return Failure::Unreachable { address: self.base.clone(), why };
        }
        Failure::Strange(format!("an HTTP exchange that breaks off: {why}"))
    }

    fn show(&self, event: Event<'_>) {
        if let Some(onlooker) = &self.onlooker {
            onlooker.see(event);
        }
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("base", &self.base).finish_non_exhaustive()
    }
}

/// What an answer says, its status checked against its error's.
fn outcome(status: u16, body: Value) -> Result<Value, Failure> {
    let Value::Object(mut fields) = body else {
        return Err(Failure::Strange(format!("an HTTP body that is not a map: {body}")));
    };
    let outcome = frame::outcome(&mut fields)?;
    let due = outcome.as_ref().map_or_else(|error| error.code.http_status(), |_| 200);
    if status != due {
        return Err(Failure::Strange(format!("HTTP {status} where {due} belongs")));
    }
    outcome.map_err(Failure::Refused)
}

/// The innermost cause, which says it best: "Connection refused", not "client error".
fn root<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    error.source().map_or(error, root)
}

#[cfg(test)]
mod tests;
