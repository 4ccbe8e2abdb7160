//! `kill -9` of the real program between a login's two transactions: its identity is claimed, its
//! member is not made. Whoever comes next finishes it, once.

use std::collections::BTreeMap;

use loadtest::HttpClient;
use protocol::ids::MemberId;
use serde_json::{Value, json};
use storage::identity::IdentityKey;
use storage::servers::{Databases, MariaDb};

use crate::harness::{id_token, text, with_token};
use crate::kill::{Program, start};

/// Two databases with half of the shards each, and the settings that name them.
struct Scene {
    server: &'static Databases,
    names: [String; 2],
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let server = MariaDb::shared().unwrap();
        let urls = ["a", "b"].map(|name| server.database(name).unwrap());
        let folder = tempfile::tempdir().unwrap();
        let settings = format!(
            "[storage.mariadb]\nhome = 'a'\nmigrate_at_start = true\nconnections = 4\n\
             [storage.mariadb.servers.a]\nurl = '{}'\nshards = '0-511'\n\
             [storage.mariadb.servers.b]\nurl = '{}'\nshards = '512-1023'\n",
            urls[0], urls[1]
        );
        std::fs::write(folder.path().join("daemun.toml"), settings).unwrap();
        let names = urls.map(|url| url.rsplit('/').next().unwrap().to_owned());
        Self { server, names, folder }
    }

    fn start(&self) -> Program {
        start(&self.folder.path().join("data"))
    }

    /// The sum of what a query says on each of the two; `{}` is the database's name.
    fn count(&self, query: &str) -> i64 {
        let on = |name: &String| {
            let answer = self.server.sql(&query.replace("{}", name)).unwrap();
            answer.unwrap().parse::<i64>().unwrap()
        };
        self.names.iter().map(on).sum()
    }

    /// Returns when a query's sum is this.
    async fn comes_to(&self, query: &str, count: i64) {
        while tokio::task::block_in_place(|| self.count(query)) != count {
            tokio::task::yield_now().await;
        }
    }

    /// Whose each claimed identity is.
    fn claims(&self) -> BTreeMap<String, String> {
        let mut claims = BTreeMap::new();
        for name in &self.names {
            let select = format!(
                "SELECT GROUP_CONCAT(subject, ' ', member ORDER BY subject) FROM {name}.identity_claim"
            );
            for pair in self.server.sql(&select).unwrap().unwrap_or_default().split(',') {
                let (person, member) = pair.split_once(' ').unwrap();
                let member = MemberId::from_number(member.parse().unwrap()).unwrap();
                claims.insert(person.to_owned(), member.to_string());
            }
        }
        claims
    }
}

/// Four people, those with even places on the first database, the others on the second.
fn people() -> [String; 4] {
    let half = |person: &String| {
        let app = "demo".parse().unwrap();
        let key = IdentityKey { app, provider: "google".into(), subject: person.clone() };
        key.shard() / 512
    };
    let mut names = (0..).map(|number| format!("person-{number}"));
    [0, 1, 0, 1].map(|wanted| names.by_ref().find(|person| half(person) == wanted).unwrap())
}

async fn log_in(program: &Program, person: &str) -> Value {
    let http = HttpClient::new(&program.url);
    let token = id_token(&http, "google", json!({"subject": person})).await;
    http.ask("auth.login", None, with_token("google", &token)).await.unwrap()
}

const PENDING: &str = "SELECT COUNT(*) FROM {}.identity_claim WHERE pending = 1";
/// Those that wait for the table that is locked: the member's transaction has begun.
const WAITING: &str = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = '{}' \
                       AND state LIKE 'Waiting for table%' AND info LIKE '%member_session%'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_was_killed_between_claim_and_member_is_finished_once() {
    let (scene, people) = (Scene::new(), people());
    let program = scene.start();
    let lock = |name: &String| format!("LOCK TABLES {name}.member_session WRITE");
    let locks = scene.names.each_ref().map(|name| scene.server.hold(&[lock(name)]).unwrap());
    let http = HttpClient::new(&program.url);
    let logins = people.clone().map(|person| {
        let http = http.clone();
        tokio::spawn(async move {
            let token = id_token(&http, "google", json!({"subject": person})).await;
            http.ask("auth.login", None, with_token("google", &token)).await
        })
    });
    scene.comes_to(PENDING, 4).await;
    scene.comes_to(WAITING, 4).await;
    drop(program);
    for login in logins {
        assert!(login.await.unwrap().is_err(), "nobody was answered");
    }
    drop(locks);
    // The server sees that the other end is gone, and undoes what it was in the midst of.
    scene.comes_to(WAITING, 0).await;
    assert_eq!(scene.count("SELECT COUNT(*) FROM {}.member"), 0);
    let claims = scene.claims();
    assert_eq!(claims.len(), 4);

    let program = scene.start();
    let [back, sweep] = [&people[..2], &people[2..]];
    for person in back {
        let login = log_in(&program, person).await;
        assert_eq!(
            (text(&login["member"], "id"), &login["new_member"]),
            (&*claims[person], &json!(true))
        );
        let again = log_in(&program, person).await;
        assert_eq!(
            (text(&again["member"], "id"), &again["new_member"]),
            (&*claims[person], &json!(false))
        );
    }
    scene.comes_to(PENDING, 2).await;
    // Nobody comes back for the others. A minute later the sweeper makes their members.
    for name in &scene.names {
        let older = format!(
            "UPDATE {name}.identity_claim SET claimed_at = claimed_at - 61000000 WHERE pending = 1"
        );
        scene.server.sql(&older).unwrap();
    }
    scene.comes_to(PENDING, 0).await;
    assert_eq!(scene.count("SELECT COUNT(*) FROM {}.member"), 4);
    for person in sweep {
        let login = log_in(&program, person).await;
        assert_eq!(
            (text(&login["member"], "id"), &login["new_member"]),
            (&*claims[person], &json!(true))
        );
    }
    for table in ["member", "identity", "member_session", "identity_claim"] {
        let count = scene.count(&format!("SELECT COUNT(*) FROM {{}}.{table}"));
        assert_eq!(count, 4, "{table}");
    }
    assert_eq!(scene.claims(), claims);
    println!(
        "4 killed between claim and member: 2 came back, 2 were swept; 4 members, none doubled"
    );
}
