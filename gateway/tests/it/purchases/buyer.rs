//! Somebody who buys in the simulated stores.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use loadtest::{Failure, HttpClient};
use protocol::error::{ErrorBody, ErrorCode};
use serde_json::{Value, json};

use crate::harness::{Daemun, client, guest, text};

/// Where demo games are sold.
pub const STORES: [&str; 3] = ["app_store", "google_play", "one_store"];

/// How long somebody waits for an answer: making keys takes a while on a machine with much to do,
/// and a store that never answers is waited for, too.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often somebody asks who is told to come again.
pub const TRIES: usize = 20;

/// Whether a machine with much to do did not come to it, or does not know whether it did.
pub fn is_busy(error: &ErrorBody) -> bool {
    let storage = error.code == ErrorCode::StorageUnavailable;
    storage || error.same_id_again()
}

/// A server as buyers and whoever plays the stores reach it.
#[derive(Clone)]
pub struct Market {
    /// Where players play.
    pub players: HttpClient,
    /// Where they buy, and where it is said what becomes of that.
    pub shop: HttpClient,
    pub stores: HttpClient,
}

/// A purchase in a store.
#[derive(Clone)]
pub struct Bought {
    pub store: String,
    pub transaction: String,
    pub evidence: Value,
}

impl Market {
    pub fn of(house: &Daemun) -> Self {
        let [players, shop, stores] =
            [house.http(), house.http(), house.private()].map(|http| http.patient_for(PATIENCE));
        Self { players, shop, stores }
    }

    async fn post(http: &HttpClient, path: &str, body: &Value) -> Value {
        let request = http
            .request(hyper::Method::POST, path)
            .header("content-type", "application/json")
            .body(body.to_string().into());
        let answer = http.send(request).await.unwrap();
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Buys in a store what `order` says.
    pub async fn buy(&self, store: &str, order: Value) -> Bought {
        let bought = Self::post(&self.shop, &format!("/sim/stores/{store}/buy"), &order).await;
        Bought {
            store: store.to_owned(),
            transaction: text(&bought, "transaction").to_owned(),
            evidence: bought["evidence"].clone(),
        }
    }

    /// Has something happen to a purchase: `pay`, `cancel`, `refund`, `reverse` or `notify`.
    pub async fn happens(&self, what: &str, bought: &Bought, more: Value) -> Value {
        let mut body = json!({"transaction": bought.transaction});
        if let Value::Object(more) = more {
            body.as_object_mut().unwrap().extend(more);
        }
        let path = format!("/sim/stores/{}/{what}", bought.store);
        Self::post(&self.stores, &path, &body).await
    }

    pub async fn refund(&self, bought: &Bought) {
        self.happens("refund", bought, json!({})).await;
    }

    /// Has a store behave: `{}` is well.
    pub async fn behave(&self, store: &str, conduct: Value) {
        Self::post(&self.stores, &format!("/sim/stores/{store}/behave"), &conduct).await;
    }

    /// What the store's SDK hands out once more.
    pub async fn shows_again(&self, bought: &Bought) -> Bought {
        let which = json!({"transaction": bought.transaction});
        let path = format!("/sim/stores/{}/evidence", bought.store);
        let again = Self::post(&self.shop, &path, &which).await;
        Bought { evidence: again["evidence"].clone(), ..bought.clone() }
    }

    /// How a store stands.
    pub async fn stands(&self, store: &str) -> Value {
        let answer = self.stores.get("/sim/stores").await.unwrap();
        let states: Value = serde_json::from_slice(&answer.body).unwrap();
        states[store].clone()
    }

    pub async fn guest(&self) -> Buyer {
        Buyer::new(self.clone(), self.logs_in(guest()).await)
    }

    /// Logs in, again where a machine with much to do did not come to it.
    async fn logs_in(&self, body: Value) -> Value {
        for _ in 0..TRIES {
            match self.players.ask("auth.login", None, body.clone()).await {
                Err(Failure::Refused(error)) if is_busy(&error) => {}
                login => return login.unwrap(),
            }
        }
        panic!("nobody was logged in {TRIES} times");
    }
}

/// A member who buys.
#[derive(Clone)]
pub struct Buyer {
    pub market: Market,
    login: Arc<Mutex<Value>>,
}

impl Buyer {
    /// Whoever logged in so.
    pub fn new(market: Market, login: Value) -> Self {
        Self { market, login: Arc::new(Mutex::new(login)) }
    }

