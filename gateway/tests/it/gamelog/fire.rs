//! All three servers and the program itself, killed and stopped in turn under an operator's acts:
//! each act that was answered is in the log once, whatever died.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use gateway::control;
use loadtest::HttpClient;
use serde_json::{Value, json};
use storage::servers::{Binaries, MariaDb, MongoDb, Redis};

use crate::harness::{guest, text};
use crate::kill::{self, Program};

/// How many acts are answered before the next thing happens.
const BETWEEN: u64 = 40;
/// How many members are acted on at once.
const MEMBERS: usize = 6;

/// One member's messages: those that were answered, by their numbers, and how many were sent
/// and never answered.
#[derive(Default)]
struct Acts {
    answered: BTreeSet<u64>,
    unknown: u64,
}

struct Scene {
    data: PathBuf,
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

    /// The numbers of the messages in the log, by their members, each as often as it is there.
    async fn logged(&self) -> BTreeMap<String, Vec<u64>> {
        let mut logged = BTreeMap::<_, Vec<_>>::new();
        let mut page =
            json!({"app": "demo", "kind": "member_messaged", "since": "1970-01-01T00:00:00Z"});
        loop {
            page["limit"] = json!(1000);
            let Some(answer) = self.command("/commands/gamelog", page.clone()).await else {
                tokio::task::yield_now().await;
                continue;
            };
            for record in answer["records"].as_array().unwrap() {
                let seq = record["fields"]["seq"].as_u64().unwrap();
                logged.entry(text(record, "member").to_owned()).or_default().push(seq);
            }
            if answer["next"].is_null() {
                return logged;
            }
            page["since"] = answer["next"]["since"].clone();
            page["after"] = answer["next"]["after"].clone();
        }
    }
}

fn start(data: &std::path::Path) -> Program {
    tokio::task::block_in_place(|| kill::start(data))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_act_that_was_answered_is_logged_once_whatever_is_killed_or_hangs() {
    let folder = tempfile::tempdir().unwrap();
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
    std::fs::write(folder.path().join("daemun.toml"), settings).unwrap();
    let data = folder.path().join("data");
    let (answered, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let scene = Arc::new(Scene { data, answered, over });
    let mut program = start(&scene.data);
    let http = HttpClient::new(&program.url);
    let mut actors = Vec::new();
    for _ in 0..MEMBERS {
        let login = http.ask("auth.login", None, guest()).await.unwrap();
        let (member, scene) = (text(&login["member"], "id").to_owned(), scene.clone());
        actors.push(tokio::spawn(async move { (member.clone(), scene.act(&member).await) }));
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
    program = start(&scene.data);
    scene.goes_on().await;
    tokio::task::block_in_place(|| mongodb.restart()).unwrap();
    scene.goes_on().await;
    mongodb.pause().unwrap();
    scene.goes_on().await;
    drop(program);
    mongodb.resume().unwrap();
    program = start(&scene.data);
    scene.goes_on().await;
    // In the midst of draining, and of nothing special.
    for _ in 0..2 {
        drop(program);
        program = start(&scene.data);
        scene.goes_on().await;
    }
    scene.over.store(true, Ordering::SeqCst);
    let mut acts = BTreeMap::new();
    for actor in actors {
        let (member, done) = actor.await.unwrap();
        acts.insert(member, done);
    }
    let total: usize = acts.values().map(|acts| acts.answered.len()).sum();
    scene.drained().await;
    let logged = scene.logged().await;
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
    eprintln!(
        "acts answered {total}, each logged once; without an answer {unknown}, of which logged \
         {beside}; lost 0, doubled 0"
    );
    drop(program);
}
