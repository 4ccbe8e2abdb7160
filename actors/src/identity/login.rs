//! The way of a login: credential, identity, member, tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use protocol::client::Client;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::identity::{
    Credential, LoginReply, LoginRequest, NonceReply, NonceRequest, RefreshRequest, Todo, Tokens,
};
use protocol::ids::{AppId, LoginId, MemberId};
use protocol::text::Text;
use sha2::{Digest as _, Sha256};
use storage::clock::{Clock, Micros};
use storage::gamelog::{Event, LogRecord};
use storage::identity::{Digest, IdentityKey, LoginOutcome, LoginWrite, Proof};
use storage::open::Storage;
use storage::sessions::{Device, EndedBy, NewLogin, RefreshOutcome, RefreshWrite, Said, TakeOver};

use super::keys::KeyCache;
use super::refresh::RefreshToken;
use super::settings::IdentitySettings;
use super::tokens::AccessTokens;
use super::{banned, ended, guest, nonce, replaced, wire};
use crate::apps::{Game, Provider};
use crate::launching::audience::ClientClaim;
use crate::purchases::desk::MOST;
use crate::sessions::Sessions;
use crate::{fault, launching, random};

/// How often a member id is drawn again when it is taken.
const DRAWS: usize = 4;

/// Logs people in and keeps them logged in.
#[derive(Clone)]
pub struct IdentityService(Arc<Inner>);

/// What the service stands on.
pub struct Parts {
    /// The truth.
    pub storage: Storage,
    /// The sessions, which are told of logins that replace others.
    pub sessions: Sessions,
    /// What signs access tokens.
    pub tokens: AccessTokens,
    /// The providers' public keys.
    pub keys: KeyCache,
    /// Lifetimes.
    pub settings: IdentitySettings,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

struct Inner {
    parts: Parts,
    sequence: AtomicU16,
}

/// Who proved to be whom, and by what.
struct Proven {
    subject: String,
    proof: Proof,
    nonce: Option<(Digest, Micros)>,
    made: Option<Credential>,
}

impl IdentityService {
    /// Puts the service together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        // Two processes that start in the same millisecond begin at different numbers.
        let sequence = AtomicU16::new(u16::from_be_bytes(random::bytes()));
        Self(Arc::new(Inner { parts, sequence }))
    }

    /// What signs and verifies access tokens.
    #[must_use]
    pub fn tokens(&self) -> &AccessTokens {
        &self.0.parts.tokens
    }

    fn now(&self) -> Micros {
        self.0.parts.clock.now()
    }

    /// What is left to be done. A login is none the worse for not knowing it.
    async fn todo(&self, game: &Game, member: MemberId, new_member: bool) -> Todo {
        if new_member || game.catalogue.products().is_empty() {
            return Todo::default();
        }
        let desk = &self.0.parts.sessions.context().desk;
        let waiting = desk.history(&game.id, member, true, None, MOST).await;
        let waiting = waiting.map_or(0, |purchases| purchases.len());
        Todo { unconsumed_purchases: u32::try_from(waiting).unwrap_or(u32::MAX) }
    }

    fn log(&self, app: &AppId, member: Option<MemberId>, event: Event) {
        let at = self.now();
        let record = LogRecord { id: random::uuid(at), at, app: app.clone(), member, event };
        self.0.parts.storage.gamelog.record(record);
    }

    /// Answers `auth.nonce`.
    #[must_use]
    pub fn nonce(&self, request: &NonceRequest) -> NonceReply {
        let ring = self.tokens().ring();
        let nonce = nonce::make(ring.nonce_secret(), &request.app, self.now());
        NonceReply { nonce, expires_s: nonce::LIFE.as_secs() }
    }

    /// Answers `auth.login`.
    ///
    /// # Errors
    /// `provider.unknown`, `body.invalid`, `auth.*`, `member.banned`, or what storage says.
    pub async fn login(
        &self,
        game: &Game,
        request: &LoginRequest,
    ) -> Result<LoginReply, ErrorBody> {
        let outcome = self.log_in(game, request).await;
        if let Err(error) = &outcome {
            let code = error.code;
            metrics::counter!("daemun_logins_refused_total", "code" => code.word()).increment(1);
            // Only a credential that was judged is worth a record: nonsense costs nothing.
            if matches!(code, ErrorCode::AuthRefused | ErrorCode::AuthExpired) {
                let provider = request.provider.to_string();
                self.log(&game.id, None, Event::LoginRefused { provider, code });
            }
        }
        outcome
    }

