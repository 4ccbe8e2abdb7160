use proptest::prelude::*;
use protocol::client::StoreName;
use protocol::purchases::Environment;

use super::*;
use crate::purchases::claim::{Named, Said, Source, State, hear};

fn member(number: i64) -> MemberId {
    MemberId::from_number(number).unwrap()
}

fn grant(item: &str, amount: i64) -> Grant {
    Grant { item: Text::new(item).unwrap(), amount }
}

fn said(state: State, bp: u16, at: i64, source: Source, reversed: bool) -> Said {
    Said {
        key: PurchaseKey {
            app: "demo".parse().unwrap(),
            store: StoreName::AppStore,
            environment: Environment::Production,
            key: "1".into(),
        },
        facts: Facts { product: "gem".into(), quantity: 1, ..Facts::default() },
        state,
        refunded_bp: bp,
        reversed,
        at: Micros(at),
        source,
        named: Named::Nobody,
        hold: None,
        product: Some(Text::new("gem_100").unwrap()),
        grants: vec![grant("bonus", 7), grant("gem", 100)],
        settled: false,
        look_at: None,
        candidate: Uuid::from_u128(7),
        evidence: None,
        webhook: true,
        now: Micros(1_000),
    }
}

fn a_said() -> impl Strategy<Value = Said> {
    let state = prop_oneof![
        4 => Just(State::Paid),
        1 => Just(State::Pending),
        1 => Just(State::Cancelled),
        3 => Just(State::Refunded),
    ];
    let source = prop_oneof![
        Just(Source::Told),
        Just(Source::Posted(member(1))),
        Just(Source::Posted(member(2))),
    ];
    let bp = prop_oneof![3 => Just(0), 1 => 1..10_000_u16];
    (state, bp, 0..20_i64, source, any::<bool>())
        .prop_map(|(state, bp, at, source, reversed)| said(state, bp, at, source, reversed))
}

/// A member's rows, of one purchase.
#[derive(Default)]
struct Rows {
    purchase: Option<Purchase>,
    gems: i64,
    bonus: i64,
    transfers: std::collections::HashSet<Uuid>,
}

impl Rows {
    fn follow(&mut self, claim: &Claim) {
        let Some(following) = follow(self.purchase.as_ref(), claim) else { return };
        if let Some((id, lines)) = following.transfer {
            assert!(self.transfers.insert(id), "a transfer's id was used twice");
            for line in lines {
                assert_ne!(line.delta, 0);
                match &*line.item {
                    "gem" => self.gems += line.delta,
                    "bonus" => self.bonus += line.delta,
                    other => panic!("{other}"),
                }
            }
        }
        self.purchase = Some(following.purchase);
    }
}

proptest! {
    /// Whatever is said in whatever order, and however late, doubled or out of order the rows
    /// follow: in the end there is what the claim says, and never more than was bought.
    #[test]
    fn rows_come_to_what_the_claim_says(
        all in prop::collection::vec(a_said(), 1..24),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..48),
    ) {
        let mut versions: Vec<Claim> = Vec::new();
        for said in &all {
            let before = versions.last().cloned();
            let decided = hear(before.clone(), said);
            if let Some(before) = before {
                prop_assert!(decided.claim.version >= before.version);
                prop_assert!(before.owner.is_none() || before.owner == decided.claim.owner);
                prop_assert!(before.granted_at.is_none() || before.grants == decided.claim.grants);
            }
            versions.push(decided.claim);
        }
        let last = versions.last().unwrap().clone();
        let mut rows = Rows::default();
        for index in order {
            rows.follow(index.get(&versions));
            prop_assert!((0..=100).contains(&rows.gems) && (0..=7).contains(&rows.bonus));
        }
        rows.follow(&last);
        rows.follow(&last);
        let bp = i64::from(last.in_force_bp());
        match last.owner {
            None => prop_assert!(rows.purchase.is_none()),
            Some(_) => {
                // What is taken back is rounded up.
                prop_assert_eq!(rows.gems, 100 * bp / 10_000);
                prop_assert_eq!(rows.bonus, 7 * bp / 10_000);
                let purchase = rows.purchase.unwrap();
                prop_assert_eq!((purchase.stand, purchase.version), (last.stand, last.version));
            }
        }
    }

    #[test]
    fn a_part_of_an_amount_is_never_more_and_never_below_nothing(
        amount in 0..=i64::MAX, bp in 0..=20_000_u16,
    ) {
        let part = in_force(amount, bp);
        prop_assert!((0..=amount).contains(&part));
        prop_assert_eq!(in_force(amount, 10_000), amount);
        prop_assert_eq!(in_force(amount, 0), 0);
    }
}

#[test]
fn the_store_and_the_game_are_told_what_they_must_know() {
    let posted = |state, at| said(state, 0, at, Source::Posted(member(1)), false);
    let granted = hear(None, &posted(State::Paid, 10)).claim;
    let first = follow(None, &granted).unwrap();
    assert!(first.settle && first.shows);
    assert_eq!(first.event, Some(Event::Granted));
    assert_eq!(follow(Some(&first.purchase), &granted), None);

    let part =
        hear(Some(granted.clone()), &said(State::Paid, 2_500, 20, Source::Told, false)).claim;
    let second = follow(Some(&first.purchase), &part).unwrap();
    assert!(!second.settle && second.shows);
    assert_eq!(second.event, Some(Event::Refunded));
    assert_eq!(second.transfer.unwrap().1[1].delta, -25);

    // Refunded before its rows followed the grant: nothing was ever there.
    let refunded = hear(Some(granted), &said(State::Refunded, 0, 30, Source::Told, false)).claim;
    let at_once = follow(None, &refunded).unwrap();
    assert_eq!((at_once.transfer, at_once.event, at_once.settle), (None, None, false));
    assert!(at_once.shows);

    let quiet =
        Claim { webhook: false, settled: true, ..hear(None, &posted(State::Paid, 10)).claim };
    let quiet = follow(None, &quiet).unwrap();
    assert_eq!((quiet.event, quiet.settle), (None, false));
}

#[test]
fn a_notice_is_the_same_whenever_it_is_made() {
    let posted = said(State::Paid, 0, 10, Source::Posted(member(1)), false);
    let purchase = follow(None, &hear(None, &posted).claim).unwrap().purchase;
    let (id, body) = notice(&purchase, Event::Granted, Micros(0));
    assert_eq!(notice(&purchase, Event::Granted, Micros(5)).0, id);
    assert_ne!(notice(&purchase, Event::Consumed, Micros(0)).0, id);
    let later = Purchase { version: 2, ..purchase };
    assert_ne!(notice(&later, Event::Granted, Micros(0)).0, id);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["type"], "purchase.granted");
    assert_eq!(body["data"]["purchase"]["grants"][1]["amount"], 100);
    assert!(!body.to_string().contains("transaction"), "a store's names are worth money");
}
