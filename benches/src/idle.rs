//! Resident bytes of an idle, logged-in session.
//!
//! The server and its references are processes that have just been started, with clients in
//! processes of their own. They are quiet at the same time, which saves time and disturbs
//! nobody, because what is resident is a process's own:
//!
//! 1. a few clients come, read and leave, so that what happens once has happened;
//! 2. the process is quiet: its resident bytes are the baseline;
//! 3. sessions are opened up to each size, and the process is quiet again: bytes after open;
//! 4. at the largest size each session reads in a burst, and the process is quiet again:
//!    bytes after reads.
//!
//! Quiet means that no session's actor is awake and that resident bytes have not changed for
//! a while. What a session costs is what the process has grown by since the baseline, shared
//! by all sessions: its heap as the allocator keeps it, holes and all.

mod claims;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use serde::Serialize;

use crate::clients::{Burst, Order, Question};
use crate::contest::{self, Contender};
use crate::process::Memory;
use crate::reference::Kind;
use crate::report::Report;
use crate::scale::Sizes;
use crate::subject::Subject;
use crate::{Fault, server};

/// How many clients come and leave before anything is measured. Few, because what they
/// leave in the allocator's hands is not counted for the sessions that use it again.
const WARM: usize = 16;
/// How many reads make a burst.
const READS: usize = 50;
/// How long before its end a session is told of it, which would be a disturbance.
const WARNING: Duration = Duration::from_secs(60);
/// Where the figures are written unless said otherwise.
const OUT: &str = "target/bench/idle.json";
/// How many reads a client sends before it waits, unless said otherwise.
const AT_ONCE: u32 = 16;

/// The command line of this bench.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    sizes: Sizes,
    /// How many of its reads a client sends before it waits for answers.
    #[arg(long, default_value_t = AT_ONCE, value_parser = clap::value_parser!(u32).range(1..))]
    at_once: u32,
    /// Where the figures are written as JSON.
    #[arg(long, default_value = OUT)]
    out: PathBuf,
}

impl Arguments {
    /// These sizes, and the rest as it comes.
    pub(crate) fn of(sizes: Sizes) -> Self {
        Self { sizes, at_once: AT_ONCE, out: OUT.into() }
    }
}

/// What a process had resident, in bytes.
#[derive(Clone, Debug, Default, Serialize)]
struct Taken {
    /// With nobody connected, after the warm-up.
    baseline: Memory,
    /// With sessions open that have not been used: how many, and the memory.
    opened: Vec<(usize, Memory)>,
    /// With all sessions open, after the burst of each.
    read: Memory,
    /// How many actors were awake at once when the bursts were over.
    awake: Option<f64>,
}

/// Measures, prints the table and writes the file.
///
/// # Errors
/// When a reply was wrong, or something did not happen in time.
pub(crate) async fn run(arguments: &Arguments) -> Result<Report, Fault> {
    let sizes = arguments.sizes.rising(0)?;
    let burst = Burst::of(Question::Mixed, READS, usize::try_from(arguments.at_once)?);
    // What is missing is told before minutes have gone into the references.
    server::binary()?;
    let mut contenders = vec![
        Contender::new(Subject::server(&[]).await?)?,
        Contender::new(Subject::reference(Kind::Tcp).await?)?,
        Contender::new(Subject::reference(Kind::Websocket).await?)?,
    ];
    let taken = measure(&mut contenders, &sizes, burst).await?;
    contest::end(contenders).await?;
    let [session, tcp, websocket] = &taken[..] else { return Err("somebody is missing".into()) };
    let report = claims::report(&sizes, burst, session, tcp, websocket)?;
    report.publish(&arguments.out)?;
    Ok(report)
}

async fn measure(
    contenders: &mut [Contender],
    sizes: &[usize],
    burst: Burst,
) -> Result<Vec<Taken>, Fault> {
    eprintln!("warming up with {WARM}");
    everyone(contenders, &[Order::Enter(WARM), Order::Burst(burst), Order::Leave(WARM)]).await?;
    let mut taken = vec![Taken::default(); contenders.len()];
    for (taken, quiet) in taken.iter_mut().zip(quiet(contenders, 0).await?) {
        taken.baseline = quiet;
    }
    let (began, mut there) = (Instant::now(), 0);
    for &size in sizes {
        eprintln!("{size} sessions enter");
        everyone(contenders, &[Order::Enter(size - there)]).await?;
        there = size;
        for (taken, quiet) in taken.iter_mut().zip(quiet(contenders, size).await?) {
            taken.opened.push((size, quiet));
        }
    }
    eprintln!("{} reads each", burst.reads);
    everyone(contenders, &[Order::Burst(burst)]).await?;
    for (taken, contender) in taken.iter_mut().zip(&*contenders) {
        taken.awake = contender.subject.awake().await?;
    }
    for (taken, quiet) in taken.iter_mut().zip(quiet(contenders, there).await?) {
        taken.read = quiet;
    }
    for contender in contenders {
        // Whoever had lost the connection unnoticed is noticed now.
        let done = contender.order(Order::Burst(Burst::ONE)).await?;
        undisturbed(began.elapsed(), done.good_for_s)?;
    }
    Ok(taken)
}

/// Has everyone do the same, the last one first: the server's memory is to be taken soon
/// after its burst, while the references' does not change.
async fn everyone(contenders: &mut [Contender], orders: &[Order]) -> Result<(), Fault> {
    for contender in contenders.iter_mut().rev() {
        for order in orders {
            contender.order(*order).await?;
        }
    }
    Ok(())
}

/// Waits until all are quiet, and gives what each has resident then.
async fn quiet(contenders: &[Contender], sessions: usize) -> Result<Vec<Memory>, Fault> {
    try_join_all(contenders.iter().map(|it| it.subject.quiet(sessions))).await
}

/// Nothing was told or closed because a token came near its end.
fn undisturbed(elapsed: Duration, good_for_s: Option<u64>) -> Result<(), Fault> {
    let Some(good_for) = good_for_s.map(Duration::from_secs) else { return Ok(()) };
    if elapsed + WARNING < good_for {
        return Ok(());
    }
    let (took, good) = (elapsed.as_secs(), good_for.as_secs());
    Err(format!("it took {took} s, and tokens are good for {good} s: take fewer sessions").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_are_near_their_end_disturb() {
        assert!(undisturbed(Duration::from_secs(839), Some(900)).is_ok());
        assert!(undisturbed(Duration::from_secs(840), Some(900)).is_err());
        assert!(undisturbed(Duration::from_secs(9000), None).is_ok());
    }
}
