//! Who asks, and whether he may.

use std::time::Duration;

use actors::operators::{Caller, From, forbidden};
use axum::extract::Request;
use axum::http::header::{COOKIE as COOKIES, HeaderMap, USER_AGENT};
use axum::http::request::Parts;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::operators::endpoint::{Endpoint, Method, Need, Weight};
use protocol::operators::refusal::{OperatorCode, Refusal};
use protocol::operators::rights::{In, Resource, Right};

use super::documents::{UPLOAD_BYTES, declared};
use super::request::{Asked, Body, Params};
use super::{Admin, COOKIE, CSRF};
use crate::http::{client, origin, read, read_within, refuse_credentials_in};

/// The largest body, in bytes.
const BODY_BYTES: usize = 128 * 1024;
/// The same of what needs no login, and so is read of anybody.
const OPEN_BODY_BYTES: usize = 4 * 1024;
/// How long an upload may take.
const UPLOAD: Duration = Duration::from_secs(60);

impl Admin {
    /// Lets a request in, in this order: from our own page, by whom, shown by our own page, with
    /// the right, for a grave act with a fresh code; only then its body is read.
    pub(super) async fn admitted(
        &self,
        endpoint: Endpoint,
        params: Params,
        request: Request,
    ) -> Result<Asked, Refusal> {
        let (head, body) = request.into_parts();
        refuse_credentials_in(&head.uri)?;
        let changes = endpoint.method() != Method::Get;
        if changes {
            self.by_own_page(&head.headers)?;
        }
        let token = token(&head.headers);
        let caller = match (endpoint.need(), &token) {
            (Need::Nothing, _) => None,
            (Need::Login | Need::Everywhere(..) | Need::InApp(..), Some(token)) => {
                Some(self.operators.caller(token).await?)
            }
            (Need::Login | Need::Everywhere(..) | Need::InApp(..), None) => {
                return Err(Refusal::new(OperatorCode::LoginRequired, "log in first"));
            }
        };
        if let Some(caller) = &caller {
            if changes {
                shown_by_own_page(caller, &head.headers)?;
            }
            self.allowed(caller, endpoint, &params)?;
        }
        let body = if endpoint == Endpoint::ImageUpload {
            declared(&head.headers)?;
            Body::raw(read_within(UPLOAD, body, UPLOAD_BYTES).await?)
        } else {
            let most = match endpoint.need() {
                Need::Nothing => OPEN_BODY_BYTES,
                Need::Login | Need::Everywhere(..) | Need::InApp(..) => BODY_BYTES,
            };
            Body::read(&head.headers, read(body, most).await?)?
        };
        let from = self.from(&head);
        Ok(Asked { caller, from, token, params, head, body })
    }

    /// A browser says which page asks; whoever is none says nothing, and is let through: it has
    /// no cookies of others.
    fn by_own_page(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let site = headers.get("sec-fetch-site").map(|site| site.to_str().unwrap_or("?"));
        let own_site = site.is_none_or(|site| site == "same-origin");
        let own_origin = origin(headers).is_none_or(|origin| self.door.is_own(origin));
        if own_site && own_origin {
            return Ok(());
        }
        let message = "changes are asked for by this API's own pages alone";
        Err(Refusal::new(OperatorCode::Csrf, message))
    }

    fn allowed(&self, caller: &Caller, endpoint: Endpoint, params: &Params) -> Result<(), Refusal> {
        let may = |resource: Resource, right: Right, there: &In| {
            let may = caller.account.may(resource, right, there);
            may.then_some(()).ok_or_else(|| forbidden(resource, right, there))
        };
        match endpoint.need() {
            Need::Nothing | Need::Login => {}
            Need::Everywhere(resource, right) => may(resource, right, &In::All)?,
            Need::InApp(resource, right) => {
                let there = params.there()?;
                may(resource, right, &there)?;
                self.known(&there)?;
            }
        }
        let grave = endpoint.weight() == Weight::Grave;
        if grave && caller.proven_until() <= self.operators.now() {
            let message = "this is a grave act: show a fresh code at /admin/v1/prove first";
            return Err(Refusal::new(OperatorCode::ProofRequired, message));
        }
        Ok(())
    }

    fn known(&self, there: &In) -> Result<(), Refusal> {
        match there {
            In::All => Ok(()),
            In::App(app) if self.gate.node.launching.games().contains_key(app) => Ok(()),
            In::App(app) => {
                let message = format!("there is no game `{app}`");
                Err(ErrorBody::new(ErrorCode::AppUnknown, message).into())
            }
        }
    }

    fn from(&self, head: &Parts) -> From {
        let agent = head.headers.get(USER_AGENT).map(|agent| agent.to_str().unwrap_or("?"));
        let address = client(&self.gate, &head.extensions, &head.headers);
        From { address, agent: agent.unwrap_or_default().to_owned() }
    }
}

/// The session's token. Of two, another site of ours might have set one.
fn token(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(COOKIES).iter().filter_map(|all| all.to_str().ok());
    let pairs = cookies.flat_map(|all| all.split(';')).filter_map(|pair| pair.split_once('='));
    let mut found = pairs.filter(|(name, _)| name.trim() == COOKIE).map(|(_, token)| token.trim());
    match (found.next(), found.next()) {
        (Some(token), None) => Some(token.to_owned()),
        (Some(_), Some(_)) | (None, _) => None,
    }
}

fn shown_by_own_page(caller: &Caller, headers: &HeaderMap) -> Result<(), Refusal> {
    let shown = headers.get(CSRF).and_then(|shown| shown.to_str().ok());
    if shown.is_some_and(|shown| caller.is_own_page(shown)) {
        return Ok(());
    }
    let message = format!("a change needs the header {CSRF} with the `csrf` of /admin/v1/me");
    Err(Refusal::new(OperatorCode::Csrf, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sessions_token_is_found_among_cookies_and_once() {
        let of = |cookies: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(COOKIES, cookie.parse().unwrap());
            }
            token(&headers)
        };
        assert_eq!(of(&["a=b; __Host-daemun=abc; c=d"]).as_deref(), Some("abc"));
        assert_eq!(of(&["a=b", "__Host-daemun=abc"]).as_deref(), Some("abc"));
        for none in [&["a=b"][..], &[], &["__Host-daemun2=x"], &["daemun=x"]] {
            assert_eq!(of(none), None, "{none:?}");
        }
        assert_eq!(of(&["__Host-daemun=a; __Host-daemun=b"]), None);
        assert_eq!(of(&["__Host-daemun=a", "__Host-daemun=b"]), None);
    }
}
