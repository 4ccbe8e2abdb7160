//! Who is believed.

use std::time::Duration;

use protocol::game_servers::Scope;
use serde_json::json;

use super::{GameServer, Letter, code, game, guest_of, secret, send};
use crate::harness::{Daemun, START};

const WINDOW: Duration = Duration::from_secs(300);

#[tokio::test]
async fn who_did_not_sign_this_very_request_is_refused() {
    let house = Daemun::start().await;
    let server = GameServer::demo(&house);
    let (member, login) = guest_of(&house, "demo").await;
    let mut draft = server.draft("wallet/balances", &json!({ "member": member }));
    draft.idempotency = Some("a".into());
    let good = server.sign(draft);

    let refused = async |letter: &Letter, expected: (u16, &str)| {
        let answer = send(&house, letter).await;
        assert_eq!(code(&answer), expected, "{answer:?}");
        assert!(!answer.1.to_string().contains(server.secret.trim()));
    };
    let signature = (401, "server.signature");
    let changed = |change: &dyn Fn(&mut Letter)| {
        let mut letter = good.clone();
        change(&mut letter);
        letter
    };
    refused(&changed(&|it| it.draft.body.push(' ')), signature).await;
    refused(&changed(&|it| it.draft.path = "/server/v1/members/get".into()), signature).await;
    refused(&changed(&|it| it.draft.path += "?a=b"), signature).await;
    refused(&changed(&|it| it.draft.idempotency = Some("b".into())), signature).await;
    refused(&changed(&|it| it.draft.idempotency = None), signature).await;
    let header = |from: &str, to: &str| good.header.as_ref().map(|it| it.replace(from, to));
    let time = house.now().seconds().to_string();
    let later = (house.now().seconds() + 1).to_string();
    refused(&changed(&|it| it.header = header(&time, &later)), signature).await;
    let nonce = good.draft.nonce.clone();
    refused(&changed(&|it| it.header = header(&nonce, "another-nonce-of-16")), signature).await;

    let unsigned = (401, "server.unsigned");
    refused(&changed(&|it| it.header = None), unsigned).await;
    let access = format!("Bearer {}", login["access_token"].as_str().unwrap());
    refused(&changed(&|it| it.header = Some(access.clone())), unsigned).await;
    refused(&changed(&|it| it.header = header("nonce=", "once=")), unsigned).await;
    let key = (401, "server.key");
    refused(&changed(&|it| it.header = header("key=dev", "key=main")), key).await;
    refused(&changed(&|it| it.header = header("app=demo", "app=cats")), key).await;

    // None of these has used anything up.
    assert_eq!(server.send(&good).await.0, 200);
}

#[tokio::test]
async fn a_signature_with_the_secret_of_another_key_is_refused() {
    let house = Daemun::with(|settings| {
        let all = Scope::ALL;
        let cats = game(settings, &[("cats-one", all, None), ("cats-two", all, None)]);
        let dogs = game(settings, &[("dogs-one", all, None)]);
        settings.apps = [("cats".into(), cats), ("dogs".into(), dogs)].into();
    })
    .await;
    let (member, _) = guest_of(&house, "cats").await;
    let of = |app, key, secret: &str| GameServer {
        house: &house,
        app,
        key,
        secret: super::secret(secret),
    };
    let get = json!({ "member": member });
    for (server, expected) in [
        (of("cats", "cats-one", "cats-two"), "server.signature"),
        (of("cats", "cats-one", "dogs-one"), "server.signature"),
        (of("cats", "dogs-one", "dogs-one"), "server.key"),
        (of("dogs", "cats-one", "cats-one"), "server.key"),
    ] {
        assert_eq!(code(&server.call("members/get", get.clone()).await), (401, expected));
    }
    // Both of a game's keys are good, so one can take the other's place.
    for key in ["cats-one", "cats-two"] {
        of("cats", key, key).ask("members/get", get.clone()).await;
    }
}

#[tokio::test]
async fn a_request_is_good_for_five_minutes_either_way_and_once() {
    let house = Daemun::start().await;
    let server = GameServer::demo(&house);
    let (member, _) = guest_of(&house, "demo").await;
    let at = |time| {
        let mut draft = server.draft("members/get", &json!({ "member": member }));
        draft.time = time;
        server.sign(draft)
    };
    let second = Duration::from_secs(1);
    let (early, late) = (house.now().before(WINDOW), house.now().after(WINDOW));
    for time in [early.before(second), late.after(second)] {
        let answer = server.send(&at(time)).await;
        assert_eq!(code(&answer), (401, "server.clock"));
        assert_eq!(answer.1["err"]["detail"]["time"], START.seconds(), "{answer:?}");
    }
    let (first, last) = (at(early), at(late));
    for letter in [&first, &last] {
        assert_eq!(server.send(letter).await.0, 200);
        assert_eq!(code(&server.send(letter).await), (401, "server.replayed"));
    }
    // As long as a request would be good, it is known.
    house.advance(Duration::from_micros(1));
    assert_eq!(code(&server.send(&first).await), (401, "server.clock"));
    house.advance(2 * WINDOW - Duration::from_micros(1));
    assert_eq!(code(&server.send(&last).await), (401, "server.replayed"));
    house.advance(Duration::from_micros(1));
    assert_eq!(code(&server.send(&last).await), (401, "server.clock"));
}

