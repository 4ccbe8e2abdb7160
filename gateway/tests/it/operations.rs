//! The table of operations, door by door.

use loadtest::{Failure, Format};
use protocol::error::ErrorCode;
use protocol::operation::{Access, Doors, Operation};
use serde_json::{Value, json};

use crate::harness::Daemun;

#[tokio::test]
async fn every_operation_is_known_at_each_of_its_doors() {
    let house = Daemun::start().await;
    let mut socket = house.socket(Format::Json).await;
    for operation in Operation::ALL {
        let answer = socket.request(operation.name(), json!({"unknown": 1})).await;
        let code = answer.err().and_then(|failure| failure.code());
        assert_ne!(code, Some(ErrorCode::OpUnknown), "{} on the socket", operation.name());

        let answer = house.http().ask(operation.name(), None, json!({"unknown": 1})).await;
        let code = answer.unwrap_err().code();
        let served = code != Some(ErrorCode::OpUnknown);
        assert_eq!(served, operation.doors() == Doors::Both, "{} over HTTP", operation.name());
    }
}

/// The id of nothing.
const NOBODYS: &str = "019aac4b-2e3f-7d55-8a53-0d1c5a3b9e10";

/// With all that some operation's body must have.
fn enough(mut body: Value) -> Value {
    let more = json!({
        "ids": [NOBODYS],
        "product": "gem_100", "store": "google_play", "evidence": {"token": "nobody's"},
        "purchase": NOBODYS,
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn whatever_is_not_public_needs_a_token_over_http() {
    let house = Daemun::start().await;
    let good = enough(json!({"token": "x", "seq": 0, "id": NOBODYS}));
    for operation in Operation::ALL {
        if operation.access() != Access::Public && operation.doors() == Doors::Both {
            let answer = house.http().ask(operation.name(), None, good.clone()).await;
            let code = answer.unwrap_err().code();
            assert_eq!(code, Some(ErrorCode::AuthRequired), "{}", operation.name());
        }
    }
}

/// A member's token speaks for that member, whatever the body says.
#[tokio::test]
async fn no_operation_takes_another_members_id() {
    let house = Daemun::start().await;
    let (mut a, b) = (house.guest().await, house.guest().await);
    let of_b = enough(json!({
        "member": b.login().member.id, "id": b.login().member.id, "sub": b.login().member.id,
        "sid": b.session(), "login": b.session(), "app": "demo", "seq": 0,
    }));
    for operation in Operation::ALL {
        if operation.access() == Access::Member {
            let (op, token) = (operation.name(), a.access_token().to_owned());
            if op.starts_with("auth.logout") {
                continue;
            }
            let mut body = of_b.clone();
            if op.starts_with("content.") {
                // There an id is a notice's.
                body["id"] = NOBODYS.into();
            }
            let answer = match house.http().ask(op, Some(&token), body).await {
                Ok(answer) => answer.to_string(),
                // There is no such purchase, or notice.
                Err(Failure::Refused(error))
                    if op.starts_with("purchase.") || op.starts_with("content.") =>
                {
                    assert_ne!(error.code, ErrorCode::BodyInvalid, "{op}: {error}");
                    serde_json::to_string(&error).unwrap()
                }
                Err(other) => panic!("{op}: {other:?}"),
            };
            assert!(!answer.contains(&b.login().member.id.to_string()), "{op}");
        }
    }
    let token = a.access_token().to_owned();
    house.http().ask("auth.logout_everywhere", Some(&token), of_b).await.unwrap();
    assert_eq!(a.socket().closed().await.unwrap().code, 4509);
    let me = house.http().ask("member.me", Some(b.access_token()), json!({})).await.unwrap();
    assert_eq!(me["member"]["id"], json!(b.login().member.id), "b is still logged in");
}
