//! Logins, opens, refreshes and messages on MariaDB, by the clock.
//!
//! Where a database is the bottleneck the question is not what a request costs this server but
//! how many are answered in a second. So the figures are by the clock, with so many in flight,
//! and the reference is what a program gets that says one statement after the other on each of
//! its connections to the same server.

mod maria;
mod series;

use std::path::PathBuf;

use serde_json::json;
use storage::servers::{Binaries, MariaDb, Redis};

use crate::clients::Order;
use crate::contest::{self, Contender};
use crate::machine::Machine;
use crate::message::TEXT;
use crate::reference::statements::{Begin, Statements, What, Work};
use crate::report::{self, Bar, Claim, Figure, Report};
use crate::subject::Subject;
use crate::{Fault, scale, server};
use maria::Maria;
use series::{Beside, Series, fastest};

/// How many requests are in flight.
const IN_FLIGHT: usize = 64;
/// How many new guests log in each round.
const LOGINS: usize = 1_000;
/// How many sessions are opened, tokens exchanged and rows read or written each round: all
/// guests' that there are.
const GUESTS: usize = LOGINS * contest::PLAYED;
/// How many members are told something each round.
const MESSAGES: usize = 1_000;
/// How many connections the server holds to read with unless it is told otherwise.
const CONNECTIONS: usize = 16;
/// The most that an open is to take, in selects.
const REACH_OPEN: f64 = 1.0;
/// The most that an open is to take whose login Redis knows, in selects: twice their rate.
const REACH_WARM: f64 = 0.5;
/// The most that an exchange is to take, in commits: twice their rate.
const REACH_REFRESH: f64 = 0.5;

/// Where the figures are written unless said otherwise.
const OUT: &str = "target/bench/database.json";

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

