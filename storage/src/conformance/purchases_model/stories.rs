//! Stories of purchases, drawn by chance.

use proptest::prelude::*;

use super::{Op, Token};
use crate::purchases::State;

/// Whose two purchases say that they are, and up to forty steps.
pub(crate) fn story() -> impl Strategy<Value = (Vec<Token>, Vec<Op>)> {
    (prop::collection::vec(token(), 2), prop::collection::vec(op(), 1..40))
}

fn token() -> impl Strategy<Value = Token> {
    prop_oneof![
        4 => Just(Token::None),
        3 => (0..2_usize).prop_map(Token::Member),
        1 => Just(Token::Unknown),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let release =
        (0..2_usize, 0..2_usize).prop_map(|(purchase, owner)| Op::Release { purchase, owner });
    let consume =
        (0..2_usize, 0..2_usize).prop_map(|(member, purchase)| Op::Consume { member, purchase });
    let gems = prop::sample::select(vec![1, 400, 1_000, 1_500]);
    let spend = (0..2_usize, gems).prop_map(|(member, gems)| Op::Spend { member, gems });
    prop_oneof![
        14 => hear(),
        1 => release,
        2 => consume,
        3 => spend,
        1 => Just(Op::Finish),
    ]
}

/// Few moments, so that words meet at one and come out of order.
fn hear() -> impl Strategy<Value = Op> {
    let by = prop_oneof![3 => Just(None), 2 => Just(Some(0_usize)), 1 => Just(Some(1_usize))];
    let state = prop_oneof![
        6 => Just(State::Paid),
        3 => Just(State::Refunded),
        1 => Just(State::Pending),
        1 => Just(State::Cancelled),
    ];
    let part = prop_oneof![4 => Just(0_u16), 1 => prop::sample::select(vec![1, 2_500, 9_999])];
    let reversed = prop::bool::weighted(0.2);
    let hold = prop::bool::weighted(0.1);
    (0..2_usize, by, state, part, reversed, 0..12_u32, hold).prop_map(
        |(purchase, by, state, refunded_bp, reversed, at, hold)| Op::Hear {
            purchase,
            by,
            state,
            refunded_bp: if state == State::Paid { refunded_bp } else { 0 },
            reversed: reversed && state == State::Paid,
            at,
            hold,
        },
    )
}
