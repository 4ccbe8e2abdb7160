//! A maintenance is told, keeps out, and ends.

use loadtest::Format;
use protocol::close::CloseCode;
use protocol::error::{ErrorCode, Retry};
use serde_json::{Value, json};

use super::{amend, being, code, minutes, plan, put, refused, status, told, visitor};
use crate::harness::{Daemun, START, text};

pub(super) async fn a_maintenance_is_counted_down_then_closes_all_but_testers_and_ends(
    house: Daemun,
) {
    let tester = json!({"do": "add", "app": "demo", "tester": {"device_id": "lab"}});
    house.command("/commands/tester", tester).await;
    let (guest, lab) = (being("1.0", "d", "ko"), being("1.0", "lab", "en"));
    let mut players = Vec::new();
    for _ in 0..5 {
        players.push(visitor(&house, &guest).enter().await.unwrap());
    }
    let mut staff = visitor(&house, &lab).enter().await.unwrap();
    let (from, to) = (START.after(minutes(4)), START.after(minutes(9)));
    let window = plan(&house, from, to, json!({"page": "https://game.example/news"})).await;
    assert_eq!(window["state"], "reserved");
    for player in &mut players {
        let planned = told(player, "maintenance.scheduled").await;
        let expected = json!({
            "id": window["id"], "from": from, "to": to, "message": "점검",
            "page": "https://game.example/news",
        });
        assert_eq!(planned, expected);
    }
    assert_eq!(told(&mut staff, "maintenance.scheduled").await["message"], "Back soon.");
    assert_eq!(status(&house, &guest).await.unwrap()["planned"]["id"], window["id"]);
    for (mark, left) in [(1, 180), (1, 120), (1, 60)] {
        house.advance(minutes(mark));
        for player in players.iter_mut().chain([&mut staff]) {
            assert_eq!(told(player, "maintenance.countdown").await["begins_in_s"], left);
        }
    }
    house.advance(minutes(1));
    let mut advised = std::collections::BTreeSet::new();
    for player in &mut players {
        assert_eq!(told(player, "maintenance.started").await["id"], window["id"]);
        let closed = player.socket().closed().await.unwrap();
        assert!(closed.is(CloseCode::Maintenance));
        let reason: Value = serde_json::from_str(&closed.reason).unwrap();
        let after = reason["check_after_ms"].as_u64().unwrap();
        assert!((300_000..330_000).contains(&after), "not before its end, and within the spread");
        advised.insert(after);
    }
    assert!(advised.len() > 1, "each at a moment of its own");
    told(&mut staff, "maintenance.started").await;
    staff.me().await.unwrap();

    // Nobody comes in, and everybody is told why.
    let told_now = status(&house, &guest).await.unwrap();
    assert_eq!((&told_now["status"], &told_now["word"]), (&json!(303), &json!("maintenance")));
    assert_eq!(told_now["maintenance"]["message"], "점검");
    let failure = visitor(&house, &guest).enter().await.unwrap_err();
    let error = failure.refused().unwrap();
    assert_eq!((error.code, error.retry), (ErrorCode::LaunchMaintenance, Retry::Later));
    assert!(error.retry_after_ms.unwrap() >= 300_000);
    let token = players[0].access_token().to_owned();
    let ask = async |op: &str| house.http().ask(op, Some(&token), json!({})).await;
    assert_eq!(code(ask("member.me").await), ErrorCode::LaunchMaintenance);
    // But testers.
    assert_eq!(status(&house, &lab).await.unwrap()["status"], 202);
    let mut second = visitor(&house, &lab).enter().await.unwrap();
    second.me().await.unwrap();
    house.http().ask("member.me", Some(second.access_token()), json!({})).await.unwrap();

    house.advance(minutes(5));
    assert_eq!(told(&mut staff, "maintenance.ended").await["id"], window["id"]);
    ask("member.me").await.unwrap();
    visitor(&house, &guest).enter().await.unwrap();
    ask("auth.logout").await.unwrap();
}

