//! A reconnect storm: everyone loses the connection at once, and comes back as the wire asks.
//!
//! Meanwhile the players go on asking. What is due while one is away is asked when it is
//! back, and counts from when it was due.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::crowd::{Crowd, asked};
use super::ledger::Row;
use super::poster::Poster;
use super::roll::back_after;
use super::seat::Order;
use super::stage::Stage;

/// For how long nobody may be away before the storm is over: those whom a stopping server
/// closes last may come later than the first are back.
const QUIET: Duration = Duration::from_secs(1);
/// How often the roll is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// What came of a reconnect storm. Times count from the cut, or from the first connection
/// that the server ended, in milliseconds; `None` if it never was so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReconnectStorm {
    /// How many connections were lost, some perhaps more than once.
    pub lost: u64,
    /// How many players are back whose session went on.
    pub resumed: u64,
    /// How many are back with a new session, by the server's word for why.
    pub not_resumed: BTreeMap<String, u64>,
    /// How many were still on their way when the run ended.
    pub still_away: usize,
    /// How many gave up.
    pub gone: usize,
    /// When half of all were back.
    pub back_50_ms: Option<u64>,
    /// When 90 in a hundred were back.
    pub back_90_ms: Option<u64>,
    /// When 99 in a hundred were back.
    pub back_99_ms: Option<u64>,
    /// When all were back.
    pub back_100_ms: Option<u64>,
}

pub(super) async fn play(stage: &Arc<Stage>, by_server: bool) -> ReconnectStorm {
    let crowd = Crowd::gather(stage).await;
    let everyone = 0..crowd.size();
    stage.window_begins();
    let mut poster = Poster::of(stage);
    let storm = tokio::select! {
        storm = storm(stage, &crowd, by_server) => storm,
        () = post_on(poster.as_mut(), crowd.size()) => ReconnectStorm::default(),
        // They ask for ever, unless nobody is left.
        () = crowd.ask_on(everyone, None) => told(stage, Instant::now(), crowd.size()),
    };
    stage.window_ends();
    stage.ledger.close("coming back", true, |row| !asked(row));
    stage.begin("waiting for answers", None);
    crowd.answered().await;
    stage.ledger.close("requests meanwhile, away or not", false, asked);
    if let Some(poster) = &mut poster {
        stage.begin("waiting for pushes", None);
        poster.finish().await;
        crowd.until(stage.plan.patience, || stage.pushes.all_came()).await;
        let counts = stage.pushes.counts();
        if counts.lost > 0 {
            stage.complaints.add(format!("{} pushes were posted and never came", counts.lost));
        }
        if counts.posted == 0 {
            // Whoever wants none does not ask for any.
            stage.complaints.add("not one message was taken".to_owned());
        }
    }
    if storm.still_away > 0 {
        let what = format!("{} players were not back when the run ended", storm.still_away);
        stage.complaints.add(what);
    }
    crowd.call_the_roll().await;
    crowd.leave().await;
    storm
}

/// Never returns.
async fn post_on(poster: Option<&mut Poster>, players: usize) {
    match poster {
        Some(poster) => poster.post_on(players).await,
        None => std::future::pending().await,
    }
}

async fn storm(stage: &Stage, crowd: &Crowd, by_server: bool) -> ReconnectStorm {
    let (open, duration) = (stage.roll.places().open, stage.plan.duration);
    let start = Instant::now();
    let due = if by_server {
        stage.begin("waiting for the server to end the connections", Some(duration));
        1
    } else {
        crowd.order(0..crowd.size(), Order::Cut);
        open as u64
    };
    crowd.until(duration, || stage.roll.lost_so_far() >= due).await;
    let Some(first_lost) = stage.roll.first_lost() else {
        let seconds = duration.as_secs_f64();
        stage.complaints.add(format!("nobody lost a connection within {seconds} s"));
        return ReconnectStorm::default();
    };
    let since = if by_server { first_lost } else { start };
    stage.begin("coming back", Some(duration));
    let (end, mut quiet_since) = (since + duration, None);
    while Instant::now() < end {
        if stage.roll.places().away > 0 {
            quiet_since = None;
        } else if quiet_since.get_or_insert_with(Instant::now).elapsed() >= QUIET {
            break;
        }
        sleep(LOOK).await;
    }
    told(stage, since, open)
}

fn told(stage: &Stage, since: Instant, all: usize) -> ReconnectStorm {
    let (returns, places) = (stage.roll.returns(), stage.roll.places());
    let after = |percent| {
        let after = back_after(&returns, since, all, percent)?;
        u64::try_from(after.as_millis()).ok()
    };
    let mut not_resumed = BTreeMap::new();
    for why in returns.iter().filter_map(|it| it.not_resumed) {
        *not_resumed.entry(why.to_owned()).or_default() += 1;
    }
    ReconnectStorm {
        lost: stage.roll.lost_so_far(),
        resumed: returns.iter().filter(|it| it.not_resumed.is_none()).count() as u64,
        not_resumed,
        still_away: places.away,
        gone: places.gone,
        back_50_ms: after(50),
        back_90_ms: after(90),
        back_99_ms: after(99),
        back_100_ms: after(100),
    }
}

/// Whether a threshold is about this row: of what happens in a storm, coming back is what
/// players feel.
pub(super) fn judged(name: &str) -> bool {
    name == Row::Back.name()
}
