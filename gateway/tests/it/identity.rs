//! Logging in, staying logged in, logging out.

use std::time::Duration;

use loadtest::Format;
use protocol::error::{ErrorCode, Retry};
use serde_json::{Value, json};

use crate::harness::{Daemun, client, guest, text, with_token};

async fn refused(house: &Daemun, op: &str, body: Value) -> ErrorCode {
    house.http().ask(op, None, body).await.unwrap_err().code().unwrap()
}

fn refresh(token: &str) -> Value {
    json!({"app": "demo", "refresh_token": token})
}

#[tokio::test]
async fn a_guest_becomes_a_member_once_and_comes_back_as_the_same() {
    let house = Daemun::start().await;
    let first = house.login().await;
    assert_eq!(first["new_member"], true);
    let mut again = guest();
    again["credential"] = first["credential"].clone();
    let second = house.http().ask("auth.login", None, again).await.unwrap();
    assert_eq!(second["new_member"], false);
    assert_eq!(second["member"], first["member"]);
    assert!(second.get("credential").is_none(), "the secret is shown once");
}

#[tokio::test]
async fn a_wrong_secret_and_a_guest_that_is_not_there_get_the_same_answer() {
    let house = Daemun::start().await;
    let first = house.login().await;
    let mut wrong = guest();
    wrong["credential"] = json!({"guest": first["credential"]["guest"], "secret": "guessed"});
    let mut nobody = guest();
    nobody["credential"] = json!({"guest": "nobody", "secret": "guessed"});
    let wrong = house.http().ask("auth.login", None, wrong).await.unwrap_err();
    let nobody = house.http().ask("auth.login", None, nobody).await.unwrap_err();
    assert_eq!(wrong.code(), Some(ErrorCode::AuthRefused));
    assert_eq!(wrong, nobody);
}

#[tokio::test]
async fn half_a_credential_and_a_strange_provider_are_named() {
    let house = Daemun::start().await;
    let field = async |body: Value| {
        let failure = house.http().ask("auth.login", None, body).await.unwrap_err();
        failure.refused().unwrap().detail.clone().unwrap()["field"].clone()
    };
    let mut half = guest();
    half["credential"] = json!({"guest": "g"});
    assert_eq!(field(half).await, "credential.secret");
    let token = json!({"app": "demo", "provider": "google", "client": client()});
    assert_eq!(field(token).await, "credential.token");
    let mut strange = guest();
    strange["provider"] = "myspace".into();
    assert_eq!(refused(&house, "auth.login", strange).await, ErrorCode::ProviderUnknown);
}

