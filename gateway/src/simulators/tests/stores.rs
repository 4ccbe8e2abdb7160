//! The same scenes at every store: the server's own verifiers, over real HTTP to the simulators.

mod awkward;
mod forged;

use std::sync::Arc;
use std::time::Duration;

use actors::purchases::settings::StoresSettings;
use actors::purchases::verdict::{Expected, Question, SandboxPolicy, Verdict};
use actors::purchases::verified::{Environment, Price, State, Transaction, Verified};
use actors::purchases::verifier::{
    Evidence, Fault, Happened, Hint, Notice, Store, TakenBack, reason,
};
use actors::purchases::{Parts, Stores};
use protocol::client::StoreName::{self, AppStore, GooglePlay, OneStore};
use serde_json::{Value, json};
use storage::clock::{Clock, Micros};
use tempfile::TempDir;

use super::Stage;

const STORES: [StoreName; 3] = [AppStore, GooglePlay, OneStore];
/// After so long a signed transaction is read again.
const A_WHILE: Duration = Duration::from_secs(6 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MINE: &str = "7e3fb20b-4cdb-47cc-936d-99d65f608138";

/// A game that is sold in the simulated stores.
struct Sale {
    stage: Stage,
    stores: Stores,
    settings: StoresSettings,
    // The credentials, which are read at the opening.
    _folder: TempDir,
}

impl Sale {
    async fn open() -> Self {
        let (stage, folder) = (Stage::open().await, TempDir::new().unwrap());
        stage.simulators.prepare(folder.path()).await.unwrap();
        let mut settings = stage.simulators.stores(folder.path());
        // The real issuer's name is in the pushes, as from Google; only addresses differ.
        settings.sandbox = SandboxPolicy::Testers;
        let stores = Self::stores(&stage, &settings);
        Self { stage, stores, settings, _folder: folder }
    }

    fn stores(stage: &Stage, settings: &StoresSettings) -> Stores {
        let parts = Parts {
            client: stage.client.clone(),
            keys: stage.keys.clone(),
            clock: Arc::clone(&stage.clock) as _,
        };
        Stores::open(settings, &parts).unwrap()
    }

    /// Buys gems, with these fields besides.
    async fn buy(&self, store: StoreName, more: Value) -> Bought {
        let mut order = json!({"product": "gem_100"});
        for (name, value) in more.as_object().unwrap() {
            order[name] = value.clone();
        }
        let path = format!("/sim/stores/{}/buy", store.word());
        let (status, reply) = self.stage.post(&path, &order).await;
        assert_eq!(status, 200, "{reply}");
        Bought { transaction: reply["transaction"].clone(), evidence: reply["evidence"].clone() }
    }

    async fn control(&self, store: StoreName, what: &str, body: Value) -> Value {
        let (status, reply) = self.try_control(store, what, body).await;
        assert_eq!(status, 200, "{what} at {}: {reply}", store.word());
        reply
    }

    async fn try_control(&self, store: StoreName, what: &str, body: Value) -> (u16, Value) {
        self.stage.control(&format!("/sim/stores/{}/{what}", store.word()), body).await
    }

    /// What the verifier says of evidence, to whoever asks nothing more.
    async fn verdict(&self, store: StoreName, evidence: &Value) -> Verdict {
        self.judged(store, evidence, false).await
    }

    async fn judged(&self, store: StoreName, evidence: &Value, tester: bool) -> Verdict {
        let evidence = Evidence::read(evidence.to_string().as_bytes()).unwrap();
        let question = Question { evidence: &evidence, accounts: None, tester, expected: None };
        self.stores.verify(store, question).await.unwrap()
    }

    fn at(&self, store: StoreName) -> &dyn Store {
        self.stores.store(store).unwrap().as_ref()
    }

    /// The hints of all notifications that wait.
    async fn hints(&self, store: StoreName) -> Vec<Hint> {
        let url = format!("{}/sim/stores/{}/notices", self.stage.private, store.word());
        let (status, notices) = super::told(self.stage.client.get(url).send().await.unwrap()).await;
        assert_eq!(status, 200, "{notices}");
        let mut hints = Vec::new();
        for notice in notices.as_array().unwrap() {
            let notice = Notice {
                authorization: notice["authorization"].as_str(),
                body: notice["body"].as_str().unwrap().as_bytes(),
            };
            hints.extend(self.at(store).notified(notice).await.unwrap());
        }
        hints
    }

    fn since(&self) -> Micros {
        self.stage.clock.now().before(5 * DAY)
    }
}

struct Bought {
    transaction: Value,
    evidence: Value,
}

impl Bought {
    fn which(&self) -> Value {
        json!({ "transaction": self.transaction })
    }
}

fn granted(verdict: Verdict) -> Box<Verified> {
    match verdict {
        Verdict::Granted(purchase) => purchase,
        other => panic!("{other:?}"),
    }
}

fn refused(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Refused { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_bought_is_granted_and_again_under_the_same_key() {
    let sale = Sale::open().await;
    for store in STORES {
        let bought = sale.buy(store, json!({"quantity": 3, "account": MINE})).await;
        let first = granted(sale.verdict(store, &bought.evidence).await);
        assert_eq!((first.store, first.environment), (store, Environment::Production));
        assert_eq!((first.product.as_str(), first.quantity), ("gem_100", 3));
        assert_eq!(first.account_token.as_deref(), Some(MINE));
        assert_eq!(first.state, State::Paid);
        let price = Price { micros: 1_100_000_000, currency: "KRW".into() };
        assert_eq!(first.price, (store == AppStore).then_some(price));
        let due = (store != AppStore).then(|| sale.stage.clock.now().after(3 * DAY));
        assert_eq!(first.settle_by, due);
        let again = granted(sale.verdict(store, &bought.evidence).await);
        assert_eq!((&again.key, again.evidence), (&first.key, first.evidence));
        let other = sale.buy(store, json!({})).await;
        let other = granted(sale.verdict(store, &other.evidence).await);
        assert_ne!(other.key, first.key);
        assert_eq!(other.account_token, None);
        // The store is asked by what it said itself.
        let looked = sale.at(store).look(&first.transaction).await.unwrap();
        assert_eq!((looked.key, looked.state), (first.key, State::Paid));
    }
}

#[tokio::test]
async fn the_account_says_whose_it_is_and_the_product_what_it_is() {
    let sale = Sale::open().await;
    let (mine, others) = ([MINE.to_owned()], ["other".to_owned()]);
    let gems = |product: &str, micros| Expected {
        product: product.to_owned(),
        kind: None,
        prices: vec![Price { micros, currency: "KRW".into() }],
    };
    let (right, other, dear) =
        (gems("gem_100", 1_100_000_000), gems("gem_10", 1_100_000_000), gems("gem_100", 5));
    for store in STORES {
        let bought = sale.buy(store, json!({"account": MINE})).await;
        let of = async |accounts: &[String]| {
            let evidence = Evidence::read(bought.evidence.to_string().as_bytes()).unwrap();
            let question = Question {
                evidence: &evidence,
                accounts: Some(accounts),
                tester: false,
                expected: None,
            };
            sale.stores.verify(store, question).await.unwrap().word()
        };
        assert_eq!(of(&mine).await, "granted");
        assert_eq!(of(&others).await, "not_yours");
        let be = async |expected: &Expected| {
            let evidence = Evidence::read(bought.evidence.to_string().as_bytes()).unwrap();
            let question = Question {
                evidence: &evidence,
                accounts: None,
                tester: false,
                expected: Some(expected),
            };
            sale.stores.verify(store, question).await.unwrap()
        };
        assert_eq!(be(&right).await.word(), "granted");
        assert_eq!(refused(be(&other).await), reason::PRODUCT);
        // Only Apple tells what was paid.
        match store == AppStore {
            true => assert_eq!(refused(be(&dear).await), reason::PRICE),
            false => assert_eq!(be(&dear).await.word(), "granted"),
        }
    }
}

#[tokio::test]
async fn the_sandbox_is_for_whom_the_game_says() {
    let sale = Sale::open().await;
    let with = |sandbox| {
        let settings = StoresSettings { sandbox, ..sale.settings.clone() };
        Sale::stores(&sale.stage, &settings)
    };
    let (strict, open) = (with(SandboxPolicy::Reject), with(SandboxPolicy::Allow));
    for store in STORES {
        let bought = sale.buy(store, json!({"sandbox": true})).await;
        assert_eq!(refused(sale.verdict(store, &bought.evidence).await), reason::SANDBOX);
        let taken = granted(sale.judged(store, &bought.evidence, true).await);
        assert_eq!(taken.environment, Environment::Sandbox);
        let evidence = Evidence::read(bought.evidence.to_string().as_bytes()).unwrap();
        let question =
            Question { evidence: &evidence, accounts: None, tester: false, expected: None };
        assert_eq!(open.verify(store, question).await.unwrap().word(), "granted");
        let question = Question { tester: true, ..question };
        assert_eq!(strict.verify(store, question).await.unwrap().word(), "refused");
        let real = sale.buy(store, json!({})).await;
        let evidence = Evidence::read(real.evidence.to_string().as_bytes()).unwrap();
        let question = Question { evidence: &evidence, ..question };
        assert_eq!(strict.verify(store, question).await.unwrap().word(), "granted");
    }
}

#[tokio::test]
async fn what_is_paid_later_waits() {
    let sale = Sale::open().await;
    // At Apple there is nothing to show while a parent is asked.
    let later = sale.buy(AppStore, json!({"pay_later": true})).await;
    assert_eq!(later.evidence, Value::Null);
    let paid = sale.control(AppStore, "pay", later.which()).await;
    assert_eq!(sale.verdict(AppStore, &paid["evidence"]).await.word(), "granted");

    let later = sale.buy(GooglePlay, json!({"pay_later": true, "account": MINE})).await;
    assert_eq!(sale.verdict(GooglePlay, &later.evidence).await.word(), "pending");
    assert!(sale.hints(GooglePlay).await.is_empty());
    sale.control(GooglePlay, "pay", later.which()).await;
    assert_eq!(sale.verdict(GooglePlay, &later.evidence).await.word(), "granted");
    let hints = sale.hints(GooglePlay).await;
    assert_eq!(hints.iter().map(|hint| hint.what).collect::<Vec<_>>(), [Happened::Changed]);
    let asked = hints[0].transaction.clone().unwrap();
    assert_eq!(sale.at(GooglePlay).look(&asked).await.unwrap().state, State::Paid);

    let never = sale.buy(GooglePlay, json!({"pay_later": true})).await;
    sale.control(GooglePlay, "cancel", never.which()).await;
    assert_eq!(refused(sale.verdict(GooglePlay, &never.evidence).await), reason::CANCELLED);
    let (status, _) = sale
        .stage
        .post("/sim/stores/one_store/buy", &json!({"product": "a", "pay_later": true}))
        .await;
    assert_eq!(status, 400, "ONE store knows no such thing");
}

#[tokio::test]
async fn a_refund_is_noticed_even_with_old_evidence() {
    let sale = Sale::open().await;
    for store in STORES {
        let bought = sale.buy(store, json!({})).await;
        let before = granted(sale.verdict(store, &bought.evidence).await);
        sale.hints(store).await;
        sale.control(store, "refund", bought.which()).await;
        sale.stage.clock.advance(A_WHILE);
        let Verdict::Refused { reason, purchase: Some(after) } =
            sale.verdict(store, &bought.evidence).await
        else {
            panic!("{}", store.word());
        };
        assert_eq!((reason, after.state), (reason::REFUNDED, State::Refunded));
        assert_eq!(after.key, before.key, "so that it is remembered");
        assert_eq!(after.refund.as_ref().unwrap().basis_points, 10_000);
        assert!(after.changed_at >= before.changed_at, "what is newer counts");
        let hints = sale.hints(store).await;
        assert_eq!(hints.iter().map(|hint| hint.what).collect::<Vec<_>>(), [Happened::Refunded]);
        let asked = hints[0].transaction.clone().unwrap();
        // Nothing but a name is taken from a hint.
        let asked = Transaction { product: asked.product.or(Some("gem_100".into())), ..asked };
        assert_eq!(sale.at(store).look(&asked).await.unwrap().state, State::Refunded);
    }
}

#[tokio::test]
async fn a_part_is_given_back_and_a_refund_is_undone_where_a_store_can() {
    let sale = Sale::open().await;
    for store in [AppStore, GooglePlay] {
        let bought = sale.buy(store, json!({"quantity": 2})).await;
        let half = json!({"transaction": bought.transaction, "percent": 50});
        sale.control(store, "refund", half).await;
        sale.stage.clock.advance(A_WHILE);
        let now = granted(sale.verdict(store, &bought.evidence).await);
        assert_eq!(now.refund.unwrap().basis_points, 5_000);
    }
    let bought = sale.buy(AppStore, json!({})).await;
    sale.control(AppStore, "refund", bought.which()).await;
    sale.control(AppStore, "reverse", bought.which()).await;
    sale.stage.clock.advance(A_WHILE);
    assert_eq!(sale.verdict(AppStore, &bought.evidence).await.word(), "granted");
    let what: Vec<_> = sale.hints(AppStore).await.iter().map(|hint| hint.what).collect();
    let end = [Happened::Changed, Happened::Refunded, Happened::RefundReversed];
    assert!(what.ends_with(&end), "{what:?}");
    for store in [GooglePlay, OneStore] {
        let bought = sale.buy(store, json!({})).await;
        let (status, _) = sale.try_control(store, "reverse", bought.which()).await;
        assert_eq!(status, 400);
    }
}

#[tokio::test]
async fn a_notification_may_come_twice_or_not_at_all() {
    let sale = Sale::open().await;
    for store in STORES {
        sale.control(store, "behave", json!({"notifications": "twice"})).await;
        let bought = sale.buy(store, json!({})).await;
        let hints = sale.hints(store).await;
        assert_eq!(hints.len(), 2);
        assert_eq!(hints[0].id, hints[1].id, "so that it is done once");
        sale.control(store, "refund", bought.which()).await;
        let later = sale.hints(store).await;
        assert_ne!(later[0].id, hints[0].id);

        sale.control(store, "behave", json!({"notifications": "lost"})).await;
        let lost = sale.buy(store, json!({})).await;
        let known = granted(sale.verdict(store, &lost.evidence).await);
        sale.control(store, "refund", lost.which()).await;
        assert!(sale.hints(store).await.is_empty());
        // Whoever lost it asks the store.
        match sale.at(store).taken_back(sale.since(), None).await.unwrap() {
            TakenBack::Listed { hints, .. } => {
                // What was notified is known by the same id where the store has one.
                if store == AppStore {
                    assert!(hints.iter().any(|hint| hint.id == later[0].id));
                }
                let asked = |hint: &Hint| hint.transaction.as_ref().map(|it| it.id.clone());
                let ids: Vec<_> = hints.iter().filter_map(asked).collect();
                assert!(ids.contains(&known.transaction.id), "{}", store.word());
            }
            TakenBack::LookAtEach => {
                assert_eq!(store, OneStore);
                let now = sale.at(store).look(&known.transaction).await.unwrap();
                assert_eq!(now.state, State::Refunded);
            }
        }
    }
}

#[tokio::test]
async fn what_nobody_acknowledges_in_three_days_is_given_back() {
    let sale = Sale::open().await;
    for store in STORES {
        let (kept, lost) = (sale.buy(store, json!({})).await, sale.buy(store, json!({})).await);
        let (of_kept, of_lost) = (
            granted(sale.verdict(store, &kept.evidence).await).transaction,
            granted(sale.verdict(store, &lost.evidence).await).transaction,
        );
        for _ in 0..2 {
            assert_eq!(sale.at(store).acknowledge(&of_kept).await, Ok(()), "as often as one likes");
        }
        let seconds = (3 * DAY).as_secs() - 1;
        sale.control(store, "clock", json!({ "advance_s": seconds })).await;
        assert_eq!(sale.at(store).look(&of_lost).await.unwrap().state, State::Paid);
        let state = sale.control(store, "clock", json!({"advance_s": 1})).await;
        assert_eq!(state["ahead_s"], seconds + 1);
        let after = sale.at(store).look(&of_lost).await.unwrap().state;
        let kept = sale.at(store).look(&of_kept).await.unwrap();
        assert!(kept.acknowledged && kept.state == State::Paid);
        // Apple waits for ever.
        if store == AppStore {
            assert_eq!(after, State::Paid);
            continue;
        }
        assert_eq!(after, State::Refunded);
        let told = sale.at(store).acknowledge(&of_lost).await;
        assert_eq!(told, Err(Fault::Refused(reason::REFUNDED)));
        assert_eq!(sale.hints(store).await.last().unwrap().what, Happened::Refunded);
    }
}

#[tokio::test]
async fn what_is_used_up_is_told_once_or_twice() {
    let sale = Sale::open().await;
    for store in STORES {
        let bought = sale.buy(store, json!({})).await;
        let of = granted(sale.verdict(store, &bought.evidence).await).transaction;
        for _ in 0..2 {
            assert_eq!(sale.at(store).consume(&of).await, Ok(()), "{}", store.word());
        }
        let now = sale.at(store).look(&of).await.unwrap();
        assert!(now.acknowledged && now.settle_by.is_none());
        assert_eq!(now.consumed, store != AppStore, "Apple does not say");
    }
}

#[tokio::test]
async fn the_controls_name_what_is_wrong_with_a_request() {
    let sale = Sale::open().await;
    let wrong = async |store: &str, what: &str, body: Value| {
        let path = format!("/sim/stores/{store}/{what}");
        let (status, reply) = match what {
            "buy" | "evidence" => sale.stage.post(&path, &body).await,
            _ => sale.stage.control(&path, body).await,
        };
        (status, reply["err"]["detail"]["field"].as_str().unwrap_or_default().to_owned())
    };
    let nobody = json!({"transaction": "nobody"});
    let field = |name: &str| (400, name.to_owned());
    assert_eq!(wrong("steam", "buy", json!({"product": "a"})).await.0, 404);
    assert_eq!(wrong("app_store", "buy", json!({})).await.0, 400);
    assert_eq!(wrong("app_store", "buy", json!({"product": ""})).await, field("product"));
    let none = json!({"product": "a", "quantity": 0});
    assert_eq!(wrong("app_store", "buy", none).await, field("quantity"));
    let odd = json!({"product": "a", "misbehave": "expired_leaf"});
    assert_eq!(wrong("google_play", "buy", odd).await, field("misbehave"));
    for what in ["evidence", "pay", "cancel", "refund", "notify"] {
        assert_eq!(wrong("one_store", what, nobody.clone()).await, field("transaction"), "{what}");
    }
    let bought = sale.buy(OneStore, json!({})).await;
    let half = json!({"transaction": bought.transaction, "percent": 50});
    assert_eq!(wrong("one_store", "refund", half).await, field("percent"));
    assert_eq!(wrong("one_store", "pay", bought.which()).await, field("transaction"));
    let far = json!({"advance_s": 401 * 86_400});
    assert_eq!(wrong("one_store", "clock", far).await, field("advance_s"));
    assert_eq!(wrong("one_store", "behave", json!({"status": 200})).await, field("status"));
    let states = sale.stage.control("/sim/stores", Value::Null).await;
    assert_eq!(states.0, 405, "they are read");
}
