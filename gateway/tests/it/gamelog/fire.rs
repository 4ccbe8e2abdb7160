//! All three servers and the program itself, killed and stopped in turn under an operator's acts
//! and players' purchases: each that was answered is in the log once, whatever died.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway::control;
use loadtest::{Failure, HttpClient};
use protocol::error::ErrorCode;
use serde_json::{Value, json};
use storage::servers::{Binaries, MariaDb, MongoDb, Redis};

use crate::harness::{guest, text};
use crate::kill::{self, Program};
use crate::purchases::buyer::{Market, STORES};
use crate::purchases::killed::Street;

/// How many acts are answered before the next thing happens.
const BETWEEN: u64 = 40;
/// How many members are acted on at once.
const MEMBERS: usize = 6;
/// How many members buy at once.
const BUYERS: usize = 2;

/// One member's messages: those that were answered, by their numbers, and how many were sent
/// and never answered.
#[derive(Default)]
struct Acts {
    answered: BTreeSet<u64>,
    unknown: u64,
}

/// One member's purchases.
#[derive(Default)]
struct Bought {
    /// Those whose grant was answered, by their ids.
    granted: BTreeSet<String>,
    /// How many were shown and never answered.
    unknown: u64,
}

struct Scene {
    data: PathBuf,
    /// Where players play, which changes with each start.
    players: Mutex<HttpClient>,
    answered: AtomicU64,
    over: AtomicBool,
}

impl Scene {
    /// Returns when so many more acts are answered.
    async fn goes_on(&self) {
        let until = self.answered.load(Ordering::SeqCst) + BETWEEN;
        while self.answered.load(Ordering::SeqCst) < until {
            tokio::task::yield_now().await;
        }
    }

    async fn command(&self, path: &str, body: Value) -> Option<Value> {
        let control = control::read(&self.data)?;
        let body = serde_json::to_vec(&body).unwrap();
        serde_json::from_slice(&control.call(path, Some(&body)).await.ok()?).ok()
    }