pub(super) async fn who_is_under_maintenance_may_log_out(house: Daemun) {
    let player = visitor(&house, &being("1.0", "d", "ko")).enter().await.unwrap();
    let token = player.access_token().to_owned();
    plan(&house, START, START.after(minutes(5)), json!({})).await;
    let ask = async |op: &str| house.http().ask(op, Some(&token), json!({})).await;
    assert_eq!(code(ask("wallet.balances").await), ErrorCode::LaunchMaintenance);
    ask("auth.logout").await.unwrap();
}

pub(super) async fn a_maintenance_covers_its_scope_alone(house: Daemun) {
    let here = being("1.4.9", "d", "ko");
    let (until, now) = (START.after(minutes(60)), START);
    let covered = async |scope: Value| {
        let window = plan(&house, now, until, json!({ "scope": scope })).await;
        let told = status(&house, &here).await.unwrap()["status"] == 303;
        assert_eq!(amend(&house, "end", &window["id"], json!({})).await["state"], "done");
        assert_eq!(status(&house, &here).await.unwrap()["status"], 200);
        told
    };
    for (scope, expected) in [
        (json!({}), true),
        (json!({"platforms": ["ios", "android"]}), true),
        (json!({"platforms": ["ios"]}), false),
        (json!({"stores": ["google_play"]}), true),
        (json!({"stores": ["one_store"]}), false),
        (json!({"countries": ["KR", "JP"]}), true),
        (json!({"countries": ["JP"]}), false),
        (json!({"versions": [{"from": "1.4", "to": "1.4.9"}]}), true),
        (json!({"versions": [{"to": "1.4.10"}]}), true),
        (json!({"versions": [{"from": "1.4.10"}, {"to": "1.4.8"}]}), false),
        (json!({"platforms": ["android"], "countries": ["JP"]}), false),
    ] {
        assert_eq!(covered(scope.clone()).await, expected, "{scope}");
        // Each is over before the next.
        house.advance(minutes(0));
    }
    // All games at once.
    let plan = json!({"from": START, "to": until});
    house.command("/commands/maintenance", json!({"do": "plan", "plan": plan})).await;
    let told = status(&house, &here).await.unwrap();
    assert_eq!((&told["status"], &told["word"]), (&json!(304), &json!("maintenance_all")));
}

pub(super) async fn of_windows_that_overlap_the_union_holds_and_the_last_end_is_told(
    house: Daemun,
) {
    let here = being("1.0", "d", "ko");
    put(&house, "1.0", "update_recommended", json!({})).await;
    let at = |minute| START.after(minutes(minute));
    let one = plan(&house, at(1), at(5), json!({})).await;
    let other = plan(&house, at(3), at(9), json!({})).await;
    let told = async || {
        let told = status(&house, &here).await.unwrap();
        (
            told["status"].as_u64().unwrap(),
            told["maintenance"]["id"].clone(),
            told["planned"]["id"].clone(),
        )
    };
    assert_eq!(told().await, (201, json!(null), one["id"].clone()));
    house.advance(minutes(2));
    assert_eq!(told().await, (303, one["id"].clone(), other["id"].clone()));
    house.advance(minutes(2));
    assert_eq!(told().await, (303, other["id"].clone(), json!(null)));
    // Both are told of at once: the update too.
    assert!(status(&house, &here).await.unwrap()["update"].is_object());
    let failure = visitor(&house, &here).enter().await.err().unwrap();
    let detail = failure.refused().unwrap().detail.clone().unwrap();
    assert!(detail["maintenance"].is_object() && detail["update"].is_object(), "{detail}");
    house.advance(minutes(2));
    assert_eq!(told().await, (303, other["id"].clone(), json!(null)));
    house.advance(minutes(3));
    assert_eq!(told().await, (201, json!(null), json!(null)));
}

