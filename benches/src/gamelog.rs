//! The game log in MongoDB: how fast records get there through the spool, beside the bare
//! driver; and what logins feel of a MongoDB that is away.

pub(crate) mod scribe;

use std::path::PathBuf;

use mongodb::Client;
use mongodb::bson::{Document, doc};
use serde_json::json;
use storage::servers::{Binaries, MongoDb};

use crate::clients::Order;
use crate::contest::{self, Contender, Taken, figure_by_the_clock};
use crate::machine::Machine;
use crate::report::{self, Bar, Claim, Figure, Report};
use crate::subject::Subject;
use crate::{Fault, scale, server};
use scribe::{Scribe, Way};

/// How many records are written each round.
const RECORDS: usize = 100_000;
/// How many records an hour without MongoDB leaves at the load that the spool's bound is made for:
/// 200 logins a second, with four records each.
const HOUR: usize = 800 * 3600;
/// How many new guests log in each round, and how many at a time.
const LOGINS: usize = 1_000;
const IN_FLIGHT: usize = 64;
/// The most that a record is to take, in the bare driver's: 0.8 of its rate.
const REACH_RECORDS: f64 = 1.25;
/// The most that a login may take without MongoDB, in those with it.
const REACH_LOGINS: f64 = 1.1;

/// Where the figures are written unless said otherwise.
const OUT: &str = "target/bench/gamelog.json";

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

/// Measures, prints the table and writes the file. Where there is no MongoDB nothing is
/// measured, and that is said.
///
/// # Errors
/// When a record is missing or there twice, a reply was wrong, or something did not happen in
/// time.
pub(crate) async fn run(arguments: &Arguments) -> Result<Report, Fault> {
    server::binary()?;
    scale::enough_files(IN_FLIGHT)?;
    let mut found = Found::default();
    if let Err(why) = MongoDb::installed() {
        found.notes = vec![format!("All of it is left out, because it cannot be run here: {why}")];
    } else {
        records(&mut found).await?;
        hour(&mut found).await?;
        logins(&mut found).await?;
        found.notes.extend(notes());
    }
    let report = Report {
        bench: "gamelog",
        title: "The game log in MongoDB, by the clock".to_owned(),
        unit: report::CLOCK,
        figures: found.figures,
        claims: found.claims,
        setup: json!({"records": RECORDS, "logins": LOGINS, "in_flight": IN_FLIGHT}),
        notes: found.notes,
        machine: Machine::here()?,
    };
    report.publish(&arguments.out)?;
    Ok(report)
}

/// What a report is made of.
#[derive(Default)]
struct Found {
    figures: Vec<Figure>,
    claims: Vec<Claim>,
    notes: Vec<String>,
}

/// Starts a server. That blocks, so it has a thread of its own.
async fn mongod() -> Result<MongoDb, Fault> {
    Ok(tokio::task::spawn_blocking(|| MongoDb::start(&Binaries::default(), &[])).await??)
}

async fn records(found: &mut Found) -> Result<(), Fault> {
    let (server, folder) = (mongod().await?, tempfile::tempdir()?);
    let ways = [
        (Way::Spooled, "a record through the game log and its spool"),
        (Way::Bare, "`insert_many` in a loop, the same indexes"),
        (Way::BarePlain, "`insert_many` in a loop, no index"),
    ];
    let mut writers = Vec::new();
    for (way, what) in ways {
        let url = server.databases().database("bench");
        let scribe = Scribe::start(way, &url, folder.path().join("data")).await?;
        writers.push((what, url, scribe, Vec::<Taken>::new()));
    }
    for round in 0..contest::PLAYED {
        eprintln!("records, round {round}");
        for (_, url, scribe, taken) in &mut writers {
            let took = scribe.take(RECORDS).await?;
            // What MongoDB confirmed is there, each record once.
            count(url, (round + 1) * RECORDS).await?;
            if round > 0 {
                taken.push(took);
            }
        }
    }
    let mut figures = Vec::new();
    for (what, _, scribe, taken) in writers {
        scribe.end().await?;
        figures.push(figure_by_the_clock(what, &taken)?);
    }
    found.claims.push(Claim::new(&figures[0], &figures[1], vec![Bar::reach(REACH_RECORDS)]));
    found.claims.push(Claim::new(&figures[0], &figures[2], vec![]));
    found.figures.extend(figures);
    tokio::task::spawn_blocking(move || drop(server)).await?;
    Ok(())
}

