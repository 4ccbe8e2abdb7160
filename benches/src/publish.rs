//! How soon everyone is told: of a notice for a third of them, and of a maintenance that begins,
//! which closes them; and what a steady load of `session.ping` feels of it.
//!
//! Times are those of the system's clock, which all processes here share: from the instant at which
//! the operator's command was sent, or for which the maintenance was planned, to the moment at which
//! a client has read it.

use std::path::PathBuf;
use std::time::Duration;

use protocol::close::CloseCode;
use protocol::time::Micros;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::clients::hark::{Pulse, now};
use crate::clients::player::{Being, GAME};
use crate::clients::{Clients, Order, Word};
use crate::contest::{self, Contender, Taken};
use crate::machine::Machine;
use crate::reference::{Kind, bare};
use crate::report::{Bar, Claim, Figure, Report, grouped};
use crate::scale::{Sizes, enough_files};
use crate::subject::Subject;
use crate::{Fault, server};

/// How many sessions ask all the time. They are testers, whom no maintenance closes.
const PINGERS: usize = 200;
/// How often they ask, all together, in a second.
const A_SECOND: u32 = 1_000;
/// For how long they ask: the maintenance begins in the middle.
const PULSE_S: u32 = 16;
/// How long before its beginning the maintenance is planned.
const AHEAD_S: i64 = 8;
/// For how long after an instant it is felt, as far as this bench is concerned.
const FELT_US: i64 = 2_000_000;
/// What the last fifth of a hundred is to be told within: a second.
const SECOND_US: f64 = 1e6;
/// The most that a delivery is to cost, in bare writes.
const REACH: f64 = 1.2;
/// The installation that the pingers say they are.
const PINGER: &str = "pinger";

/// Where the figures are written unless said otherwise.
const OUT: &str = "target/bench/publish.json";

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

/// Measures at the largest size, prints the table and writes the file.
///
/// # Errors
/// When somebody did not hear it, or something did not happen in time.
pub(crate) async fn run(arguments: &Arguments) -> Result<Report, Fault> {
    let size = arguments.sizes.rising(PINGERS)?.pop().ok_or("no size")?;
    enough_files(size + PINGERS)?;
    server::binary()?;
    let third = size / 3;
    let mut house = House::open(size - third, third).await?;
    let mut bare = Contender::new(Subject::reference(Kind::Bare).await?)?;
    bare.order(Order::Enter(third)).await?;

    let mut figures = Vec::new();
    let (notice, ours, writes) = house.notices(&mut bare, third).await?;
    let to_third = format!("a notice for {} of {}", grouped(third as f64), grouped(size as f64));
    let (told, mut claims) = delays(&format!("{to_third}: told"), &notice)?;
    figures.extend(told);
    let maintenance = house.maintenance().await?;
    for (what, all) in [
        ("a maintenance is planned: told", maintenance.planned),
        ("it begins: told", maintenance.told),
        ("it begins: closed", maintenance.closed),
    ] {
        let (rows, held) = delays(&format!("{what}, {}", grouped(size as f64)), &all)?;
        figures.extend(rows);
        claims.extend(held);
    }
    for (when, all) in [("before", maintenance.before), ("while all are told", maintenance.during)]
    {
        let (rows, _) = delays(&format!("`session.ping` {when}"), &all)?;
        figures.extend(rows);
    }
    let ours = contest::figure(&format!("{to_third}: µs of CPU for each told"), &ours)?;
    let writes = contest::figure(&format!("{}: µs of CPU for each", Kind::Bare.name()), &writes)?;
    claims.push(Claim::new(&ours, &writes, vec![Bar::reach(REACH)]));
    figures.extend([ours, writes]);

    house.end().await?;
    bare.end().await?;
    let report = Report {
        bench: "publish",
        title: "How soon everyone is told".to_owned(),
        unit: "µs",
        figures,
        claims,
        setup: json!({"sessions": size, "pingers": PINGERS, "pings_a_second": A_SECOND}),
        notes: notes(),
        machine: Machine::here()?,
    };
    report.publish(&arguments.out)?;
    Ok(report)
}