pub(super) async fn a_plan_is_changed_ended_and_called_off(house: Daemun) {
    let here = being("1.0", "d", "ko");
    let mut player = visitor(&house, &here).enter().await.unwrap();
    let at = |minute| START.after(minutes(minute));
    let off = plan(&house, at(300), at(400), json!({})).await;
    told(&mut player, "maintenance.scheduled").await;
    assert_eq!(amend(&house, "off", &off["id"], json!({})).await["state"], "off");
    assert_eq!(told(&mut player, "maintenance.ended").await["id"], off["id"]);
    let window = plan(&house, at(300), at(400), json!({})).await;
    told(&mut player, "maintenance.scheduled").await;
    let longer = amend(&house, "extend", &window["id"], json!({"to": at(500)})).await;
    assert_eq!((&longer["version"], &longer["body"]["to"]), (&json!(2), &json!(at(500))));
    assert_eq!(told(&mut player, "maintenance.scheduled").await["to"], json!(at(500)));
    let why = async |what: &str, id: &Value, to: &Value| {
        let order = json!({"do": what, "app": "demo", "id": id, "to": to});
        refused(&house, "/commands/maintenance", order).await
    };
    let none = &json!(null);
    assert!(why("end", &window["id"], none).await.contains("is reserved: it does not hold"));
    assert!(why("extend", &off["id"], &json!(at(900))).await.contains("is off: plan another"));
    assert!(
        why("extend", &window["id"], &json!(at(200))).await.contains("not after its beginning")
    );
    assert!(why("off", &json!(uuid::Uuid::nil()), none).await.contains("no such maintenance"));
    let now = plan(&house, at(0), at(60), json!({})).await;
    told(&mut player, "maintenance.started").await;
    assert!(player.socket().closed().await.unwrap().is(CloseCode::Maintenance));
    assert!(why("off", &now["id"], none).await.contains("is in_progress"));
    assert!(visitor(&house, &here).enter().await.is_err());
    amend(&house, "end", &now["id"], json!({})).await;
    visitor(&house, &here).enter().await.unwrap();
}

pub(super) async fn a_plan_that_makes_no_sense_is_refused_by_its_name(house: Daemun) {
    let why = async |more: Value| {
        let mut plan = json!({"from": START.after(minutes(1)), "to": START.after(minutes(9))});
        plan.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        refused(&house, "/commands/maintenance", json!({"do": "plan", "app": "demo", "plan": plan}))
            .await
    };
    let zoned =
        |zone: &str, from: &str| json!({"zone": zone, "from": from, "to": "2027-12-01T00:00"});
    for (more, expected) in [
        (json!({"to": START.after(minutes(1))}), "not after its beginning"),
        (json!({"from": START.before(minutes(9)), "to": START}), "not after the present"),
        (json!({"to": START.after(minutes(60 * 24 * 367))}), "more than 366 days"),
        (json!({"from": "2027-03-01T09:00"}), "no zone is given"),
        (json!({"from": "soon"}), "`soon` is no time"),
        // Clocks jump from 2:00 to 3:00 there, and in autumn from 2:00 back to 1:00.
        (zoned("America/New_York", "2027-03-14T02:30"), "does not exist in America/New_York"),
        (zoned("America/New_York", "2027-11-07T01:30"), "comes twice in America/New_York"),
        (zoned("Asia/Atlantis", "2027-03-14T02:30"), "`Asia/Atlantis` is no zone"),
        // It says another zone, which must not count for nothing.
        (zoned("Asia/Seoul", "2027-03-14T02:30[America/New_York]"), "says where by itself"),
        (json!({"message": {"en": "<a href=x>"}}), "field message.en: holds HTML"),
        (json!({"message": {"en": " "}}), "has no words"),
        (json!({"page": "javascript:alert(1)"}), "field page: is no address"),
        (json!({"scope": {"countries": ["Korea"]}}), "`Korea`, which is no country"),
        (
            json!({"scope": {"versions": [{"from": "2", "to": "1"}]}}),
            "ends at 1, which is before 2",
        ),
    ] {
        let said = why(more.clone()).await;
        assert!(said.contains(expected), "{more}: {said}");
    }
    let list = json!({"do": "list", "app": "demo"});
    assert_eq!(house.command("/commands/maintenance", list).await, json!([]));
    // Summer time and all, a local time is a moment.
    let zoned =
        json!({"zone": "America/New_York", "from": "2027-07-01T09:00", "to": "2027-12-01T09:00"});
    let order = json!({"do": "plan", "app": "demo", "plan": zoned});
    let window = house.command("/commands/maintenance", order).await[0].clone();
    assert_eq!(text(&window["body"], "from"), "2027-07-01T13:00:00.000000Z");
    assert_eq!(text(&window["body"], "to"), "2027-12-01T14:00:00.000000Z");
}

