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
use crate::report::{self, Bar, Claim, Figure, Report};
use crate::scale::Sizes;
use crate::server::{self, Setting};
use crate::subject::Subject;

/// How many requests a turn has at least: of few sessions each is asked several times. With some
/// hundred sessions in turn, each sleeps again before it is asked.
const REQUESTS: usize = 5_000;
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
    #[command(flatten)]
    sizes: Sizes,
    /// Where the figures are written as JSON.
    #[arg(long, default_value = OUT)]
    out: PathBuf,
}

impl Arguments {
    /// These sizes, and the rest as it comes.
    pub(crate) fn of(sizes: Sizes) -> Self {
        Self { sizes, out: OUT.into() }
    }
}

/// Measures, prints the table and writes the file.
///
/// # Errors
/// When a reply was wrong, an actor was awake that should have slept or slept that should
/// have been awake, or something did not happen in time.
pub(crate) async fn run(arguments: &Arguments) -> Result<Report, Fault> {
    let sizes = arguments.sizes.rising(0)?;
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
    let (mut there, mut figures, mut claims) = (0, Vec::new(), Vec::new());
    for &size in &sizes {
        eprintln!("{size} sessions enter");
        for contender in &mut contenders {
            contender.order(Order::Enter(size - there)).await?;
        }
        there = size;
        contenders[AWAKE].order(Order::Burst(Burst::of(Question::Me, 1, 1))).await?;
        let turns = turns(size, contenders.len() > NODE);
        let before = wakes(&contenders).await?;
        let taken = contest::play(&mut contenders, &turns).await?;
        slept(before, wakes(&contenders).await?, 2 * turns[ASLEEP].operations)?;
        for (place, reference) in taken.iter().enumerate().skip(4) {
            for (row, figure) in taken.iter().enumerate().take(4) {
                let aimed = place == 5 && row % 2 == 0;
                let bars = if aimed { vec![Bar::reach(REACH)] } else { Vec::new() };
                claims.push(Claim::new(figure, reference, bars));
            }
        }
        let smallest: Vec<Figure> = figures.iter().take(4).cloned().collect();
        claims
            .extend(taken.iter().zip(&smallest).map(|(figure, first)| Claim::grown(figure, first)));
        figures.extend(taken);
    }
    contest::end(contenders).await?;
    let mut notes = report::notes_of_time(&node);
    notes.push(format!(
        "Sessions ask one at a time each, {AT_A_TIME} of them at a time. What each request reads \
         from embedded storage stands in its row. \
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
        setup: json!({"sessions": sizes, "at_a_time": AT_A_TIME}),
        notes,
        machine: Machine::here()?,
    };
    report.publish(&arguments.out)?;
    Ok(report)
}

fn turns(size: usize, node: bool) -> Vec<Turn> {
    let times = REQUESTS.div_ceil(size);
    let turn = |what: &str, who, question| Turn {
        what: format!("{what}, {} sessions", report::grouped(size as f64)),
        who,
        before: Vec::new(),
        order: Order::Burst(Burst { turns: times, ..Burst::of(question, 1, 1) }),
        operations: times * size,
        after: Vec::new(),
    };
    let mut turns = vec![
        turn(
            "`member.me`, asleep: wake, read the login, read the identities",
            ASLEEP,
            Question::Me,
        ),
        turn("`member.me`, awake: read the identities", AWAKE, Question::Me),
        turn("`inbox.list`, asleep: wake, read the login", ASLEEP, Question::Inbox),
        turn("`inbox.list`, awake: from memory", AWAKE, Question::Inbox),
        turn(Kind::Websocket.name(), WEBSOCKET, Question::Ping),
    ];
    if node {
        turns.push(turn(node::NAME, NODE, Question::Ping));
    }
    turns
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

/// Every request woke an actor of the one, none woke one of the other; so many in a round.
fn slept(before: [f64; 2], after: [f64; 2], in_a_round: usize) -> Result<(), Fault> {
    let [sleepy, wakeful] = [0, 1].map(|which| after[which] - before[which]);
    let requests = (in_a_round * contest::PLAYED) as f64;
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
        let requests = (5_000 * contest::PLAYED) as f64;
        assert!(slept([3.0, 7.0], [3.0 + requests, 7.0], 5_000).is_ok());
        assert!(slept([3.0, 7.0], [2.0 + requests, 7.0], 5_000).is_err());
        assert!(slept([3.0, 7.0], [3.0 + requests, 8.0], 5_000).is_err());
    }
}
