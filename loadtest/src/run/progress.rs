//! What is going on, for whoever waits: a bar on a terminal, else a line every few seconds.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::report::milliseconds;
use super::stage::Stage;

/// How often a bar is drawn anew.
const REDRAWN: Duration = Duration::from_millis(500);
/// How often a line is written.
const WRITTEN: Duration = Duration::from_secs(5);
/// How finely a bar is divided.
const PARTS: u64 = 1_000;

/// Where progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    /// A bar that is drawn over and over.
    Terminal,
    /// A line now and then.
    Lines,
    /// Nowhere.
    Silent,
}

impl Screen {
    /// What suits the standard output.
    #[must_use]
    pub fn of_stdout() -> Self {
        if std::io::stdout().is_terminal() { Self::Terminal } else { Self::Lines }
    }
}

/// Shows progress until dropped.
pub(super) async fn show(stage: Arc<Stage>, screen: Screen) {
    let (every, bar) = match screen {
        Screen::Terminal => (REDRAWN, Some(bar())),
        Screen::Lines => (WRITTEN, None),
        Screen::Silent => return std::future::pending().await,
    };
    let (start, mut before) = (Instant::now(), (Instant::now(), 0));
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once, and there is nothing to show yet.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let answered = stage.requests.counts().answered;
        let per_s = (answered - before.1) as f64 / before.0.elapsed().as_secs_f64();
        before = (Instant::now(), answered);
        let line = line(&stage, per_s);
        match &bar {
            Some(bar) => {
                bar.set_position(part_of(&stage));
                bar.set_message(line);
            }
            None => {
                // Nobody may be reading, which is no reason to stop.
                let _ = writeln!(std::io::stdout(), "{:>5} s  {line}", start.elapsed().as_secs());
            }
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(PARTS), ProgressDrawTarget::stdout())
        .with_finish(ProgressFinish::AndClear);
    // A template that is none would only be less pretty.
    if let Ok(style) = ProgressStyle::with_template("{spinner} {bar:20} {elapsed:>4}  {msg}") {
        bar.set_style(style);
    }
    bar
}

/// How much of the scene is over.
fn part_of(stage: &Stage) -> u64 {
    let scene = stage.scene();
    let length = scene.length.map_or(f64::INFINITY, |length| length.as_secs_f64());
    let part = scene.since.elapsed().as_secs_f64() / length;
    // Between 0 and 1 it fits.
    (part.clamp(0.0, 1.0) * PARTS as f64) as u64
}

fn line(stage: &Stage, per_s: f64) -> String {
    let (places, requests) = (stage.roll.places(), stage.requests.counts());
    let so_far = stage.ledger.so_far();
    let mut line = format!("{}: {} open", stage.scene().title, places.open);
    for (many, what) in [
        (places.coming, "coming"),
        (places.away, "away"),
        (places.gone, "gone"),
        (usize::try_from(requests.unanswered).unwrap_or(usize::MAX), "unanswered"),
        (usize::try_from(so_far.shed).unwrap_or(usize::MAX), "shed"),
    ] {
        if many > 0 {
            let _ = write!(line, ", {many} {what}");
        }
    }
    if requests.asked > 0 {
        let _ = write!(line, ", {per_s:.0} answers/s");
    }
    if so_far.count > 0 {
        let (p50, p99) = (milliseconds(so_far.p50_us), milliseconds(so_far.p99_us));
        let _ = write!(line, ", p50 {p50} p99 {p99} ms");
    }
    let _ = write!(line, ", {} wrong", stage.complaints.count());
    line
}