    pub fn login(&self) -> Value {
        self.login.lock().unwrap().clone()
    }

    /// The same member at another door.
    pub fn at(&self, market: &Market) -> Self {
        Self { market: market.clone(), login: self.login.clone() }
    }

    /// Logs in again, as its own device does.
    pub async fn comes_back(&self) -> Value {
        let credential = self.login()["credential"].clone();
        let body = json!({"app": "demo", "provider": "guest", "credential": credential,
            "client": client()});
        let mut login = self.market.logs_in(body).await;
        login["credential"] = credential;
        *self.login.lock().unwrap() = login.clone();
        login
    }

    /// Asks, as a client does: again where it is told to, and after a new login where its token
    /// is no good any more, because time has passed or the server has another address.
    pub async fn ask(&self, op: &str, body: Value) -> Result<Value, Failure> {
        for _ in 0..TRIES {
            let login = self.login();
            let token = Some(text(&login, "access_token"));
            match self.market.players.ask(op, token, body.clone()).await {
                Err(Failure::Refused(error)) if is_busy(&error) => {}
                Err(Failure::Refused(error))
                    if matches!(error.code, ErrorCode::AuthExpired | ErrorCode::AuthRefused) =>
                {
                    self.comes_back().await;
                }
                answer => return answer,
            }
        }
        panic!("{op} was not answered {TRIES} times");
    }

    /// Reserves a product and buys it with the token.
    pub async fn buys(&self, store: &str, more: Value) -> Bought {
        let body = json!({"product": "gem_100", "store": store});
        let reserved = self.ask("purchase.reserve", body).await.unwrap();
        let mut order = json!({
            "product": reserved["store_product"], "account": reserved["account_token"],
        });
        if let Value::Object(more) = more {
            order.as_object_mut().unwrap().extend(more);
        }
        self.market.buy(store, order).await
    }

    pub async fn shows(&self, bought: &Bought) -> Result<Value, Failure> {
        let body = json!({"store": bought.store, "evidence": bought.evidence});
        self.ask("purchase.submit", body).await
    }

    /// What it is told instead of a purchase.
    pub async fn is_refused(&self, bought: &Bought) -> ErrorBody {
        refused(self.shows(bought).await)
    }

    /// How much it has of an item.
    pub async fn has(&self, item: &str) -> i64 {
        let answer = self.ask("wallet.balances", json!({})).await.unwrap();
        let balances = answer["balances"].as_array().unwrap();
        let of = balances.iter().find(|balance| balance["item"] == item);
        of.map_or(0, |balance| balance["amount"].as_i64().unwrap())
    }

    pub async fn history(&self) -> Vec<Value> {
        let answer = self.ask("purchase.history", json!({})).await.unwrap();
        answer["purchases"].as_array().unwrap().clone()
    }

    pub async fn unconsumed(&self) -> Vec<Value> {
        let answer = self.ask("purchase.unconsumed", json!({})).await.unwrap();
        answer["purchases"].as_array().unwrap().clone()
    }

    /// Waits for the push that says that a purchase stands so.
    pub async fn is_told(&self, state: &str) -> Value {
        let mut after = 0;
        loop {
            let body = json!({"after": after, "wait_s": 30});
            let answer = self.ask("inbox.list", body).await.unwrap();
            for push in answer["pushes"].as_array().unwrap() {
                after = push["seq"].as_u64().unwrap();
                let purchase = &push["body"]["purchase"];
                if push["push"] == "purchase.updated" && purchase["state"] == state {
                    return purchase.clone();
                }
            }
        }
    }
}

/// The error of an answer that is one.
pub fn refused(answer: Result<Value, Failure>) -> ErrorBody {
    match answer {
        Err(Failure::Refused(error)) => error,
        other => panic!("{other:?}"),
    }
}

impl Market {
    /// Lets time pass for what nobody acknowledges.
    pub async fn clock(&self, store: &str, by: Value) {
        Self::post(&self.stores, &format!("/sim/stores/{store}/clock"), &by).await;
    }
}
