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

/// The steps of what a store sends of itself.
const OF_A_LETTER: [&str; 3] = ["purchases.told", "purchases.verified", "purchases.heard"];

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

    /// Of how many grants a store knows.
    async fn knows(&self, store: &str) -> Value {
        self.market(&self.shop).stands(store).await["acknowledged"].clone()
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
    let known = street.knows(store).await;
    let bought = buyer.buys(store, json!({})).await;
    let answer = buyer.shows(&bought).await;
    assert!(answer.is_err(), "{step} {store}: {answer:?}");
    drop(dying);
    let (_living, http) = program(data, &[]);
    let buyer = buyer.at(&street.market(&http));
    is_granted_once(&buyer, &bought, step).await;
    is_logged_once(data, &buyer, step).await;
    // Apple waits for no word of it.
    while store != "app_store" && street.knows(store).await == known {
        tokio::task::yield_now().await;
    }
}

/// A store's letter about what nobody shows comes to a program that dies on the way; then once
/// more to one that lives, as stores send what was not answered.
async fn dies_of_a_letter(street: &Street, step: &str, store: &str, data: &Path) {
    let (dying, http) = program(data, &[(VARIABLE, step)]);
    let market = street.market(&http);
    let buyer = market.guest().await;
    market.hold_letters(store).await;
    let bought = buyer.buys(store, json!({})).await;
    let letter = market.letter(store, None).await;
    // It may die before the answer is out, or after.
    let _ = market.try_to_bring(store, &letter).await;
    while buyer.ask("member.me", json!({})).await.is_ok() {
        tokio::task::yield_now().await;
    }
    drop(dying);
    let (_living, http) = program(data, &[]);
    let buyer = buyer.at(&street.market(&http));
    buyer.market.is_taken(store, &letter).await;
    while buyer.has("gem").await == 0 {
        tokio::task::yield_now().await;
    }
    // That nobody shows it is no reason for the log not to have it.
    while changes(data, &buyer).await.is_empty() {
        tokio::task::yield_now().await;
    }
    is_granted_once(&buyer, &bought, step).await;
    is_logged_once(data, &buyer, step).await;
    buyer.market.behave(store, json!({})).await;
}

/// One of two programs before one database dies on the way; the other has lived all along.
async fn dies_beside_another(street: &Street, step: &str, store: &str, data: &Path, there: &Buyer) {
    let (dying, http) = program(data, &[(VARIABLE, step)]);
    let buyer = there.at(&street.market(&http));
    let bought = buyer.buys(store, json!({})).await;
    let had = there.has("gem").await;
    let answer = buyer.shows(&bought).await;
    assert!(answer.is_err(), "{step} {store}: {answer:?}");
    drop(dying);
    for _ in 0..2 {
        let shown = there.shows(&bought).await.unwrap();
        assert_eq!(text(&shown["purchase"], "state"), "granted", "{step}: {shown}");
    }
    assert_eq!(there.has("gem").await, had + 100, "{step} {store}");
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

/// What the game log says of how the buyer's purchases stand.
async fn changes(data: &Path, buyer: &Buyer) -> Vec<Value> {
    let control = control::read(data).unwrap();
    let login = buyer.login();
    let query = json!({"app": "demo", "member": login["member"]["id"], "limit": 1_000,
        "since": "1970-01-01T00:00:00Z"});
    let body = serde_json::to_vec(&query).unwrap();
    let page = control.call("/commands/gamelog", Some(&body)).await.unwrap();
    let page: Value = serde_json::from_slice(&page).unwrap();
    let changed = |it: &&Value| it["kind"] == "purchase_changed";
    page["records"].as_array().unwrap().iter().filter(changed).cloned().collect()
}

/// The game log says so once, too, whoever died before it was written.
async fn is_logged_once(data: &Path, buyer: &Buyer, step: &str) {
    let records = changes(data, buyer).await;
    assert_eq!(records.len(), 1, "{step}: {records:?}");
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
        for step in OF_A_LETTER {
            let folder = tempfile::tempdir().unwrap();
            let settings = street.settings() + &storage();
            std::fs::write(folder.path().join("daemun.toml"), settings).unwrap();
            dies_of_a_letter(&street, step, store, &folder.path().join("data")).await;
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
    at_every_step(mariadb).await;
}

/// A database of one's own.
fn mariadb() -> String {
    let maria = MariaDb::shared().unwrap().database("killed").unwrap();
    format!("[storage.mariadb]\nurl = '{maria}'\nmigrate_at_start = true\nconnections = 4\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_each_step_of_one_node_costs_nothing_at_the_other() {
    let street = Street::open().await;
    let settings = street.settings() + &mariadb();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for folder in &folders {
        std::fs::write(folder.path().join("daemun.toml"), &settings).unwrap();
    }
    let [living, dying] = folders.each_ref().map(|folder| folder.path().join("data"));
    let (_living, http) = program(&living, &[]);
    let there = street.market(&http).guest().await;
    for store in STORES {
        for step in STEPS {
            dies_beside_another(&street, step, store, &dying, &there).await;
        }
    }
    assert_eq!(there.history().await.len(), STORES.len() * STEPS.len());
}
