//! A key of one game reaches nothing of another.

use protocol::game_servers::{Scope, ServerOperation};
use serde_json::{Value, json};

use super::{GameServer, bought, code, game, guest_of, secret};
use crate::harness::Daemun;

/// A request for an operation about a member, and what its answer is when the member is another
/// game's.
fn about(operation: ServerOperation, member: Value, purchase: Value, token: &Value) -> Value {
    let items = json!([{"item": "gem", "amount": 1}]);
    match operation {
        ServerOperation::SessionsVerify => json!({ "token": token }),
        ServerOperation::MembersGet
        | ServerOperation::MembersUnban
        | ServerOperation::WalletBalances
        | ServerOperation::PurchasesList
        | ServerOperation::WalletTransfers => json!({ "member": member }),
        ServerOperation::MembersMessage => json!({"member": member, "text": "hello"}),
        ServerOperation::MembersBan => json!({"member": member, "reason": "because"}),
        ServerOperation::PurchasesConsume => json!({"member": member, "purchase": purchase}),
        ServerOperation::WalletSpend | ServerOperation::WalletGrant => {
            json!({"member": member, "items": items})
        }
    }
}

#[tokio::test]
async fn every_operation_is_of_the_keys_own_game() {
    let house = Daemun::with(|settings| {
        let cats = game(settings, &[("cats", Scope::ALL, None)]);
        let dogs = game(settings, &[("dogs", Scope::ALL, None)]);
        settings.apps = [("cats".into(), cats), ("dogs".into(), dogs)].into();
    })
    .await;
    let (cat, login) = guest_of(&house, "cats").await;
    let (dog, _) = guest_of(&house, "dogs").await;
    let of = |app| GameServer { house: &house, app, key: app, secret: secret(app) };
    let (cats, dogs) = (of("cats"), of("dogs"));
    cats.give(cat, "gem", 5).await;
    let purchase = bought(&house, "cats", cat, "gems").await;
    let token = &login["access_token"];
    for operation in ServerOperation::ALL {
        let name = operation.name();
        let body = about(*operation, json!(cat), json!(purchase), token);
        let answer = dogs.once(name, "theirs", body).await;
        match operation {
            ServerOperation::SessionsVerify => {
                assert_eq!(answer.0, 200);
                let refused = json!({"valid": false, "reason": "auth.refused"});
                assert_eq!(answer.1["ok"], refused, "nothing else is told");
            }
            ServerOperation::PurchasesConsume => {
                assert_eq!(code(&answer), (404, "purchase.unknown"));
            }
            _ => assert_eq!(code(&answer), (404, "member.unknown"), "{name}: {answer:?}"),
        }
    }
    // Nor has anything come of it.
    let balances = cats.ask("wallet/balances", json!({ "member": cat })).await;
    assert_eq!(balances["balances"], json!([{"item": "gem", "amount": 15}]));
    let shown = cats.ask("members/get", json!({ "member": cat })).await;
    assert_eq!((&shown["state"], shown.get("ban")), (&json!("active"), None));
    let transfers = dogs.ask("wallet/transfers", json!({ "member": dog })).await;
    assert_eq!(transfers, json!({"transfers": []}));
    // A purchase of one member is nobody else's of the same game either.
    let (other, _) = guest_of(&house, "cats").await;
    let body = json!({"member": other, "purchase": purchase});
    assert_eq!(code(&cats.call("purchases/consume", body).await), (404, "purchase.unknown"));
    for operation in ServerOperation::ALL {
        let body = about(*operation, json!(cat), json!(purchase), token);
        let answer = cats.once(operation.name(), "ours", body).await;
        // A key names one transfer, and the second is another.
        let expected = if *operation == ServerOperation::WalletGrant { 422 } else { 200 };
        assert_eq!(answer.0, expected, "{}: {answer:?}", operation.name());
    }
}
