//! Logins, sessions and accounts on embedded storage.

mod owners;
mod vault;

use std::net::IpAddr;
use std::time::Duration;

use protocol::operators::refusal::{Code, OperatorCode, Refusal};
use protocol::operators::rights::{In, Resource, Right, Role, RoleIn};
use protocol::operators::{
    Enrolled, LoginRequest, NewOperator, OperatorChange, OwnPasswordRequest,
};
use serde_json::json;
use storage::audit::ActsRead;
use storage::documents::SentKey;
use storage::operators::Ended;

use super::{By, Caller, Entered, From, IDLE, Operators, PROVEN, Vault, totp};
use crate::testing::Ground;

const PASSWORD: &str = "correct horse battery";
const STEP: Duration = Duration::from_secs(30);

struct House {
    ground: Ground,
    operators: Operators,
}

fn from(last: u8) -> From {
    From { address: IpAddr::from([192, 0, 2, last]), agent: "Firefox\n🦊".repeat(50) }
}

fn is<T>(outcome: Result<T, Refusal>, code: OperatorCode) -> Refusal {
    match outcome {
        Err(refusal) if refusal.code == Code::Operators(code) => refusal,
        Err(refusal) => panic!("not {}: {refusal}", code.word()),
        Ok(_) => panic!("not {}: it is done", code.word()),
    }
}

fn new(name: &str, role: Role, app: In) -> NewOperator {
    let roles = json!([{"app": app, "role": role}]);
    serde_json::from_value(json!({"name": name, "roles": roles, "password": PASSWORD})).unwrap()
}

fn login(name: &str, password: &str, code: &str) -> LoginRequest {
    serde_json::from_value(json!({"name": name, "password": password, "totp": code})).unwrap()
}

impl House {
    async fn new() -> Self {
        let ground = Ground::new();
        ground.storage.start_alone().await.unwrap();
        let operators =
            Operators::new(ground.storage.clone(), ground.clock.clone(), Vault::default());
        Self { ground, operators }
    }

    async fn with(name: &str, role: Role) -> (Self, Enrolled) {
        let house = Self::new().await;
        let made = house.operators.create(By::Command, &new(name, role, In::All), None).await;
        (house, made.unwrap())
    }

    fn code(&self, made: &Enrolled) -> String {
        totp::shows(made.totp_secret.as_deref().unwrap(), self.operators.now())
    }

    /// Logs in with a code that was not shown before.
    async fn enter(&self, made: &Enrolled) -> Entered {
        self.ground.clock.advance(STEP);
        let request = login(made.operator.name.as_str(), PASSWORD, &self.code(made));
        self.operators.login(&request, from(1)).await.unwrap()
    }

    async fn make(
        &self,
        by: &Caller,
        name: &str,
        role: Role,
        app: In,
    ) -> Result<Enrolled, Refusal> {
        self.operators.create(By::Operator(by), &new(name, role, app), None).await
    }
}

#[tokio::test]
async fn an_operator_logs_in_and_is_known_by_the_cookie_alone() {
    let (house, kim) = House::with("Kim", Role::Owner).await;
    let entered = house.operators.login(&login("KIM", PASSWORD, &house.code(&kim)), from(1)).await;
    let entered = entered.unwrap();
    let caller = house.operators.caller(&entered.token).await.unwrap();
    assert_eq!(caller.account.name.as_str(), "Kim");
    assert!(caller.account.may(Resource::Operators, Right::Delete, &In::All));
    assert!(caller.session.agent.len() <= 256 && !caller.session.agent.contains('\n'));
    let me = caller.me();
    assert!(caller.is_own_page(&me.csrf) && !caller.is_own_page("") && me.csrf != entered.token);
    let forged = "A".repeat(entered.token.len());
    for wrong in ["", "x", &forged, &entered.token[1..]] {
        is(house.operators.caller(wrong).await, OperatorCode::LoginRequired);
    }
}

