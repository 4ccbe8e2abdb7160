//! Processor time of a message that must arrive, from an operator's command to the socket.
//!
//! This is what telling *one* member costs: the command over HTTP, a numbered row that is committed, the
//! hint, the reading of the inbox, the push on the socket, and its acknowledgement.

use std::path::PathBuf;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use protocol::ids::MemberId;
use serde_json::json;

use crate::clients::Order;
use crate::clients::crowd::AT_A_TIME;
use crate::contest::{self, Contender};
use crate::machine::Machine;
use crate::report::{self, Report};
use crate::subject::Subject;
use crate::{Fault, server};

/// How many members are told.
const MEMBERS: usize = 1_000;
/// The size of a message's text, in bytes.
pub(crate) const TEXT: usize = 200;

/// Where the figures are written unless said otherwise.
const OUT: &str = "target/bench/message.json";

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
/// When a message did not arrive, or something did not happen in time.
pub(crate) async fn run(arguments: &Arguments) -> Result<Report, Fault> {
    server::binary()?;
    let mut contender = Contender::new(Subject::server(&[]).await?)?;
    contender.order(Order::Enter(MEMBERS)).await?;
    let members = contender.order(Order::Members).await?.members;
    let mut taken = Vec::new();
    for round in 0..contest::PLAYED {
        eprintln!("round {round}");
        let told = contender.take(MEMBERS, async |it| it.tell(&members, AT_A_TIME).await).await?;
        if round > 0 {
            taken.push(told);
        }
    }
    contender.end().await?;
    let figure = contest::figure("a numbered message to one member, stored and delivered", &taken)?;
    let mut notes = report::notes_of_time_alone();
    notes.push(format!(
        "{MEMBERS} members are told {TEXT} bytes each, {AT_A_TIME} commands at a time on the \
         private listener: a command is checked, a row committed (with what else waits), the inbox \
         read, the push written, and its acknowledgement stored."
    ));
    let report = Report {
        bench: "message",
        title: "Processor time of a message that must arrive".to_owned(),
        unit: report::MICROS,
        figures: vec![figure],
        claims: Vec::new(),
        setup: json!({"members": MEMBERS, "text_bytes": TEXT, "at_a_time": AT_A_TIME}),
        notes,
        machine: Machine::here()?,
    };
    report.publish(&arguments.out)?;
    Ok(report)
}

impl Contender {
    /// Has every member told, so many at a time, and every one hear it.
    ///
    /// # Errors
    /// When a command is not answered as it should be, or a message is not heard.
    pub(crate) async fn tell(
        &mut self,
        members: &[MemberId],
        at_a_time: usize,
    ) -> Result<(), Fault> {
        let Self { subject, clients } = self;
        let server = subject.as_server().ok_or("only the server tells")?;
        let text = "x".repeat(TEXT);
        let telling = stream::iter(members)
            .map(|&member| server.message(member, &text))
            .buffer_unordered(at_a_time)
            .try_collect::<()>();
        let hearing = clients.order(Order::Hear, contest::LONGEST);
        futures_util::future::try_join(telling, hearing).await?;
        Ok(())
    }
}
