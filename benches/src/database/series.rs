//! A figure by the clock, and what the processors did meanwhile.

use std::time::Duration;

use serde_json::json;

use crate::Fault;
use crate::contest::{Taken, figure_by_the_clock};
use crate::report::Figure;

/// What processor time has been used beside the process that is measured.
#[derive(Clone, Copy, Default)]
pub(super) struct Beside {
    /// By MariaDB.
    pub(super) database: Duration,
    /// By the clients, where there are any.
    pub(super) clients: Duration,
}

impl Beside {
    /// What was used since.
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            database: self.database.saturating_sub(before.database),
            clients: self.clients.saturating_sub(before.clients),
        }
    }
}

/// What was taken of one thing, round for round.
pub(super) struct Series {
    what: String,
    operations: usize,
    taken: Vec<Taken>,
    beside: Vec<Beside>,
}

impl Series {
    pub(super) fn new(what: impl Into<String>, operations: usize) -> Self {
        Self { what: what.into(), operations, taken: Vec::new(), beside: Vec::new() }
    }

    /// Of how many operations a round consists.
    pub(super) fn operations(&self) -> usize {
        self.operations
    }

    /// Keeps what a round came to, unless it was the first, which warms up.
    pub(super) fn keep(&mut self, round: usize, taken: Taken, beside: Beside) {
        if round > 0 {
            self.taken.push(taken);
            self.beside.push(beside);
        }
    }

    /// The figure.
    ///
    /// # Errors
    /// When nothing was kept.
    pub(super) fn figure(&self) -> Result<Figure, Fault> {
        let mut figure = figure_by_the_clock(&self.what, &self.taken)?;
        let each = |of: fn(&Beside) -> Duration| {
            let all: Duration = self.beside.iter().map(of).sum();
            all.as_secs_f64() * 1e6 / (self.beside.len() * self.operations) as f64
        };
        figure.detail["micros_of_processor_time_of_mariadb"] = json!(each(|it| it.database));
        figure.detail["micros_of_processor_time_of_clients"] = json!(each(|it| it.clients));
        figure.detail["operations"] = json!(self.operations);
        Ok(figure)
    }
}

/// The one that takes the least.
pub(super) fn fastest<'a>(figures: &[&'a Figure]) -> Option<&'a Figure> {
    figures.iter().copied().min_by(|one, other| one.value.total_cmp(&other.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::figure;

    #[test]
    fn the_fastest_takes_the_least() {
        let figures = [figure("a", 3.0), figure("b", 1.0), figure("c", 2.0)];
        assert_eq!(fastest(&figures.each_ref()).unwrap().what, "b");
        assert!(fastest(&[]).is_none());
    }

    #[test]
    fn a_series_of_a_warm_up_alone_is_no_figure() {
        assert!(Series::new("it", 10).figure().is_err());
    }
}
