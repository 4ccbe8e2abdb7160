//! Answers to many, some of whom met a server that does not keep their shard.

use crate::error::{Result, StorageError};

/// How often an item is tried: by the map as it is known, and by the map read anew.
const ROUNDS: u32 = 2;

/// What became of an item.
pub(super) enum Placed<T> {
    Done(Result<T>),
    /// It met a server that does not keep its shard, or nobody does. Nothing was done.
    Elsewhere,
}

/// The answers so far, and who still waits for one.
pub(super) struct Answers<T> {
    answers: Vec<Option<Result<T>>>,
    /// Places of those without an answer.
    rest: Vec<usize>,
    rounds: u32,
}

impl<T> Answers<T> {
    pub(super) fn new(count: usize) -> Self {
        let answers = (0..count).map(|_| None).collect();
        Self { answers, rest: (0..count).collect(), rounds: 0 }
    }

    /// Places of those who wait.
    pub(super) fn rest(&self) -> &[usize] {
        &self.rest
    }

    /// Takes what a round came to. Who is not in it waits on.
    pub(super) fn take(&mut self, placed: impl IntoIterator<Item = (usize, Placed<T>)>) {
        self.rounds += 1;
        for (at, placed) in placed {
            if let Placed::Done(answer) = placed {
                self.answers[at] = Some(answer);
            }
        }
        self.rest.retain(|at| self.answers[*at].is_none());
    }

    pub(super) fn wants_more(&self) -> bool {
        !self.rest.is_empty()
    }

    pub(super) fn is_last_round(&self) -> bool {
        self.rounds >= ROUNDS
    }

    /// Every answer, in order; `Moved` for those who got none.
    pub(super) fn all(self) -> Vec<Result<T>> {
        self.answers.into_iter().map(|it| it.unwrap_or(Err(StorageError::Moved))).collect()
    }
}