#[tokio::test]
async fn what_is_wrong_is_not_said_and_nothing_wrong_uses_a_code_up() {
    let (house, kim) = House::with("kim", Role::Owner).await;
    let code = house.code(&kim);
    let wrong_code = if code == "000000" { "000001" } else { "000000" };
    let mut said = Vec::new();
    for request in [
        login("kim", "wrong wrong wrong", &code),
        login("kim", PASSWORD, wrong_code),
        login("lee", PASSWORD, &code),
        login("not a name!", PASSWORD, &code),
    ] {
        let refused =
            is(house.operators.login(&request, from(1)).await, OperatorCode::LoginRefused);
        said.push(refused);
    }
    assert!(said.windows(2).all(|two| two[0] == two[1]), "{said:?}");
    house.operators.login(&login("kim", PASSWORD, &code), from(1)).await.unwrap();
    // The code was used now, and so is every earlier one.
    let again = house.operators.login(&login("kim", PASSWORD, &code), from(1)).await;
    is(again, OperatorCode::LoginRefused);
}

#[tokio::test]
async fn of_twenty_who_show_one_code_at_once_one_is_let_in() {
    let (house, kim) = House::with("kim", Role::Owner).await;
    let entered = house.enter(&kim).await;
    house.ground.clock.advance(STEP);
    let code = house.code(&kim);
    let proofs = (0..4).map(|_| {
        let (house, entered, code) = (&house, &entered, &code);
        async move { house.operators.prove(&entered.caller, code).await }
    });
    let proofs = futures_util::future::join_all(proofs).await;
    assert_eq!(proofs.iter().filter(|proof| proof.is_ok()).count(), 1, "{proofs:?}");
}

#[tokio::test]
async fn who_guesses_waits_longer_each_time_and_the_right_one_waits_too() {
    let (house, kim) = House::with("kim", Role::Owner).await;
    for turn in 0..5 {
        let wrong = login("kim", "wrong wrong wrong", "000000");
        is(house.operators.login(&wrong, from(turn)).await, OperatorCode::LoginRefused);
    }
    let right = login("kim", PASSWORD, &house.code(&kim));
    let paused = is(house.operators.login(&right, from(9)).await, OperatorCode::LoginPaused);
    assert_eq!(paused.retry_after_ms, Some(1_000));
    house.ground.clock.advance(Duration::from_secs(1));
    house.operators.login(&right, from(9)).await.unwrap();
}

#[tokio::test]
async fn nobody_is_locked_out_by_strangers_who_know_his_name() {
    let (house, kim) = House::with("kim", Role::Owner).await;
    let entered = house.enter(&kim).await;
    for turn in 10..15 {
        let wrong = login("kim", "wrong wrong wrong", "000000");
        is(house.operators.login(&wrong, from(turn)).await, OperatorCode::LoginRefused);
    }
    house.ground.clock.advance(STEP);
    let wrong = login("kim", "wrong wrong wrong", "000000");
    is(house.operators.login(&wrong, from(15)).await, OperatorCode::LoginRefused);
    let right = login("kim", PASSWORD, &house.code(&kim));
    is(house.operators.login(&right, from(16)).await, OperatorCode::LoginPaused);
    // Where he logged in lately he may, and where he is logged in he is who he is.
    house.operators.login(&right, from(1)).await.unwrap();
    house.ground.clock.advance(STEP);
    house.operators.prove(&entered.caller, &house.code(&kim)).await.unwrap();
    for _ in 0..5 {
        let wrong = house.operators.prove(&entered.caller, "000000").await;
        is(wrong, OperatorCode::ProofRefused);
    }
    is(house.operators.prove(&entered.caller, "000000").await, OperatorCode::LoginPaused);
    let request = json!({"password": PASSWORD, "new_password": "another battery"});
    let request: OwnPasswordRequest = serde_json::from_value(request).unwrap();
    let change = house.operators.change_password(&entered.caller, &request).await;
    is(change, OperatorCode::LoginPaused);
    let another = house.enter(&kim).await.caller;
    house.operators.change_password(&another, &request).await.unwrap();
}

