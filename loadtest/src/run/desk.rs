//! The operators' desk: the private listener, which takes messages for members.
//!
//! Where it is and what it wants to be shown stands in `private.json` of the server's data
//! folder; the token is made anew at each start, so both are read again when the server went
//! away.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use protocol::error::{ErrorBody, Retry};
use protocol::ids::{AppId, MemberId};
use serde::Deserialize;
use serde_json::json;

use crate::failure::Failure;
use crate::http::HttpClient;

/// Where the way to the desk stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// In `private.json` of this folder.
    Folder(PathBuf),
    /// The token alone is in a file.
    Token {
        /// The private listener's address.
        private: String,
        /// The file.
        file: PathBuf,
    },
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Posted {
    /// It is number so many of the member's inbox.
    As(u64),
    /// It was not taken, and may be tried later.
    NotTaken,
    /// It was taken, or not.
    Unknown,
    /// It never will be taken, for this reason.
    Refused(String),
}

/// The desk.
pub(super) struct Desk {
    access: Access,
    way: Mutex<Option<Way>>,
}

#[derive(Clone)]
struct Way {
    http: HttpClient,
    token: String,
}

impl Access {
    fn way(&self) -> io::Result<Way> {
        #[derive(Deserialize)]
        struct Private {
            address: String,
            token: String,
        }
        match self {
            Self::Folder(folder) => {
                let private: Private = serde_json::from_slice(&std::fs::read(file_in(folder))?)?;
                let http = HttpClient::new(&format!("http://{}", private.address));
                Ok(Way { http, token: private.token })
            }
            Self::Token { private, file } => {
                let token = std::fs::read_to_string(file)?.trim().to_owned();
                Ok(Way { http: HttpClient::new(private), token })
            }
        }
    }

    /// Whether there is something to be read.
    ///
    /// # Errors
    /// Why not, beginning with the flag.
    pub(super) fn check(&self) -> Result<(), String> {
        let (flag, file) = match self {
            Self::Folder(folder) => ("--data", file_in(folder)),
            Self::Token { file, .. } => ("--token-file", file.clone()),
        };
        self.way().map(drop).map_err(|error| format!("{flag}: {}: {error}", file.display()))
    }
}

fn file_in(folder: &Path) -> PathBuf {
    folder.join("private.json")
}

impl Desk {
    pub(super) fn new(access: Access) -> Self {
        Self { access, way: Mutex::default() }
    }

    /// Has a message posted to a member.
    pub(super) async fn post(&self, app: &AppId, member: MemberId, text: &str) -> Posted {
        let Some(way) = self.way() else { return Posted::NotTaken };
        let body = json!({ "app": app, "member": member, "text": text });
        let request = way
            .http
            .request(Method::POST, "/commands/member/message")
            .header(AUTHORIZATION, format!("Bearer {}", way.token))
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string().into());
        let posted = match way.http.send(request).await {
            Ok(answer) => read(answer.status, &answer.body),
            Err(Failure::Unreachable { .. }) => Posted::NotTaken,
            // The connection broke, or nothing came in time.
            Err(_) => Posted::Unknown,
        };
        if !matches!(posted, Posted::As(_)) {
            self.forget();
        }
        posted
    }

    fn way(&self) -> Option<Way> {
        let mut way = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        if way.is_none() {
            *way = self.access.way().ok();
        }
        way.clone()
    }

    fn forget(&self) {
        *self.way.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// What an answer says.
fn read(status: u16, body: &[u8]) -> Posted {
    #[derive(Deserialize)]
    struct Messaged {
        seq: u64,
    }
    #[derive(Deserialize)]
    struct Failed {
        err: ErrorBody,
    }
    if status == 200 {
        return match serde_json::from_slice(body) {
            Ok(Messaged { seq }) => Posted::As(seq),
            Err(error) => Posted::Refused(format!("an answer that is none: {error}")),
        };
    }
    match serde_json::from_slice(body) {
        // A server that was started anew has another token.
        Ok(Failed { err }) if status == 401 || err.retry == Retry::Later => Posted::NotTaken,
        Ok(Failed { err }) if err.retry == Retry::SameId => Posted::Unknown,
        Ok(Failed { err }) => Posted::Refused(err.to_string()),
        Err(_) => Posted::Refused(format!("HTTP {status}")),
    }
}

#[cfg(test)]
mod tests {
    use protocol::error::ErrorCode;

    use super::*;

    fn failed(status: u16, code: ErrorCode) -> Posted {
        read(status, json!({ "err": ErrorBody::new(code, "why") }).to_string().as_bytes())
    }

    #[test]
    fn an_answer_says_whether_it_was_taken() {
        assert_eq!(read(200, br#"{"seq":7}"#), Posted::As(7));
        assert_eq!(failed(503, ErrorCode::StorageUnavailable), Posted::NotTaken);
        assert_eq!(failed(401, ErrorCode::AuthRequired), Posted::NotTaken);
        assert_eq!(failed(500, ErrorCode::Internal), Posted::Unknown);
        assert!(matches!(failed(404, ErrorCode::MemberUnknown), Posted::Refused(_)));
        assert!(matches!(read(200, b"{}"), Posted::Refused(_)));
        assert!(matches!(read(404, b"nothing here"), Posted::Refused(_)));
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_flag() {
        let folder = Access::Folder("no/such/folder".into());
        assert!(folder.check().unwrap_err().starts_with("--data: no/such/folder/private.json: "));
        let file = "no/such/file".into();
        let token = Access::Token { private: "http://127.0.0.1:7351".into(), file };
        assert!(token.check().unwrap_err().starts_with("--token-file: no/such/file: "));
    }
}
