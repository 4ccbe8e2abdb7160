//! Stories of a member, drawn by chance.

use std::time::Duration;

use proptest::prelude::*;

use super::{Op, Shown};
use crate::conformance::scene::{DAY, INSTANT, LIFETIME, SECOND, WINDOW};
use crate::sessions::EndedBy;

/// A story of up to sixty steps.
pub(crate) fn story() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 1..60)
}

/// The same without what expired being forgotten: of that a cache is told nothing.
#[cfg(test)]
pub(crate) fn unswept() -> impl Strategy<Value = Vec<Op>> {
    story().prop_map(|mut story| {
        story.retain(|op| !matches!(op, Op::Sweep));
        story
    })
}

fn op() -> impl Strategy<Value = Op> {
    let by = prop::sample::select(EndedBy::ALL);
    let refresh = (login(), shown(), prop::bool::weighted(0.3))
        .prop_map(|(login, token, take_over)| Op::Refresh { login, token, take_over });
    let end = (login(), prop::bool::weighted(0.2), by)
        .prop_map(|(login, everywhere, by)| Op::End { login, everywhere, by });
    prop_oneof![
        3 => Just(Op::Login),
        12 => refresh,
        6 => wait().prop_map(Op::Wait),
        1 => end,
        1 => Just(Op::Sweep),
        1 => prop::option::of(wait()).prop_map(|lasts| Op::Ban { lasts }),
        2 => Just(Op::Unban),
    ]
}

/// Mostly the login that holds the session: of the others little can be had.
fn login() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0), 1 => 0..6_usize]
}

fn shown() -> impl Strategy<Value = Shown> {
    prop_oneof![
        10 => Just(Shown::Present),
        10 => Just(Shown::Previous),
        2 => (0..4_usize).prop_map(Shown::Older),
        1 => Just(Shown::Unseen),
        1 => Just(Shown::Forged),
    ]
}

/// Moments around which a rule turns; each step takes an instant by itself.
fn wait() -> impl Strategy<Value = Duration> {
    prop::sample::select(vec![
        SECOND,
        WINDOW / 2,
        WINDOW - 2 * INSTANT,
        WINDOW - INSTANT,
        WINDOW,
        DAY,
        LIFETIME / 2,
        LIFETIME - 2 * INSTANT,
        LIFETIME - INSTANT,
        LIFETIME,
    ])
}