#[tokio::test]
async fn a_login_that_finds_no_place_asks_storage_for_nothing() {
    let ground = Ground::new();
    // Its storage does not run.
    let operators = Operators::new(ground.storage.clone(), ground.clock.clone(), Vault::default());
    let attempt = async || {
        let said = operators.login(&login("kim", PASSWORD, "000000"), from(1)).await;
        said.err().unwrap().code.word()
    };
    assert_ne!(attempt().await, "limit.overloaded");
    let mut places = Vec::new();
    while let Ok(place) = operators.0.passwords.queue() {
        places.push(place);
    }
    assert_eq!(attempt().await, "limit.overloaded");
}

#[tokio::test]
async fn a_session_ends_when_it_idles_and_after_half_a_day() {
    let (house, kim) = House::with("kim", Role::Owner).await;
    let (clock, instant) = (&house.ground.clock, Duration::from_micros(1));
    let token = house.enter(&kim).await.token;
    clock.advance(IDLE - instant);
    house.operators.caller(&token).await.unwrap();
    clock.advance(IDLE - instant);
    house.operators.caller(&token).await.unwrap();
    clock.advance(IDLE);
    is(house.operators.caller(&token).await, OperatorCode::LoginRequired);

    let token = house.enter(&kim).await.token;
    let end = house.operators.now().after(Duration::from_secs(12 * 3600));
    while house.operators.now().after(IDLE - instant) < end {
        clock.advance(IDLE - instant);
        house.operators.caller(&token).await.unwrap();
    }
    clock.advance(end.since(house.operators.now()) - instant);
    house.operators.caller(&token).await.unwrap();
    clock.advance(instant);
    is(house.operators.caller(&token).await, OperatorCode::LoginRequired);
}

#[tokio::test]
async fn who_is_kept_out_or_removed_is_out_at_once_and_a_lost_right_is_lost_at_once() {
    let (house, kim) = House::with("kim", Role::Owner).await;
    let lee = house.operators.create(By::Command, &new("lee", Role::Editor, In::All), None).await;
    let lee = lee.unwrap();
    let (by, theirs) = (house.enter(&kim).await.caller, house.enter(&lee).await.token);
    let id = lee.operator.id.0;
    let change = async |disabled: bool, roles: Vec<RoleIn>| {
        let version = house.operators.show(id).await.unwrap().version;
        let name = lee.operator.name.clone();
        let change = OperatorChange { name, roles, grants: vec![], disabled };
        house.operators.change(By::Operator(&by), (id, version), &change, None).await.unwrap()
    };
    change(false, vec![]).await;
    let caller = house.operators.caller(&theirs).await.unwrap();
    assert!(!caller.account.may(Resource::Notices, Right::Read, &In::All));
    change(true, vec![]).await;
    is(house.operators.caller(&theirs).await, OperatorCode::LoginRequired);
    let request = login("lee", PASSWORD, &house.code(&lee));
    is(house.operators.login(&request, from(3)).await, OperatorCode::LoginRefused);
    change(false, vec![]).await;
    // What he had before is over for good.
    is(house.operators.caller(&theirs).await, OperatorCode::LoginRequired);
    assert!(house.operators.sessions(id, by.session.id).await.unwrap().is_empty());
    let theirs = house.enter(&lee).await.token;
    house.operators.caller(&theirs).await.unwrap();
    let version = house.operators.show(id).await.unwrap().version;
    house.operators.remove(By::Operator(&by), (id, version), None).await.unwrap();
    is(house.operators.caller(&theirs).await, OperatorCode::LoginRequired);
    assert!(house.operators.sessions(id, by.session.id).await.unwrap().is_empty());
    is(house.operators.show(id).await, OperatorCode::Missing);
    // The name may be given again.
    house.make(&by, "LEE", Role::Viewer, In::All).await.unwrap();
}

