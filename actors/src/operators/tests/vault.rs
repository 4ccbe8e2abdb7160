//! What is kept of second factors, and under which key.

use protocol::operators::refusal::OperatorCode;
use protocol::operators::rights::{In, Role};
use storage::documents::{Kind, SentKey};

use super::{House, PASSWORD, STEP, from, is, login, new};
use crate::identity::IdentitySettings;
use crate::operators::{By, Operators, Vault};

/// A vault with the keys of these words.
fn vault(present: &str, previous: Option<&str>) -> Vault {
    let folder = tempfile::tempdir().unwrap();
    let file = |word: &str| {
        let file = folder.path().join(word);
        std::fs::write(&file, word.repeat(32)).unwrap();
        file
    };
    let settings = IdentitySettings {
        operator_key_file: Some(file(present)),
        operator_previous_key_file: previous.map(file),
        ..IdentitySettings::default()
    };
    Vault::open(&settings).unwrap()
}

#[tokio::test]
async fn a_second_factor_is_kept_under_the_present_key_from_the_next_code_on() {
    let (mut house, kim) = House::with("kim", Role::Owner).await;
    let secret = kim.totp_secret.clone().unwrap();
    let kept = async |house: &House| {
        let id = kim.operator.id.0;
        let document = house.ground.storage.documents.get(Kind::Operator, id).await.unwrap();
        String::from_utf8(document.unwrap().sealed.unwrap()).unwrap()
    };
    let under = |house: &mut House, vault: Vault| {
        let (storage, clock) = (house.ground.storage.clone(), house.ground.clock.clone());
        house.operators = Operators::new(storage, clock, vault);
    };
    house.enter(&kim).await;
    assert!(kept(&house).await.contains(&secret), "there is no key");
    under(&mut house, vault("a", None));
    let entered = house.enter(&kim).await;
    assert!(!kept(&house).await.contains(&secret));
    // By a code in between, too.
    under(&mut house, vault("b", Some("a")));
    house.ground.clock.advance(STEP);
    house.operators.prove(&entered.caller, &house.code(&kim)).await.unwrap();
    under(&mut house, vault("b", None));
    house.enter(&kim).await;
    // Of one that no key opens no code is right, and nobody is told why.
    under(&mut house, vault("a", None));
    house.ground.clock.advance(STEP);
    let request = login("kim", PASSWORD, &house.code(&kim));
    is(house.operators.login(&request, from(1)).await, OperatorCode::LoginRefused);
    let who = (kim.operator.id.0, house.operators.show(kim.operator.id.0).await.unwrap().version);
    let newest = house.operators.set_totp(By::Command, who, None).await.unwrap();
    assert!(!kept(&house).await.contains(newest.totp_secret.as_deref().unwrap()));
    house.enter(&newest).await;
}

#[tokio::test]
async fn what_was_made_under_a_key_is_shown_once_more_under_its_request() {
    let (mut house, _) = House::with("kim", Role::Owner).await;
    let (storage, clock) = (house.ground.storage.clone(), house.ground.clock.clone());
    house.operators = Operators::new(storage, clock, vault("a", None));
    let lee = new("lee", Role::Viewer, In::All);
    let key = || Some(SentKey::new("once", "a"));
    let first = house.operators.create(By::Command, &lee, key()).await.unwrap();
    let again = house.operators.create(By::Command, &lee, key()).await.unwrap();
    assert!(first.totp_secret.is_some());
    assert_eq!(first.totp_secret, again.totp_secret);
    house.enter(&again).await;
}
