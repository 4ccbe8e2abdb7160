//! How often somebody asks, counted by all nodes together.
//!
//! A node judges by itself, at once, and tells the others now and then what it let pass: that is
//! added to where the key stands for everybody, and comes back with what others let pass. So a
//! node that cannot tell the others goes on as if it were alone, and none waits for them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::error::Result;

/// What passed on a node since it told the others last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Who asked, and by which limit it is counted: a word that no other limit uses.
    pub key: String,
    /// How often.
    pub times: u32,
    /// In which time one of them is forgotten.
    pub each: Duration,
    /// The most that is remembered: whoever asked far too often is not refused for ever.
    pub most: Duration,
}

/// What a backend does for rates.
#[async_trait]
pub trait RatesDuty: Send + Sync {
    /// Adds what passed, and says of each, in their order, in what time all that passed on any
    /// node will be forgotten.
    async fn pass(&self, passed: Vec<Passed>) -> Result<Vec<Duration>>;
}

/// The handle for rates. There is none to tell where there is one node.
#[derive(Clone, Default)]
pub struct Rates(pub(crate) Option<Arc<dyn RatesDuty>>);

impl Rates {
    /// Whether other nodes are told at all.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.0.is_some()
    }

    /// As [`RatesDuty::pass`]; of nothing, where there are no others.
    ///
    /// # Errors
    /// `Unavailable` when others cannot be told. Some of it may have been added.
    pub async fn pass(&self, passed: Vec<Passed>) -> Result<Vec<Duration>> {
        match &self.0 {
            Some(rates) if !passed.is_empty() => rates.pass(passed).await,
            Some(_) | None => Ok(Vec::new()),
        }
    }
}