#[tokio::test]
async fn a_new_password_or_second_factor_ends_every_session_and_the_old_ones_use() {
    let (house, kim) = House::with("kim", Role::Owner).await;
    let lee = house.operators.create(By::Command, &new("lee", Role::Editor, In::All), None).await;
    let (lee, by) = (lee.unwrap(), house.enter(&kim).await.caller);
    let id = lee.operator.id.0;
    let version = async || house.operators.show(id).await.unwrap().version;
    let token = house.enter(&lee).await.token;
    house.ground.clock.advance(STEP);
    let newer = "another battery";
    let who = (id, version().await);
    house.operators.set_password(By::Operator(&by), who, newer, None).await.unwrap();
    is(house.operators.caller(&token).await, OperatorCode::LoginRequired);
    let old = login("lee", PASSWORD, &house.code(&lee));
    is(house.operators.login(&old, from(3)).await, OperatorCode::LoginRefused);
    let right = login("lee", newer, &house.code(&lee));
    let token = house.operators.login(&right, from(3)).await.unwrap().token;
    house.ground.clock.advance(STEP);
    let who = (id, version().await);
    let newest = house.operators.set_totp(By::Operator(&by), who, None).await.unwrap();
    assert_ne!(newest.totp_secret, lee.totp_secret);
    is(house.operators.caller(&token).await, OperatorCode::LoginRequired);
    let right = login("lee", newer, &house.code(&newest));
    house.operators.login(&right, from(3)).await.unwrap();
}

#[tokio::test]
async fn ones_own_password_is_changed_by_who_knows_it_and_ends_the_other_sessions() {
    let (house, kim) = House::with("kim", Role::Owner).await;
    let (one, other) = (house.enter(&kim).await, house.enter(&kim).await);
    let ask = |old: &str, new: &str| {
        serde_json::from_value::<OwnPasswordRequest>(json!({"password": old, "new_password": new}))
            .unwrap()
    };
    let newer = "another battery";
    let change = async |request| house.operators.change_password(&one.caller, &request).await;
    is(change(ask("wrong wrong wrong", newer)).await, OperatorCode::LoginRefused);
    assert!(change(ask(PASSWORD, "short")).await.is_err());
    change(ask(PASSWORD, newer)).await.unwrap();
    house.operators.caller(&one.token).await.unwrap();
    is(house.operators.caller(&other.token).await, OperatorCode::LoginRequired);
    house.ground.clock.advance(STEP);
    let right = login("kim", newer, &house.code(&kim));
    house.operators.login(&right, from(1)).await.unwrap();
}

#[tokio::test]
async fn a_proof_opens_grave_acts_for_five_minutes() {
    let (house, kim) = House::with("kim", Role::Owner).await;
    let entered = house.enter(&kim).await;
    let at = entered.caller.session.created_at;
    assert_eq!(entered.caller.proven_until(), at.after(PROVEN));
    house.ground.clock.advance(PROVEN);
    let code = house.code(&kim);
    let until = house.operators.prove(&entered.caller, &code).await.unwrap();
    assert_eq!(until, house.operators.now().after(PROVEN));
    let caller = house.operators.caller(&entered.token).await.unwrap();
    assert_eq!(caller.proven_until(), until);
    let again = house.operators.prove(&caller, &code).await;
    is(again, OperatorCode::ProofRefused);
    house.operators.end_sessions(caller.id, Ended::All).await.unwrap();
    house.ground.clock.advance(STEP);
    let late = house.operators.prove(&caller, &house.code(&kim)).await;
    is(late, OperatorCode::LoginRequired);
}

