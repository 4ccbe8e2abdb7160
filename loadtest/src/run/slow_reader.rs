//! A player who goes on asking and reads nothing, as a phone does whose application hangs.
//!
//! What is not read fills the client's buffers, then the server's share of them; then the
//! server must stop taking requests (the client is *stalled*) or end the connection. What it
//! must not do is keep the answers in its own memory.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::ask::Ask;
use super::line::{Heard, Line, Room};
use super::plan::Scenario;
use super::player::Player;
use super::seat::Order;
use crate::failure::Failure;
use crate::frame::{Incoming, Outgoing};

/// How long the server must take nothing more before a client counts as stalled.
const STALL: Duration = Duration::from_secs(2);
/// How many requests of one client the server may take while nothing is read. Their answers
/// are more than all buffers of the system's hold (4 MiB a socket by default).
const MOST: u64 = 20_000;
/// What is added to each request, in bytes, so that those the system holds unread are few.
const PADDING: usize = 512;

/// What became of those who read nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SlowReaders {
    /// How many there are.
    pub many: u64,
    /// How many the server stopped taking requests of.
    pub stalled: u64,
    /// How many found their connection ended while they read nothing.
    pub closed: u64,
    /// How many requests the server, and the buffers before it, took of them all.
    pub taken: u64,
    /// How they were found when they read again: close codes, or `answered` when every
    /// answer was there.
    pub ends: BTreeMap<String, u64>,
}

/// Asks and reads nothing until told to read again, then reads what there is.
pub(super) async fn read_nothing(player: &mut Player, mut line: Line) {
    let number = player.seat.number;
    player.stage.slow().many += 1;
    let asked = ask_on(player, &mut line).await;
    {
        let mut slow = player.stage.slow();
        slow.stalled += u64::from(asked.stalled);
        slow.closed += u64::from(asked.broken);
        slow.taken += asked.taken;
    }
    if asked.taken >= MOST {
        let what = format!("reads nothing, and the server took {MOST} requests of it");
        player.stage.complaints.of(number, what);
    }
    let end = read_on(player, &mut line).await;
    *player.stage.slow().ends.entry(end).or_default() += 1;
}

#[derive(Default)]
struct Asked {
    taken: u64,
    stalled: bool,
    broken: bool,
}

async fn ask_on(player: &mut Player, line: &mut Line) -> Asked {
    let mut asked = Asked::default();
    let rate = match player.stage.plan.scenario {
        Scenario::SlowClients { rate, .. } => rate,
        Scenario::Steady | Scenario::LoginStorm | Scenario::ReconnectStorm { .. } => 1.0,
    };
    let padding = json!({ "ignored": "x".repeat(PADDING) });
    let mut ticks = interval(Duration::from_secs_f64(1.0 / rate));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut full_since = None;
    loop {
        tokio::select! {
            biased;
            () = player.seat.bell() => {
                if player.seat.next_order() == Some(Order::ReadAgain) {
                    return asked;
                }
            }
            _ = ticks.tick(), if !asked.broken && asked.taken < MOST => match line.room() {
                Room::Yes => {
                    full_since = None;
                    let id = player.known.next_id();
                    let op = Ask::Logins.operation().name();
                    asked.broken = line.put(Outgoing::Request { id, op, body: &padding }).is_err();
                    player.asked_slowly(id);
                    asked.taken += 1;
                }
                Room::No => {
                    let since = *full_since.get_or_insert_with(Instant::now);
                    asked.stalled |= since.elapsed() >= STALL;
                }
                Room::Broken => asked.broken = true,
            },
        }
    }
}

/// Reads until every answer has come or the connection has ended, and says which.
async fn read_on(player: &mut Player, line: &mut Line) -> String {
    let deadline = Instant::now() + player.stage.plan.patience;
    while !player.pending.is_empty() {
        match timeout_at(deadline, line.hear(false)).await {
            Ok(Ok(Heard::Frame(Incoming::Answer { id, outcome }))) => {
                let place = player.pending.iter().position(|pending| pending.id == id);
                let due = place.and_then(|place| player.pending.remove(place));
                let wrong = match (due, outcome) {
                    (None, _) => Some(format!("an answer to {id}, which is not due")),
                    (Some(_), Err(error)) if super::door::sheds(&error) => None,
                    (Some(_), Err(error)) => Some(error.to_string()),
                    (Some(due), Ok(answer)) => {
                        due.due.ask.check(id, answer, &mut player.known).err()
                    }
                };
                if let Some(wrong) = wrong {
                    player.complain(format!("read again, and heard: {wrong}"));
                }
            }
            Ok(Ok(Heard::Frame(Incoming::Push(_)) | Heard::Room)) => {}
            Ok(Err(Failure::Closed(closed))) => {
                player.pending.clear();
                return closed.code.to_string();
            }
            Ok(Err(failure)) => {
                player.complain(format!("read again, and heard: {failure}"));
                player.pending.clear();
                return "nonsense".to_owned();
            }
            Err(_) => {
                let missing = player.pending.len();
                player.complain(format!("read again, and {missing} answers are missing"));
                player.pending.clear();
                return "unanswered".to_owned();
            }
        }
    }
    "answered".to_owned()
}