pub(super) async fn a_server_that_starts_in_the_middle_goes_on_with_what_is_due(house: Daemun) {
    let here = being("1.0", "d", "ko");
    let window = plan(&house, START.after(minutes(4)), START.after(minutes(9)), json!({})).await;
    house.advance(minutes(2));
    let house = house.restart().await;
    let mut player = visitor(&house, &here).log_in().await.unwrap();
    // Who comes is told as he comes, and hears no mark that is over.
    let launch = player.open().await.unwrap().launch;
    assert_eq!(json!(launch.planned.unwrap().id), window["id"]);
    house.advance(minutes(1));
    assert_eq!(told(&mut player, "maintenance.countdown").await["begins_in_s"], 60);
    house.advance(minutes(1));
    told(&mut player, "maintenance.started").await;
    assert!(player.socket().closed().await.unwrap().is(CloseCode::Maintenance));
    let house = house.restart().await;
    assert_eq!(code(visitor(&house, &here).enter().await), ErrorCode::LaunchMaintenance);
}

pub(super) async fn a_clock_that_is_set_back_lets_in_and_closes_again(house: Daemun) {
    let tester = json!({"do": "add", "app": "demo", "tester": {"device_id": "lab"}});
    house.command("/commands/tester", tester).await;
    let here = being("1.0", "d", "ko");
    // Who stays in hears when the clock was looked at.
    let mut staff = visitor(&house, &being("1.0", "lab", "ko")).enter().await.unwrap();
    plan(&house, START.after(minutes(2)), START.after(minutes(9)), json!({})).await;
    told(&mut staff, "maintenance.scheduled").await;
    house.advance(minutes(3));
    told(&mut staff, "maintenance.started").await;
    assert_eq!(code(visitor(&house, &here).enter().await), ErrorCode::LaunchMaintenance);
    house.clock.set(START.after(minutes(1)));
    assert_eq!(told(&mut staff, "maintenance.countdown").await["begins_in_s"], 60);
    let mut player = visitor(&house, &here).enter().await.unwrap();
    house.clock.set(START.after(minutes(2)));
    told(&mut player, "maintenance.started").await;
    assert!(player.socket().closed().await.unwrap().is(CloseCode::Maintenance));
    told(&mut staff, "maintenance.started").await;
}

pub(super) async fn who_tests_from_an_address_stays_in(house: Daemun) {
    let tester = json!({"do": "add", "app": "demo", "tester": {"network": "127.0.0.0/8"}});
    let document = house.command("/commands/tester", tester).await[0].clone();
    plan(&house, START, START.after(minutes(5)), json!({})).await;
    let here = being("1.0", "d", "ko");
    assert_eq!(status(&house, &here).await.unwrap()["status"], 202);
    let player = visitor(&house, &here).enter().await.unwrap();
    house.http().ask("member.me", Some(player.access_token()), json!({})).await.unwrap();
    let order = json!({"do": "remove", "app": "demo", "id": document["id"]});
    house.command("/commands/tester", order).await;
    let mut player = player;
    told(&mut player, "maintenance.started").await;
    assert!(player.socket().closed().await.unwrap().is(CloseCode::Maintenance));
    assert_eq!(code(visitor(&house, &here).enter().await), ErrorCode::LaunchMaintenance);
    let mut socket = house.socket(Format::Msgpack).await;
    let body = json!({"app": "demo", "client": here});
    assert_eq!(socket.request("launch.status", body).await.unwrap()["status"], 303);
}