    async fn log_in(&self, game: &Game, request: &LoginRequest) -> Result<LoginReply, ErrorBody> {
        launching::same_app(&game.id, request.client.app.as_ref())?;
        let proven = self.prove(game, request).await?;
        let key = IdentityKey {
            app: game.id.clone(),
            provider: request.provider.to_string(),
            subject: proven.subject,
        };
        let token = RefreshToken::first(LoginId(random::uuid(self.now())));
        let login = self.new_login(&token, request.provider.to_string(), device(request));
        let outcome = self.write_login(key, proven.proof, proven.nonce, login).await?;
        match outcome {
            LoginOutcome::LoggedIn { member, new_member, replaced, .. } => {
                self.0.parts.sessions.replaced(member.id, replaced);
                let event = Event::LoggedIn {
                    provider: request.provider.to_string(),
                    login: token.login(),
                    new_member,
                    platform: request.client.platform,
                };
                self.log(&game.id, Some(member.id), event);
                if new_member {
                    let provider = request.provider.to_string();
                    self.log(&game.id, Some(member.id), Event::IdentityLinked { provider });
                }
                metrics::counter!("daemun_logins_total").increment(1);
                Ok(LoginReply {
                    tokens: self.tokens_of(
                        &game.id,
                        member.id,
                        &token,
                        self.refresh_life(),
                        Some((&request.client).into()),
                    )?,
                    member: wire(&member, self.now()),
                    new_member,
                    credential: proven.made,
                    todo: self.todo(game, member.id, new_member).await,
                })
            }
            LoginOutcome::Refused => Err(ErrorBody::new(
                ErrorCode::AuthRefused,
                "there is no such guest, or this is not its secret",
            )),
            LoginOutcome::NonceUsed => {
                Err(ErrorBody::new(ErrorCode::AuthRefused, "the nonce was used before"))
            }
            LoginOutcome::Banned { member, ban } => {
                let provider = request.provider.to_string();
                let event = Event::LoginRefused { provider, code: ErrorCode::MemberBanned };
                self.log(&game.id, Some(member), event);
                Err(banned(&ban))
            }
            LoginOutcome::IdTaken => Err(fault::overloaded()),
        }
    }

    async fn write_login(
        &self,
        key: IdentityKey,
        proof: Proof,
        nonce: Option<(Digest, Micros)>,
        login: NewLogin,
    ) -> Result<LoginOutcome, ErrorBody> {
        let mut outcome = LoginOutcome::IdTaken;
        for _ in 0..DRAWS {
            let write = LoginWrite {
                candidate: self.draw(&key),
                key: key.clone(),
                proof: proof.clone(),
                nonce,
                login: login.clone(),
            };
            let written = self.0.parts.storage.identity.login(write).await;
            outcome = written.map_err(|error| fault::of_storage(&error))?;
            if outcome != LoginOutcome::IdTaken {
                break;
            }
        }
        Ok(outcome)
    }

    /// Draws a member id on the shard of the identity.
    fn draw(&self, key: &IdentityKey) -> MemberId {
        let sequence = self.0.sequence.fetch_add(1, Ordering::Relaxed);
        MemberId::compose(key.shard(), self.now().0.div_euclid(1_000), sequence)
    }

    async fn prove(&self, game: &Game, request: &LoginRequest) -> Result<Proven, ErrorBody> {
        let word: &str = &request.provider;
        let provider = game.providers.get(word).ok_or_else(|| {
            let message = format!("`{}` does not log in by `{word}`", game.id);
            ErrorBody::new(ErrorCode::ProviderUnknown, message)
        })?;
        match provider {
            Provider::Guest => {
                let guest = guest::read(request.credential.as_ref())?;
                Ok(Proven { subject: guest.id, proof: guest.proof, nonce: None, made: guest.made })
            }
            Provider::Oidc(settings) => {
                let token = request
                    .credential
                    .as_ref()
                    .and_then(|credential| credential.token.as_ref())
                    .ok_or_else(|| ErrorBody::invalid("credential.token", "is missing"))?;
                let nonce = request.nonce.as_deref();
                let expires_at =
                    nonce.map(|nonce| self.check_nonce(&game.id, nonce)).transpose()?;
                let verified = settings
                    .verify(&self.0.parts.keys, token.expose(), nonce, self.now())
                    .await
                    .map_err(|refusal| fault::of_refusal(&refusal))?;
                let used = verified.nonce.zip(expires_at);
                Ok(Proven {
                    subject: verified.subject,
                    proof: Proof::Vouched,
                    nonce: used.map(|(nonce, until)| (Sha256::digest(nonce).into(), until)),
                    made: None,
                })
            }
        }
    }

    fn check_nonce(&self, app: &AppId, text: &str) -> Result<Micros, ErrorBody> {
        let ring = self.tokens().ring();
        nonce::check(ring.nonce_secret(), app, text, self.now()).ok_or_else(|| {
            let message = "the nonce was not given out here, or has expired";
            ErrorBody::new(ErrorCode::AuthRefused, message)
        })
    }

    fn new_login(&self, token: &RefreshToken, provider: String, device: Device) -> NewLogin {
        NewLogin {
            id: token.login(),
            provider,
            device,
            tag: token.tag_digest(),
            token: token.digest(),
            expires_at: self.now().after(self.refresh_life()),
            now: self.now(),
        }
    }

    fn refresh_life(&self) -> Duration {
        Duration::from_secs(self.0.parts.settings.refresh_token_s)
    }

