//! Somebody is always left who may do everything.

use serde_json::{Value, json};

use super::nodes::two_nodes;
use super::{Account, Browser, Said, with_owner};
use crate::harness::Daemun;

/// How often they take each other's rights.
const ROUNDS: usize = 20;

async fn take_rights(browser: &Browser, of: &Account) -> Said {
    let path = format!("/admin/v1/operators/{}", of.id);
    let shown = browser.get(&path).await;
    let Some(tag) = shown.header("etag") else { return shown };
    let less = json!({"name": of.name, "roles": [], "grants": [], "disabled": false});
    browser.with("PUT", &path, &[("if-match", tag)], Some(less)).await
}

async fn owners(house: &Daemun) -> usize {
    let list = house.command("/commands/operator", json!({"deed": "list"})).await;
    let owns = |it: &&Value| it["roles"] == json!([{"app": "*", "role": "owner"}]);
    list["items"].as_array().unwrap().iter().filter(owns).count()
}

/// Two owners, one of whom asks here and the other there.
async fn take_each_others_rights(here: &Daemun, (one, his): (&Account, Browser), there: &Daemun) {
    let other = Account::new(here, "other", &["owner"]).await;
    there.advance(here.now().since(there.now()));
    let hers = other.enter(there).await;
    here.advance(there.now().since(here.now()));
    for round in 0..ROUNDS {
        let both = tokio::join!(take_rights(&his, &other), take_rights(&hers, one));
        let done = [&both.0, &both.1].into_iter().filter(|said| said.status == 200).count();
        assert_eq!((owners(here).await, done), (1, 1), "{round}: {both:?}");
        for name in [&one.name, &other.name] {
            let again =
                json!({"deed": "roles", "name": name, "roles": [{"app": "*", "role": "owner"}]});
            here.command("/commands/operator", again).await;
        }
    }
}

pub(super) async fn of_two_owners_who_take_each_others_rights_one_keeps_his(house: Daemun) {
    let (house, owner, browser) = with_owner(house).await;
    take_each_others_rights(&house, (&owner, browser), &house).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_owners_at_two_nodes_one_keeps_his_rights() {
    let [here, there] = two_nodes().await;
    let (here, owner, browser) = with_owner(here).await;
    take_each_others_rights(&here, (&owner, browser), &there).await;
}
