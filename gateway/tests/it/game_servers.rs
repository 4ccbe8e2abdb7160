//! The games' own servers: who is believed, and what each may ask.

mod commands;
mod lost;
mod nodes;
mod operations;
mod others;
mod signatures;
mod webhooks;

use std::time::Duration;

use actors::apps::AppSettings;
use actors::game_servers::ServerKeySettings;
use actors::game_servers::signature::{Claimed, Signed};
use gateway::config::Settings;
use hyper::Method;
use loadtest::Failure;
use protocol::client::StoreName;
use protocol::game_servers::Scope;
use protocol::ids::MemberId;
use protocol::purchases::{Environment, Grant, Kind};
use protocol::text::Text;
use protocol::time::Micros;
use serde_json::{Value, json};
use storage::error::StorageError;
use storage::purchases::claim::{Named, State};
use storage::purchases::{Facts, Heard, PurchaseKey, Said, Source};
use uuid::Uuid;

use crate::harness::{Daemun, before_both, client, text};
use crate::purchases::buyer::{TRIES, is_busy};

before_both! {
    lost::a_transfer_of_one_that_died_is_logged_when_it_is_asked_for_again
    lost::a_message_of_one_that_died_is_logged_when_it_is_asked_for_again
    operations::a_token_is_verified_for_as_long_as_its_login_stands
    operations::what_is_moved_is_moved_once_and_the_member_is_told
    operations::transfers_come_in_pages_the_newest_first
    operations::purchases_are_listed_and_consumed_once
    operations::a_message_reaches_its_member
    operations::a_message_under_a_key_is_sent_once
    webhooks::a_games_server_is_told_of_purchases_and_told_again_if_asked_to
}

/// A game's server, and how it signs.
pub(crate) struct GameServer<'a> {
    pub(crate) house: &'a Daemun,
    pub(crate) app: &'a str,
    pub(crate) key: &'a str,
    pub(crate) secret: String,
}

/// A request, before it is signed.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) path: String,
    pub(crate) body: String,
    pub(crate) idempotency: Option<String>,
    pub(crate) time: Micros,
    pub(crate) nonce: String,
}

/// A request, signed.
#[derive(Clone)]
pub(crate) struct Letter {
    pub(crate) draft: Draft,
    pub(crate) header: Option<String>,
}

impl<'a> GameServer<'a> {
    /// The demo game's, by the key that development has for it.
    pub(crate) fn demo(house: &'a Daemun) -> Self {
        let file = house.settings.data.join("simulators/server-secret");
        let secret = std::fs::read_to_string(file).unwrap();
        Self { house, app: "demo", key: "dev", secret }
    }

    pub(crate) fn draft(&self, name: &str, body: &Value) -> Draft {
        Draft {
            path: format!("/server/v1/{name}"),
            body: body.to_string(),
            idempotency: None,
            time: self.house.now(),
            nonce: Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext)).simple().to_string(),
        }
    }

    pub(crate) fn sign(&self, draft: Draft) -> Letter {
        let claimed = Claimed {
            app: self.app.to_owned(),
            key: self.key.to_owned(),
            time: draft.time,
            nonce: draft.nonce.clone(),
            signature: Vec::new(),
        };
        let signed = Signed {
            method: "POST",
            target: &draft.path,
            idempotency: draft.idempotency.as_deref(),
            body: draft.body.as_bytes(),
        };
        let header = Some(claimed.sign(&self.secret, &signed));
        Letter { draft, header }
    }

    pub(crate) async fn send(&self, letter: &Letter) -> (u16, Value) {
        send(self.house, letter).await
    }

    /// The status and the whole answer.
    pub(crate) async fn call(&self, name: &str, body: Value) -> (u16, Value) {
        self.send(&self.sign(self.draft(name, &body))).await
    }

    /// What is in `ok`. Asks again as the page says, after `internal` or `storage.unavailable`: what
    /// is asked so is harmless twice, but for a message, which is then there twice.
    pub(crate) async fn ask(&self, name: &str, body: Value) -> Value {
        for _ in 0..TRIES {
            match self.call(name, body.clone()).await {
                (200, answer) => return answer["ok"].clone(),
                (503, _) => {}
                (500, _) if name != "members/message" => {}
                (_, answer) => panic!("{name}: {answer}"),
            }
        }
        panic!("{name} had no answer in {TRIES} tries");
    }

    /// The same with an `Idempotency-Key`.
    pub(crate) async fn surely(&self, name: &str, key: &str, body: &Value) -> Value {
        for _ in 0..2 * TRIES {
            match self.once(name, key, body.clone()).await {
                (200, answer) => return answer["ok"].clone(),
                (500 | 503, _) => {}
                (_, answer) => panic!("{name} {key}: {answer}"),
            }
        }
        panic!("{name} {key} had no answer in {} tries", 2 * TRIES);
    }

    /// The status and the whole answer, with an `Idempotency-Key`.
    pub(crate) async fn once(&self, name: &str, key: &str, body: Value) -> (u16, Value) {
        let mut draft = self.draft(name, &body);
        draft.idempotency = Some(key.to_owned());
        self.send(&self.sign(draft)).await
    }

    /// Gives a member so much of an item.
    pub(crate) async fn give(&self, member: MemberId, item: &str, amount: i64) {
        let body = json!({"member": member, "items": [{"item": item, "amount": amount}]});
        let key = Uuid::new_v7(uuid::Timestamp::now(uuid::NoContext)).to_string();
        self.surely("wallet/grant", &key, &body).await;
    }
}

