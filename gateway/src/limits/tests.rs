use protocol::ids::LoginId;
use uuid::Uuid;

use super::*;
use crate::config::LimitsSettings;
use actors::apps::RequestRate;
use protocol::error::{ErrorBody, ErrorCode};
use storage::config::{RedisSettings, ServerUrl, StorageSettings};
use storage::open::Storage;
use storage::redis::Redis;
use storage::servers::{Binaries, Redis as Server};
use tempfile::TempDir;

const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn stranger() -> IpAddr {
    IpAddr::from([198, 51, 100, 1])
}

fn limits(development: bool, change: impl FnOnce(&mut LimitsSettings)) -> Limits {
    let mut settings = GatewaySettings::default();
    change(&mut settings.limits);
    Limits::new(&settings, development)
}

fn login(n: u128) -> LoginId {
    LoginId(Uuid::from_u128(n))
}

/// How often something succeeds until it does not, and what is said then.
fn until_refused(mut attempt: impl FnMut() -> Result<(), ErrorBody>) -> (usize, ErrorBody) {
    let mut passed = 0;
    loop {
        match attempt() {
            Ok(()) => passed += 1,
            Err(error) => return (passed, error),
        }
        assert!(passed < 10_000, "there is no bound");
    }
}

#[tokio::test(start_paused = true)]
async fn development_raises_for_this_machine_what_was_not_set() {
    let asks =
        |limits: &Limits, client| (0..1_000).all(|_| limits.of(client).address(client).is_ok());
    let unset = limits(true, |_| {});
    assert!(asks(&unset, LOOPBACK) && !asks(&unset, stranger()));
    assert!(asks(&unset, "::ffff:127.0.0.1".parse().unwrap()));
    let production = limits(false, |_| {});
    assert!(!asks(&production, LOOPBACK));
    let set = limits(true, |limits| limits.address_burst = Some(3));
    let (passed, _) = until_refused(|| set.of(LOOPBACK).address(LOOPBACK));
    // What was set holds here too; the rate that was not is raised, and time stands still.
    assert_eq!(passed, 3);
}

#[tokio::test(start_paused = true)]
async fn a_login_is_told_when_it_may_ask_again_and_a_game_may_say_otherwise() {
    let limits = limits(false, |limits| limits.session_burst = Some(4));
    let tier = limits.of(stranger());
    let (passed, error) = until_refused(|| tier.session(login(1), RequestRate::default()));
    assert_eq!((passed, error.code, error.retry_after_ms), (4, ErrorCode::LimitRate, Some(500)));

    let own = RequestRate { per_minute: Some(60), burst: Some(7) };
    let (passed, error) = until_refused(|| tier.session(login(2), own));
    assert_eq!((passed, error.retry_after_ms), (7, Some(1_000)));
    tokio::time::advance(Duration::from_secs(60)).await;
    tier.sweep();
    let (passed, _) = until_refused(|| tier.session(login(2), own));
    assert_eq!(passed, 7);
}

#[tokio::test(start_paused = true)]
async fn the_hint_of_who_is_sent_away_is_honest_and_spread() {
    let limits = limits(false, |limits| limits.opens_per_second = Some(100));
    let tier = limits.of(stranger());
    // A first one passes, and two seconds' worth of others wait.
    let waiting: Vec<_> = (0..=200).map(|_| tier.admit_open()).collect();
    let waiting = futures_util::future::join_all(waiting);
    let mut waiting = std::pin::pin!(waiting);
    assert!(futures_util::poll!(waiting.as_mut()).is_pending());
    let told = async || tier.admit_open().await.unwrap_err();
    let error = told().await;
    assert_eq!(error.code, ErrorCode::LimitOverloaded);
    let mut hints = Vec::new();
    for n in 1..100 {
        let hint = told().await.retry_after_ms.unwrap();
        let honest = 2_010 + 10 * n;
        assert!((honest..honest + honest / 4).contains(&hint), "{hint} for {honest}");
        hints.push(hint);
    }
    hints.dedup();
    assert!(hints.len() > 50, "{hints:?}");
    assert!(waiting.await.iter().all(Result::is_ok));
}

#[test]
fn a_proxys_connections_take_no_place() {
    let mut settings = GatewaySettings::default();
    settings.limits.connecting_per_address = Some(1);
    settings.trusted_proxies = vec!["198.51.100.0/24".parse().unwrap()];
    let limits = Limits::new(&settings, false);
    assert!(limits.connecting(stranger()).unwrap().is_none());
    let other = IpAddr::from([203, 0, 113, 1]);
    let _place = limits.connecting(other).unwrap().unwrap();
    assert!(limits.connecting(other).is_err());
}

