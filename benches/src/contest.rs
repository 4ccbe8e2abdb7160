//! Figures of time, taken by turns.
//!
//! All that is compared is there at once, each a process of its own with clients of its own,
//! and silent but for its turn. A round gives everyone one turn; the first round is not
//! counted. A turn is measured at the process that serves: the clients' own time is nobody's.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use crate::Fault;
use crate::clients::crowd::AT_A_TIME;
use crate::clients::{Clients, Done, Order, Whom};
use crate::process::Process;
use crate::report::{Figure, Spread};
use crate::subject::Subject;

/// How many rounds count.
const ROUNDS: usize = 5;
/// How many are played: the first warms up.
pub(crate) const PLAYED: usize = ROUNDS + 1;
/// How long any order may take: none is larger than the entry of some thousands of guests.
pub(crate) const LONGEST: Duration = Duration::from_secs(180);
/// How long after the last answer a process is looked at: what it still has to do is its own.
const AFTERMATH: Duration = Duration::from_millis(40);

/// One of those that are compared.
pub(crate) struct Contender {
    /// What serves.
    pub(crate) subject: Subject,
    pub(crate) clients: Clients,
}

/// What is measured of a contender, round for round.
pub(crate) struct Turn {
    /// What it is called in a report.
    pub(crate) what: String,
    /// Whose turn it is, by the place among the contenders.
    pub(crate) who: usize,
    /// What its clients do before, which is not measured.
    pub(crate) before: Vec<Order>,
    /// What is measured.
    pub(crate) order: Order,
    /// Of how many operations that consists.
    pub(crate) operations: usize,
    /// What its clients do after, which is not measured.
    pub(crate) after: Vec<Order>,
}

/// What came of one turn.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    /// Processor time, in microseconds an operation.
    micros: f64,
    /// Operations a second as the clients saw it.
    a_second: f64,
}

/// A process that is being looked at while it works.
pub(crate) struct Watch {
    began: Instant,
    before: Duration,
}

impl Watch {
    /// Begins to look.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn start(process: &Process) -> Result<Self, Fault> {
        Ok(Self { began: Instant::now(), before: process.cpu()? })
    }

    /// Ends when the work has: what it took, shared by so many operations.
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) async fn stop(self, process: &Process, operations: usize) -> Result<Taken, Fault> {
        let took = self.began.elapsed();
        sleep(AFTERMATH).await;
        let spent = process.cpu()?.saturating_sub(self.before);
        let operations = operations as f64;
        let micros = spent.as_secs_f64() * 1e6 / operations;
        Ok(Taken { micros, a_second: operations / took.as_secs_f64() })
    }
}

impl Contender {
    /// Gives a subject its clients.
    ///
    /// # Errors
    /// When they cannot be started.
    pub(crate) fn new(subject: Subject) -> Result<Self, Fault> {
        let whom = subject.whom;
        Self::speaking(subject, whom)
    }

    /// Gives a subject clients of another kind than its own.
    ///
    /// # Errors
    /// When they cannot be started.
    pub(crate) fn speaking(subject: Subject, whom: Whom) -> Result<Self, Fault> {
        let clients = Clients::start(whom, subject.address(), AT_A_TIME)?;
        Ok(Self { subject, clients })
    }

    /// Gives a subject clients of which so many are at work at a time.
    ///
    /// # Errors
    /// When they cannot be started.
    pub(crate) fn crowded(subject: Subject, at_a_time: usize) -> Result<Self, Fault> {
        let clients = Clients::start(subject.whom, subject.address(), at_a_time)?;
        Ok(Self { subject, clients })
    }

    /// Has an order carried out that is not measured.
    ///
    /// # Errors
    /// When a reply was wrong, or it takes too long.
    pub(crate) async fn order(&mut self, order: Order) -> Result<Done, Fault> {
        self.clients.order(order, LONGEST).await
    }

    /// Has work done, and takes what the subject spent on it.
    ///
    /// # Errors
    /// The work's own, and when the process is gone.
    pub(crate) async fn take(
        &mut self,
        operations: usize,
        work: impl AsyncFnOnce(&mut Self) -> Result<(), Fault>,
    ) -> Result<Taken, Fault> {
        let watch = Watch::start(self.subject.process())?;
        work(self).await?;
        watch.stop(self.subject.process(), operations).await
    }

