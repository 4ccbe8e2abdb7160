use protocol::client::StoreName;
use protocol::purchases::Environment;

use super::*;

const A: i64 = 1_000;
const B: i64 = 2_000;

fn member(number: i64) -> MemberId {
    MemberId::from_number(number).unwrap()
}

/// The store says that it is paid, at 10 by its clock, and A shows it.
fn posted() -> Said {
    Said {
        key: PurchaseKey {
            app: "demo".parse().unwrap(),
            store: StoreName::AppStore,
            environment: Environment::Production,
            key: "1".into(),
        },
        facts: Facts { product: "gem".into(), quantity: 1, ..Facts::default() },
        state: State::Paid,
        refunded_bp: 0,
        reversed: false,
        at: Micros(10),
        source: Source::Posted(member(A)),
        named: Named::Nobody,
        hold: None,
        product: Some(Text::new("gem_100").unwrap()),
        grants: vec![Grant { item: Text::new("gem").unwrap(), amount: 100 }],
        settled: false,
        look_at: None,
        candidate: Uuid::from_u128(7),
        evidence: None,
        webhook: false,
        now: Micros(1_000),
    }
}

fn told(state: State, at: i64) -> Said {
    Said { state, at: Micros(at), source: Source::Told, ..posted() }
}

fn reversed(at: i64) -> Said {
    Said { reversed: true, ..told(State::Paid, at) }
}

fn partly(bp: u16, at: i64) -> Said {
    Said { refunded_bp: bp, ..told(State::Paid, at) }
}

/// What becomes of a purchase of which all this was said, in this order.
fn after(all: &[Said]) -> Claim {
    let mut claim = None;
    for said in all {
        let decided = hear(claim, said);
        // The same once more changes nothing that its owner would see.
        let again = hear(Some(decided.claim.clone()), said);
        assert_eq!(again.claim.visible(), decided.claim.visible(), "{said:?}");
        assert_eq!(again.claim.version, decided.claim.version);
        claim = Some(decided.claim);
    }
    claim.unwrap()
}

fn stand(all: &[Said]) -> Stand {
    after(all).stand
}

#[test]
fn what_is_said_first_decides_how_it_begins() {
    assert_eq!(stand(&[posted()]), Stand::Granted);
    assert_eq!(stand(&[told(State::Paid, 10)]), Stand::Paid);
    assert_eq!(stand(&[told(State::Pending, 10)]), Stand::Pending);
    assert_eq!(stand(&[told(State::Cancelled, 10)]), Stand::Cancelled);
    assert_eq!(stand(&[told(State::Refunded, 10)]), Stand::Void);
}

#[test]
fn a_post_claims_what_a_store_told_of() {
    let claim = after(&[told(State::Paid, 10), posted()]);
    assert_eq!((claim.stand, claim.owner), (Stand::Granted, Some(member(A))));
    assert_eq!((claim.version, claim.pending), (2, true));
}

#[test]
fn a_payment_that_comes_late_is_granted_without_its_client() {
    let pending = Said { state: State::Pending, at: Micros(0), ..posted() };
    assert_eq!(stand(&[pending.clone(), told(State::Paid, 10)]), Stand::Granted);
    assert_eq!(stand(&[pending.clone(), told(State::Cancelled, 10)]), Stand::Cancelled);
    let late = [pending, told(State::Cancelled, 10), told(State::Paid, 20)];
    assert_eq!(stand(&late), Stand::Granted);
}

#[test]
fn what_was_refunded_before_it_was_granted_never_is() {
    let void = [told(State::Refunded, 20), posted()];
    let claim = after(&void);
    assert_eq!((claim.stand, claim.owner), (Stand::Void, Some(member(A))));
    let newer = Said { at: Micros(30), ..posted() };
    assert_eq!(stand(&[told(State::Refunded, 20), newer]), Stand::Void);
    let pending = Said { state: State::Pending, at: Micros(0), ..posted() };
    assert_eq!(stand(&[pending, told(State::Refunded, 20)]), Stand::Void);
}

#[test]
fn a_refund_that_was_undone_grants_again() {
    let story = [posted(), told(State::Refunded, 20), reversed(30)];
    assert_eq!(stand(&story), Stand::Granted);
    let void = [told(State::Refunded, 20), posted(), reversed(30)];
    assert_eq!(stand(&void), Stand::Granted);
    let nobodys = [told(State::Refunded, 20), reversed(30)];
    assert_eq!(stand(&nobodys), Stand::Paid);
}

#[test]
fn a_post_undoes_no_refund() {
    let newer = Said { at: Micros(99), ..posted() };
    assert_eq!(stand(&[posted(), told(State::Refunded, 20), newer]), Stand::Refunded);
    let claims_to = Said { reversed: true, at: Micros(99), ..posted() };
    assert_eq!(stand(&[posted(), told(State::Refunded, 20), claims_to]), Stand::Refunded);
}

#[test]
fn what_is_older_than_what_was_said_last_changes_nothing() {
    // The reversal came first.
    assert_eq!(stand(&[posted(), reversed(30), told(State::Refunded, 20)]), Stand::Granted);
    // And a refund after it counts again.
    let again = [posted(), reversed(30), told(State::Refunded, 20), told(State::Refunded, 40)];
    assert_eq!(stand(&again), Stand::Refunded);
    let old = [posted(), told(State::Refunded, 20), reversed(19)];
    assert_eq!(stand(&old), Stand::Refunded);
    // The very same moment is not older, and a plain word of it says nothing anew.
    assert_eq!(stand(&[posted(), told(State::Refunded, 20), reversed(20)]), Stand::Granted);
    let plain = [posted(), told(State::Refunded, 20), told(State::Paid, 20)];
    assert_eq!(stand(&plain), Stand::Refunded);
}

