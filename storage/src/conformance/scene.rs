//! The words that the cases are told in: a game, a player in it, moments and tokens.

use std::time::Duration;

use protocol::client::{Platform, StoreName};
use protocol::ids::{AppId, LoginId, MemberId};
use protocol::push::BANNED;
use protocol::text::Text;
use uuid::Uuid;

use crate::clock::Micros;
use crate::config::StorageSettings;
use crate::identity::{Digest, Identity, IdentityKey, LoginOutcome, LoginWrite, Proof};
use crate::members::{Ban, BanWrite, By, Member};
use crate::open::Storage;
use crate::push::NewPush;
use crate::sessions::{
    Device, End, EndedBy, NewLogin, RefreshOutcome, RefreshWrite, Said, Standing, TakeOver,
};

/// The moment at which a case begins.
pub(crate) const START: Micros = Micros(1_800_000_000_000_000);
/// The least step of time.
pub(crate) const INSTANT: Duration = Duration::from_micros(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a refresh token is good.
pub(crate) const LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long a lost reply is given again.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// A digest that nothing else has.
pub(crate) fn digest() -> Digest {
    let mut digest = [0; 32];
    digest[..16].copy_from_slice(Uuid::now_v7().as_bytes());
    digest[16..].copy_from_slice(Uuid::now_v7().as_bytes());
    digest
}

/// Sealed bytes that nothing else has.
pub(crate) fn sealed() -> Vec<u8> {
    [[0; 32], digest(), [255; 32]].concat()
}

/// A member id that nobody else has.
pub(crate) fn candidate() -> MemberId {
    let (_, low) = Uuid::now_v7().as_u64_pair();
    // The upper two bits are the UUID's variant, the others its counter and chance. They begin
    // where an id's shard does, so that ids fall on every shard.
    MemberId::from_number(i64::try_from(low << 2 >> 1).unwrap() | 1).unwrap()
}

/// A login to be written, from an ordinary phone.
pub(crate) fn new_login(provider: &str, now: Micros) -> NewLogin {
    NewLogin {
        id: LoginId(Uuid::now_v7()),
        provider: provider.to_owned(),
        device: Device {
            platform: Platform::Android,
            store: Some(StoreName::GooglePlay),
            name: Some("Pixel 9".to_owned()),
            version: "1.4.0".to_owned(),
            said: Box::new(Said {
                country: Some("KR".to_owned()),
                lang: Some("ko".to_owned()),
                device_id: Some("5b0c-77".to_owned()),
            }),
        },
        tag: digest(),
        token: digest(),
        expires_at: now.after(LIFETIME),
        now,
    }
}

/// A game of this case's own.
#[derive(Clone)]
pub(crate) struct Game {
    pub(crate) storage: Storage,
    pub(crate) app: AppId,
}

impl Game {
    pub(crate) fn new(storage: &Storage) -> Self {
        let word = Uuid::now_v7().simple().to_string();
        Self { storage: storage.clone(), app: format!("g{}", &word[1..]).parse().unwrap() }
    }

    /// The same game, played through several nodes in front of the same backend.
    pub(crate) async fn nodes(&self, count: usize) -> Vec<Self> {
        let mut nodes = Vec::new();
        for _ in 0..count {
            let storage = self.storage.another(&StorageSettings::default());
            storage.start_alone().await.unwrap();
            nodes.push(Self { storage, app: self.app.clone() });
        }
        nodes
    }

    fn write(&self, provider: &str, subject: &str, proof: Proof, now: Micros) -> LoginWrite {
        let key = IdentityKey {
            app: self.app.clone(),
            provider: provider.to_owned(),
            subject: subject.to_owned(),
        };
        let (candidate, login) = (candidate(), new_login(provider, now));
        LoginWrite { key, proof, nonce: None, candidate, login }
    }

    /// A provider vouches for this person.
    pub(crate) fn vouched(&self, subject: &str, now: Micros) -> LoginWrite {
        self.write("google", subject, Proof::Vouched, now)
    }

    /// A guest that was made just now.
    pub(crate) fn new_guest(&self, subject: &str, secret: Digest, now: Micros) -> LoginWrite {
        self.write("guest", subject, Proof::NewSecret(secret), now)
    }

    /// A guest that comes back.
    pub(crate) fn guest(&self, subject: &str, secret: Digest, now: Micros) -> LoginWrite {
        self.write("guest", subject, Proof::Secret(secret), now)
    }

    pub(crate) async fn login(&self, write: LoginWrite) -> LoginOutcome {
        self.storage.identity.login(write).await.unwrap()
    }

    /// Logs in, which must succeed.
    pub(crate) async fn enter(&self, write: LoginWrite) -> Player {
        match self.login(write.clone()).await {
            LoginOutcome::LoggedIn { member, new_member, epoch, replaced } => Player {
                game: self.clone(),
                key: write.key,
                login: write.login,
                member,
                new_member,
                epoch,
                replaced,
            },
            other => panic!("not logged in: {other:?}"),
        }
    }

    /// A person nobody has seen before logs in.
    pub(crate) async fn player(&self) -> Player {
        self.enter(self.vouched(&Uuid::now_v7().to_string(), START)).await
    }

    pub(crate) async fn member(&self, id: MemberId) -> Option<Member> {
        self.storage.members.get(self.app.clone(), id).await.unwrap()
    }

    /// Bans a member, who must be there; returns the ban and its push's number.
    pub(crate) async fn bans(
        &self,
        member: MemberId,
        now: Micros,
        until: Option<Micros>,
    ) -> (Ban, u64) {
        let write = self.ban(member, now, until);
        let banned = self.storage.members.ban(write.clone()).await.unwrap();
        (write.ban, banned.expect("the member is there"))
    }

    /// A ban to be written.
    pub(crate) fn ban(&self, member: MemberId, now: Micros, until: Option<Micros>) -> BanWrite {
        let reason = Text::new("아레나에서 부정행위 ⚔").unwrap();
        let ban = Ban { id: Uuid::now_v7(), reason, until, at: now, by: By::Command };
        let push = NewPush {
            word: BANNED.to_owned(),
            body: serde_json::json!({"reason": ban.reason}).to_string(),
            expires_at: now.after(DAY),
        };
        BanWrite { app: self.app.clone(), member, ban, push }
    }

    /// Lifts a member's ban, and returns the member as it was.
    pub(crate) async fn unban(&self, member: MemberId, now: Micros) -> Option<Member> {
        let (app, word) = (self.app.clone(), BANNED.to_owned());
        self.storage.members.unban(app, member, word, now).await.unwrap()
    }

    pub(crate) async fn identities(&self, id: MemberId) -> Vec<Identity> {
        self.storage.identity.list(self.app.clone(), id).await.unwrap()
    }

    pub(crate) async fn standing(&self, member: MemberId, login: LoginId) -> Option<Standing> {
        let read = self.storage.sessions.standing(self.app.clone(), member, login).await.unwrap();
        // What it says, whether or not it was remembered.
        read.map(|standing| Standing { age: Duration::ZERO, ..standing })
    }

    pub(crate) async fn end(
        &self,
        member: MemberId,
        which: End,
        by: EndedBy,
        now: Micros,
    ) -> Vec<LoginId> {
        self.storage.sessions.end(self.app.clone(), member, which, by, now).await.unwrap()
    }

    pub(crate) async fn refresh(&self, write: RefreshWrite) -> RefreshOutcome {
        self.storage.sessions.refresh(write).await.unwrap()
    }
}

/// Who logged in, and the login that this made.
#[derive(Clone)]
pub(crate) struct Player {
    pub(crate) game: Game,
    pub(crate) key: IdentityKey,
    pub(crate) login: NewLogin,
    pub(crate) member: Member,
    pub(crate) new_member: bool,
    pub(crate) epoch: i64,
    pub(crate) replaced: Option<LoginId>,
}

impl Player {
    /// The same person logs in on another device.
    pub(crate) async fn again(&self, now: Micros) -> Self {
        self.game.enter(self.game.vouched(&self.key.subject, now)).await
    }

    /// An exchange of `token` that offers a token nobody has seen.
    pub(crate) fn exchange(&self, token: Digest, now: Micros) -> RefreshWrite {
        RefreshWrite {
            app: self.game.app.clone(),
            login: self.login.id,
            member: Some(self.member.id),
            tag: self.login.tag,
            token,
            next: digest(),
            next_sealed: sealed(),
            expires_at: now.after(LIFETIME),
            repeat_since: now.before(WINDOW),
            take_over: None,
            now,
        }
    }

    /// The same, to take the session back if this login was replaced.
    pub(crate) fn take_over(&self, token: Digest, now: Micros) -> RefreshWrite {
        let take_over = TakeOver {
            id: LoginId(Uuid::now_v7()),
            tag: digest(),
            token: digest(),
            sealed: sealed(),
        };
        RefreshWrite { take_over: Some(take_over), ..self.exchange(token, now) }
    }

    /// Shows a token.
    pub(crate) async fn shows(&self, token: Digest, now: Micros) -> RefreshOutcome {
        self.game.refresh(self.exchange(token, now)).await
    }

    /// Shows a token that must be good, and returns the one that took its place.
    pub(crate) async fn rotates(&self, token: Digest, now: Micros) -> Digest {
        let write = self.exchange(token, now);
        assert_eq!(self.game.refresh(write.clone()).await, self.rotated());
        write.next
    }

    /// What an exchange of a good token says.
    pub(crate) fn rotated(&self) -> RefreshOutcome {
        RefreshOutcome::Rotated { member: self.member.clone() }
    }

    /// What an exchange of a token that was used before says.
    pub(crate) fn reused(&self) -> RefreshOutcome {
        RefreshOutcome::Reused { member: self.member.id }
    }

    pub(crate) async fn standing(&self) -> Standing {
        self.game.standing(self.member.id, self.login.id).await.expect("the login is kept")
    }

    /// Ends this login.
    pub(crate) async fn ends(&self, by: EndedBy, now: Micros) -> Vec<LoginId> {
        self.game.end(self.member.id, End::One(self.login.id), by, now).await
    }

    /// What is listed of this member's logins, and its epoch.
    pub(crate) async fn listed(&self, now: Micros, limit: usize) -> (Vec<LoginId>, i64) {
        let app = self.game.app.clone();
        let sessions = &self.game.storage.sessions;
        let (logins, epoch) = sessions.logins(app, self.member.id, now, limit).await.unwrap();
        (logins.into_iter().map(|login| login.id).collect(), epoch)
    }
}
