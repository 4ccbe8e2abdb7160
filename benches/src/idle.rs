//! Resident bytes of an idle, logged-in session.
//!
//! The server and its references are measured one after the other, each as a process that
//! has just been started, with clients in a process of their own:
//!
//! 1. a few clients come, read and leave, so that what happens once has happened;
//! 2. the process is quiet: its resident bytes are the baseline;
//! 3. all sessions are opened, and the process is quiet again: bytes after open;
//! 4. each session reads in a burst, and the process is quiet again: bytes after reads.
//!
//! Quiet means that no session's actor is awake and that resident bytes have not changed for
//! a while. What a session costs is what the process has grown by since the baseline, shared
//! by all sessions: its heap as the allocator keeps it, holes and all.

mod claims;
mod subject;

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::clients::{Burst, Clients, Order};
use crate::process::{Memory, leash};
use crate::{Fault, reference, server};
use subject::{Subject, What};

/// How many clients come and leave before anything is measured. Few, because what they
/// leave in the allocator's hands is not counted for the sessions that use it again.
const WARM: usize = 16;
/// How many reads make a burst.
const READS: usize = 50;
/// Open files that are not sessions.
const SPARE_FILES: usize = 200;
/// How long before its end a session is told of it, which would be a disturbance.
const WARNING: Duration = Duration::from_secs(60);

/// The command line of this bench.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many sessions are opened.
    #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u32).range(1..))]
    sessions: u32,
    /// How many of its reads a client sends before it waits for answers.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    at_once: u32,
    /// Where the figures are written as JSON.
    #[arg(long, default_value = "target/bench/idle.json")]
    out: PathBuf,
}

/// How large a run is.
#[derive(Clone, Copy, Debug, Serialize)]
struct Scale {
    /// How many sessions are open.
    sessions: usize,
    /// How each of them reads.
    burst: Burst,
}

/// What a process had resident, in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
struct Taken {
    /// With nobody connected, after the warm-up.
    baseline: Memory,
    /// With all sessions open that have not been used.
    opened: Memory,
    /// With all sessions open, after the burst of each.
    read: Memory,
    /// How many actors were awake at once when the bursts were over.
    awake: Option<f64>,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { baseline, opened, read, .. } = self;
        let [baseline, opened, read] = [baseline, opened, read].map(|taken| taken.rss / 1024);
        write!(f, "{baseline} KiB, then {opened} KiB after open, {read} KiB after the reads")
    }
}

/// Measures, prints the table and writes the file.
///
/// # Errors
/// When a reply was wrong, or something did not happen in time.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Fault> {
    let sessions = usize::try_from(arguments.sessions)?;
    let at_once = usize::try_from(arguments.at_once)?;
    let scale = Scale { sessions, burst: Burst { reads: READS, at_once } };
    enough_files(sessions)?;
    // What is missing is told before minutes have gone into the references.
    server::binary()?;
    let tcp = measure(What::Reference(reference::Kind::Tcp), scale).await?;
    let websocket = measure(What::Reference(reference::Kind::Websocket), scale).await?;
    let session = measure(What::Session, scale).await?;
    let report = claims::report(scale, session, tcp, websocket)?;
    print!("{report}");
    report.write(&arguments.out)
}

fn enough_files(sessions: usize) -> Result<(), Fault> {
    let most = leash::files().saturating_sub(SPARE_FILES);
    if sessions <= most {
        return Ok(());
    }
    let why = "each takes an open file in the server and one in the clients' process";
    Err(format!("{sessions} sessions are too many, {most} are possible here: {why}").into())
}

async fn measure(what: What, Scale { sessions, burst }: Scale) -> Result<Taken, Fault> {
    let name = what.name();
    let say = |happens: &str| eprintln!("{name}: {happens}");
    say(&format!("warming up with {WARM}"));
    let subject = Subject::start(what).await?;
    let mut clients = Clients::start(subject.whom(), subject.address())?;
    for order in [Order::Enter(WARM), Order::Burst(burst), Order::Leave] {
        clients.order(order, for_many(WARM)).await?;
    }
    let baseline = subject.quiet(0).await?;

    say(&format!("{sessions} enter"));
    let began = Instant::now();
    let entered = clients.order(Order::Enter(sessions), for_many(sessions)).await?;
    let opened = subject.quiet(sessions).await?;

    say(&format!("{} reads each", burst.reads));
    clients.order(Order::Burst(burst), for_many(sessions)).await?;
    let awake = subject.awake().await?;
    let read = subject.quiet(sessions).await?;

    undisturbed(began.elapsed(), entered.good_for_s)?;
    // Whoever had lost the connection unnoticed is noticed now.
    clients.order(Order::Burst(Burst::ONE), for_many(sessions)).await?;
    clients.end().await?;
    subject.end().await?;
    let taken = Taken { baseline, opened, read, awake };
    say(&taken.to_string());
    Ok(taken)
}

/// How long so many clients may take for an order.
fn for_many(clients: usize) -> Duration {
    Duration::from_secs(60) + Duration::from_millis(20) * u32::try_from(clients).unwrap_or(u32::MAX)
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

    #[test]
    fn more_sessions_than_files_are_refused() {
        assert!(enough_files(1).is_ok());
        assert!(enough_files(usize::MAX).unwrap_err().to_string().contains("too many"));
    }
}