/// Two nodes that share a Redis, and the way of each to the other.
async fn nodes(change: impl Fn(&mut LimitsSettings)) -> ([Limits; 2], [Rates; 2], TempDir) {
    let url = Server::shared().unwrap().database().unwrap();
    let settings =
        RedisSettings { url: Some(ServerUrl::new(url)), deadline_ms: 10_000, ..Default::default() };
    let folder = tempfile::tempdir().unwrap();
    let mut rates = Vec::new();
    for name in ["one", "other"] {
        let data = folder.path().join(name);
        let storage = Storage::embedded(&data, &StorageSettings::default()).unwrap();
        rates.push(storage.sharing(&Redis::open(&settings).await.unwrap()).rates);
    }
    let limits = [(); 2].map(|()| limits(false, &change));
    (limits, rates.try_into().ok().unwrap(), folder)
}

#[tokio::test]
async fn who_asks_two_nodes_is_counted_by_both() {
    let slow = |limits: &mut LimitsSettings| {
        limits.session_per_minute = Some(1);
        limits.session_burst = Some(8);
    };
    let ([one, other], [to_one, to_other], _folder) = nodes(slow).await;
    let ask = |limits: &Limits, rate: RequestRate| limits.of(stranger()).session(login(1), rate);
    let own = RequestRate { per_minute: Some(2), burst: Some(4) };
    for rate in [RequestRate::default(), own] {
        let (most, _) = until_refused(|| ask(&one, rate));
        // The other knows nothing of it yet, and passes as much as it takes to be heard.
        let before = most / 4;
        (0..before).for_each(|_| ask(&other, rate).unwrap());
        one.exchange(&to_one).await;
        other.exchange(&to_other).await;
        let told = ask(&other, rate).unwrap_err();
        assert_eq!(told.code, ErrorCode::LimitRate);
    }
    assert!(other.of(stranger()).session(login(2), own).is_ok(), "another is not concerned");
}

#[tokio::test]
async fn who_comes_in_on_any_node_is_counted_by_all() {
    let slow = |limits: &mut LimitsSettings| {
        limits.cluster_opens_per_second = Some(1);
        limits.admission_wait_ms = 10_000;
    };
    let ([one, other], [to_one, to_other], _folder) = nodes(slow).await;
    let idle = limits(false, slow);
    // As many as one may keep waiting, and one more, whom it sends away.
    let fill = |node: &Limits| {
        let node = node.clone();
        async move {
            let come = || Box::pin(async { node.of(stranger()).admit_open().await });
            let mut waiting: Vec<_> = (0..11).map(|_| come()).collect();
            for turn in &mut waiting {
                let _ = futures_util::poll!(turn);
            }
            come().await.unwrap_err()
        }
    };
    for node in [&one, &other] {
        let hint = fill(node).await.retry_after_ms.unwrap();
        assert!(hint < 15_000, "it knows of its own alone: {hint}");
    }
    for (node, rates) in [(&one, &to_one), (&other, &to_other), (&idle, &to_one)] {
        node.exchange(rates).await;
    }
    // 22 came, of whom one a second passes: that is longer than anybody waits.
    for node in [&other, &idle] {
        let error = node.of(stranger()).admit_open().await.unwrap_err();
        assert_eq!(error.code, ErrorCode::LimitOverloaded);
    }
}

#[tokio::test]
async fn a_node_that_cannot_tell_the_others_counts_alone() {
    let mut server = Server::start(&Binaries::default(), &[]).unwrap();
    let url = server.databases().database().unwrap();
    let settings = RedisSettings { url: Some(ServerUrl::new(url)), ..Default::default() };
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::embedded(folder.path(), &StorageSettings::default()).unwrap();
    let rates = storage.sharing(&Redis::open(&settings).await.unwrap()).rates;
    server.kill().unwrap();
    let limits = limits(false, |limits| limits.session_burst = Some(4));
    let ask = || limits.of(stranger()).session(login(1), RequestRate::default());
    (0..3).for_each(|_| ask().unwrap());
    limits.exchange(&rates).await;
    ask().unwrap();
    assert_eq!(ask().unwrap_err().code, ErrorCode::LimitRate);
}

#[tokio::test]
async fn an_address_has_its_connections_of_operators_and_a_proxy_as_many_as_like() {
    let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    let settings = GatewaySettings { trusted_proxies, ..GatewaySettings::default() };
    let limits = Limits::new(&settings, true);
    let held: Vec<_> = (0..OPERATORS).map(|_| limits.operator(LOOPBACK).unwrap()).collect();
    assert!(limits.operator(LOOPBACK).is_err() && limits.operator(stranger()).is_ok());
    let proxy = IpAddr::from([10, 0, 0, 1]);
    assert!((0..2 * OPERATORS).all(|_| limits.operator(proxy).unwrap().is_none()));
    drop(held);
    assert!(limits.operator(LOOPBACK).is_ok());
}