fn notes() -> Vec<String> {
    vec![
        format!(
            "By the clock that the server, its clients and this bench share. The clients are three \
             processes on the same cores as the server: what they take to read is in the figures. \
             A notice goes {} times to a third, by its language; the first time is not counted.",
            contest::PLAYED
        ),
        format!(
            "{PINGERS} sessions ask `session.ping` {A_SECOND} times a second together, each at its \
             time whether or not others were answered, and how long it takes counts from there. \
             What they felt is that of the {} s after the maintenance's instant, beside what they \
             felt before it.",
            FELT_US / 1_000_000
        ),
        format!("The reference writes {} bytes to each socket by one system call.", bare::BYTES),
    ]
}

/// The server with all who are connected.
struct House {
    /// With those who are told nothing but of the maintenance.
    contender: Contender,
    /// Those for whom the notice is.
    third: Clients,
    pingers: Clients,
}

/// Delays, in microseconds.
#[derive(Default)]
struct Maintained {
    /// The maintenance's instant.
    from: i64,
    planned: Vec<i64>,
    told: Vec<i64>,
    closed: Vec<i64>,
    before: Vec<i64>,
    during: Vec<i64>,
}

impl House {
    async fn open(others: usize, third: usize) -> Result<Self, Fault> {
        let mut contender = Contender::new(Subject::server(&[]).await?)?;
        let tester = json!({"do": "add", "app": GAME, "tester": {"device_id": PINGER}});
        order(&contender, "/commands/tester", &tester).await?;
        let being = |lang: Option<&str>, device_id: Option<&str>| {
            let being =
                Being { lang: lang.map(str::to_owned), device_id: device_id.map(str::to_owned) };
            let Subject { whom, .. } = contender.subject;
            Clients::being(
                whom,
                contender.subject.address(),
                crate::clients::crowd::AT_A_TIME,
                &being,
            )
        };
        let (mut speaking, mut pingers) = (being(Some("ja"), None)?, being(None, Some(PINGER))?);
        eprintln!("{} sessions enter", others + third + PINGERS);
        contender.order(Order::Enter(others)).await?;
        speaking.order(Order::Enter(third), contest::LONGEST).await?;
        pingers.order(Order::Enter(PINGERS), contest::LONGEST).await?;
        Ok(Self { contender, third: speaking, pingers })
    }

    /// Publishes a notice for a third, again and again, and has the reference write by turns.
    async fn notices(
        &mut self,
        bare: &mut Contender,
        third: usize,
    ) -> Result<(Vec<i64>, Vec<Taken>, Vec<Taken>), Fault> {
        let (mut delays, mut ours, mut writes) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..contest::PLAYED {
            eprintln!("round {round}");
            let Self { contender, third: hearing, .. } = self;
            let mut heard = Vec::new();
            let taken = contender
                .take(third, async |it| {
                    let sent = json!({
                        "languages": ["ja"], "title": {"en": format!("Notice {round}")},
                        "text": {"en": "Twice the gems until Sunday."},
                    });
                    let deed = json!({"do": "put", "id": null, "sent": sent});
                    let piece = json!({"kind": "notice", "app": GAME, "deed": deed});
                    let publishing = async {
                        // Everybody listens by then.
                        sleep(Duration::from_millis(500)).await;
                        let at = now();
                        order(it, "/commands/piece", &piece).await.map(|_| at)
                    };
                    let harking = hearing.order(Order::Hark(Word::Published), contest::LONGEST);
                    let (at, done) = futures_util::future::try_join(publishing, harking).await?;
                    heard = done.noted.iter().map(|noted| noted.heard - at).collect();
                    Ok(())
                })
                .await?;
            let written = bare
                .take(third, async |it| {
                    let Contender { subject, clients } = it;
                    let telling = subject.process_mut().say("now");
                    let hearing = clients.order(Order::Listen, contest::LONGEST);
                    futures_util::future::try_join(telling, hearing).await.map(|_| ())
                })
                .await?;
            if round > 0 {
                delays.extend(heard);
                ours.push(taken);
                writes.push(written);
            }
        }
        Ok((delays, ours, writes))
    }

    /// Plans a maintenance, and sees everyone told and closed at its instant.
    async fn maintenance(&mut self) -> Result<Maintained, Fault> {
        eprintln!("a maintenance");
        let Self { contender, third, pingers } = self;
        let pulse = Order::Pulse { a_second: A_SECOND, seconds: PULSE_S };
        let pulsing = pingers.order(pulse, contest::LONGEST);
        let (pulses, noted) =
            futures_util::future::try_join(pulsing, planned(contender, third)).await?;
        Ok(sorted(noted, &pulses.pulses))
    }

