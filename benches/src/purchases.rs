//! Purchases made durable, by the clock: verified, claimed, granted, on the ledger; in MariaDB and
//! embedded.

pub(crate) mod till;

use std::path::PathBuf;

use serde_json::json;
use storage::servers::{MariaDb, MariaDbOptions};

use crate::Fault;
use crate::contest::{self, Taken, figure_by_the_clock};
use crate::machine::Machine;
use crate::report::{self, Bar, Claim, Figure, Report};
use till::{Till, Way};

/// How many members buy.
const MEMBERS: usize = 1_000;
/// How many purchases are made durable each round.
const PURCHASES: usize = 4_000;
/// How many are in flight, few and many.
const FEW: usize = 64;
const MANY: usize = 512;
/// The most that a purchase is to take, in interactive transactions, with so many in flight.
const REACH_FEW: f64 = 0.25;
const REACH_MANY: f64 = 0.125;
/// The most that a purchase is to take embedded, in single commits.
const REACH_EMBEDDED: f64 = 0.2;
/// Behind the settings of tests, whose memory is small: what is measured is no want of it.
const ROOMY: [&str; 2] = ["--innodb-buffer-pool-size=512M", "--innodb-log-file-size=256M"];

/// Where the figures are written unless said otherwise.
const OUT: &str = "target/bench/purchases.json";

/// The command line of this bench.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where the figures are written as JSON.
    #[arg(long, default_value = OUT)]
    out: PathBuf,
    /// A further option of MariaDB's own command line, to look at what it does; may be repeated.
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    mariadb: Vec<String>,
}

impl Default for Arguments {
    fn default() -> Self {
        Self { out: OUT.into(), mariadb: Vec::new() }
    }
}

/// Measures, prints the table and writes the file. Where there is no MariaDB its part is left out,
/// and that is said.
///
/// # Errors
/// When a purchase was not granted once, or something did not happen in time.
pub(crate) async fn run(arguments: &Arguments) -> Result<Report, Fault> {
    let (mut figures, mut claims) = embedded().await?;
    let mut notes = notes();
    match MariaDb::installed() {
        Err(why) => notes.push(format!("Without MariaDB, because it cannot be run here: {why}")),
        Ok(_) => {
            let (theirs, of_them) = measure(&arguments.mariadb).await?;
            figures.extend(theirs);
            claims.extend(of_them);
        }
    }
    let report = Report {
        bench: "purchases",
        title: "Durable purchases, by the clock".to_owned(),
        unit: report::CLOCK,
        figures,
        claims,
        setup: json!({"members": MEMBERS, "purchases": PURCHASES, "few": FEW, "many": MANY}),
        notes,
        machine: Machine::here()?,
    };
    report.publish(&arguments.out)?;
    Ok(report)
}

/// On SQLite: the server's way and one commit after the other take turns.
async fn embedded() -> Result<(Vec<Figure>, Vec<Claim>), Fault> {
    let mut daemun = Till::start(Way::Batched, None, MEMBERS).await?;
    let mut bare = Till::start(Way::Single, None, 0).await?;
    let (mut own, mut reference) = (Vec::new(), Vec::new());
    for round in 0..contest::PLAYED {
        eprintln!("purchases, embedded, round {round}");
        let took = [daemun.take(PURCHASES, FEW).await?, bare.take(PURCHASES, 1).await?];
        if round > 0 {
            for (taken, took) in [&mut own, &mut reference].into_iter().zip(took) {
                taken.push(took);
            }
        }
    }
    daemun.count(contest::PLAYED * PURCHASES).await?;
    daemun.end().await?;
    bare.end().await?;
    let figures = vec![
        figure_by_the_clock(&format!("a purchase, embedded, {FEW} in flight"), &own)?,
        figure_by_the_clock("one SQLite insert and commit at a time", &reference)?,
    ];
    let claims = vec![Claim::new(&figures[0], &figures[1], vec![Bar::reach(REACH_EMBEDDED)])];
    Ok((figures, claims))
}

async fn measure(further: &[String]) -> Result<(Vec<Figure>, Vec<Claim>), Fault> {
    let options = ROOMY.into_iter().chain(further.iter().map(String::as_str));
    let options = options.fold(MariaDbOptions::default(), MariaDbOptions::with);
    let server = tokio::task::spawn_blocking(|| MariaDb::start(options)).await??;
    let own = server.database("bench")?;
    let other = server.database("reference")?;
    let mut daemun = Till::start(Way::Batched, Some(&own), MEMBERS).await?;
    let mut bare = Till::start(Way::Interactive, Some(&other), MEMBERS).await?;
    let [mut few, mut many, mut reference] = [const { Vec::<Taken>::new() }; 3];
    for round in 0..contest::PLAYED {
        eprintln!("purchases, round {round}");
        let took = [
            daemun.take(PURCHASES, FEW).await?,
            bare.take(PURCHASES, FEW).await?,
            daemun.take(PURCHASES, MANY).await?,
        ];
        if round > 0 {
            for (taken, took) in [&mut few, &mut reference, &mut many].into_iter().zip(took) {
                taken.push(took);
            }
        }
    }
    // Every one was granted once, and the ledger says so.
    daemun.count(2 * contest::PLAYED * PURCHASES).await?;
    daemun.end().await?;
    bare.end().await?;
    tokio::task::spawn_blocking(move || drop(server)).await?;
    let figures = vec![
        figure_by_the_clock(&format!("a purchase, {FEW} in flight"), &few)?,
        figure_by_the_clock(&format!("the same, {MANY} in flight"), &many)?,
        figure_by_the_clock(
            &format!("an interactive transaction on each of {FEW} connections"),
            &reference,
        )?,
    ];
    let claims = vec![
        Claim::new(&figures[0], &figures[2], vec![Bar::reach(REACH_FEW)]),
        Claim::new(&figures[1], &figures[2], vec![Bar::reach(REACH_MANY)]),
    ];
    Ok((figures, claims))
}

fn notes() -> Vec<String> {
    vec![
        format!(
            "A round makes {PURCHASES} purchases of {MEMBERS} members durable, so many in flight; \
             the ways take turns, {} rounds of which the first warms up, and a figure is the median \
             of the others. A purchase: its evidence is kept and committed, its signature (ES256) \
             verified with a key that is at hand, its claim decided and committed, and then in one \
             transaction its row, the ledger's two, the wallet, two pushes, what the store is to \
             be told, and the evidence closed. After the last round each is counted: granted \
             once, every balance the sum of its entries.",
            contest::PLAYED
        ),
        "The interactive transaction is the bare driver's, prepared, on held connections of its \
         own: the claim, its lock, the member's lock, the purchase, the ledger, the wallet, two \
         pushes, the member's row, a commit. It keeps no evidence before and verifies nothing."
            .to_owned(),
        "The single commit is one row of 500 bytes in SQLite, with the server's settings, and then \
         the next; embedded, what waits shares a commit, each purchase under a savepoint of its own."
            .to_owned(),
        "Whoever makes them, MariaDB and the disk share the two cores.".to_owned(),
    ]
}
