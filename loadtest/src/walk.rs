//! The walk: one simulated player goes through the door step by step, and all that is
//! said is printed.

mod pretty;
mod steps;
mod teller;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use protocol::codec::Format;

use crate::failure::Failure;
use crate::player::Visitor;

pub use teller::{Tally, Teller};

/// Where to walk, and how.
#[derive(Clone, Debug)]
pub struct Walk {
    /// The server's address, for example `http://127.0.0.1:7350`.
    pub server: String,
    /// The game.
    pub app: String,
    /// The formats, each walked from beginning to end.
    pub formats: Vec<Format>,
}

/// Why a walk ended early.
#[derive(Clone, Debug, PartialEq)]
pub enum Stumble {
    /// There is no server.
    NobodyThere {
        /// Where it was looked for.
        server: String,
        /// What the system says.
        why: String,
    },
    /// Something came that was not expected.
    Surprise {
        /// What was expected.
        expected: String,
        /// What came.
        came: String,
    },
}

impl fmt::Display for Stumble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyThere { server, why } => write!(
                f,
                "nothing answers at {server} ({why}): start the server with `cargo run --release`, then walk again"
            ),
            Self::Surprise { expected, came } => {
                write!(f, "a surprise\n  expected: {expected}\n  came:     {came}")
            }
        }
    }
}

impl std::error::Error for Stumble {}

impl Walk {
    /// Walks once in each format.
    ///
    /// # Errors
    /// At the first surprise.
    pub async fn take(&self, teller: &Arc<Teller>) -> Result<Tally, Stumble> {
        let start = Instant::now();
        for format in &self.formats {
            teller.heading(&format!("The walk in {}", name(*format)));
            steps::walk(self.visitor(*format, teller)?, teller).await?;
        }
        let tally = teller.tally();
        let names = self.formats.iter().map(|format| name(*format)).collect::<Vec<_>>();
        teller.closing(&format!(
            "the walk is complete: {} frames and {} HTTP calls, in {}, {} ms",
            tally.frames,
            tally.calls,
            names.join(" and in "),
            start.elapsed().as_millis(),
        ));
        Ok(tally)
    }

    fn visitor(&self, format: Format, teller: &Arc<Teller>) -> Result<Visitor, Stumble> {
        let visitor = Visitor::new(&self.server, &self.app, format)
            .or_surprise("an address and a game to walk to")?;
        Ok(visitor.watched_by(Arc::clone(teller) as _))
    }
}

fn name(format: Format) -> &'static str {
    match format {
        Format::Msgpack => "MessagePack",
        Format::Json => "JSON",
    }
}

/// Turns what a client could not get into what the walk did not expect.
trait OrSurprise<T> {
    fn or_surprise(self, expected: &str) -> Result<T, Stumble>;
}

impl<T> OrSurprise<T> for Result<T, Failure> {
    fn or_surprise(self, expected: &str) -> Result<T, Stumble> {
        self.map_err(|failure| surprise(expected, failure))
    }
}

fn surprise(expected: impl fmt::Display, came: impl fmt::Display) -> Stumble {
    Stumble::Surprise { expected: expected.to_string(), came: came.to_string() }
}

/// A surprise, unless `fine`.
fn expect(fine: bool, expected: impl fmt::Display, came: impl fmt::Display) -> Result<(), Stumble> {
    if fine { Ok(()) } else { Err(surprise(expected, came)) }
}

#[cfg(test)]
mod tests;