    async fn end(self) -> Result<(), Fault> {
        let Self { contender, third, pingers } = self;
        third.end().await?;
        pingers.end().await?;
        contender.end().await
    }
}

async fn planned(contender: &mut Contender, third: &mut Clients) -> Result<Maintained, Fault> {
    let Contender { subject, clients } = contender;
    let server = subject.as_server().ok_or("no server")?;
    let (from, hour) = (now() + AHEAD_S * 1_000_000, 3_600_000_000);
    let plan = json!({
        "from": Micros(from), "to": Micros(from + hour), "message": {"en": "Back in an hour."},
    });
    let asked = json!({"do": "plan", "app": GAME, "plan": plan});
    let mut noted = Maintained { from, ..Maintained::default() };
    // The plan, then the instant; what came in between is in the sockets.
    let planning = async {
        sleep(Duration::from_millis(500)).await;
        let at = now();
        server.order("/commands/maintenance", &asked).await.map(|_| at)
    };
    let scheduled = Order::Hark(Word::Scheduled);
    let (at, some, others) = futures_util::future::try_join3(
        planning,
        clients.order(scheduled, contest::LONGEST),
        third.order(scheduled, contest::LONGEST),
    )
    .await?;
    noted.planned = some.noted.iter().chain(&others.noted).map(|it| it.heard - at).collect();
    let closed = Order::HarkClosed(Word::Started, CloseCode::Maintenance.number());
    let (some, others) = futures_util::future::try_join(
        clients.order(closed, contest::LONGEST),
        third.order(closed, contest::LONGEST),
    )
    .await?;
    let all = || some.noted.iter().chain(&others.noted);
    noted.told = all().map(|it| it.heard - from).collect();
    noted.closed = all().map(|it| it.closed - from).collect();
    Ok(noted)
}

/// With the pings that were due before the instant, and after it.
fn sorted(noted: Maintained, pulses: &[Pulse]) -> Maintained {
    let from = noted.from;
    let took = |from: i64, to: i64| -> Vec<i64> {
        pulses.iter().filter(|it| (from..to).contains(&it.due)).map(|it| it.took).collect()
    };
    // Not while they are told that it is planned.
    let before = took(from - 4_000_000, from - 500_000);
    Maintained { before, during: took(from, from + FELT_US), ..noted }
}

async fn order(contender: &Contender, path: &str, body: &Value) -> Result<Value, Fault> {
    contender.subject.as_server().ok_or("no server")?.order(path, body).await
}

/// The middle, the ninety-ninth of a hundred and the last, and what the latter two are held
/// against.
fn delays(what: &str, all: &[i64]) -> Result<(Vec<Figure>, Vec<Claim>), Fault> {
    let mut all = all.to_vec();
    all.sort_unstable();
    let at = |part: f64| -> Result<f64, Fault> {
        let place = (all.len() as f64 * part).ceil() as usize;
        let found = all.get(place.saturating_sub(1)).copied();
        found.map(|it| it as f64).ok_or_else(|| format!("{what}: nothing was noted").into())
    };
    let figure = |name: &str, value: f64| Figure {
        what: format!("{what}, {name}"),
        value,
        spread: None,
        detail: json!({"of": all.len()}),
    };
    let second = figure("a second", SECOND_US);
    let second = Figure { what: "a second".to_owned(), ..second };
    let figures = vec![figure("p50", at(0.5)?), figure("p99", at(0.99)?), figure("max", at(1.0)?)];
    let claims = vec![Claim::new(&figures[1], &second, vec![Bar::now(1.0)])];
    Ok((figures, claims))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_last_are_of_all() {
        let all: Vec<i64> = (1..=200).rev().collect();
        let (figures, claims) = delays("it", &all).unwrap();
        let values: Vec<_> = figures.iter().map(|figure| figure.value).collect();
        assert_eq!(values, [100.0, 198.0, 200.0]);
        assert!(claims[0].bars[0].met);
        assert!(delays("it", &[]).is_err());
    }

    #[test]
    fn pings_are_put_to_where_they_were_due() {
        let from = 10_000_000;
        let pulse = |due, took| Pulse { due, took };
        let pulses = [
            pulse(from - 5_000_000, 1),
            pulse(from - 1_000_000, 2),
            pulse(from, 3),
            pulse(from + FELT_US, 4),
        ];
        let noted = sorted(Maintained { from, ..Maintained::default() }, &pulses);
        assert_eq!((noted.before, noted.during), (vec![2], vec![3]));
    }
}
