//! What a player asks for once its session is open, and whether the answer is right.

use protocol::identity::{Identity, ListReply as Identities, ListRequest as IdentitiesRequest};
use protocol::identity::{RefreshRequest as NewTokensRequest, Tokens};
use protocol::members::{MeReply, MeRequest};
use protocol::operation::Operation;
use protocol::sessions::{
    CloseReply, CloseRequest, ListReply as Logins, ListRequest as LoginsRequest, PingReply,
    PingRequest, RefreshReply, RefreshRequest,
};
use serde_json::Value;

use super::known::Known;
use super::stage::Stage;
use crate::failure::Failure;
use crate::frame::{typed, value};

/// What a player asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// `session.ping`, which the connection answers.
    Ping,
    /// `member.me`, which the session answers.
    Me,
    /// `session.list`.
    Logins,
    /// `identity.list`.
    Identities,
    /// `auth.refresh`, when the access token is about to expire.
    NewTokens,
    /// `session.refresh`, with the new one.
    Renew,
    /// `session.close`, at the end.
    Close,
}

impl Ask {
    /// The operation that is asked for.
    pub(super) fn operation(self) -> Operation {
        match self {
            Self::Ping => Operation::SessionPing,
            Self::Me => Operation::MemberMe,
            Self::Logins => Operation::SessionList,
            Self::Identities => Operation::IdentityList,
            Self::NewTokens => Operation::AuthRefresh,
            Self::Renew => Operation::SessionRefresh,
            Self::Close => Operation::SessionClose,
        }
    }

    /// Whether it is one of the requests that a scenario asks for; the others keep the
    /// session itself.
    pub(super) fn counts(self) -> bool {
        match self {
            Self::Ping | Self::Me | Self::Logins | Self::Identities => true,
            Self::NewTokens | Self::Renew | Self::Close => false,
        }
    }

    /// The body of the request of this number.
    pub(super) fn body(self, id: u64, known: &Known, stage: &Stage) -> Result<Value, Failure> {
        match self {
            Self::Ping => value(&PingRequest { t: Some(id as f64) }),
            Self::Me => value(&MeRequest {}),
            Self::Logins => value(&LoginsRequest {}),
            Self::Identities => value(&IdentitiesRequest {}),
            Self::NewTokens => value(&NewTokensRequest {
                app: stage.app.clone(),
                refresh_token: known.tokens.refresh_token.clone(),
                take_over: false,
                client: None,
            }),
            Self::Renew => value(&RefreshRequest { token: known.tokens.access_token.clone() }),
            Self::Close => value(&CloseRequest {}),
        }
    }

    /// Checks the answer to the request of this number, and learns from it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn check(self, id: u64, answer: Value, known: &mut Known) -> Result<(), String> {
        match self {
            Self::Ping => {
                let PingReply { t, .. } = shape(answer)?;
                right(t == Some(id as f64), || format!("t is {t:?} where {id} was sent"))
            }
            Self::Me => {
                let MeReply { member, identities } = shape(answer)?;
                let (due, came) = (known.member, member.id);
                right(came == due, || format!("member {came} where {due} asked"))?;
                one_guest(&identities)
            }
            Self::Logins => {
                let Logins { logins } = shape(answer)?;
                let mine = known.session.map(|session| session.login);
                let one = matches!(logins.as_slice(), [one] if one.current && !one.replaced
                    && Some(one.id) == mine);
                right(one, || format!("{logins:?} where the one login {mine:?} belongs"))
            }
            Self::Identities => {
                let Identities { identities } = shape(answer)?;
                one_guest(&identities)
            }
            Self::NewTokens => {
                let tokens: Tokens = shape(answer)?;
                let new = tokens.access_token != known.tokens.access_token;
                known.tokens = tokens;
                right(new, || "the old access token again".to_owned())
            }
            Self::Renew => {
                let RefreshReply { access_expires_s } = shape(answer)?;
                right(access_expires_s > 0, || "a session good for 0 s".to_owned())
            }
            Self::Close => shape(answer).map(|CloseReply {}| ()),
        }
    }
}

fn one_guest(identities: &[Identity]) -> Result<(), String> {
    let one = matches!(identities, [one] if one.provider == "guest");
    right(one, || format!("{identities:?} where one guest belongs"))
}

fn shape<T: serde::de::DeserializeOwned>(answer: Value) -> Result<T, String> {
    typed("an answer", answer).map_err(|failure| failure.to_string())
}

/// An error, unless `fine`.
pub(super) fn right(fine: bool, wrong: impl FnOnce() -> String) -> Result<(), String> {
    if fine { Ok(()) } else { Err(wrong()) }
}
