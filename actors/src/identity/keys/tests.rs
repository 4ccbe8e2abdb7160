use std::time::Duration;

use futures_util::future::join_all;
use futures_util::poll;
use tokio::net::TcpListener;

use super::*;
use crate::identity::provider::reason::KID_UNKNOWN;
use crate::identity::testing::{ED, KeyServer, cache, clock};
use crate::outside::http_client;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const COOLDOWN: Duration = Duration::from_secs(10);
const MILLISECOND: Duration = Duration::from_millis(1);

fn wait(retry_after_ms: u64) -> Refusal {
    Refusal::Unavailable { retry_after_ms }
}

#[tokio::test]
async fn fifty_parallel_first_logins_cause_one_fetch() {
    let clock = clock();
    let keys = cache(&clock);
    let server = KeyServer::with(&[ED.jwk("a")]).await;
    server.close();

    let mut logins: Vec<_> = (0..50).map(|_| Box::pin(keys.key(&server.url, "a"))).collect();
    for login in &mut logins {
        assert!(poll!(login).is_pending());
    }
    server.wait_asked(1).await;
    server.open();

    assert!(join_all(logins).await.iter().all(Result::is_ok));
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn ten_thousand_unknown_kids_cause_a_fetch_each_ten_seconds() {
    let clock = clock();
    let keys = cache(&clock);
    let server = KeyServer::with(&[ED.jwk("a")]).await;

    let (mut rejected, mut unavailable) = (0, 0);
    for forged in 0..10_000 {
        match keys.key(&server.url, &format!("forged-{forged}")).await {
            Err(Refusal::Rejected(KID_UNKNOWN)) => rejected += 1,
            Err(Refusal::Unavailable { retry_after_ms: 1..=10_000 }) => unavailable += 1,
            other => panic!("{other:?}"),
        }
        clock.advance(10 * MILLISECOND);
    }

    // 100 seconds went by: a fetch at 0, 10, ... 90.
    assert_eq!((server.asked(), rejected, unavailable), (10, 10, 9_990));
    assert!(keys.key(&server.url, "a").await.is_ok());
}

#[tokio::test]
async fn ten_thousand_unknown_kids_at_once_cause_one_fetch() {
    let clock = clock();
    let keys = cache(&clock);
    let server = KeyServer::with(&[ED.jwk("a")]).await;
    server.close();

    let kids: Vec<_> = (0..10_000).map(|forged| format!("forged-{forged}")).collect();
    let mut lookups: Vec<_> = kids.iter().map(|kid| Box::pin(keys.key(&server.url, kid))).collect();
    for lookup in &mut lookups {
        assert!(poll!(lookup).is_pending());
    }
    server.wait_asked(1).await;
    server.open();
    let answers = join_all(lookups).await;

    // Only the one whose own fetch it was can be sure.
    let rejected = answers.iter().filter(|a| matches!(a, Err(Refusal::Rejected(KID_UNKNOWN))));
    assert_eq!((server.asked(), rejected.count()), (1, 1));
    let unavailable = answers.iter().filter(|a| matches!(a, Err(Refusal::Unavailable { .. })));
    assert_eq!(unavailable.count(), 9_999);
}

#[tokio::test]
async fn an_unknown_kid_is_unavailable_during_the_pause_and_rejected_after_a_fetch() {
    let clock = clock();
    let keys = cache(&clock);
    let server = KeyServer::with(&[ED.jwk("a")]).await;
    assert!(keys.key(&server.url, "a").await.is_ok());

    assert_eq!(keys.key(&server.url, "b").await.err(), Some(wait(10_000)));
    clock.advance(COOLDOWN - MILLISECOND);
    assert_eq!(keys.key(&server.url, "b").await.err(), Some(wait(1)));
    assert_eq!(server.asked(), 1);
    clock.advance(MILLISECOND);
    assert_eq!(keys.key(&server.url, "b").await.err(), Some(Refusal::Rejected(KID_UNKNOWN)));
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn keys_rotate() {
    let clock = clock();
    let keys = cache(&clock);
    let server = KeyServer::with(&[ED.jwk("old")]).await;
    assert!(keys.key(&server.url, "old").await.is_ok());

    server.serve(&[ED.jwk("new")], None);
    assert_eq!(keys.key(&server.url, "new").await.err(), Some(wait(10_000)));
    clock.advance(COOLDOWN);
    assert!(keys.key(&server.url, "new").await.is_ok());
    // The provider withdrew the old key, and a fetched set replaces the one before it.
    clock.advance(COOLDOWN);
    assert_eq!(keys.key(&server.url, "old").await.err(), Some(Refusal::Rejected(KID_UNKNOWN)));
}

#[tokio::test]
async fn a_set_is_asked_for_again_when_its_freshness_ends() {
    let cases = [
        (None, HOUR),
        (Some("max-age=21600"), 6 * HOUR),
        (Some("max-age=1"), 5 * MINUTE),
        (Some("max-age=9999999"), 24 * HOUR),
    ];
    for (cache_control, fresh_for) in cases {
        let clock = clock();
        let keys = cache(&clock);
        let server = KeyServer::with(&[]).await;
        server.serve(&[ED.jwk("a")], cache_control);

        assert!(keys.key(&server.url, "a").await.is_ok());
        clock.advance(fresh_for - MILLISECOND);
        assert!(keys.key(&server.url, "a").await.is_ok());
        assert_eq!(server.asked(), 1, "{cache_control:?}");
        clock.advance(MILLISECOND);
        assert!(keys.key(&server.url, "a").await.is_ok());
        assert_eq!(server.asked(), 2, "{cache_control:?}");
    }
}

#[tokio::test]
async fn with_the_provider_down_stale_keys_serve_for_a_day() {
    let clock = clock();
    let keys = cache(&clock);
    let server = KeyServer::with(&[ED.jwk("a")]).await;
    assert!(keys.key(&server.url, "a").await.is_ok());

    server.fail();
    clock.advance(HOUR);
    assert!(keys.key(&server.url, "a").await.is_ok());
    // An unknown key is not refused on the strength of an old set.
    assert_eq!(keys.key(&server.url, "b").await.err(), Some(wait(10_000)));
    // The pause holds for a stale set as well.
    assert!(keys.key(&server.url, "a").await.is_ok());
    assert_eq!(server.asked(), 2);

    clock.advance(24 * HOUR - MILLISECOND);
    assert!(keys.key(&server.url, "a").await.is_ok());
    clock.advance(COOLDOWN);
    assert_eq!(keys.key(&server.url, "a").await.err(), Some(wait(10_000)));

    server.serve(&[ED.jwk("a")], None);
    clock.advance(COOLDOWN);
    assert!(keys.key(&server.url, "a").await.is_ok());
}

#[tokio::test]
async fn without_keys_every_failure_is_unavailable() {
    let body = format!(r#"{{"keys":[{}]}}"#, ED.jwk("a"));
    let answers = [
        ("500 Internal Server Error", ""),
        ("404 Not Found", &body),
        ("204 No Content", ""),
        ("200 OK", ""),
        ("200 OK", "<html>maintenance</html>"),
        ("200 OK", r#"{"keys":[]}"#),
        ("200 OK", r#"{"keys":[{"kty":"oct","kid":"a","k":"AQAB"}]}"#),
    ];
    for (status, body) in answers {
        let clock = clock();
        let keys = cache(&clock);
        let server = KeyServer::with(&[]).await;
        server.answer(status, "", body);

        assert_eq!(keys.key(&server.url, "a").await.err(), Some(wait(10_000)), "{status} {body}");
        clock.advance(Duration::from_secs(4));
        assert_eq!(keys.key(&server.url, "a").await.err(), Some(wait(6_000)), "{status} {body}");
        assert_eq!(server.asked(), 1, "{status} {body}");
    }
}

#[tokio::test]
async fn a_provider_that_nobody_reaches_is_unavailable() {
    let gone = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/jwks", gone.local_addr().expect("an address"));
    drop(gone);
    let clock = clock();
    assert_eq!(cache(&clock).key(&url, "a").await.err(), Some(wait(10_000)));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_never_answers_is_given_up() {
    let clock = clock();
    let keys = cache(&clock);
    let server = KeyServer::with(&[ED.jwk("a")]).await;
    server.close();
    let began = tokio::time::Instant::now();
    assert_eq!(keys.key(&server.url, "a").await.err(), Some(wait(10_000)));
    assert!(began.elapsed() <= Duration::from_secs(6), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_empty_set_does_not_replace_good_keys() {
    let clock = clock();
    let keys = cache(&clock);
    let server = KeyServer::with(&[ED.jwk("a")]).await;
    assert!(keys.key(&server.url, "a").await.is_ok());
    server.serve(&[], None);
    clock.advance(HOUR);
    assert!(keys.key(&server.url, "a").await.is_ok());
    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn a_body_of_256_kib_is_read_and_one_byte_more_is_not() {
    for (size, fits) in [(fetch::MAX_BODY, true), (fetch::MAX_BODY + 1, false)] {
        let clock = clock();
        let keys = cache(&clock);
        let server = KeyServer::with(&[]).await;
        let set = serde_json::json!({ "keys": [ED.jwk("a")] }).to_string();
        // White space after the set keeps it valid, so its size alone decides.
        server.answer("200 OK", "", &(set.clone() + &" ".repeat(size - set.len())));
        assert_eq!(keys.key(&server.url, "a").await.is_ok(), fits, "{size}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let clock = clock();
    let keys = cache(&clock);
    let elsewhere = KeyServer::with(&[ED.jwk("a")]).await;
    let server = KeyServer::with(&[]).await;
    server.answer("302 Found", &format!("Location: {}\r\n", elsewhere.url), "");
    assert_eq!(keys.key(&server.url, "a").await.err(), Some(wait(10_000)));
    assert_eq!((server.asked(), elsewhere.asked()), (1, 0));
}

#[tokio::test]
async fn plain_http_off_loopback_is_not_even_tried() {
    let error = fetch::key_set(&http_client().expect("a client"), "http://192.0.2.1/jwks").await;
    assert!(matches!(error, Err(fetch::FetchError::Url(_))));
}

#[tokio::test]
async fn a_waiter_that_leaves_does_not_cancel_the_fetch() {
    let clock = clock();
    let keys = cache(&clock);
    let server = KeyServer::with(&[ED.jwk("a")]).await;
    server.close();

    let mut first = Box::pin(keys.key(&server.url, "a"));
    assert!(poll!(&mut first).is_pending());
    server.wait_asked(1).await;
    drop(first);
    let mut second = Box::pin(keys.key(&server.url, "a"));
    assert!(poll!(&mut second).is_pending());
    server.open();

    assert!(second.await.is_ok());
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn two_providers_do_not_share_keys_or_pauses() {
    let clock = clock();
    let keys = cache(&clock);
    let (one, two) = (KeyServer::with(&[ED.jwk("a")]).await, KeyServer::with(&[ED.jwk("b")]).await);
    assert!(keys.key(&one.url, "a").await.is_ok());
    assert!(keys.key(&two.url, "b").await.is_ok());
    clock.advance(COOLDOWN);
    assert_eq!(keys.key(&one.url, "b").await.err(), Some(Refusal::Rejected(KID_UNKNOWN)));
}

#[tokio::test]
async fn clones_share_the_sets() {
    let clock = clock();
    let keys = cache(&clock);
    let server = KeyServer::with(&[ED.jwk("a")]).await;
    assert!(keys.clone().key(&server.url, "a").await.is_ok());
    assert!(keys.key(&server.url, "a").await.is_ok());
    assert_eq!(server.asked(), 1);
}

#[test]
fn a_clock_that_is_set_back_neither_prolongs_the_pause_nor_trusts_the_age() {
    use storage::clock::Micros;

    let source = Source::default();
    let (now, before) = (Micros::from_seconds(1000), Micros::from_seconds(10));
    let Step::Fetch(takeoff, _) = source.ask("a", now) else { panic!("a fetch is due") };
    source.land(takeoff, None);
    assert!(matches!(source.ask("a", now), Step::TooSoon(_)));
    assert!(matches!(source.ask("a", before), Step::Fetch(..)));
}

#[test]
fn a_fetch_that_vanishes_makes_way_for_the_next() {
    use storage::clock::Micros;

    let source = Source::default();
    let at = Micros::from_seconds(1000);
    let Step::Fetch(takeoff, _) = source.ask("a", at) else { panic!("a fetch is due") };
    assert!(matches!(source.ask("a", at), Step::Join(_)));
    drop(takeoff);
    assert!(matches!(source.ask("a", at), Step::TooSoon(_)));
    assert!(matches!(source.ask("a", at.after(COOLDOWN)), Step::Fetch(..)));
}