/// An hour's records while MongoDB is gone, and then all of them to it.
async fn hour(found: &mut Found) -> Result<(), Fault> {
    eprintln!("an hour without MongoDB");
    let (mut server, folder) = (mongod().await?, tempfile::tempdir()?);
    let (url, data) = (server.databases().database("bench"), folder.path().join("data"));
    let mut scribe = Scribe::start(Way::Spooled, &url, data.clone()).await?;
    server.kill()?;
    let spooled = scribe.spool(HOUR).await?;
    let bytes = folder_bytes(&data.join("spool"))?;
    let mut server =
        tokio::task::spawn_blocking(move || server.restart().map(|()| server)).await??;
    let delivered = scribe.deliver(HOUR).await?;
    count(&url, HOUR).await?;
    scribe.end().await?;
    found.figures.push(figure_by_the_clock("a record into the spool, MongoDB gone", &[spooled])?);
    found.figures.push(figure_by_the_clock("a record out of it, MongoDB back", &[delivered])?);
    found.notes.push(format!(
        "An hour without MongoDB: {HOUR} records, {} MiB in the spool, whose bound is 1024; once it is \
         back all of them are there, each once.",
        bytes / (1024 * 1024)
    ));
    server.kill()?;
    tokio::task::spawn_blocking(move || drop(server)).await?;
    Ok(())
}

fn folder_bytes(folder: &std::path::Path) -> Result<u64, Fault> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

/// # Errors
/// When there are more or fewer.
async fn count(url: &str, records: usize) -> Result<(), Fault> {
    let client = Client::with_uri_str(url).await?;
    let database = client.default_database().ok_or("the address names no database")?;
    let there = database.collection::<Document>("record").count_documents(doc! {}).await?;
    match usize::try_from(there)? {
        there if there == records => Ok(()),
        there => Err(format!("{there} records are there, and {records} were confirmed").into()),
    }
}

/// Three servers alike, but for their MongoDB: one's is there, one's is gone, one's hangs.
async fn logins(found: &mut Found) -> Result<(), Fault> {
    let (there, mut gone, hung) = (mongod().await?, mongod().await?, mongod().await?);
    let mut subjects = Vec::new();
    for (server, what) in [
        (&there, "`auth.login` of a new guest, MongoDB there"),
        (&gone, "the same, MongoDB gone"),
        (&hung, "the same, MongoDB hangs"),
    ] {
        let url = server.databases().database("bench");
        let settings = [
            ("DAEMUN_STORAGE__MONGODB__URL", url.as_str()),
            ("DAEMUN_STORAGE__MONGODB__MIGRATE_AT_START", "true"),
        ];
        let contender = Contender::crowded(Subject::server(&settings).await?, IN_FLIGHT)?;
        subjects.push((what, contender, Vec::<Taken>::new()));
    }
    gone.kill()?;
    hung.pause()?;
    for (_, contender, _) in &mut subjects {
        contender.order(Order::Connect(IN_FLIGHT)).await?;
    }
    for round in 0..contest::PLAYED {
        eprintln!("logins, round {round}");
        for (_, contender, taken) in &mut subjects {
            let work = async |it: &mut Contender| it.order(Order::LogIn(LOGINS)).await.map(|_| ());
            let took = contender.take(LOGINS, work).await?;
            if round > 0 {
                taken.push(took);
            }
        }
    }
    let mut figures = Vec::new();
    for (what, contender, taken) in subjects {
        contender.end().await?;
        figures.push(figure_by_the_clock(what, &taken)?);
    }
    for away in &figures[1..] {
        found.claims.push(Claim::new(away, &figures[0], vec![Bar::reach(REACH_LOGINS)]));
    }
    found.figures.extend(figures);
    tokio::task::spawn_blocking(move || drop((there, gone, hung))).await?;
    Ok(())
}

fn notes() -> Vec<String> {
    vec![
        format!(
            "A round writes {RECORDS} records; its time is from the first until MongoDB has \
             confirmed the last, by a majority and in its journal. They are counted there after \
             each round: every one once. The writers take turns, {} rounds of which the first \
             warms up; a figure is the median of the others.",
            contest::PLAYED
        ),
        format!(
            "The bare driver has {} documents in a call, unordered, one call after the other. \
             Through the game log each record is also on the disk, synced, before it goes to \
             MongoDB.",
            scribe::CALL
        ),
        format!(
            "Logins: {LOGINS} new guests a round, {IN_FLIGHT} in flight, of three servers that \
             take turns. Their truth is embedded; the log of the first is in MongoDB, that of the \
             others in the spool, because their MongoDB was killed, or stopped, before. Servers, \
             clients and MongoDB share the cores."
        ),
    ]
}