pub(crate) async fn send(house: &Daemun, letter: &Letter) -> (u16, Value) {
    let Letter { draft, header } = letter;
    let http = house.http();
    let mut request =
        http.request(Method::POST, &draft.path).header("content-type", "application/json");
    if let Some(header) = header {
        request = request.header("authorization", header);
    }
    if let Some(key) = &draft.idempotency {
        request = request.header("idempotency-key", key);
    }
    let answer = http.send(request.body(draft.body.clone().into())).await.unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

/// Which error an answer has.
pub(crate) fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, text(&answer.1["err"], "code"))
}

/// A secret for tests.
pub(crate) fn secret(of: &str) -> String {
    format!("the secret of {of}, for tests alone, long enough")
}

/// A game in which guests play, with these keys.
pub(crate) fn game(settings: &Settings, keys: &[(&str, &[Scope], Option<Micros>)]) -> AppSettings {
    let guest = ("guest".to_owned(), json!({"kind": "guest"}));
    let key = |(id, scopes, not_after): &(&str, &[Scope], Option<Micros>)| {
        let file = settings.data.with_file_name(format!("{id}.secret"));
        std::fs::write(&file, secret(id)).unwrap();
        ServerKeySettings {
            id: (*id).to_owned(),
            secret_file: file,
            scopes: scopes.to_vec(),
            not_after: *not_after,
        }
    };
    AppSettings {
        providers: [guest].into(),
        server_keys: keys.iter().map(key).collect(),
        ..AppSettings::default()
    }
}

/// A guest of a game: the answer to the login. Of one whose outcome a busy machine does not know
/// nobody has heard, so another is as good.
pub(crate) async fn guest_of(house: &Daemun, app: &str) -> (MemberId, Value) {
    let body = json!({"app": app, "provider": "guest", "client": client()});
    for _ in 0..TRIES {
        match house.http().ask("auth.login", None, body.clone()).await {
            Err(Failure::Refused(error)) if is_busy(&error) => {}
            login => {
                let login = login.unwrap();
                return (text(&login["member"], "id").parse().unwrap(), login);
            }
        }
    }
    panic!("nobody was logged in {TRIES} times");
}

/// A purchase that a store has sold to a member, as it is once the store was asked.
pub(crate) async fn bought(house: &Daemun, app: &str, member: MemberId, product: &str) -> Uuid {
    // Ids rise with time.
    house.advance(Duration::from_millis(1));
    let now = house.now();
    let candidate = actors::random::uuid(now);
    let said = Said {
        key: PurchaseKey {
            app: app.parse().unwrap(),
            store: StoreName::GooglePlay,
            environment: Environment::Production,
            key: candidate.to_string(),
        },
        facts: Facts {
            transaction: "t".into(),
            product: product.into(),
            kind: Some(Kind::Consumable),
            quantity: 1,
            ..Facts::default()
        },
        state: State::Paid,
        refunded_bp: 0,
        reversed: false,
        at: now,
        source: Source::Posted(member),
        named: Named::Nobody,
        hold: None,
        product: Some(Text::new(product).unwrap()),
        grants: vec![Grant { item: Text::new("gem").unwrap(), amount: 10 }],
        settled: true,
        look_at: None,
        candidate,
        evidence: None,
        webhook: true,
        now,
    };
    // As the desk does: again, where nobody knows what came of it. The same word says the same.
    for _ in 0..TRIES {
        match house.server.gate.node.storage.purchases.hear(said.clone()).await {
            Ok(Heard::Owned { purchase, .. }) => return purchase.id,
            Ok(other) => panic!("{other:?}"),
            Err(StorageError::Corrupt(what) | StorageError::Setup(what)) => panic!("{what}"),
            Err(_) => {}
        }
    }
    panic!("a purchase was not heard of in {TRIES} tries");
}
