//! The service account by which Google is asked.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use storage::clock::Micros;

use crate::outside::{check_url, form};
use crate::purchases::bearer::Given;
use crate::purchases::reply;
use crate::purchases::verifier::Fault;

/// What the token is for.
const SCOPE: &str = "https://www.googleapis.com/auth/androidpublisher";
/// How long what we sign is good, in seconds: the longest that Google allows.
const LIFE_S: i64 = 3_600;
/// The longest life of a token that is believed, in seconds.
const LONGEST_S: u64 = 3_600;

/// A service account.
pub(super) struct Account {
    email: String,
    key_id: Option<String>,
    key: EncodingKey,
    token_uri: String,
}

#[derive(Deserialize)]
struct File {
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    token_uri: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'static str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    expires_in: u64,
}

#[derive(Deserialize)]
struct OAuthError {
    error: String,
}

impl Account {
    /// Reads the JSON that Google gives out for a service account.
    ///
    /// # Errors
    /// What is wrong, without any of it.
    pub(super) fn read(json: &[u8], allow_insecure_loopback: bool) -> Result<Self, String> {
        let file: File = serde_json::from_slice(json).map_err(
            |_| "is not a service account's key: JSON with client_email, private_key and token_uri",
        )?;
        check_url(&file.token_uri, allow_insecure_loopback)
            .map_err(|wrong| format!("its token_uri {wrong}"))?;
        let wrong = "its private_key is not an RSA key in PEM";
        let key = EncodingKey::from_rsa_pem(file.private_key.as_bytes()).map_err(|_| wrong)?;
        let account = Self {
            email: file.client_email,
            key_id: file.private_key_id,
            key,
            token_uri: file.token_uri,
        };
        // Only using it shows that it is such a key.
        account.assertion(Micros(0)).ok_or(wrong)?;
        Ok(account)
    }

    /// Asks for a token (RFC 7523, section 2.1).
    pub(super) async fn token(&self, client: &Client, now: Micros) -> Result<Given, Fault> {
        const WHAT: &str = "an access token";
        const WRONG: Fault = Fault::Misconfigured("google_play.service_account_file");
        let assertion = self.assertion(now).ok_or(WRONG)?;
        let body = form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", &assertion),
        ]);
        let request = client.post(&self.token_uri);
        let request =
            request.header("content-type", "application/x-www-form-urlencoded").body(body);
        let reply = reply::ask(WHAT, request).await?;
        if reply.is_good() {
            let token: Token = reply.read(WHAT)?;
            let life = Duration::from_secs(token.expires_in.min(LONGEST_S));
            return Ok(Given { token: token.access_token, life });
        }
        let said = reply.try_read().map(|OAuthError { error }| error);
        match (reply.status(), said) {
            // RFC 6749, section 5.2: the account or its key is not known, or not any more.
            (401 | 403, _) | (400, Some(_)) => Err(WRONG),
            _ => Err(reply.unavailable(WHAT, now.0 / 1_000)),
        }
    }

    fn assertion(&self, now: Micros) -> Option<String> {
        let iat = now.seconds();
        let claims =
            Claims { iss: &self.email, scope: SCOPE, aud: &self.token_uri, iat, exp: iat + LIFE_S };
        let header = Header { kid: self.key_id.clone(), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &claims, &self.key).ok()
    }
}
