//! What members did with notices and banners, and how often.
//!
//! What operators wrote is [documents](crate::documents). Here is what came of it: a member's
//! *regard* for a notice or banner is a row of his own, written when he sees it or puts it away
//! and never by whoever publishes it. How often each was shown, clicked and put away is *tallied*
//! by every run of the program for itself and kept as a whole, so that keeping it twice does
//! nothing.

use async_trait::async_trait;
use protocol::ids::MemberId;
use uuid::Uuid;

use crate::actor::records::{Key, Records};
use crate::clock::Micros;
use crate::error::{Result, StorageError};

/// What calls about this are kept in order by.
const KEY: Key = Key::Domain("content");

/// The most marks of one write.
pub const MAX_MARKS: usize = 50;
/// The most notices and banners of which a member's regards are read: all that a game and the
/// publisher may have.
pub const MAX_REGARDS: usize = 2_000;
/// The most tallies of one write.
pub const MAX_TALLIES: usize = 1_000;
/// The end of what is put away for good.
pub const FOR_GOOD: Micros = Micros(i64::MAX);

/// What a member did with a notice or banner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// He saw it. The first time counts.
    Seen,
    /// He put it away until then, or [for good](FOR_GOOD). The last time counts.
    Dismissed(Micros),
}

/// A member's deeds, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkWrite {
    /// Whose.
    pub member: MemberId,
    /// What he did with which notice or banner, each named once; 50 at most.
    pub marks: Vec<(Uuid, Deed)>,
    /// The present time.
    pub now: Micros,
}

/// What a member did with one notice or banner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regard {
    /// Which.
    pub content: Uuid,
    /// When he saw it first.
    pub seen_at: Option<Micros>,
    /// Until when he put it away.
    pub dismissed_until: Option<Micros>,
}

/// How often something happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// It was shown to a player.
    pub shown: u64,
    /// A player clicked it.
    pub clicked: u64,
    /// A player put it away.
    pub dismissed: u64,
}

/// How often something happened to a notice or banner on a day, as one run of the program counted
/// it so far. It only rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Which.
    pub content: Uuid,
    /// The day, in days since 1970-01-01, UTC.
    pub day: i32,
    /// Which run counted.
    pub run: Uuid,
    /// How often.
    pub counts: Counts,
}

/// What a backend does for content.
#[async_trait]
pub trait ContentDuty: Send + Sync {
    /// Keeps what a member did.
    async fn mark(&self, write: MarkWrite) -> Result<()>;
    /// As [`ContentDuty::mark`], for many members, each named once.
    async fn mark_all(&self, writes: Vec<MarkWrite>) -> Vec<Result<()>> {
        let mut answers = Vec::with_capacity(writes.len());
        for write in writes {
            answers.push(self.mark(write).await);
        }
        answers
    }
    /// What a member did with any of these, the newest notices and banners first.
    async fn regards(&self, member: MemberId, contents: Vec<Uuid>) -> Result<Vec<Regard>>;
    /// Keeps what one run counted. Where more is kept already, that stays.
    async fn tally(&self, tallies: Vec<Tally>) -> Result<()>;
    /// What all runs counted of a notice or banner, by days from that one on, the earliest first.
    async fn tallied(&self, content: Uuid, from: i32, limit: usize) -> Result<Vec<(i32, Counts)>>;
    /// Forgets regards that were not touched since, and tallies of days before; at most so many
    /// of each, and says how many went.
    async fn forget_content(&self, before: Micros, limit: usize) -> Result<usize>;
}

/// The typed handle for content.
#[derive(Clone)]
pub struct Content(pub(crate) Records);

/// How each of these fails: see [`StorageError`].
impl Content {
    /// As [`ContentDuty::mark`].
    ///
    /// # Errors
    /// As said above, and `TooLong`. After `OutcomeUnknown` it may be kept, and may be sent again.
    pub async fn mark(&self, write: MarkWrite) -> Result<()> {
        if write.marks.len() > MAX_MARKS {
            return Err(StorageError::TooLong { what: "a member's marks", most: MAX_MARKS });
        }
        let key = Key::Member(write.member);
        self.0.call(key, |it| async move { it.mark(write).await }).await
    }

    /// As [`ContentDuty::regards`].
    ///
    /// # Errors
    /// As said above, and `TooLong`.
    pub async fn regards(&self, member: MemberId, contents: Vec<Uuid>) -> Result<Vec<Regard>> {
        if contents.len() > MAX_REGARDS {
            let what = "what a member's regards are asked of";
            return Err(StorageError::TooLong { what, most: MAX_REGARDS });
        }
        let key = Key::Member(member);
        self.0.call(key, move |it| async move { it.regards(member, contents).await }).await
    }

    /// As [`ContentDuty::tally`].
    ///
    /// # Errors
    /// As said above, and `TooLong`. Whatever it is, it may be sent again.
    pub async fn tally(&self, tallies: Vec<Tally>) -> Result<()> {
        if tallies.len() > MAX_TALLIES {
            return Err(StorageError::TooLong { what: "tallies", most: MAX_TALLIES });
        }
        self.0.call(KEY, |it| async move { it.tally(tallies).await }).await
    }

    /// As [`ContentDuty::tallied`].
    ///
    /// # Errors
    /// As said above.
    pub async fn tallied(
        &self,
        content: Uuid,
        from: i32,
        limit: usize,
    ) -> Result<Vec<(i32, Counts)>> {
        let read = move |it: std::sync::Arc<dyn crate::open::Truth>| async move {
            it.tallied(content, from, limit).await
        };
        self.0.call(KEY, read).await
    }

    /// As [`ContentDuty::forget_content`].
    ///
    /// # Errors
    /// As said above.
    pub async fn forget(&self, before: Micros, limit: usize) -> Result<usize> {
        self.0
            .call(Key::Home, move |it| async move { it.forget_content(before, limit).await })
            .await
    }
}

/// The day of a moment, in days since 1970-01-01, UTC.
#[must_use]
pub fn day(at: Micros) -> i32 {
    const DAY: i64 = 24 * 3600 * 1_000_000;
    i32::try_from(at.0.div_euclid(DAY)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_also_before_1970() {
        const DAY: i64 = 24 * 3600 * 1_000_000;
        let days = [-DAY - 1, -DAY, -1, 0, DAY - 1, DAY].map(|at| day(Micros(at)));
        assert_eq!(days, [-2, -1, -1, 0, 0, 1]);
    }
}
