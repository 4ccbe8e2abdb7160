//! What a bench says: a table for people, and the same as JSON.

mod notes;
mod table;

use std::fmt;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::Fault;
use crate::machine::Machine;
use table::Table;

pub(crate) use notes::{notes_of_time, notes_of_time_alone};
pub(crate) use table::grouped;

/// The unit of figures of processor time.
pub(crate) const MICROS: &str = "µs of CPU each";
/// The unit of figures by the clock.
pub(crate) const CLOCK: &str = "µs each, by the clock";
/// How far a figure may grow with the number of sessions and still count as flat.
const FLAT: f64 = 1.2;

/// All that a run has found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// The bench's word on the command line.
    pub(crate) bench: &'static str,
    /// What was measured, in a line.
    pub(crate) title: String,
    /// The unit of every figure.
    pub(crate) unit: &'static str,
    /// What was measured.
    pub(crate) figures: Vec<Figure>,
    /// What it says.
    pub(crate) claims: Vec<Claim>,
    /// The numbers that made this run what it was.
    pub(crate) setup: Value,
    /// How the figures are to be read.
    pub(crate) notes: Vec<String>,
    /// Where they were taken.
    pub(crate) machine: Machine,
}

/// One thing that was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    /// What it is.
    pub(crate) what: String,
    /// How much, in the report's unit: the median where it was taken more than once.
    pub(crate) value: f64,
    /// The least and the most, where it was taken more than once.
    pub(crate) spread: Option<Spread>,
    /// What it was worked out from.
    pub(crate) detail: Value,
}

/// Between which values a figure was found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// The smallest.
    pub(crate) least: f64,
    /// The largest.
    pub(crate) most: f64,
}

/// A figure beside its reference.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Claim {
    /// The figure's name.
    pub(crate) what: String,
    /// The reference's name.
    pub(crate) reference: String,
    /// The figure, in references.
    pub(crate) ratio: f64,
    /// What the ratio is held against.
    pub(crate) bars: Vec<Judged>,
}

/// The most a ratio may be.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Bar {
    /// When it is to hold.
    pub(crate) kind: BarKind,
    /// The most, in references.
    pub(crate) at_most: f64,
}

/// When a bar is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BarKind {
    /// Now.
    Now,
    /// In the end; it is worked towards.
    Reach,
}

/// A bar, and whether it was met.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Judged {
    /// The bar.
    #[serde(flatten)]
    pub(crate) bar: Bar,
    /// Whether the ratio is at most that.
    pub(crate) met: bool,
}

impl Bar {
    /// One that is to hold now.
    #[must_use]
    pub(crate) fn now(at_most: f64) -> Self {
        Self { kind: BarKind::Now, at_most }
    }

    /// One that is worked towards.
    #[must_use]
    pub(crate) fn reach(at_most: f64) -> Self {
        Self { kind: BarKind::Reach, at_most }
    }
}

impl Claim {
    /// Divides a figure by its reference, and holds the ratio against the bars. A ratio to
    /// nothing is no number, and meets none.
    #[must_use]
    pub(crate) fn new(figure: &Figure, reference: &Figure, bars: Vec<Bar>) -> Self {
        let ratio = if reference.value > 0.0 { figure.value / reference.value } else { f64::NAN };
        let judged = |bar: Bar| Judged { bar, met: ratio <= bar.at_most };
        let bars = bars.into_iter().map(judged).collect();
        Self { what: figure.what.clone(), reference: reference.what.clone(), ratio, bars }
    }

    /// Holds a figure against the same with fewer sessions: it is to stay flat.
    #[must_use]
    pub(crate) fn grown(figure: &Figure, smallest: &Figure) -> Self {
        Self::new(figure, smallest, vec![Bar::reach(FLAT)])
    }

    fn verdict(&self, kind: BarKind) -> String {
        let bar = self.bars.iter().find(|judged| judged.bar.kind == kind);
        bar.map_or_else(String::new, |Judged { bar, met }| {
            format!("{}x {}", bar.at_most, if *met { "met" } else { "**missed**" })
        })
    }
}

impl Report {
    /// Prints it, and writes it as JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn publish(&self, path: &Path) -> Result<(), Fault> {
        print!("{self}");
        self.write(path)
    }

    /// What the other side of a figure of time is called: so many of it in one second.
    fn rate(&self) -> Option<&'static str> {
        match self.unit {
            MICROS => Some("a second and core"),
            CLOCK => Some("a second"),
            _ => None,
        }
    }

    fn write(&self, path: &Path) -> Result<(), Fault> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let text = format!("{}\n", serde_json::to_string_pretty(self)?);
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        eprintln!("written to {}", path.display());
        Ok(())
    }
}

/// As Markdown, to be read on the screen and pasted into a document.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n### {}\n", self.title)?;
        if self.figures.is_empty() {
            writeln!(f, "Nothing was measured.\n")?;
        } else if let Some(rate) = self.rate() {
            let mut figures = Table::new(["what", self.unit, "least to most", rate]);
            for figure in &self.figures {
                let Spread { least, most } =
                    figure.spread.unwrap_or(Spread { least: figure.value, most: figure.value });
                let spread = format!("{} to {}", table::rounded(least), table::rounded(most));
                let rate = grouped(1e6 / figure.value);
                figures.row([figure.what.clone(), table::rounded(figure.value), spread, rate]);
            }
            writeln!(f, "{figures}")?;
        } else {
            let mut figures = Table::new(["what", self.unit]);
            for figure in &self.figures {
                figures.row([figure.what.clone(), grouped(figure.value)]);
            }
            writeln!(f, "{figures}")?;
        }
        if !self.claims.is_empty() {
            let mut claims = Table::new(["claim", "ratio", "at most now", "to reach"]);
            for claim in &self.claims {
                let ratio = format!("{:.2}x", claim.ratio);
                let [now, reach] = [BarKind::Now, BarKind::Reach].map(|kind| claim.verdict(kind));
                claims.row([format!("{} / {}", claim.what, claim.reference), ratio, now, reach]);
            }
            writeln!(f, "{claims}")?;
        }
        for note in &self.notes {
            writeln!(f, "- {note}")?;
        }
        writeln!(f, "\n{}", self.machine)
    }
}

#[cfg(test)]
pub(crate) mod tests;