    /// Sends a member messages until it is over. One that has no answer is not sent again.
    async fn act(&self, member: &str) -> Acts {
        let mut acts = Acts::default();
        while !self.over.load(Ordering::SeqCst) {
            let body = json!({"app": "demo", "member": member, "text": "hello"});
            match self.command("/commands/member/message", body).await {
                Some(answer) => {
                    assert!(acts.answered.insert(answer["seq"].as_u64().unwrap()), "{answer}");
                    self.answered.fetch_add(1, Ordering::SeqCst);
                }
                None => {
                    acts.unknown += 1;
                    // Nobody may be there to ask, and whoever starts needs the processor.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
        acts
    }

    /// Starts the program, which has another address each time.
    fn starts(&self) -> Program {
        let program = tokio::task::block_in_place(|| kill::start(&self.data));
        *self.players.lock().unwrap() = HttpClient::new(&program.url);
        program
    }

    /// Buys, and shows each purchase until it is answered or it is over.
    async fn buy(&self, market: &Market, login: Value) -> Bought {
        let credential = login["credential"].clone();
        let (mut login, mut all) = (login, Bought::default());
        for store in STORES.iter().cycle() {
            let bought = market.buy(store, json!({"product": "gem_100"})).await;
            let body = json!({"store": bought.store, "evidence": bought.evidence});
            loop {
                let players = self.players.lock().unwrap().clone();
                let token = Some(text(&login, "access_token"));
                match players.ask("purchase.submit", token, body.clone()).await {
                    Ok(answer) => {
                        let purchase = &answer["purchase"];
                        assert_eq!(text(purchase, "state"), "granted", "{answer}");
                        assert!(all.granted.insert(text(purchase, "id").to_owned()), "{answer}");
                        break;
                    }
                    Err(_) if self.over.load(Ordering::SeqCst) => {
                        all.unknown += 1;
                        return all;
                    }
                    // Its tokens name the address at which it is.
                    Err(Failure::Refused(error)) if error.code == ErrorCode::AuthRefused => {
                        let mut body = guest();
                        body["credential"] = credential.clone();
                        if let Ok(newer) = players.ask("auth.login", None, body).await {
                            login = newer;
                        }
                    }
                    // As above.
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
            if self.over.load(Ordering::SeqCst) {
                return all;
            }
        }
        all
    }

    /// Returns when the spool has nothing that MongoDB has not confirmed.
    async fn drained(&self) {
        let control = control::read(&self.data).unwrap();
        loop {
            let metrics = control.call("/metrics", None).await.unwrap();
            if String::from_utf8_lossy(&metrics)
                .lines()
                .any(|line| line == "daemun_spool_records 0")
            {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// What of a kind is in the log.
    async fn logged(&self, kind: &str) -> Vec<Value> {
        let mut logged = Vec::new();
        let mut page = json!({"app": "demo", "kind": kind, "since": "1970-01-01T00:00:00Z"});
        loop {
            page["limit"] = json!(1000);
            let Some(answer) = self.command("/commands/gamelog", page.clone()).await else {
                tokio::task::yield_now().await;
                continue;
            };
            logged.extend(answer["records"].as_array().unwrap().clone());
            if answer["next"].is_null() {
                return logged;
            }
            page["since"] = answer["next"]["since"].clone();
            page["after"] = answer["next"]["after"].clone();
        }
    }

    /// The numbers of the messages in the log, by their members, each as often as it is there.
    async fn messages(&self) -> BTreeMap<String, Vec<u64>> {
        let mut logged = BTreeMap::<_, Vec<_>>::new();
        for record in self.logged("member_messaged").await {
            let seq = record["fields"]["seq"].as_u64().unwrap();
            logged.entry(text(&record, "member").to_owned()).or_default().push(seq);
        }
        logged
    }

    /// How often each purchase is in the log.
    async fn purchases(&self) -> BTreeMap<String, u64> {
        let mut logged = BTreeMap::new();
        for record in self.logged("purchase_changed").await {
            assert_eq!(record["fields"]["state"], "granted");
            *logged.entry(text(&record["fields"], "purchase").to_owned()).or_default() += 1;
        }
        logged
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_act_that_was_answered_is_logged_once_whatever_is_killed_or_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let street = Street::open().await;
    let maria = MariaDb::shared().unwrap().database("fire").unwrap();
    let mut mongodb = MongoDb::start(&Binaries::default(), &[]).unwrap();
    let mut redis = Redis::start(&Binaries::default(), &[]).unwrap();
    let settings = format!(
        "[storage.mariadb]\nurl = '{maria}'\nmigrate_at_start = true\nconnections = 4\n\
         [storage.mongodb]\nurl = '{}'\nmigrate_at_start = true\n\
         [storage.redis]\nurl = '{}'\n",
        mongodb.databases().database("fire"),
        redis.databases().database().unwrap(),
    );
    let settings = settings + &street.settings();
    std::fs::write(folder.path().join("daemun.toml"), settings).unwrap();
    let data = folder.path().join("data");
    let (answered, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let players = Mutex::new(street.shop.clone());
    let scene = Arc::new(Scene { data, players, answered, over });
    let mut program = scene.starts();
    let http = scene.players.lock().unwrap().clone();
    let mut actors = Vec::new();
    for _ in 0..MEMBERS {
        let login = http.ask("auth.login", None, guest()).await.unwrap();
        let (member, scene) = (text(&login["member"], "id").to_owned(), scene.clone());
        actors.push(tokio::spawn(async move { (member.clone(), scene.act(&member).await) }));
    }
    let mut buyers = Vec::new();
    for _ in 0..BUYERS {
        let login = http.ask("auth.login", None, guest()).await.unwrap();
        let (market, scene) = (street.market(&http), scene.clone());
        buyers.push(tokio::spawn(async move { scene.buy(&market, login).await }));
    }
    scene.goes_on().await;
    redis.kill().unwrap();
    scene.goes_on().await;
    tokio::task::block_in_place(|| redis.restart()).unwrap();
    scene.goes_on().await;
    redis.pause().unwrap();
    scene.goes_on().await;
    redis.resume().unwrap();
    scene.goes_on().await;
    mongodb.kill().unwrap();
    scene.goes_on().await;
    // With what the spool alone has.
    drop(program);
    program = scene.starts();
    scene.goes_on().await;
    tokio::task::block_in_place(|| mongodb.restart()).unwrap();
    scene.goes_on().await;
    mongodb.pause().unwrap();
    scene.goes_on().await;
    drop(program);
    mongodb.resume().unwrap();
    program = scene.starts();
    scene.goes_on().await;
    // In the midst of draining, and of nothing special.
    for _ in 0..2 {
        drop(program);
        program = scene.starts();
        scene.goes_on().await;
    }
    scene.over.store(true, Ordering::SeqCst);
    let mut acts = BTreeMap::new();
    for actor in actors {
        let (member, done) = actor.await.unwrap();
        acts.insert(member, done);
    }
    let (mut granted, mut unanswered) = (BTreeSet::new(), 0);
    for buyer in buyers {
        let Bought { granted: some, unknown } = buyer.await.unwrap();
        granted.extend(some);
        unanswered += unknown;
    }
    let total: usize = acts.values().map(|acts| acts.answered.len()).sum();
    scene.drained().await;
    let logged = scene.messages().await;
    let bought = scene.purchases().await;
    let (mut unknown, mut beside) = (0, 0);
    for (member, acts) in &acts {
        let there = &logged[member];
        let once: BTreeSet<_> = there.iter().copied().collect();
        assert_eq!(once.len(), there.len(), "none is there twice: {member}");
        assert!(acts.answered.is_subset(&once), "none is lost: {member}");
        let more = (once.len() - acts.answered.len()) as u64;
        assert!(more <= acts.unknown, "{more} were never sent: {member}");
        unknown += acts.unknown;
        beside += more;
    }
    assert_eq!(logged.len(), acts.len());
    assert!(bought.values().all(|times| *times == 1), "none is there twice: {bought:?}");
    let there: BTreeSet<_> = bought.keys().cloned().collect();
    assert!(granted.is_subset(&there), "none is lost");
    let more = (there.len() - granted.len()) as u64;
    assert!(more <= unanswered, "{more} were never shown");
    eprintln!(
        "purchases answered {}, each logged once; without an answer {unanswered}, of which logged \
         {more}; lost 0, doubled 0",
        granted.len()
    );
    eprintln!(
        "acts answered {total}, each logged once; without an answer {unknown}, of which logged \
         {beside}; lost 0, doubled 0"
    );
    drop(program);
}
