//! Processor time of telling everyone something at once, beside one bare write to each.

use std::path::PathBuf;

use protocol::codec::Format;
use protocol::frame::ServerFrame;
use protocol::push::{Message, Push};
use protocol::text::Text;
use serde_json::json;

use crate::clients::Order;
use crate::contest::{self, Contender, Taken};
use crate::machine::Machine;
use crate::reference::{Kind, bare};
use crate::report::{self, Bar, Claim, Figure, Report, grouped};
use crate::scale::Sizes;
use crate::subject::Subject;
use crate::{Fault, server};

/// What the frame's head takes of [`bare::BYTES`]: two bytes, and two of length.
const HEAD: usize = 4;
/// The most that a delivery is to cost, in bare writes.
const REACH: f64 = 1.2;

const DAEMUN: usize = 0;
const BARE: usize = 1;

/// Where the figures are written unless said otherwise.
const OUT: &str = "target/bench/broadcast.json";

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
/// When somebody did not hear it, or something did not happen in time.
pub(crate) async fn run(arguments: &Arguments) -> Result<Report, Fault> {
    let sizes = arguments.sizes.rising(0)?;
    server::binary()?;
    let text = text()?;
    let mut contenders = vec![
        Contender::new(Subject::server(&[]).await?)?,
        Contender::new(Subject::reference(Kind::Bare).await?)?,
    ];
    let mut there = 0;
    let (mut figures, mut claims, mut first) = (Vec::new(), Vec::new(), None::<Figure>);
    for &size in &sizes {
        eprintln!("{size} sessions enter");
        for contender in &mut contenders {
            contender.order(Order::Enter(size - there)).await?;
        }
        there = size;
        let mut taken: [Vec<Taken>; 2] = Default::default();
        for round in 0..contest::PLAYED {
            eprintln!("round {round}");
            for (contender, taken) in contenders.iter_mut().zip(&mut taken) {
                let told = contender.take(size, async |it| it.announce(&text, size).await).await?;
                if round > 0 {
                    taken.push(told);
                }
            }
        }
        let to = format!("to {} sockets", grouped(size as f64));
        let ours = contest::figure(&format!("an announcement {to}"), &taken[DAEMUN])?;
        let bare = contest::figure(&format!("{} {to}", Kind::Bare.name()), &taken[BARE])?;
        claims.push(Claim::new(&ours, &bare, vec![Bar::reach(REACH)]));
        claims.extend(first.iter().map(|first| Claim::grown(&ours, first)));
        first.get_or_insert_with(|| ours.clone());
        figures.extend([ours, bare]);
    }
    contest::end(contenders).await?;
    let mut notes = report::notes_of_time_alone();
    notes.push(format!(
        "An operator's command tells everyone {} bytes: encoded once, shared, taken by each \
         socket's own task, with a rest after some hundred. The reference writes as many bytes to \
         each socket by one system call, from one loop that does nothing else. Everyone hears it \
         before the next round.",
        bare::BYTES
    ));
    let report = Report {
        bench: "broadcast",
        title: "Processor time of telling everyone, for each who is told".to_owned(),
        unit: report::MICROS,
        figures,
        claims,
        setup: json!({"sessions": sizes, "bytes": bare::BYTES}),
        notes,
        machine: Machine::here()?,
    };
    report.publish(&arguments.out)?;
    Ok(report)
}

/// A text with which the frame is as long as what the reference writes.
fn text() -> Result<String, Fault> {
    let framed = |text: &str| -> Result<usize, Fault> {
        let push = Push::Announcement(Message { title: None, text: Text::new(text)? });
        Ok(HEAD + ServerFrame::push(&push).encode(Format::Msgpack)?.len())
    };
    // A text of this length has a head of its own as long as the one that is looked for.
    let about = "x".repeat(100);
    let text = "x".repeat(100 + bare::BYTES - framed(&about)?);
    let bytes = framed(&text)?;
    if bytes == bare::BYTES { Ok(text) } else { Err(format!("a frame of {bytes} bytes").into()) }
}

impl Contender {
    /// Has everyone told, and every one hear it.
    async fn announce(&mut self, text: &str, everyone: usize) -> Result<(), Fault> {
        let Self { subject, clients } = self;
        let telling = async {
            if let Some(server) = subject.as_server() {
                let told = server.announce(text).await?;
                return if told == everyone {
                    Ok(())
                } else {
                    Err(format!("{told} of {everyone} were told").into())
                };
            }
            subject.process_mut().say("now").await
        };
        let hearing = clients.order(Order::Listen, contest::LONGEST);
        futures_util::future::try_join(telling, hearing).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_frame_is_as_long_as_the_references_bytes() {
        assert!(super::text().unwrap().len() > 100);
    }
}