#[tokio::test]
async fn nobody_gives_or_takes_what_he_has_not_and_somebody_is_left() {
    let (house, kim) = House::with("kim", Role::Owner).await;
    let owner = house.enter(&kim).await.caller;
    let cats = In::App("cats".parse().unwrap());
    let grants =
        json!([{"app": "*", "resource": "operators", "rights": ["read", "write", "delete"]}]);
    let chief: NewOperator = serde_json::from_value(json!({
        "name": "chief", "roles": [{"app": "cats", "role": "editor"}], "grants": grants,
        "password": PASSWORD,
    }))
    .unwrap();
    let chief = house.operators.create(By::Operator(&owner), &chief, None).await.unwrap();
    let chief = house.enter(&chief).await.caller;
    is(house.make(&chief, "lee", Role::Editor, In::All).await, OperatorCode::Forbidden);
    is(house.make(&chief, "lee", Role::Owner, cats.clone()).await, OperatorCode::Forbidden);
    let lee = house.make(&chief, "lee", Role::Viewer, cats).await.unwrap();
    let taken = house.make(&chief, "Lee", Role::Viewer, In::App("cats".parse().unwrap())).await;
    assert_eq!(is(taken, OperatorCode::Exists).detail.unwrap()["name"], "lee");

    let id = kim.operator.id.0;
    let version = async || house.operators.show(id).await.unwrap().version;
    let by_chief = By::Operator(&chief);
    is(
        house.operators.remove(by_chief, (id, version().await), None).await,
        OperatorCode::Forbidden,
    );
    let password = house.operators.set_password(by_chief, (id, version().await), "x", None).await;
    is(password, OperatorCode::Forbidden);
    is(
        house.operators.set_totp(by_chief, (id, version().await), None).await,
        OperatorCode::Forbidden,
    );

    let own = By::Operator(&owner);
    is(house.operators.remove(own, (id, version().await), None).await, OperatorCode::LastOwner);
    let kept = OperatorChange {
        name: "kim".parse().unwrap(),
        roles: kim.operator.roles.clone(),
        grants: vec![],
        disabled: true,
    };
    let out = house.operators.change(own, (id, version().await), &kept, None).await;
    is(out, OperatorCode::LastOwner);
    house.make(&owner, "second", Role::Owner, In::All).await.unwrap();
    house.operators.change(own, (id, version().await), &kept, None).await.unwrap();
    assert_eq!(house.operators.list(None, 10).await.unwrap().len(), 4);
    assert_eq!(house.operators.by_name("LEE").await.unwrap().id, lee.operator.id);
}

#[tokio::test]
async fn of_two_who_change_the_second_is_told_and_what_is_repeated_is_done_once() {
    let (house, kim) = House::with("kim", Role::Owner).await;
    let key = |request: &str| Some(SentKey::new("once", request));
    let lee = new("lee", Role::Viewer, In::All);
    let first = house.operators.create(By::Command, &lee, key("a")).await.unwrap();
    let again = house.operators.create(By::Command, &lee, key("a")).await.unwrap();
    assert_eq!((&first.operator, &first.totp_secret), (&again.operator, &again.totp_secret));
    let other = house.operators.create(By::Command, &lee, key("b")).await.unwrap_err();
    assert_eq!(other.code.word(), "op.key_reused");

    // Once it was used the secret is not shown again.
    house.ground.clock.advance(STEP);
    let code = totp::shows(again.totp_secret.as_deref().unwrap(), house.operators.now());
    house.operators.login(&login("lee", PASSWORD, &code), from(1)).await.unwrap();
    let later = house.operators.create(By::Command, &lee, key("a")).await.unwrap();
    assert_eq!(later.totp_secret, None);

    let change = OperatorChange {
        name: "Lee".parse().unwrap(),
        roles: vec![],
        grants: vec![],
        disabled: false,
    };
    let id = again.operator.id.0;
    let stale = house.operators.change(By::Command, (id, 1), &change, None).await;
    assert_eq!(is(stale, OperatorCode::Stale).detail.unwrap()["version"], 2);
    let changed = house.operators.change(By::Command, (id, 2), &change, None).await.unwrap();
    assert_eq!((changed.version, changed.name.as_str()), (3, "Lee"));
    is(house.operators.change(By::Command, (id, 99), &change, None).await, OperatorCode::Stale);
    drop(kim);
}

#[tokio::test]
async fn everything_is_audited_and_no_secret_is() {
    let (house, kim) = House::with("kim", Role::Owner).await;
    let by = house.enter(&kim).await.caller;
    house.make(&by, "lee", Role::Viewer, In::All).await.unwrap();
    let acts = house.ground.storage.audit.page(ActsRead { limit: 10, ..ActsRead::default() }).await;
    let acts = acts.unwrap();
    let whats: Vec<_> = acts.iter().map(|act| act.what.as_str()).collect();
    assert_eq!(whats, ["operator.create", "operator.login", "operator.create"]);
    assert!(acts.iter().all(|act| act.sealed_changed));
    let secret = kim.totp_secret.unwrap();
    let seen = format!("{acts:?} {by:?} {:?}", house.operators.list(None, 10).await);
    for hidden in [PASSWORD, &secret, "argon2id"] {
        assert!(!seen.contains(hidden), "{hidden} is seen");
    }
}