    /// Ends both processes.
    ///
    /// # Errors
    /// When one had ended before.
    pub(crate) async fn end(self) -> Result<(), Fault> {
        self.clients.end().await?;
        self.subject.end().await
    }
}

/// Plays all rounds, and gives a figure for each of the turns.
///
/// # Errors
/// When a reply was wrong, or a process is gone.
pub(crate) async fn play(
    contenders: &mut [Contender],
    turns: &[Turn],
) -> Result<Vec<Figure>, Fault> {
    let mut taken = vec![Vec::new(); turns.len()];
    for round in 0..PLAYED {
        eprintln!("round {round} of {ROUNDS}");
        for (turn, taken) in turns.iter().zip(&mut taken) {
            let contender = contenders.get_mut(turn.who).ok_or("a turn of nobody")?;
            for order in &turn.before {
                contender.order(*order).await?;
            }
            let work = async |it: &mut Contender| it.order(turn.order).await.map(|_| ());
            let figure = contender.take(turn.operations, work).await?;
            for order in &turn.after {
                contender.order(*order).await?;
            }
            if round > 0 {
                taken.push(figure);
            }
        }
    }
    turns.iter().zip(taken).map(|(turn, taken)| figure(&turn.what, &taken)).collect()
}

/// The median of what was taken, and how far it spreads.
///
/// # Errors
/// When nothing was taken.
pub(crate) fn figure(what: &str, taken: &[Taken]) -> Result<Figure, Fault> {
    let micros = || taken.iter().map(|it| it.micros);
    let (value, spread) = middle(what, micros())?;
    let (a_second, _) = middle(what, taken.iter().map(|it| it.a_second))?;
    Ok(Figure {
        what: what.to_owned(),
        value,
        spread: Some(spread),
        detail: json!({
            "rounds": micros().collect::<Vec<_>>(),
            "a_second_by_the_clock": a_second,
        }),
    })
}

/// The same by the clock: what an operation took of the time that all of them took together.
///
/// # Errors
/// When nothing was taken.
pub(crate) fn figure_by_the_clock(what: &str, taken: &[Taken]) -> Result<Figure, Fault> {
    let micros = || taken.iter().map(|it| 1e6 / it.a_second);
    let (value, spread) = middle(what, micros())?;
    let (spent, _) = middle(what, taken.iter().map(|it| it.micros))?;
    Ok(Figure {
        what: what.to_owned(),
        value,
        spread: Some(spread),
        detail: json!({
            "rounds": micros().collect::<Vec<_>>(),
            "micros_of_processor_time": spent,
        }),
    })
}

/// The median of values, and between which they are.
fn middle(what: &str, values: impl Iterator<Item = f64>) -> Result<(f64, Spread), Fault> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let nothing = || format!("{what}: nothing was taken");
    let (&least, &most) = values.first().zip(values.last()).ok_or_else(nothing)?;
    Ok((median(&values).ok_or_else(nothing)?, Spread { least, most }))
}

/// Of sorted values; with an even number of them, the lower of the middle two.
fn median(sorted: &[f64]) -> Option<f64> {
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

/// Ends everyone.
///
/// # Errors
/// When one had ended before.
pub(crate) async fn end(contenders: Vec<Contender>) -> Result<(), Fault> {
    for contender in contenders {
        contender.end().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_the_median_with_its_spread() {
        let taken = |micros| Taken { micros, a_second: 1.0 };
        let figure = figure("it", &[taken(9.0), taken(1.0), taken(2.0)]).unwrap();
        assert_eq!(figure.value, 2.0);
        assert_eq!(figure.spread, Some(Spread { least: 1.0, most: 9.0 }));
        assert!(super::figure("it", &[]).is_err());
    }

    #[test]
    fn the_clock_says_what_is_shared_by_all_at_once() {
        let taken = |a_second| Taken { micros: 7.0, a_second };
        let taken = [taken(1e6), taken(2.5e5), taken(5e5)];
        let figure = super::figure_by_the_clock("it", &taken).unwrap();
        assert_eq!(figure.value, 2.0);
        assert_eq!(figure.spread, Some(Spread { least: 1.0, most: 4.0 }));
        assert_eq!(figure.detail["micros_of_processor_time"], 7.0);
    }
}