    fn tokens_of(
        &self,
        app: &AppId,
        member: MemberId,
        refresh: &RefreshToken,
        refresh_life: Duration,
        client: Option<ClientClaim>,
    ) -> Result<Tokens, ErrorBody> {
        Ok(Tokens {
            access_token: self.tokens().sign(app, member, refresh.login(), client)?,
            access_expires_s: self.tokens().life().as_secs(),
            refresh_token: refresh
                .text(member)
                .map_err(|_| fault::internal("the refresh token could not be written"))?,
            refresh_expires_s: refresh_life.as_secs(),
        })
    }

    /// The client that a refresh token was given to, as the login said it; `None` when the token
    /// names none that is known.
    ///
    /// # Errors
    /// What storage says.
    pub async fn client_of(
        &self,
        game: &Game,
        request: &RefreshRequest,
    ) -> Result<Option<Client>, ErrorBody> {
        let Some((shown, Some(member))) = RefreshToken::read(request.refresh_token.expose()) else {
            return Ok(None);
        };
        let sessions = &self.0.parts.storage.sessions;
        let standing = sessions.standing(game.id.clone(), member, shown.login()).await;
        let standing = standing.map_err(|error| fault::of_storage(&error))?;
        Ok(standing.and_then(|standing| client(&standing.login.device)))
    }

    /// Answers `auth.refresh`. `client` is what the new access token says of the client.
    ///
    /// # Errors
    /// `auth.refused`, `auth.expired`, `auth.reused`, `auth.logged_out`,
    /// `session.replaced`, `member.banned`, or what storage says.
    pub async fn refresh(
        &self,
        game: &Game,
        request: &RefreshRequest,
        client: Option<&Client>,
    ) -> Result<Tokens, ErrorBody> {
        let unknown = || ErrorBody::new(ErrorCode::AuthRefused, "the refresh token is not good");
        let (shown, named) =
            RefreshToken::read(request.refresh_token.expose()).ok_or_else(unknown)?;
        let next = shown.next();
        let now = self.now();
        let taken = RefreshToken::first(LoginId(random::uuid(now)));
        let repeat = Duration::from_secs(self.0.parts.settings.refresh_repeat_s);
        let write = RefreshWrite {
            app: game.id.clone(),
            login: shown.login(),
            member: named,
            tag: shown.tag_digest(),
            token: shown.digest(),
            next: next.digest(),
            next_sealed: shown.seal(&next),
            expires_at: now.after(self.refresh_life()),
            repeat_since: now.before(repeat),
            take_over: request.take_over.then(|| TakeOver {
                id: taken.login(),
                tag: taken.tag_digest(),
                token: taken.digest(),
                sealed: shown.seal(&taken),
            }),
            now,
        };
        let outcome = self.0.parts.storage.sessions.refresh(write).await;
        let client = client.map(ClientClaim::from);
        match outcome.map_err(|error| fault::of_storage(&error))? {
            RefreshOutcome::Rotated { member } => {
                self.tokens_of(&game.id, member.id, &next, self.refresh_life(), client)
            }
            RefreshOutcome::Repeated { member, sealed, expires_at } => {
                let again = shown.open(&sealed).ok_or_else(unknown)?;
                self.tokens_of(&game.id, member.id, &again, expires_at.since(now), client)
            }
            RefreshOutcome::TakenOver { member, replaced, .. } => {
                self.0.parts.sessions.replaced(member.id, replaced);
                self.log(&game.id, Some(member.id), Event::TookOver { login: taken.login() });
                self.tokens_of(&game.id, member.id, &taken, self.refresh_life(), client)
            }
            RefreshOutcome::Unknown => Err(unknown()),
            RefreshOutcome::Expired => {
                Err(ErrorBody::new(ErrorCode::AuthExpired, "the refresh token has expired"))
            }
            RefreshOutcome::Ended(by) => Err(ended(by)),
            RefreshOutcome::Banned(ban) => Err(banned(&ban)),
            RefreshOutcome::Replaced => Err(replaced()),
            RefreshOutcome::Reused { member } => {
                let logins = vec![shown.login()];
                self.0.parts.sessions.ended(member, &logins);
                self.log(&game.id, Some(member), Event::LoggedOut { logins, by: EndedBy::Reuse });
                metrics::counter!("daemun_refresh_reused_total").increment(1);
                Err(ended(EndedBy::Reuse))
            }
        }
    }
}

/// What is kept of a client.
fn client(device: &Device) -> Option<Client> {
    fn kept<const N: usize>(said: Option<&str>) -> Option<Text<N>> {
        said.and_then(|said| Text::new(said).ok())
    }
    Some(Client {
        app: None,
        version: Text::new(&device.version).ok()?,
        platform: device.platform,
        store: device.store,
        device: None,
        device_id: kept(device.said.device_id.as_deref()),
        lang: kept(device.said.lang.as_deref()),
        country: kept(device.said.country.as_deref()),
    })
}

fn device(request: &LoginRequest) -> Device {
    let client = &request.client;
    Device {
        platform: client.platform,
        store: client.store,
        name: client.device.as_ref().map(ToString::to_string),
        version: client.version.to_string(),
        said: Box::new(Said {
            country: client.country.as_ref().map(ToString::to_string),
            lang: client.lang.as_ref().map(ToString::to_string),
            device_id: client.device_id.as_ref().map(ToString::to_string),
        }),
    }
}
