//! What is told at the end: to people as a table, to machines as JSON.
//!
//! The fields of the JSON keep their names; more may come.

mod table;

use std::collections::BTreeMap;

use protocol::codec::Format;
use serde::Serialize;

use super::complaints::Wrong;
use super::cost::{Costs, Moment};
use super::ledger::{LATE, Section};
use super::login_storm::LoginStorm;
use super::plan::{Plan, Scenario};
use super::pushes::PushCounts;
use super::reconnect_storm::{self, ReconnectStorm};
use super::requests::RequestCounts;
use super::roll::Places;
use super::slow_reader::SlowReaders;
use super::stage::Stage;

pub(super) use table::milliseconds;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every answer was right, and came soon enough if there is a threshold.
    Passed,
    /// Something was wrong.
    WrongAnswers,
    /// The server went away, and nobody is in any more.
    NobodyThere,
    /// A p99 is above the threshold.
    TooSlow,
    /// Somebody stopped it.
    Interrupted,
}

impl Verdict {
    /// The exit status that says so.
    #[must_use]
    pub fn status(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::WrongAnswers => 1,
            Self::NobodyThere => 2,
            Self::TooSlow => 3,
            // As a shell says it of a program ended by Ctrl-C.
            Self::Interrupted => 130,
        }
    }
}

/// What was found out beside latencies, each of one scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Findings {
    /// Of a login storm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login_storm: Option<LoginStorm>,
    /// Of a reconnect storm.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconnect_storm: Option<ReconnectStorm>,
    /// Of slow clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_clients: Option<SlowReaders>,
}

/// What was to be done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Options {
    /// The server's address.
    pub server: String,
    /// The game.
    pub app: String,
    /// How frames were written: `msgpack` or `json`.
    pub format: &'static str,
    /// How many players.
    pub sessions: usize,
    /// Requests or arrivals a second.
    pub rate_per_s: f64,
    /// How many players a second came in at first.
    pub ramp_per_s: f64,
    /// How long, in seconds.
    pub duration_s: f64,
    /// How long an answer could take, in seconds.
    pub patience_s: f64,
    /// How long a player tried to get in, in seconds.
    pub give_up_s: f64,
    /// What chance was drawn from.
    pub seed: u64,
    /// From how many addresses the players came.
    pub sources: u8,
    /// How many messages a second were posted.
    pub pushes_per_s: Option<f64>,
    /// The largest p99 that passes, in milliseconds.
    pub max_p99_ms: Option<f64>,
}

/// Everything that is told of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The scenario's word.
    pub scenario: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// What was to be done.
    pub options: Options,
    /// What took how long, part by part.
    pub sections: Vec<Section>,
    /// What was found out besides.
    #[serde(flatten)]
    pub findings: Findings,
    /// Where the players were at the end.
    pub players: Places,
    /// How many connections were lost, by close code (1006: cut).
    pub lost: BTreeMap<String, u64>,
    /// What became of the requests on open sessions.
    pub requests: RequestCounts,
    /// What became of the numbered pushes, if there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pushes: Option<PushCounts>,
    /// What the part that counts cost.
    pub costs: Costs,
    /// The server's memory over that part, when its process is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub memory: Vec<Moment>,
    /// What the server says of itself at the end.
    pub metrics: BTreeMap<String, f64>,
    /// Why it says nothing, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_missing: Option<String>,
    /// What was wrong.
    pub wrong: Wrong,
}

impl Report {
    /// Of what happened on a stage; without findings, it was interrupted.
    pub(super) fn of(stage: &Stage, findings: Option<Findings>) -> Self {
        if findings.is_none() {
            stage.ledger.close("until it was interrupted", false, |_| true);
        }
        let (sections, wrong) = (stage.ledger.sections(), stage.complaints.so_far());
        let verdict = if findings.is_none() {
            Verdict::Interrupted
        } else if stage.roll.nobody_there() {
            Verdict::NobodyThere
        } else if wrong.count > 0 {
            Verdict::WrongAnswers
        } else if too_slow(&stage.plan, &sections) {
            Verdict::TooSlow
        } else {
            Verdict::Passed
        };
        Self {
            scenario: stage.plan.scenario.word(),
            verdict,
            options: Options::of(&stage.plan),
            sections,
            findings: findings.unwrap_or_default(),
            players: stage.roll.places(),
            lost: stage.roll.losses(),
            requests: stage.requests.counts(),
            pushes: stage.plan.messages.as_ref().map(|_| stage.pushes.counts()),
            costs: stage.costs(),
            memory: stage.memory(),
            metrics: BTreeMap::new(),
            metrics_missing: None,
            wrong,
        }
    }

    /// Adds what the server says of itself.
    pub(super) fn with_metrics(mut self, metrics: Result<BTreeMap<String, f64>, String>) -> Self {
        match metrics {
            Ok(metrics) => self.metrics = metrics,
            Err(why) => self.metrics_missing = Some(why),
        }
        self
    }

    /// For a file.
    ///
    /// # Errors
    /// None: every part of it can be written.
    pub fn json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        table::write(self, f)
    }
}

impl Options {
    fn of(plan: &Plan) -> Self {
        Self {
            server: plan.server.clone(),
            app: plan.app.clone(),
            format: match plan.format {
                Format::Msgpack => "msgpack",
                Format::Json => "json",
            },
            sessions: plan.sessions,
            rate_per_s: plan.rate,
            ramp_per_s: plan.ramp,
            duration_s: plan.duration.as_secs_f64(),
            patience_s: plan.patience.as_secs_f64(),
            give_up_s: plan.give_up.as_secs_f64(),
            seed: plan.seed,
            sources: plan.sources,
            pushes_per_s: plan.messages.as_ref().map(|messages| messages.rate),
            max_p99_ms: plan.max_p99.map(|most| most.as_secs_f64() * 1_000.0),
        }
    }
}

/// Whether a p99 that counts is above the threshold.
fn too_slow(plan: &Plan, sections: &[Section]) -> bool {
    let Some(most) = plan.max_p99.map(|most| most.as_micros()) else { return false };
    let counts = |name: &str| match plan.scenario {
        Scenario::ReconnectStorm { .. } => reconnect_storm::judged(name),
        // How late this program was itself is not the server's.
        Scenario::Steady | Scenario::LoginStorm | Scenario::SlowClients { .. } => name != LATE,
    };
    let rows = sections.iter().filter(|it| it.judged).flat_map(|section| &section.rows);
    rows.filter(|row| counts(&row.name)).any(|row| u128::from(row.p99_us) > most)
}