#[tokio::test]
async fn a_key_ends_and_is_good_for_its_scopes_alone() {
    let end = START.after(Duration::from_secs(60));
    let house = Daemun::with(|settings| {
        let keys: &[(_, &[Scope], _)] =
            &[("ends", Scope::ALL, Some(end)), ("reads", &[Scope::Members, Scope::Sessions], None)];
        settings.apps = [("cats".into(), game(settings, keys))].into();
    })
    .await;
    let (member, _) = guest_of(&house, "cats").await;
    let of = |key| GameServer { house: &house, app: "cats", key, secret: secret(key) };
    let body = json!({ "member": member });
    of("ends").ask("members/get", body.clone()).await;
    house.advance(Duration::from_secs(60));
    of("ends").ask("members/get", body.clone()).await;
    house.advance(Duration::from_micros(1));
    let answer = of("ends").call("members/get", body.clone()).await;
    assert_eq!(code(&answer), (401, "server.key"), "{answer:?}");

    let reads = of("reads");
    reads.ask("members/get", body.clone()).await;
    for (name, scope) in [
        ("wallet/balances", "wallet"),
        ("wallet/spend", "wallet"),
        ("purchases/list", "purchases"),
        ("members/ban", "moderation"),
    ] {
        let answer = reads.call(name, body.clone()).await;
        assert_eq!(code(&answer), (403, "server.scope"), "{name}");
        assert_eq!(answer.1["err"]["detail"]["scope"], scope);
    }
}

#[tokio::test]
async fn a_key_asks_as_often_as_it_may_and_who_guesses_is_nobody() {
    let house = Daemun::with(|settings| {
        let limits = &mut settings.gateway.limits;
        (limits.server_per_second, limits.server_burst) = (Some(1), Some(2));
        (limits.address_per_second, limits.address_burst) = (Some(1), Some(3));
        let all = Scope::ALL;
        let keys = [("one", all, None), ("two", all, None)];
        settings.apps = [("cats".into(), game(settings, &keys))].into();
    })
    .await;
    let (member, _) = guest_of(&house, "cats").await;
    let of = |key, secret: &str| GameServer {
        house: &house,
        app: "cats",
        key,
        secret: super::secret(secret),
    };
    let body = json!({ "member": member });
    let (one, two) = (of("one", "one"), of("two", "two"));
    let mut refused = None;
    for _ in 0..20 {
        let letter = one.sign(one.draft("members/get", &body));
        let answer = one.send(&letter).await;
        if answer.0 != 200 {
            assert_eq!(code(&answer), (429, "limit.rate"));
            refused = Some(letter);
            break;
        }
    }
    assert!(refused.is_some(), "twenty came at once");
    two.ask("members/get", body.clone()).await;
    // Who does not know the secret uses up nothing but what strangers may.
    let guess = of("two", "three");
    let mut last = (0, json!(null));
    for _ in 0..20 {
        last = guess.call("members/get", body.clone()).await;
        if last.0 == 429 {
            break;
        }
        assert_eq!(code(&last), (401, "server.signature"));
    }
    assert_eq!(code(&last), (429, "limit.rate"));
    two.ask("members/get", body).await;
}

#[tokio::test]
async fn what_is_not_there_or_not_read_is_said() {
    let house = Daemun::start().await;
    let server = GameServer::demo(&house);
    assert_eq!(code(&server.call("wallet/steal", json!({})).await), (404, "op.unknown"));
    assert_eq!(code(&server.call("members/get", json!({})).await), (400, "body.invalid"));
    let answer = server.call("members/get", json!({"member": 1})).await;
    assert_eq!(answer.1["err"]["detail"]["field"], "member", "{answer:?}");
    let large = json!({"member": "x".repeat(70_000)});
    assert_eq!(code(&server.call("members/get", large).await), (413, "body.too_large"));
    let got = house.http().get("/server/v1/members/get").await.unwrap();
    assert_eq!(got.status, 405);
    let http = house.http();
    let request = http.request(hyper::Method::POST, "/server/v1/members/get?access_token=x");
    let answer = http.send(request.body("{}".into())).await.unwrap();
    assert_eq!(answer.status, 400, "{:?}", answer.body);
    let request = http.request(hyper::Method::POST, "/server/v1/members/get");
    let request = request.header("content-type", "application/msgpack");
    assert_eq!(http.send(request.body("{}".into())).await.unwrap().status, 415);
    let letter = server.sign(server.draft("members/get", &json!({})));
    let request = http.request(hyper::Method::POST, &letter.draft.path);
    let header = letter.header.unwrap();
    let request = request.header("authorization", &header).header("authorization", header);
    assert_eq!(http.send(request.body("{}".into())).await.unwrap().status, 401);
}
