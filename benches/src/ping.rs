//! Processor time of a `session.ping`: what answering costs when there is little to answer.
//!
//! Each session asks in its turn, one request or 16 at once, so that what is measured is a
//! crowd's traffic and not one socket's that stays warm. The references echo 64 bytes to as
//! many connections in the same way.

use std::path::PathBuf;

use serde_json::json;

use crate::clients::crowd::AT_A_TIME;
use crate::clients::{Burst, Order, Question, Whom};
use crate::contest::{self, Contender, Turn};
use crate::machine::Machine;
use crate::reference::Kind;
use crate::reference::node::{self, Node};
use crate::report::{self, Bar, Claim, Figure, Report};
use crate::scale::Sizes;
use crate::subject::Subject;
use crate::{Fault, server};

/// How many requests are sent at once where that is not one.
const PIPELINED: usize = 16;
/// The most a ping is to cost, in echoes of a raw TCP task: one at a time, and pipelined.
const REACH: [f64; 2] = [1.4, 2.5];
/// About how many requests make a turn: one at a time, and pipelined.
const REQUESTS: [usize; 2] = [15_000, 120_000];

/// Where the figures are written unless said otherwise.
const OUT: &str = "target/bench/ping.json";

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

/// Who takes part. The first three do at every size, the others at the smallest.
const DAEMUN: usize = 0;
const TCP: usize = 1;
const WEBSOCKET: usize = 2;
const JSON: usize = 3;
const NODE: usize = 4;
const GROWING: usize = 3;

/// Measures, prints the table and writes the file.
///
/// # Errors
/// When a reply was wrong, or something did not happen in time.
pub(crate) async fn run(arguments: &Arguments) -> Result<Report, Fault> {
    let sizes = arguments.sizes.rising(0)?;
    server::binary()?;
    let node = Node::ready().await;
    let mut contenders = vec![
        Contender::new(Subject::server(&[]).await?)?,
        Contender::new(Subject::reference(Kind::TcpWide).await?)?,
        Contender::new(Subject::reference(Kind::Websocket).await?)?,
        Contender::speaking(Subject::server(&[]).await?, Whom::DaemunJson)?,
    ];
    if let Ok(node) = &node {
        contenders.push(Contender::new(Subject::node(node).await?)?);
    }
    let mut there = 0;
    let (mut figures, mut claims, mut first) = (Vec::new(), Vec::new(), None);
    for &size in &sizes {
        eprintln!("{size} sessions enter");
        let taking_part = if there == 0 { contenders.len() } else { GROWING };
        for contender in &mut contenders[..taking_part] {
            contender.order(Order::Enter(size - there)).await?;
        }
        there = size;
        let taken = measure(&mut contenders[..taking_part], size).await?;
        claims.extend(claims_of(&taken, first.as_deref()));
        figures.extend(taken.iter().flatten().cloned());
        first.get_or_insert(taken);
    }
    contest::end(contenders).await?;
    let report = Report {
        bench: "ping",
        title: "Processor time of a `session.ping`".to_owned(),
        unit: report::MICROS,
        figures,
        claims,
        setup: json!({"sessions": sizes, "pipelined": PIPELINED, "at_a_time": AT_A_TIME}),
        notes: notes(&node),
        machine: Machine::here()?,
    };
    report.publish(&arguments.out)?;
    Ok(report)
}

/// A figure for each contender, one at a time and pipelined.
type Pairs = Vec<[Figure; 2]>;

async fn measure(contenders: &mut [Contender], size: usize) -> Result<Pairs, Fault> {
    let mut turns = Vec::new();
    for who in 0..contenders.len() {
        for (at_once, requests) in [1, PIPELINED].into_iter().zip(REQUESTS) {
            let what = format!("{}, {}", name(who), how(at_once, size));
            turns.push(turn(what, who, at_once, requests, size));
        }
    }
    let figures = contest::play(contenders, &turns).await?;
    let pairs = figures.chunks_exact(2).map(|pair| [pair[0].clone(), pair[1].clone()]);
    Ok(pairs.collect())
}

fn name(who: usize) -> &'static str {
    match who {
        DAEMUN => "`session.ping`",
        TCP => Kind::TcpWide.name(),
        WEBSOCKET => Kind::Websocket.name(),
        JSON => "`session.ping` in JSON",
        _ => node::NAME,
    }
}

fn how(at_once: usize, size: usize) -> String {
    let at_once =
        if at_once == 1 { "one at a time".to_owned() } else { format!("{at_once} pipelined") };
    format!("{at_once}, {} sessions", report::grouped(size as f64))
}

fn turn(what: String, who: usize, at_once: usize, requests: usize, size: usize) -> Turn {
    let turns = requests.div_ceil(size * at_once);
    let burst = Burst { turns, ..Burst::of(Question::Ping, at_once, at_once) };
    Turn {
        what,
        who,
        before: Vec::new(),
        order: Order::Burst(burst),
        operations: turns * size * at_once,
        after: Vec::new(),
    }
}

fn claims_of(taken: &[[Figure; 2]], first: Option<&[[Figure; 2]]>) -> Vec<Claim> {
    let mut claims = Vec::new();
    for (mode, reach) in REACH.into_iter().enumerate() {
        let of = |who: usize| taken.get(who).map(|pair| &pair[mode]);
        let bars = |who| if who == TCP { vec![Bar::reach(reach)] } else { Vec::new() };
        for other in [TCP, WEBSOCKET, NODE] {
            claims.extend(
                of(DAEMUN)
                    .zip(of(other))
                    .map(|(it, other_figure)| Claim::new(it, other_figure, bars(other))),
            );
        }
        claims.extend(of(JSON).zip(of(TCP)).map(|(it, tcp)| Claim::new(it, tcp, Vec::new())));
        if let Some(first) = first {
            claims.extend(of(DAEMUN).map(|it| Claim::grown(it, &first[DAEMUN][mode])));
        }
    }
    claims
}

fn notes(node: &Result<Node, Fault>) -> Vec<String> {
    let mut notes = report::notes_of_time(node);
    notes.push(format!(
        "Each session asks in its turn, {AT_A_TIME} of them at a time; pipelined means that \
         {PIPELINED} requests are written at once. A ping carries `t` and must bring it back; an \
         echo carries 64 bytes and must bring them back."
    ));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::figure;

    #[test]
    fn a_turn_gives_every_session_the_same() {
        let turn = turn(String::new(), 0, 16, 240_000, 1_000);
        assert_eq!(turn.operations, 240_000);
        let Order::Burst(burst) = turn.order else { panic!("{:?}", turn.order) };
        assert_eq!((burst.turns, burst.reads, burst.at_once), (15, 16, 16));
    }

    #[test]
    fn each_way_of_asking_has_its_own_bar() {
        let pair = |one, many| [figure("one", one), figure("many", many)];
        let taken = [pair(14.0, 2.6), pair(10.0, 1.0), pair(12.0, 1.3), pair(15.0, 3.0)];
        let claims = claims_of(&taken, None);
        let met = |claim: &Claim| claim.bars.first().map(|judged| judged.met);
        let judged: Vec<_> = claims.iter().filter_map(met).collect();
        assert_eq!(judged, [true, false]);
        assert_eq!(claims_of(&taken, Some(&taken)).len(), claims.len() + 2);
    }
}
