//! The program dies at each step of a purchase: started again, it has granted it once. The
//! stores are played by another one, which lives.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use gateway::control;
use gateway::simulators::Simulators;
use loadtest::HttpClient;
use serde_json::{Value, json};
use storage::clock::SystemClock;
use storage::failpoint::VARIABLE;
use storage::servers::MariaDb;
use tempfile::TempDir;

use super::buyer::{Bought, Buyer, Market, STORES};
use crate::harness::text;
use crate::kill::{Program, start, start_with};

/// The steps at which nobody has been answered yet.
const STEPS: [&str; 3] = ["purchases.received", "purchases.verified", "purchases.heard"];

/// JSON as TOML has it in a line.
fn toml(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut text = String::from("{");
            for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                let comma = if text.len() > 1 { ", " } else { "" };
                write!(text, "{comma}{key} = {}", toml(value)).unwrap();
            }
            text + "}"
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}

/// Whoever plays the stores.
pub struct Street {
    program: Program,
    folder: TempDir,
    pub shop: HttpClient,
    stores: HttpClient,
}

impl Street {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let program = tokio::task::block_in_place(|| start(&data));
        let private = control::read(&data).unwrap().address;
        let shop = HttpClient::new(&program.url);
        let stores = HttpClient::new(&format!("http://{private}"));
        let street = Self { program, folder, shop, stores };
        // The stores' credentials are there once somebody has bought.
        let market = street.market(&street.shop);
        let buyer = market.guest().await;
        let bought = buyer.buys("app_store", json!({})).await;
        buyer.shows(&bought).await.unwrap();
        street
    }

    pub fn market(&self, players: &HttpClient) -> Market {
        let (shop, stores) = (self.shop.clone(), self.stores.clone());
        Market { players: players.clone(), shop, stores }
    }

    /// The settings of a game that is sold here.
    pub fn settings(&self) -> String {
        let simulators = Simulators::new(&self.program.url, Arc::new(SystemClock));
        let stores = simulators.stores(&self.folder.path().join("data/simulators"));
        let product = json!({
            "kind": "consumable", "grants": {"gem": 100},
            "stores": {"app_store": "gem_100", "google_play": "gem_100", "one_store": "gem_100"},
        });
        let game = json!({
            "providers": {"guest": {"kind": "guest"}},
            "stores": stores, "products": {"gem_100": product},
        });
        format!("[apps]\ndemo = {}\n", toml(&game))
    }
}

fn program(data: &Path, variables: &[(&str, &str)]) -> (Program, HttpClient) {
    let program = tokio::task::block_in_place(|| start_with(data, variables));
    let http = HttpClient::new(&program.url);
    (program, http)
}

/// Buys, and shows on a program that dies on the way; then shows again on one that lives.
async fn dies_at(street: &Street, step: &str, store: &str, data: &Path) {
    let (dying, http) = program(data, &[(VARIABLE, step)]);
    let buyer = street.market(&http).guest().await;
    let bought = buyer.buys(store, json!({})).await;
    let answer = buyer.shows(&bought).await;
    assert!(answer.is_err(), "{step} {store}: {answer:?}");
    drop(dying);
    let (_living, http) = program(data, &[]);
    let buyer = buyer.at(&street.market(&http));
    is_granted_once(&buyer, &bought, step).await;
    is_logged_once(data, &buyer, step).await;
}

/// Shows on a program that dies when it has told the store of the grant and not noted that.
async fn dies_having_told(street: &Street, store: &str, data: &Path) {
    let step = "purchases.settled";
    let (dying, http) = program(data, &[(VARIABLE, step)]);
    let buyer = street.market(&http).guest().await;
    let bought = buyer.buys(store, json!({})).await;
    // It may die before the answer is out, or after.
    let _ = buyer.shows(&bought).await;
    while buyer.ask("member.me", json!({})).await.is_ok() {
        tokio::task::yield_now().await;
    }
    drop(dying);
    let (_living, http) = program(data, &[]);
    let buyer = buyer.at(&street.market(&http));
    street.market(&http).clock(store, json!({"advance_s": 4 * 24 * 3600})).await;
    is_granted_once(&buyer, &bought, step).await;
}

/// The game log says so once, too, whoever died before it was written.
async fn is_logged_once(data: &Path, buyer: &Buyer, step: &str) {
    let control = control::read(data).unwrap();
    let login = buyer.login();
    let query = json!({"app": "demo", "member": login["member"]["id"], "limit": 1_000,
        "since": "1970-01-01T00:00:00Z"});
    let body = serde_json::to_vec(&query).unwrap();
    let page = control.call("/commands/gamelog", Some(&body)).await.unwrap();
    let page: Value = serde_json::from_slice(&page).unwrap();
    let changed = |it: &&Value| it["kind"] == "purchase_changed";
    let records: Vec<_> = page["records"].as_array().unwrap().iter().filter(changed).collect();
    assert_eq!(records.len(), 1, "{step}: {page}");
    assert_eq!(records[0]["fields"]["state"], "granted");
}

async fn is_granted_once(buyer: &Buyer, bought: &Bought, step: &str) {
    for _ in 0..2 {
        let shown = buyer.shows(bought).await.unwrap();
        assert_eq!(text(&shown["purchase"], "state"), "granted", "{step}: {shown}");
    }
    assert_eq!(buyer.has("gem").await, 100, "{step}");
    let history = buyer.history().await;
    assert_eq!(history.len(), 1, "{step}: {history:?}");
}

async fn at_every_step(storage: impl Fn() -> String) {
    let street = Street::open().await;
    let (mut deaths, mut granted) = (0, 0);
    for store in STORES {
        for step in STEPS {
            let folder = tempfile::tempdir().unwrap();
            let settings = street.settings() + &storage();
            std::fs::write(folder.path().join("daemun.toml"), settings).unwrap();
            dies_at(&street, step, store, &folder.path().join("data")).await;
            (deaths, granted) = (deaths + 1, granted + 1);
        }
        if store != "app_store" {
            let folder = tempfile::tempdir().unwrap();
            let settings = street.settings() + &storage();
            std::fs::write(folder.path().join("daemun.toml"), settings).unwrap();
            dies_having_told(&street, store, &folder.path().join("data")).await;
            (deaths, granted) = (deaths + 1, granted + 1);
        }
    }
    eprintln!("purchases {granted}, each granted once; the program died {deaths} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_each_step_costs_nothing_on_embedded_storage() {
    at_every_step(String::new).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_each_step_costs_nothing_on_mariadb() {
    at_every_step(|| {
        let maria = MariaDb::shared().unwrap().database("killed").unwrap();
        format!("[storage.mariadb]\nurl = '{maria}'\nmigrate_at_start = true\nconnections = 4\n")
    })
    .await;
}