/// Measures, prints the table and writes the file. Where there is no MariaDB nothing is
/// measured, and that is said.
///
/// # Errors
/// When a reply was wrong, or something did not happen in time.
pub(crate) async fn run(arguments: &Arguments) -> Result<Report, Fault> {
    server::binary()?;
    scale::enough_files(GUESTS)?;
    let mut found = Found::default();
    if let Err(why) = MariaDb::installed() {
        found.notes = vec![format!("All of it is left out, because it cannot be run here: {why}")];
    } else {
        let maria = Maria::start().await?;
        found = measure(&maria).await?;
        maria.end().await?;
    }
    let report = Report {
        bench: "database",
        title: "The truth in MariaDB, by the clock".to_owned(),
        unit: report::CLOCK,
        figures: found.figures,
        claims: found.claims,
        setup: json!({
            "in_flight": IN_FLIGHT, "logins": LOGINS, "guests": GUESTS, "messages": MESSAGES,
        }),
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

async fn measure(maria: &Maria) -> Result<Found, Fault> {
    let settings = [
        ("DAEMUN_STORAGE__MARIADB__URL", maria.own.as_str()),
        ("DAEMUN_STORAGE__MARIADB__MIGRATE_AT_START", "true"),
        // All are connected before the first opens its session.
        ("DAEMUN_GATEWAY__FIRST_FRAME_TIMEOUT_S", "60"),
    ];
    let redis = redis().await;
    let cached = redis.as_ref().map(|redis| redis.databases().url().to_owned());
    let mut daemun = Contender::crowded(Subject::server(&settings).await?, IN_FLIGHT)?;
    let logins = log_in(maria, &mut daemun).await?;
    let mut warm = match &cached {
        Ok(url) => Some(with_redis(maria, url).await?),
        Err(_) => None,
    };
    // Its table has the same rows as the server's has by now.
    let begin =
        Begin { url: maria.other.clone(), from: maria.own_name().into(), connections: IN_FLIGHT };
    let mut statements = Statements::start(begin).await?;
    let played = play(maria, &mut daemun, warm.as_mut(), &mut statements).await?;
    let (open_warm, [open, refresh, references @ ..]) = played;
    statements.end().await?;
    if let Some(warm) = warm {
        warm.end().await?;
    }
    let messages = tell(maria, &mut daemun).await?;
    daemun.end().await?;

    let [few, many, update, commit] = &references;
    let (select, write) = (fastest(&[few, many]), fastest(&[update, commit]));
    let (select, write) = select.zip(write).ok_or("nothing to hold it against")?;
    let mut claims = vec![
        Claim::new(&open, select, vec![Bar::reach(REACH_OPEN)]),
        Claim::new(&refresh, write, vec![Bar::reach(REACH_REFRESH)]),
    ];
    claims.extend(
        open_warm.as_ref().map(|warm| Claim::new(warm, select, vec![Bar::reach(REACH_WARM)])),
    );
    let mut figures = vec![open];
    figures.extend(open_warm);
    figures.extend([few.clone(), many.clone(), refresh, update.clone(), commit.clone()]);
    figures.extend([logins, messages]);
    let mut notes = notes(&figures);
    notes.push(match cached {
        Ok(_) => "With Redis: a server of its own, on a database of its own; each login's session \
                  is opened once before, so that Redis knows it. What Redis spends is not said."
            .to_owned(),
        Err(why) => format!("No row with Redis, because it cannot be run here: {why}"),
    });
    Ok(Found { notes, figures, claims })
}

/// A Redis, if it can be run here. Starting it blocks, so it has a thread of its own.
async fn redis() -> Result<Redis, String> {
    let started = tokio::task::spawn_blocking(|| Redis::start(&Binaries::default(), &[])).await;
    started.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// A server that has a Redis too, with as many guests.
async fn with_redis(maria: &Maria, url: &str) -> Result<Contender, Fault> {
    let settings = [
        ("DAEMUN_STORAGE__MARIADB__URL", maria.warm.as_str()),
        ("DAEMUN_STORAGE__MARIADB__MIGRATE_AT_START", "true"),
        ("DAEMUN_STORAGE__REDIS__URL", url),
        ("DAEMUN_GATEWAY__FIRST_FRAME_TIMEOUT_S", "60"),
    ];
    let mut warm = Contender::crowded(Subject::server(&settings).await?, IN_FLIGHT)?;
    warm.order(Order::Connect(IN_FLIGHT)).await?;
    for _ in 0..contest::PLAYED {
        warm.order(Order::LogIn(LOGINS)).await?;
    }
    warm.order(Order::Leave(0)).await?;
    Ok(warm)
}

/// Opens every guest's session once more than is measured, so that Redis knows where each stands.
async fn open_warm(
    maria: &Maria,
    warm: &mut Contender,
    series: &mut Series,
    round: usize,
) -> Result<(), Fault> {
    warm.order(Order::Connect(GUESTS)).await?;
    warm.order(Order::Open).await?;
    warm.order(Order::Leave(GUESTS)).await?;
    warm.order(Order::Connect(GUESTS)).await?;
    turn(maria, warm, series, round, Order::Open).await?;
    warm.order(Order::Leave(GUESTS)).await.map(|_| ())
}

/// New guests log in, round for round. There is nothing to take turns with.
async fn log_in(maria: &Maria, daemun: &mut Contender) -> Result<Figure, Fault> {
    let mut logins = Series::new("`auth.login` of a new guest", LOGINS);
    daemun.order(Order::Connect(IN_FLIGHT)).await?;
    for round in 0..contest::PLAYED {
        eprintln!("logins, round {round}");
        turn(maria, daemun, &mut logins, round, Order::LogIn(LOGINS)).await?;
    }
    daemun.order(Order::Leave(0)).await?;
    logins.figure()
}

/// The server and its reference take turns.
async fn play(
    maria: &Maria,
    daemun: &mut Contender,
    mut warm: Option<&mut Contender>,
    statements: &mut Statements,
) -> Result<(Option<Figure>, [Figure; 6]), Fault> {
    let mut opened_warm = Series::new("`session.open` with a token, Redis warm", GUESTS);
    let mut open = Series::new("`session.open` with a token", GUESTS);
    let mut refresh = Series::new("`auth.refresh`", GUESTS);
    let mut references = references();
    for round in 0..contest::PLAYED {
        eprintln!("opens and refreshes, round {round}");
        daemun.order(Order::Connect(GUESTS)).await?;
        turn(maria, daemun, &mut open, round, Order::Open).await?;
        daemun.order(Order::Leave(GUESTS)).await?;
        daemun.order(Order::Connect(IN_FLIGHT)).await?;
        turn(maria, daemun, &mut refresh, round, Order::Refresh(GUESTS)).await?;
        daemun.order(Order::Leave(0)).await?;
        if let Some(warm) = &mut warm {
            open_warm(maria, warm, &mut opened_warm, round).await?;
        }
        for (series, work) in &mut references {
            let beside = || Ok::<_, Fault>(Beside { database: maria.cpu()?, ..Beside::default() });
            let before = beside()?;
            let taken = statements.take(*work).await?;
            series.keep(round, taken, beside()?.since(before));
        }
    }
    let [few, many, update, commit] = references;
    let series = [open, refresh, few.0, many.0, update.0, commit.0];
    let figures: Vec<Figure> = series.iter().map(Series::figure).collect::<Result<_, _>>()?;
    let figures = figures.try_into().map_err(|_| Fault::from("a turn has no figure"))?;
    Ok((warm.map(|_| opened_warm.figure()).transpose()?, figures))
}

fn references() -> [(Series, Work); 4] {
    let work = |name: &str, what, connections| {
        let name = format!("{name}, {connections} connections");
        (Series::new(name, GUESTS), Work { what, connections, many: GUESTS })
    };
    [
        work("select by key", What::Select, CONNECTIONS),
        work("select by key", What::Select, IN_FLIGHT),
        work("update that commits by itself", What::Update, IN_FLIGHT),
        work("update, then commit", What::UpdateAndCommit, IN_FLIGHT),
    ]
}

/// Members with open sessions are told something.
async fn tell(maria: &Maria, daemun: &mut Contender) -> Result<Figure, Fault> {
    let mut messages = Series::new("a numbered message, stored and delivered", MESSAGES);
    daemun.order(Order::Storm(MESSAGES)).await?;
    let members = daemun.order(Order::Members).await?.members;
    for round in 0..contest::PLAYED {
        eprintln!("messages, round {round}");
        let work = async |it: &mut Contender| it.tell(&members, IN_FLIGHT).await;
        measured(maria, daemun, &mut messages, round, work).await?;
    }
    messages.figure()
}

/// Has an order carried out that is measured.
async fn turn(
    maria: &Maria,
    daemun: &mut Contender,
    series: &mut Series,
    round: usize,
    order: Order,
) -> Result<(), Fault> {
    let work = async |it: &mut Contender| it.order(order).await.map(|_| ());
    measured(maria, daemun, series, round, work).await
}

async fn measured(
    maria: &Maria,
    daemun: &mut Contender,
    series: &mut Series,
    round: usize,
    work: impl AsyncFnOnce(&mut Contender) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let beside = |daemun: &Contender| {
        Ok::<_, Fault>(Beside { database: maria.cpu()?, clients: daemun.clients.cpu()? })
    };
    let before = beside(daemun)?;
    let taken = daemun.take(series.operations(), work).await?;
    series.keep(round, taken, beside(daemun)?.since(before));
    Ok(())
}

fn notes(figures: &[Figure]) -> Vec<String> {
    let spent = figures.iter().map(|figure| {
        let of = |name: &str| figure.detail[name].as_f64().unwrap_or(f64::NAN);
        let own = of("micros_of_processor_time");
        let database = of("micros_of_processor_time_of_mariadb");
        let clients = of("micros_of_processor_time_of_clients");
        format!("{}: {own:.0}, {database:.0}, {clients:.0}", figure.what)
    });
    vec![
        format!(
            "A figure is the time of all operations by the clock, divided by them, {IN_FLIGHT} of \
             them in flight: half of it is twice the rate. The clients share the cores."
        ),
        format!(
            "What is held against each other takes turns, {} rounds of which the first warms up; a \
             figure is the median of the others. Every reply and every row is checked.",
            contest::PLAYED
        ),
        format!(
            "MariaDB runs with the settings of deploy/mariadb/daemun.cnf (both logs on the disk \
             before a commit is acknowledged). The reference is the bare driver, multi-threaded, \
             with prepared statements on held connections to the same server, and a copy of the \
             table of logins, {GUESTS} rows; a claim is held against its fastest way."
        ),
        format!(
            "A session's websocket is there before it is opened. {MESSAGES} members are told {TEXT} \
             bytes each, as the bench `message` does it. The game log is embedded."
        ),
        format!(
            "Processor time in µs each, of the process that asks MariaDB, of MariaDB, and of the \
             clients, where there are any. {}.",
            spent.collect::<Vec<_>>().join("; ")
        ),
    ]
}