#[test]
fn a_post_does_not_move_the_stores_clock() {
    let late_post = Said { at: Micros(99), ..posted() };
    assert_eq!(stand(&[posted(), late_post, told(State::Refunded, 20)]), Stand::Refunded);
    let told_late = [posted(), told(State::Paid, 99), told(State::Refunded, 20)];
    assert_eq!(stand(&told_late), Stand::Granted);
}

#[test]
fn a_part_is_taken_back_once_and_given_again_by_the_store_alone() {
    let part = after(&[posted(), partly(3_000, 20), partly(3_000, 20)]);
    assert_eq!((part.stand, part.in_force_bp(), part.version), (Stand::Granted, 7_000, 2));
    let more = after(&[posted(), partly(3_000, 20), partly(5_000, 30)]);
    assert_eq!(more.in_force_bp(), 5_000);
    let whole = after(&[posted(), partly(3_000, 20), told(State::Refunded, 30)]);
    assert_eq!((whole.stand, whole.in_force_bp()), (Stand::Refunded, 0));
    let undone = after(&[posted(), partly(3_000, 20), reversed(30)]);
    assert_eq!(undone.in_force_bp(), 10_000);
    let shown = after(&[posted(), partly(3_000, 20), Said { at: Micros(30), ..posted() }]);
    assert_eq!(shown.in_force_bp(), 7_000);
    let before = after(&[partly(3_000, 20), Said { at: Micros(20), ..posted() }]);
    assert_eq!((before.stand, before.hold), (Stand::Paid, Some(Hold::PartlyRefunded)));
}

#[test]
fn the_account_token_says_whose_it_is_whoever_posts() {
    let by_b =
        Said { named: Named::Member(member(A)), source: Source::Posted(member(B)), ..posted() };
    let decided = hear(None, &by_b);
    assert_eq!((decided.claim.owner, decided.others), (Some(member(A)), true));
    assert_eq!(decided.claim.stand, Stand::Granted);
    let told = Said { named: Named::Member(member(A)), ..told(State::Paid, 10) };
    assert_eq!(after(&[told]).stand, Stand::Granted);
}

#[test]
fn who_comes_first_owns_what_carries_no_token() {
    let candidate = Uuid::from_u128(8);
    let b = Said { source: Source::Posted(member(B)), candidate, ..posted() };
    let first = after(&[posted()]);
    let second = hear(Some(first), &b);
    assert_eq!((second.claim.owner, second.others, second.known), (Some(member(A)), true, true));
    // A token that is seen later takes it from nobody.
    let named = Said { named: Named::Member(member(B)), ..b };
    assert_eq!(after(&[posted(), named]).owner, Some(member(A)));
}

/// What is kept is known, whoever asks: what a backend writes hangs on it. What is told does not.
#[test]
fn who_says_the_same_again_is_told_the_same() {
    let first = hear(None, &posted());
    assert!(!first.known && !first.was_known_to(&posted()));
    let again = hear(Some(first.claim.clone()), &posted());
    assert!(again.known && !again.was_known_to(&posted()));
    let another = Said { candidate: Uuid::from_u128(8), ..posted() };
    let known = hear(Some(first.claim), &another);
    assert!(known.known && known.was_known_to(&another));
}

#[test]
fn a_token_of_nobody_is_held_until_somebody_has_looked() {
    let strange = Said { named: Named::Unknown, ..posted() };
    let claim = after(&[strange]);
    assert_eq!((claim.stand, claim.owner), (Stand::Paid, None));
    assert_eq!(claim.hold, Some(Hold::UnknownAccount));
    assert_eq!(release(&claim, None, Micros(5)), None);
    let released = release(&claim, Some(member(B)), Micros(5)).unwrap();
    assert_eq!((released.stand, released.owner), (Stand::Granted, Some(member(B))));
    assert_eq!((released.hold, released.version), (None, 2));
    assert_eq!(release(&released, Some(member(A)), Micros(6)), None);
}

#[test]
fn what_is_held_is_granted_when_nothing_holds_it_any_more() {
    let held = Said { hold: Some(Hold::UnknownProduct), product: None, grants: vec![], ..posted() };
    let claim = after(std::slice::from_ref(&held));
    assert_eq!((claim.stand, claim.hold), (Stand::Paid, Some(Hold::UnknownProduct)));
    assert_eq!(claim.owner, Some(member(A)));
    let nothing_to_grant = release(&claim, None, Micros(5));
    assert_eq!(nothing_to_grant, None);
    let claim = after(&[held.clone(), posted()]);
    assert_eq!((claim.stand, claim.grants.len()), (Stand::Granted, 1));
    assert_eq!(stand(&[held, told(State::Refunded, 20), posted()]), Stand::Void);
}

#[test]
fn what_was_granted_stays_what_it_was_whatever_the_catalogue_says_later() {
    let dearer = vec![Grant { item: Text::new("gem").unwrap(), amount: 5 }];
    let later = Said { grants: dearer, hold: Some(Hold::Price), ..told(State::Refunded, 20) };
    let again = Said { grants: vec![], ..reversed(30) };
    let claim = after(&[posted(), later, again]);
    assert_eq!(claim.stand, Stand::Granted);
    assert_eq!(claim.grants[0].amount, 100);
}

#[test]
fn when_a_store_is_asked_again_is_kept_even_if_it_says_nothing_new() {
    let old = Said { look_at: Some(Micros(77)), ..told(State::Paid, 1) };
    assert_eq!(after(&[posted(), old]).look_at, Some(Micros(77)));
}
