//! A game with one guest and a memory of a few words.

use protocol::client::Platform;
use protocol::close::CloseCode;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::identity::{
    Credential, Identity, ListReply as Identities, LoginReply, LogoutReply, Todo, Tokens,
};
use protocol::ids::{LoginId, MemberId, SessionId};
use protocol::launching::{ServiceWord, StatusReply};
use protocol::members::{MeReply, Member, MemberState};
use protocol::operation::{ConnectionRequest, MemberRequest, PublicRequest, Reply, Request};
use protocol::sessions::{
    ListReply as Logins, Login, OpenReply, OpenRequest, PingReply, RefreshReply, ResumeFailed,
};
use protocol::text::{Secret, Text};
use protocol::time::Micros;

/// In what a fake game differs from a true one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quirk {
    /// In nothing that a walk sees.
    None,
    /// It keeps nothing, so no session goes on.
    Forgetful,
    /// It closes with the wrong code after a logout.
    Rude,
    /// It goes on taking a token that was logged out.
    Trusting,
}

/// A game with one guest.
pub(crate) struct Game {
    pub(crate) socket_url: String,
    quirk: Quirk,
    tokens: u64,
    logged_in: bool,
}

type Outcome = Result<Reply, ErrorBody>;

#[allow(clippy::match_wildcard_for_single_variants, reason = "the table grows, this game does not")]
impl Game {
    pub(crate) fn new(quirk: Quirk) -> Self {
        Self { socket_url: String::new(), quirk, tokens: 0, logged_in: false }
    }

    pub(crate) fn farewell(&self) -> CloseCode {
        if self.quirk == Quirk::Rude { CloseCode::Internal } else { CloseCode::LoggedOut }
    }

    /// Answers as a server would; over HTTP, with the token that came along.
    pub(crate) fn answer(&mut self, request: Request, bearer: Option<&str>) -> Outcome {
        match request {
            Request::Public(request) => self.anyone(&request),
            Request::Connection(request) => self.connection(request),
            Request::Member(request) => self.guest(&request, bearer),
        }
    }

    fn anyone(&mut self, request: &PublicRequest) -> Outcome {
        match request {
            PublicRequest::LaunchStatus(_) => Ok(Reply::LaunchStatus(self.status())),
            PublicRequest::AuthLogin(_) => {
                self.logged_in = true;
                Ok(Reply::AuthLogin(LoginReply {
                    member: member(),
                    new_member: true,
                    tokens: self.next_tokens(),
                    credential: Some(credential()),
                    todo: Todo::default(),
                }))
            }
            PublicRequest::AuthRefresh(_) => Ok(Reply::AuthRefresh(self.next_tokens())),
            other => Err(ErrorBody::new(ErrorCode::OpUnknown, format!("{:?}", other.operation()))),
        }
    }

    fn connection(&self, request: ConnectionRequest) -> Outcome {
        match request {
            ConnectionRequest::SessionOpen(open) => Ok(Reply::SessionOpen(self.open(&open))),
            ConnectionRequest::SessionRefresh(_) => {
                Ok(Reply::SessionRefresh(RefreshReply { access_expires_s: 900 }))
            }
            ConnectionRequest::SessionPing(ping) => {
                Ok(Reply::SessionPing(PingReply { t: ping.t, time: Micros(0) }))
            }
            other => Err(ErrorBody::new(ErrorCode::OpUnknown, format!("{:?}", other.operation()))),
        }
    }

    fn guest(&mut self, request: &MemberRequest, bearer: Option<&str>) -> Outcome {
        if bearer.is_some() && !self.logged_in && self.quirk != Quirk::Trusting {
            return Err(ErrorBody::new(ErrorCode::AuthLoggedOut, "this login was ended"));
        }
        let identities = vec![guest()];
        match request {
            MemberRequest::AuthLogout(_) => {
                self.logged_in = false;
                Ok(Reply::AuthLogout(LogoutReply { ended: 1 }))
            }
            MemberRequest::IdentityList(_) => Ok(Reply::IdentityList(Identities { identities })),
            MemberRequest::MemberMe(_) => {
                Ok(Reply::MemberMe(MeReply { member: member(), identities }))
            }
            MemberRequest::SessionList(_) => {
                Ok(Reply::SessionList(Logins { logins: vec![login()] }))
            }
            other => Err(ErrorBody::new(ErrorCode::OpUnknown, format!("{:?}", other.operation()))),
        }
    }

    fn open(&self, open: &OpenRequest) -> OpenReply {
        let kept = self.quirk != Quirk::Forgetful;
        OpenReply {
            session: SessionId { login: login().id, open: 1 },
            member: member().id,
            resumed: open.resume.is_some() && kept,
            resume_failed: open.resume.filter(|_| !kept).map(|_| ResumeFailed::NotKept),
            seq: 0,
            time: Micros(0),
            heartbeat_s: 25,
            changed: Vec::new(),
            launch: self.status(),
        }
    }

    fn status(&self) -> StatusReply {
        StatusReply {
            status: 200,
            word: ServiceWord::InService,
            message: None,
            update: None,
            maintenance: None,
            planned: None,
            content: None,
            server_address: self.socket_url.clone(),
            time: Micros(0),
        }
    }

    fn next_tokens(&mut self) -> Tokens {
        self.tokens += 1;
        Tokens {
            access_token: Secret::new(&format!("access-token-that-nobody-may-see-{}", self.tokens))
                .unwrap(),
            access_expires_s: 900,
            refresh_token: Secret::new(&format!(
                "refresh-token-that-nobody-may-see-{}",
                self.tokens
            ))
            .unwrap(),
            refresh_expires_s: 90_000,
        }
    }
}

fn credential() -> Credential {
    Credential {
        guest: Some(Text::new("g-1").unwrap()),
        secret: Some(Secret::new("guest-secret-that-nobody-may-see").unwrap()),
        token: None,
    }
}

fn member() -> Member {
    let id = MemberId::from_number(77).unwrap();
    Member { id, state: MemberState::Active, created_at: Micros(0) }
}

fn guest() -> Identity {
    Identity { provider: "guest".into(), linked_at: Micros(0), last_login_at: Micros(0) }
}

fn login() -> Login {
    Login {
        id: "019aac4b-2e3f-7d55-8a53-0d1c5a3b9e10".parse::<LoginId>().unwrap(),
        current: true,
        replaced: false,
        platform: Platform::Android,
        device: None,
        created_at: Micros(0),
        refreshed_at: Micros(0),
    }
}
