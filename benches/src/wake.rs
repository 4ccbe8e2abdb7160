//! Processor time of a request that a session's actor answers: asleep, and awake.
//!
//! No request of the contract is answered from memory alone yet. What wakes an actor has it
//! read where the login stands, and the request's own answer is read from storage too; an
//! actor that is awake remembers the first. So the rows say what is in them.

use std::path::PathBuf;

use serde_json::json;

use crate::Fault;
use crate::clients::crowd::AT_A_TIME;
use crate::clients::{Burst, Order, Question};
use crate::contest::{self, Contender, Turn};
use crate::machine::Machine;
use crate::reference::Kind;
use crate::reference::node::{self, Node};
use crate::report::{self, Bar, Claim, Report};
use crate::server::{self, Setting};
use crate::subject::Subject;

/// How many sessions there are. With so many in turn, each sleeps again before it is asked.
const SESSIONS: usize = 1_000;
/// How many times each is asked in a turn.
const TURNS: usize = 5;
/// The most that a request which wakes an actor is to cost, in echoes of Node.
const REACH: f64 = 1.0;
/// The server's metric of actors that were woken.
const WAKES: &str = "daemun_session_wakes_total";

/// Actors go to sleep as soon as they may.
const SLEEPY: &[Setting<'_>] = &[("DAEMUN_SESSIONS__QUIET_MS", "1")];
/// Actors stay awake for longer than the bench takes.
const WAKEFUL: &[Setting<'_>] = &[("DAEMUN_SESSIONS__QUIET_MS", "1800000")];

const ASLEEP: usize = 0;
const AWAKE: usize = 1;
const WEBSOCKET: usize = 2;
const NODE: usize = 3;

/// Where the figures are written unless said otherwise.
const OUT: &str = "target/bench/wake.json";

/// The command line of this bench.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where the figures are written as JSON.
    #[arg(long, default_value = OUT)]
    out: PathBuf,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { out: OUT.into() }
    }
}

/// Measures, prints the table and writes the file.
///
/// # Errors
/// When a reply was wrong, an actor was awake that should have slept or slept that should
/// have been awake, or something did not happen in time.
pub(crate) async fn run(arguments: &Arguments) -> Result<Report, Fault> {
    server::binary()?;
    let node = Node::ready().await;
    let mut contenders = vec![
        Contender::new(Subject::server(SLEEPY).await?)?,
        Contender::new(Subject::server(WAKEFUL).await?)?,
        Contender::new(Subject::reference(Kind::Websocket).await?)?,
    ];
    if let Ok(node) = &node {
        contenders.push(Contender::new(Subject::node(node).await?)?);
    }
    for contender in &mut contenders {
        contender.order(Order::Enter(SESSIONS)).await?;
    }
    contenders[AWAKE].order(Order::Burst(Burst::of(Question::Me, 1, 1))).await?;
    let mut turns = vec![
        turn(
            "`member.me`, asleep: wake, read the login, read the identities",
            ASLEEP,
            Question::Me,
        ),
        turn("`member.me`, awake: read the identities", AWAKE, Question::Me),
        turn("`inbox.list`, asleep: wake, read the login, read the inbox", ASLEEP, Question::Inbox),
        turn("`inbox.list`, awake: read the inbox", AWAKE, Question::Inbox),
        turn(Kind::Websocket.name(), WEBSOCKET, Question::Ping),
    ];
    if contenders.len() > NODE {
        turns.push(turn(node::NAME, NODE, Question::Ping));
    }
    let before = wakes(&contenders).await?;
    let figures = contest::play(&mut contenders, &turns).await?;
    let after = wakes(&contenders).await?;
    slept(before, after)?;
    contest::end(contenders).await?;

    let mut claims = Vec::new();
    for (place, reference) in figures.iter().enumerate().skip(4) {
        for (row, figure) in figures.iter().enumerate().take(4) {
            let aimed = place == 5 && row % 2 == 0;
            let bars = if aimed { vec![Bar::reach(REACH)] } else { Vec::new() };
            claims.push(Claim::new(figure, reference, bars));
        }
    }
    let mut notes = report::notes_of_time(&node);
    notes.push(format!(
        "{SESSIONS} sessions ask one at a time each, {AT_A_TIME} of them at a time. No request is \
         answered from memory alone yet: what each reads from embedded storage stands in its row. \
         What an actor spends on going to sleep again is counted to the request that woke it \
         (sessions.quiet_ms is 1 there). Every such request woke one, which the server's count of \
         wakes confirms."
    ));
    let report = Report {
        bench: "wake",
        title: "Processor time of a request that a session's actor answers".to_owned(),
        unit: report::MICROS,
        figures,
        claims,
        setup: json!({"sessions": SESSIONS, "turns": TURNS, "at_a_time": AT_A_TIME}),
        notes,
        machine: Machine::here()?,
    };
    report.publish(&arguments.out)?;
    Ok(report)
}

fn turn(what: &str, who: usize, question: Question) -> Turn {
    Turn {
        what: what.to_owned(),
        who,
        before: Vec::new(),
        order: Order::Burst(Burst { turns: TURNS, ..Burst::of(question, 1, 1) }),
        operations: TURNS * SESSIONS,
        after: Vec::new(),
    }
}

/// How many actors were woken so far, of the sleepy server and of the wakeful one.
async fn wakes(contenders: &[Contender]) -> Result<[f64; 2], Fault> {
    let mut wakes = [0.0; 2];
    for (wakes, contender) in wakes.iter_mut().zip(contenders) {
        if let Some(server) = contender.subject.as_server() {
            *wakes = server.gauge(WAKES).await?;
        }
    }
    Ok(wakes)
}

/// Every request woke an actor of the one, none woke one of the other.
fn slept(before: [f64; 2], after: [f64; 2]) -> Result<(), Fault> {
    let [sleepy, wakeful] = [0, 1].map(|which| after[which] - before[which]);
    // Two turns a round.
    let requests = (2 * TURNS * SESSIONS * contest::PLAYED) as f64;
    if sleepy == requests && wakeful == 0.0 {
        return Ok(());
    }
    Err(format!(
        "{requests} requests were to wake an actor each, and woke {sleepy}; as many were to wake \
         none, and woke {wakeful}: the machine is too busy for this bench"
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_woke_nobody_is_noticed() {
        let requests = (2 * TURNS * SESSIONS * contest::PLAYED) as f64;
        assert!(slept([3.0, 7.0], [3.0 + requests, 7.0]).is_ok());
        assert!(slept([3.0, 7.0], [2.0 + requests, 7.0]).is_err());
        assert!(slept([3.0, 7.0], [3.0 + requests, 8.0]).is_err());
    }
}
