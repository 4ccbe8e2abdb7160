//! Somebody is always left who may do everything.

use protocol::operators::refusal::OperatorCode;
use protocol::operators::rights::{In, Role, RoleIn};
use protocol::operators::{Enrolled, OperatorChange};

use super::{House, STEP, is};
use crate::operators::By;

#[tokio::test]
async fn of_two_owners_who_take_each_others_rights_at_once_one_keeps_his() {
    let (house, kim) = House::with("kim", Role::Owner).await;
    let (operators, one) = (&house.operators, house.enter(&kim).await.caller);
    let lee = house.make(&one, "lee", Role::Owner, In::All).await.unwrap();
    let two = house.enter(&lee).await.caller;
    let owners = async || {
        let all = operators.list(None, 10).await.unwrap();
        let owns = |roles: &[RoleIn]| roles.iter().any(|it| it.role == Role::Owner);
        all.iter().filter(|it| !it.disabled && owns(&it.roles)).count()
    };
    let version = async |id| operators.show(id).await.unwrap().version;
    for round in 0..40 {
        let less = |of: &Enrolled| OperatorChange {
            name: of.operator.name.clone(),
            roles: if round % 2 == 0 { vec![] } else { of.operator.roles.clone() },
            grants: vec![],
            disabled: round % 2 == 1,
        };
        let (his, hers) = ((one.id, version(one.id).await), (two.id, version(two.id).await));
        let (first, second) = (less(&lee), less(&kim));
        let both = tokio::join!(
            operators.change(By::Operator(&one), hers, &first, None),
            operators.change(By::Operator(&two), his, &second, None),
        );
        assert_eq!(owners().await, 1, "{round}: {both:?}");
        for outcome in [both.0, both.1].into_iter().filter(Result::is_err) {
            is(outcome, OperatorCode::LastOwner);
        }
        for of in [&kim, &lee] {
            let roles = of.operator.roles.clone();
            let again = OperatorChange {
                name: of.operator.name.clone(),
                roles,
                grants: vec![],
                disabled: false,
            };
            let who = (of.operator.id.0, version(of.operator.id.0).await);
            operators.change(By::Command, who, &again, None).await.unwrap();
        }
        assert_eq!(owners().await, 2);
    }
    let (his, hers) = ((one.id, version(one.id).await), (two.id, version(two.id).await));
    let both = tokio::join!(
        operators.remove(By::Operator(&one), hers, None),
        operators.remove(By::Operator(&two), his, None),
    );
    assert_eq!((owners().await, both.0.is_ok() != both.1.is_ok()), (1, true));
}

#[tokio::test]
async fn who_is_left_may_be_busy_meanwhile() {
    let (house, kim) = House::with("kim", Role::Owner).await;
    let owner = house.enter(&kim).await.caller;
    let lee = house.make(&owner, "lee", Role::Owner, In::All).await.unwrap();
    let id = lee.operator.id.0;
    house.ground.clock.advance(STEP);
    // The account of the one who is left is written by the code that he shows.
    let code = house.code(&kim);
    let (proven, removed) = tokio::join!(
        house.operators.prove(&owner, &code),
        house.operators.remove(By::Operator(&owner), (id, 1), None),
    );
    proven.unwrap();
    removed.unwrap();
    is(house.operators.show(id).await, OperatorCode::Missing);
}