#[tokio::test]
async fn google_and_apple_are_two_configurations_of_openid_connect() {
    let house = Daemun::start().await;
    for provider in ["google", "apple"] {
        let token = house.id_token(provider, json!({"subject": "alice"})).await;
        let body = with_token(provider, &token);
        let first = house.http().ask("auth.login", None, body.clone()).await.unwrap();
        assert_eq!(first["new_member"], true, "{provider}");
        let again = house.http().ask("auth.login", None, body).await.unwrap();
        assert_eq!(again["member"], first["member"], "{provider}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_good_is_refused_and_counted() {
    let house = Daemun::start().await;
    for (misbehave, code) in [
        ("expired", ErrorCode::AuthExpired),
        ("wrong_audience", ErrorCode::AuthRefused),
        ("no_audience", ErrorCode::AuthRefused),
        ("forged_signature", ErrorCode::AuthRefused),
        ("wrong_issuer", ErrorCode::AuthRefused),
        ("alg_none", ErrorCode::AuthRefused),
        ("hs256_with_public_key", ErrorCode::AuthRefused),
        ("future", ErrorCode::AuthRefused),
    ] {
        let token =
            house.id_token("google", json!({"subject": "eve", "misbehave": misbehave})).await;
        assert_eq!(
            refused(&house, "auth.login", with_token("google", &token)).await,
            code,
            "{misbehave}"
        );
    }
    let name = "daemun_logins_refused_total{code=\"auth.expired\"}";
    assert!(house.metric(name).await >= 1.0);
}

#[tokio::test]
async fn a_provider_that_is_down_is_unavailable_and_never_a_refusal() {
    let house = Daemun::start().await;
    let token = house.id_token("google", json!({"subject": "alice"})).await;
    let control = house.private();
    let behave = async |body: Value| {
        let request = control
            .request(hyper::Method::POST, "/sim/oidc/google/behave")
            .header("content-type", "application/json")
            .body(body.to_string().into());
        assert_eq!(control.send(request).await.unwrap().status, 200);
    };
    behave(json!({"down": true})).await;
    let failure =
        house.http().ask("auth.login", None, with_token("google", &token)).await.unwrap_err();
    let error = failure.refused().unwrap();
    assert_eq!((error.code, error.retry), (ErrorCode::AuthUnavailable, Retry::Later));
    behave(json!({})).await;
    house.advance(Duration::from_secs(11));
    house.http().ask("auth.login", None, with_token("google", &token)).await.unwrap();
}

#[tokio::test]
async fn a_nonce_is_good_for_one_login() {
    let house = Daemun::start().await;
    let nonce = house.http().ask("auth.nonce", None, json!({"app": "demo"})).await.unwrap();
    let nonce = text(&nonce, "nonce");
    let token = house.id_token("apple", json!({"subject": "bob", "nonce": nonce})).await;
    let mut body = with_token("apple", &token);
    assert_eq!(refused(&house, "auth.login", body.clone()).await, ErrorCode::AuthRefused);
    body["nonce"] = nonce.into();
    house.http().ask("auth.login", None, body.clone()).await.unwrap();
    assert_eq!(refused(&house, "auth.login", body.clone()).await, ErrorCode::AuthRefused);

    let own = "a-nonce-of-the-clients-own";
    let token = house.id_token("apple", json!({"subject": "bob", "nonce": own})).await;
    let mut body = with_token("apple", &token);
    body["nonce"] = own.into();
    assert_eq!(refused(&house, "auth.login", body).await, ErrorCode::AuthRefused);
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_and_a_lost_answer_is_given_again() {
    let house = Daemun::start().await;
    let login = house.login().await;
    let old = text(&login, "refresh_token");
    let first = house.http().ask("auth.refresh", None, refresh(old)).await.unwrap();
    let again = house.http().ask("auth.refresh", None, refresh(old)).await.unwrap();
    assert_ne!(text(&first, "refresh_token"), old);
    assert_eq!(again["refresh_token"], first["refresh_token"], "the same successor");
    house.advance(Duration::from_secs(61));
    let later = house.http().ask("auth.refresh", None, refresh(old)).await.unwrap();
    assert_ne!(later["refresh_token"], first["refresh_token"], "a new one in its place");
}

#[tokio::test]
async fn reuse_after_the_successor_was_used_ends_the_login_everywhere() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    let old = player.login().tokens.refresh_token.expose().to_owned();
    let next = house.http().ask("auth.refresh", None, refresh(&old)).await.unwrap();
    let next = text(&next, "refresh_token").to_owned();
    house.http().ask("auth.refresh", None, refresh(&next)).await.unwrap();

    assert_eq!(refused(&house, "auth.refresh", refresh(&old)).await, ErrorCode::AuthReused);
    assert_eq!(refused(&house, "auth.refresh", refresh(&next)).await, ErrorCode::AuthReused);
    assert_eq!(player.socket().closed().await.unwrap().code, 4509);
    let access = player.access_token();
    let failure = house.http().ask("member.me", Some(access), json!({})).await.unwrap_err();
    assert_eq!(failure.code(), Some(ErrorCode::AuthReused));
}

#[tokio::test]
async fn twenty_exchanges_of_one_token_at_once_give_one_successor() {
    let house = Daemun::start().await;
    let login = house.login().await;
    let old = text(&login, "refresh_token").to_owned();
    let http = house.http();
    let at_once = (0..20).map(|_| http.ask("auth.refresh", None, refresh(&old)));
    let answers = futures_util::future::join_all(at_once).await;
    let first = answers[0].as_ref().unwrap()["refresh_token"].clone();
    for answer in answers {
        assert_eq!(answer.unwrap()["refresh_token"], first);
    }
    let first = first.as_str().unwrap();
    house.http().ask("auth.refresh", None, refresh(first)).await.unwrap();
}

#[tokio::test]
async fn tokens_expire_by_the_clock() {
    let house = Daemun::start().await;
    let login = house.login().await;
    let access = text(&login, "access_token");
    house.http().ask("member.me", Some(access), json!({})).await.unwrap();
    house.advance(Duration::from_secs(15 * 60 + 61));
    let failure = house.http().ask("member.me", Some(access), json!({})).await.unwrap_err();
    assert_eq!(failure.code(), Some(ErrorCode::AuthExpired));
    house.advance(Duration::from_secs(31 * 24 * 3600));
    let token = text(&login, "refresh_token");
    assert_eq!(refused(&house, "auth.refresh", refresh(token)).await, ErrorCode::AuthExpired);
}

#[tokio::test]
async fn a_logout_stops_the_tokens_and_closes_the_sockets_of_that_login() {
    let house = Daemun::start().await;
    let mut player = house.guest().await;
    assert_eq!(player.log_out().await.unwrap().ended, 1);
    let closed = player.socket().closed().await.unwrap();
    assert_eq!((closed.code, closed.reason.as_str()), (4509, "logged_out"));
    let access = player.access_token();
    let failure = house.http().ask("member.me", Some(access), json!({})).await.unwrap_err();
    assert_eq!(failure.code(), Some(ErrorCode::AuthLoggedOut));
    let token = player.login().tokens.refresh_token.expose();
    assert_eq!(refused(&house, "auth.refresh", refresh(token)).await, ErrorCode::AuthLoggedOut);
}

#[tokio::test]
async fn a_logout_from_everywhere_ends_every_login() {
    let house = Daemun::start().await;
    let first = house.login().await;
    let mut again = guest();
    again["credential"] = first["credential"].clone();
    let second = house.http().ask("auth.login", None, again).await.unwrap();
    let access = text(&second, "access_token");
    let listed = house.http().ask("session.list", Some(access), json!({})).await.unwrap();
    assert_eq!(listed["logins"].as_array().unwrap().len(), 2);
    let ended = house.http().ask("auth.logout_everywhere", Some(access), json!({})).await.unwrap();
    assert_eq!(ended["ended"], 2);
    for login in [&first, &second] {
        let token = text(login, "refresh_token");
        assert_eq!(refused(&house, "auth.refresh", refresh(token)).await, ErrorCode::AuthLoggedOut);
    }
}

#[tokio::test]
async fn a_replaced_login_takes_the_session_back_only_when_it_says_so() {
    let house = Daemun::start().await;
    let first = house.login().await;
    let mut again = guest();
    again["credential"] = first["credential"].clone();
    let second = house.http().ask("auth.login", None, again).await.unwrap();

    let (old, new) = (text(&first, "access_token"), text(&second, "access_token"));
    let replaced = house.http().ask("member.me", Some(old), json!({})).await.unwrap_err();
    assert_eq!(replaced.code(), Some(ErrorCode::SessionReplaced));
    let mut body = refresh(text(&first, "refresh_token"));
    assert_eq!(refused(&house, "auth.refresh", body.clone()).await, ErrorCode::SessionReplaced);
    body["take_over"] = true.into();
    let taken = house.http().ask("auth.refresh", None, body.clone()).await.unwrap();
    let again = house.http().ask("auth.refresh", None, body).await.unwrap();
    assert_eq!(again["refresh_token"], taken["refresh_token"], "a lost answer is given again");
    let taken = text(&taken, "access_token");
    house.http().ask("member.me", Some(taken), json!({})).await.unwrap();
    let replaced = house.http().ask("member.me", Some(new), json!({})).await.unwrap_err();
    assert_eq!(replaced.code(), Some(ErrorCode::SessionReplaced));
}

#[tokio::test]
async fn what_a_player_did_is_in_the_game_log() {
    let house = Daemun::start().await;
    // The clock stands still unless it is moved, and the log is in the order of time.
    let mut player = house.visitor(Format::Msgpack).log_in().await.unwrap();
    house.advance(Duration::from_secs(1));
    player.open().await.unwrap();
    house.advance(Duration::from_secs(1));
    player.log_out().await.unwrap();
    player.socket().closed().await.unwrap();
    let member = player.login().member.id;
    let storage = &house.server.gate.node.storage;
    // The close is logged when the connection's task ends, a moment after the client sees it.
    house.server.gate.sockets.all_gone().await;
    storage.gamelog.flush().await.unwrap();
    let since = crate::harness::START;
    let kept = storage.gamelog.of_member("demo".parse().unwrap(), member, since, 10).await.unwrap();
    let kinds = kept.iter().map(|record| record.kind.as_str());
    let kinds: Vec<&str> = kinds.filter(|kind| *kind != "identity_linked").collect();
    assert_eq!(kinds[..2], ["login", "session_opened"]);
    let closed = kept.iter().find(|record| record.kind == "session_closed").unwrap();
    assert_eq!(
        (&closed.fields["code"], &closed.fields["open_ms"]),
        (&json!("logged_out"), &json!(1000))
    );
    assert!(kinds.contains(&"logout"));
}
