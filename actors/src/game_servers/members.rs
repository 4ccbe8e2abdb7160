//! Who members are, for their games' servers, and what is said to them.

use std::time::Duration;

use protocol::error::{ErrorBody, ErrorCode};
use protocol::game_servers::{
    BanReply, BanRequest, MemberReply, MemberRequest, MessageReply, MessageRequest, UnbanReply,
    UnbanRequest, VerifyReply, VerifyRequest,
};
use protocol::ids::MemberId;
use protocol::members::Ban as Told;
use protocol::push::{MESSAGE, Message};
use sha2::{Digest as _, Sha256};
use storage::freshness::Freshness;
use storage::members::{Ban, By, OverviewRead};
use storage::push::{NewPush, PostOnce, PostedOnce};

use super::{Asker, Inner};
use crate::identity::tokens::Caller;
use crate::{fault, sessions};

/// How long a message waits for its member, in seconds, unless said otherwise: 30 days.
const KEPT_S: u64 = 30 * 24 * 3600;
/// How long it waits at most, in seconds: 90 days.
const LONGEST_S: u64 = 90 * 24 * 3600;
/// How long the key of a message is known at least, in seconds: 30 days.
const KNOWN_S: u64 = 30 * 24 * 3600;

impl Inner {
    pub(super) async fn verify(
        &self,
        asker: &Asker,
        asked: &VerifyRequest,
    ) -> Result<VerifyReply, ErrorBody> {
        let caller = match self.node.caller(asked.token.expose()) {
            Ok(caller) if caller.app == *asker.app() => caller,
            // Another game's players are nobody here.
            Ok(_) => return Ok(invalid(ErrorCode::AuthRefused)),
            Err(error) => return Ok(invalid(error.code)),
        };
        let stands = sessions::standing(self.node.sessions.context(), &caller).await;
        let Caller { member, login, expires_at, .. } = caller;
        let reply = VerifyReply {
            valid: true,
            reason: None,
            member: Some(member),
            login: Some(login),
            expires_at: Some(expires_at),
        };
        match stands {
            Ok(_) => Ok(reply),
            Err(error) if judges(error.code) => {
                Ok(VerifyReply { valid: false, reason: Some(error.code), ..reply })
            }
            Err(error) => Err(error),
        }
    }

    /// That the game has this member.
    ///
    /// # Errors
    /// `member.unknown`, or what storage says.
    pub(super) async fn known(&self, asker: &Asker, member: MemberId) -> Result<(), ErrorBody> {
        let read = self.node.storage.members.get(asker.app().clone(), member).await;
        read.map_err(|error| fault::of_storage(&error))?.map(drop).ok_or_else(unknown)
    }

    pub(super) async fn member(
        &self,
        asker: &Asker,
        asked: MemberRequest,
    ) -> Result<MemberReply, ErrorBody> {
        let (app, now) = (asker.app().clone(), self.node.now());
        let freshness = Freshness::Present;
        let read = OverviewRead { app, member: asked.member, now, logins: 1, freshness };
        let seen = self.node.storage.members.overview(read).await;
        let seen = seen.map_err(|error| fault::of_storage(&error))?.value.ok_or_else(unknown)?;
        Ok(MemberReply {
            member: seen.member.id,
            state: seen.member.state(now),
            ban: seen.member.banned(now).cloned().map(told),
            created_at: seen.member.created_at,
            providers: seen.identities.into_iter().map(|identity| identity.provider).collect(),
        })
    }

    pub(super) async fn message(
        &self,
        asker: &Asker,
        asked: MessageRequest,
        idempotency: Option<&str>,
    ) -> Result<MessageReply, ErrorBody> {
        let digest = digest(&asked)?;
        let MessageRequest { member, title, text, expires_s } = asked;
        let kept_s = expires_s.unwrap_or(KEPT_S);
        if !(1..=LONGEST_S).contains(&kept_s) {
            return Err(ErrorBody::invalid("expires_s", "is not between 1 second and 90 days"));
        }
        let body = serde_json::to_string(&Message { title, text })
            .map_err(|error| fault::internal(&error.to_string()))?;
        let now = self.node.now();
        let expires_at = now.after(Duration::from_secs(kept_s));
        let push = NewPush { word: MESSAGE.to_owned(), body, expires_at };
        let (app, sessions) = (asker.app().clone(), &self.node.sessions);
        let Some(key) = idempotency else {
            let seq = sessions.message(app, member, push, By::Server).await?;
            return Ok(MessageReply { seq, seen_before: false });
        };
        let id = PostOnce::id_of(&app, member, key);
        let known_until = expires_at.max(now.after(Duration::from_secs(KNOWN_S)));
        let write = PostOnce { app, member, id, digest, push, known_until, now };
        match sessions.message_once(write, By::Server).await? {
            PostedOnce::Posted { seq, again } => Ok(MessageReply { seq, seen_before: again }),
            PostedOnce::Differs => {
                let message = "another message was sent under this Idempotency-Key";
                Err(ErrorBody::new(ErrorCode::OpKeyReused, message))
            }
            PostedOnce::Unknown => Err(unknown()),
        }
    }

    pub(super) async fn ban(
        &self,
        asker: &Asker,
        asked: BanRequest,
    ) -> Result<BanReply, ErrorBody> {
        let BanRequest { member, reason, until } = asked;
        let (app, told) = (asker.app().clone(), Told { reason, until });
        let seq = self.node.sessions.ban(app, member, By::Server, told).await?;
        Ok(BanReply { seq })
    }

    pub(super) async fn unban(
        &self,
        asker: &Asker,
        asked: UnbanRequest,
    ) -> Result<UnbanReply, ErrorBody> {
        let app = asker.app().clone();
        let lifted = self.node.sessions.unban(app, asked.member, By::Server).await?;
        Ok(UnbanReply { lifted: lifted.map(told) })
    }
}

/// Of a message as it was asked for.
fn digest(asked: &MessageRequest) -> Result<[u8; 32], ErrorBody> {
    let whole = serde_json::to_vec(asked).map_err(|error| fault::internal(&error.to_string()))?;
    Ok(Sha256::digest(whole).into())
}

fn told(ban: Ban) -> Told {
    Told { reason: ban.reason, until: ban.until }
}

fn invalid(reason: ErrorCode) -> VerifyReply {
    VerifyReply { valid: false, reason: Some(reason), member: None, login: None, expires_at: None }
}

/// Whether an error says of a login that it does not stand, and not that nobody could tell.
fn judges(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::AuthRefused
            | ErrorCode::AuthExpired
            | ErrorCode::AuthReused
            | ErrorCode::AuthLoggedOut
            | ErrorCode::SessionReplaced
            | ErrorCode::MemberBanned
    )
}

/// What who asks about a member that is not the game's is told.
pub(super) fn unknown() -> ErrorBody {
    ErrorBody::new(ErrorCode::MemberUnknown, "the game has no such member")
}