pub(super) async fn who_tests_no_more_is_told_and_closed_like_everybody(house: Daemun) {
    let tester = async |device: &str| {
        let order = json!({"do": "add", "app": "demo", "tester": {"device_id": device}});
        house.command("/commands/tester", order).await[0]["id"].clone()
    };
    let drops = async |id: &Value| {
        let order = json!({"do": "remove", "app": "demo", "id": id});
        house.command("/commands/tester", order).await;
    };
    let (first, second) = (tester("first").await, tester("second").await);
    tester("third").await;
    let enter = async |device: &str| visitor(&house, &being("1.0", device, "ko")).enter().await;
    let mut one = enter("first").await.unwrap();
    let mut two = enter("second").await.unwrap();
    let mut three = enter("third").await.unwrap();
    let window = plan(&house, START.after(minutes(1)), START.after(minutes(9)), json!({})).await;
    for player in [&mut one, &mut two, &mut three] {
        told(player, "maintenance.scheduled").await;
    }
    // One is dropped before it begins, and another while it holds.
    drops(&first).await;
    house.advance(minutes(1));
    for player in [&mut one, &mut two, &mut three] {
        assert_eq!(told(player, "maintenance.started").await["id"], window["id"]);
    }
    assert!(one.socket().closed().await.unwrap().is(CloseCode::Maintenance));
    two.me().await.unwrap();
    drops(&second).await;
    assert_eq!(told(&mut two, "maintenance.started").await["message"], "점검");
    let closed = two.socket().closed().await.unwrap();
    assert!(closed.is(CloseCode::Maintenance));
    let reason: Value = serde_json::from_str(&closed.reason).unwrap();
    let after = reason["check_after_ms"].as_u64().unwrap();
    assert!((300_000..330_000).contains(&after), "{after}");
    for device in ["first", "second"] {
        assert_eq!(code(enter(device).await), ErrorCode::LaunchMaintenance);
    }
    // Who still tests was told nothing of it.
    three.me().await.unwrap();
    amend(&house, "end", &window["id"], json!({})).await;
    told(&mut three, "maintenance.ended").await;
}

pub(super) async fn a_token_that_was_refreshed_without_a_word_is_its_clients(house: Daemun) {
    let (here, lab) = (being("1.0", "d", "ko"), being("1.0", "lab", "ko"));
    let tester = json!({"do": "add", "app": "demo", "tester": {"device_id": "lab"}});
    house.command("/commands/tester", tester).await;
    let mut player = visitor(&house, &here).log_in().await.unwrap();
    let mut staff = visitor(&house, &lab).log_in().await.unwrap();
    // Nobody is kept out yet; the token lives longer than that is so.
    player.refresh().await.unwrap();
    staff.refresh().await.unwrap();
    let ask = async |token: &str| {
        let error = house.http().ask("member.me", Some(token), json!({})).await.err()?;
        error.refused().cloned()
    };
    assert!(ask(player.access_token()).await.is_none());
    let only = json!({"scope": {"countries": ["KR"]}});
    plan(&house, START, START.after(minutes(5)), only).await;
    let refused = ask(player.access_token()).await.unwrap();
    assert_eq!(refused.code, ErrorCode::LaunchMaintenance);
    assert_eq!(refused.detail.unwrap()["maintenance"]["message"], "점검");
    assert!(ask(staff.access_token()).await.is_none());
    assert_eq!(code(player.refresh().await), ErrorCode::LaunchMaintenance);
    staff.refresh().await.unwrap();
}
