//! How pages of the audit are found.

use rusqlite::Connection;
use uuid::Uuid;

use super::fresh;
use crate::audit::{Actor, ActsRead};
use crate::documents::Kind;
use crate::embedded::audit::select;

#[tokio::test]
async fn pages_of_the_audit_are_found_in_their_order() {
    let (_storage, folder) = fresh().await;
    let connection = Connection::open(folder.path().join("daemun.db")).unwrap();
    let all = ActsRead { limit: 50, ..ActsRead::default() };
    let game = ActsRead { app: Some("rare".parse().unwrap()), ..all.clone() };
    let by = ActsRead { by: Some(Actor::Operator(Uuid::from_u128(7))), ..game.clone() };
    let of = ActsRead { kind: Some(Kind::Notice), of: Some(Uuid::from_u128(7)), ..by.clone() };
    let cases = [(all, "act_time"), (game, "act_app"), (by, "act_actor"), (of, "act_document")];
    for (read, expected) in cases {
        let explain = format!("EXPLAIN QUERY PLAN {}", select(&read));
        let mut explain = connection.prepare(&explain).unwrap();
        let plan = explain.raw_query().mapped(|row| row.get::<_, String>("detail"));
        let plan: Vec<String> = plan.collect::<Result<_, _>>().unwrap();
        assert_eq!(plan.len(), 1, "nothing is sorted: {plan:?}");
        assert!(plan[0].contains(&format!("INDEX {expected} ")), "{expected}: {plan:?}");
    }
}
