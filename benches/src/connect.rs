//! Processor time of a session's beginning: the websocket, and `session.open` with a token.
//!
//! So many sessions stand and are silent; some hundreds more come at once, and leave again.
//! Their guests have logged in long before: a storm is of those who come back.

use std::path::PathBuf;

use serde_json::json;

use crate::clients::Order;
use crate::clients::crowd::AT_A_TIME;
use crate::contest::{self, Contender, Turn};
use crate::machine::Machine;
use crate::reference::Kind;
use crate::report::{self, Bar, Claim, Figure, Report};
use crate::scale::Sizes;
use crate::subject::Subject;
use crate::{Fault, server};

/// How many come in a storm.
const STORM: usize = 1_000;
/// The most that a session is to cost, in bare upgrades: half their rate.
const REACH: f64 = 2.0;

const DAEMUN: usize = 0;
const WEBSOCKET: usize = 1;

/// Where the figures are written unless said otherwise.
const OUT: &str = "target/bench/connect.json";

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
/// When a reply was wrong, or something did not happen in time.
pub(crate) async fn run(arguments: &Arguments) -> Result<Report, Fault> {
    let sizes = arguments.sizes.rising(STORM)?;
    server::binary()?;
    let mut contenders = vec![
        Contender::new(Subject::server(&[]).await?)?,
        Contender::new(Subject::reference(Kind::Websocket).await?)?,
    ];
    contenders[DAEMUN].order(Order::Admit(STORM)).await?;
    let mut there = 0;
    let (mut figures, mut claims, mut first) = (Vec::new(), Vec::new(), None::<Figure>);
    for &size in &sizes {
        eprintln!("{size} sessions enter");
        for contender in &mut contenders {
            contender.order(Order::Enter(size - there)).await?;
        }
        there = size;
        let taken = contest::play(&mut contenders, &turns(size)).await?;
        let [whole, _, _, bare] = &taken[..] else { return Err("a turn has no figure".into()) };
        claims.push(Claim::new(whole, bare, vec![Bar::reach(REACH)]));
        claims.extend(first.iter().map(|first| Claim::grown(whole, first)));
        first.get_or_insert_with(|| whole.clone());
        figures.extend(taken);
    }
    contest::end(contenders).await?;
    let mut notes = report::notes_of_time_alone();
    notes.push(format!(
        "{STORM} come, {AT_A_TIME} at a time, while so many sessions stand. A session comes by a \
         TCP connection, a websocket upgrade and `session.open` with a token, which embedded \
         storage confirms; a bare upgrade is tokio-tungstenite's `accept_async`. Twice the time of \
         a bare upgrade is half its rate."
    ));
    let report = Report {
        bench: "connect",
        title: "Processor time of a session's beginning".to_owned(),
        unit: report::MICROS,
        figures,
        claims,
        setup: json!({"sessions": sizes, "storm": STORM, "at_a_time": AT_A_TIME}),
        notes,
        machine: Machine::here()?,
    };
    report.publish(&arguments.out)?;
    Ok(report)
}

fn turns(size: usize) -> Vec<Turn> {
    let standing = format!("{} standing", report::grouped(size as f64));
    let turn = |what: &str, who, before: &[Order], order| Turn {
        what: format!("{what}, {standing}"),
        who,
        before: before.to_vec(),
        order,
        operations: STORM,
        after: vec![Order::Leave(STORM)],
    };
    let (connect, storm) = (Order::Connect(STORM), Order::Storm(STORM));
    vec![
        turn("connection, upgrade and `session.open`", DAEMUN, &[], storm),
        turn("connection and upgrade alone", DAEMUN, &[], connect),
        turn("`session.open` alone", DAEMUN, &[connect], Order::Open),
        turn("bare upgrade by tokio-tungstenite", WEBSOCKET, &[], storm),
    ]
}
