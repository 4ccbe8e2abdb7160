//! The whole of it, by the seed: real sessions, real actors, real storage, and a time that
//! stands still unless the test moves it.

mod member;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::super::{Sessions, SessionsSettings};
use crate::testing::Ground;
use member::Member;

/// How many seeds are played.
const SEEDS: u64 = 24;
/// How many members there are, and how much happens to them.
const MEMBERS: u16 = 6;
const STEPS: usize = 150;
/// So short that actors fall asleep all the time; all steps together pass less time than
/// storage is waited for.
const QUIET: Duration = Duration::from_millis(15);

/// Keeps tokio's paused time from running ahead while SQLite's own threads work: it does
/// not while a blocking task runs.
struct Stopped(#[expect(dead_code, reason = "held until the end")] oneshot::Sender<()>);

impl Stopped {
    fn now() -> Self {
        let (hold, held) = oneshot::channel::<()>();
        tokio::task::spawn_blocking(move || held.blocking_recv());
        Self(hold)
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_nothing_is_lost() {
    let _stopped = Stopped::now();
    let ground = Arc::new(Ground::new());
    ground.storage.start_alone().await.unwrap();
    for seed in 0..SEEDS {
        // Shown when the test fails.
        println!("seed {seed}");
        play(&ground, seed).await;
    }
}

async fn play(ground: &Arc<Ground>, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let quiet_ms = u64::try_from(QUIET.as_millis()).unwrap();
    let settings = SessionsSettings { quiet_ms, standing_ms: 40, ..SessionsSettings::default() };
    let sessions = Sessions::new(
        ground.storage.clone(),
        ground.clock.clone(),
        settings,
        crate::purchases::desk::Desk::closed(ground.storage.clone(), ground.clock.clone()),
        crate::content::Content::closed(ground.clock.clone()),
    );
    let mut members = Vec::new();
    for n in 0..MEMBERS {
        let person = u16::try_from(seed).unwrap() * MEMBERS + n;
        members.push(Member::arrive(ground, &sessions, person).await);
    }
    for _ in 0..STEPS {
        let at = random.usize(..members.len());
        let member = &mut members[at];
        match random.u8(..20) {
            0..=4 => member.ask(&mut random),
            5..=7 => member.post(random.usize(1..4)).await,
            8..=9 => member.acknowledge(&mut random),
            10..=11 => member.connect(),
            12 => member.disconnect(&mut random),
            13 => member.log_in_again().await,
            14 => member.kill_actor(),
            15..=17 => {
                let pause = Duration::from_millis(random.u64(1..30));
                ground.clock.advance(pause);
                tokio::time::advance(pause).await;
            }
            _ => tokio::task::yield_now().await,
        }
    }
    for member in members {
        member.settle().await;
    }
    // Whoever left is worked for all the same, by SQLite's own threads and in their own time.
    while ground.storage.records.under_way() > 0 {
        tokio::task::yield_now().await;
    }
    // All is answered, so an actor sleeps when it was quiet for twice as long at most.
    for _ in 0..10 {
        tokio::time::advance(QUIET).await;
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }
    assert!(sessions.registry().is_empty(), "a slot stays");
    assert_eq!((sessions.awake(), sessions.attached()), (0, 0));
}
