//! Readers and writers of one member, step by step, in every order that is drawn.
//!
//! A reader looks, reads the truth if it is told to, and fills what it read, perhaps much later.
//! A writer commits, then forgets, then is answered. Whoever looks after an answer must not be
//! told anything older than what was answered: that is the whole promise.

use proptest::prelude::*;

use super::{Asked, key};
use crate::cache::{CacheKey, LEASE, LONGEST, Lease, Look, Value};
use crate::clock::Micros;
use crate::conformance::scene::START;
use crate::members::Member;
use std::time::Duration;

/// The next step of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Of a reader.
    Reader(usize),
    /// Of a writer.
    Writer(usize),
    /// Time passes, which the test's own clock has to let.
    Wait(Duration),
}

const READERS: usize = 3;
const WRITERS: usize = 2;

/// Stories of up to 40 steps.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 0..40)
}

/// Stories of up to 40 steps in which leases end, and values get old.
pub fn steps_and_waits() -> impl Strategy<Value = Vec<Step>> {
    let waits = [LEASE / 2, LEASE, LONGEST / 4, LONGEST / 2];
    let step = prop_oneof![
        6 => step(),
        1 => prop::sample::select(waits.to_vec()).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..40)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..READERS).prop_map(Step::Reader),
        2 => (0..WRITERS).prop_map(Step::Writer),
    ]
}

#[derive(Clone, Copy)]
enum Reader {
    Idle,
    Told(Lease),
    Read(Lease, u64),
}

/// Plays a story on a cache, with a member of its own.
///
/// # Panics
/// When something old is found.
pub async fn play(cache: &Asked, story: &[Step]) {
    let key = key();
    let (mut truth, mut answered) = (0, 0);
    let mut readers = [Reader::Idle; READERS];
    let mut writers: [Option<u64>; WRITERS] = [None; WRITERS];
    for step in story {
        match *step {
            Step::Wait(time) => tokio::time::advance(time).await,
            Step::Reader(who) => {
                readers[who] = match readers[who] {
                    Reader::Idle => match cache.look(&key).await {
                        Look::Found { value, anew, .. } => {
                            let found = number(&value);
                            assert!(found >= answered, "{found} of {answered} in {story:?}");
                            anew.map_or(Reader::Idle, Reader::Told)
                        }
                        Look::Missing(lease) => Reader::Told(lease),
                        Look::Taken => Reader::Idle,
                        Look::Away => panic!("nothing is away here"),
                    },
                    Reader::Told(lease) => Reader::Read(lease, truth),
                    Reader::Read(lease, read) => {
                        cache.fill(&key, lease, &value(&key, read)).await;
                        Reader::Idle
                    }
                }
            }
            Step::Writer(who) => {
                writers[who] = match writers[who] {
                    None => {
                        truth += 1;
                        Some(truth)
                    }
                    Some(written) => {
                        cache.forget(key.member).await;
                        answered = answered.max(written);
                        None
                    }
                }
            }
        }
    }
}

/// The truth as it was after so many writes.
fn value(key: &CacheKey, number: u64) -> Value {
    let Value::Member(Some(member)) = super::somebody(key) else { unreachable!() };
    let created_at = START.after(Duration::from_micros(number));
    Value::Member(Some(Member { created_at, ..member }))
}

fn number(value: &Value) -> u64 {
    match value {
        Value::Member(Some(Member { created_at: Micros(at), .. })) => {
            u64::try_from(at - START.0).unwrap()
        }
        other => panic!("nobody wrote {other:?}"),
    }
}
