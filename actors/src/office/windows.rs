//! Maintenance windows: planned, and changed.

use protocol::ids::AppId;
use storage::clock::Micros;
use storage::documents::{Document, Kind, Whose};
use uuid::Uuid;

use super::{By, Office, Place, Refused, no_later};
use crate::launching::windows::{Plan, When, WindowBody, WindowState};
use crate::random;

/// The most windows of a game, or of the publisher, that are not over.
pub const MAX_WINDOWS: usize = 1_000;
/// The most that there may be with those that are over, which stay on record.
pub const MOST_WINDOWS: usize = 10_000;
/// How many are read at a time.
const PAGE: usize = 1_000;

/// What becomes of a window.
#[derive(Clone, Debug)]
pub enum Amend {
    /// It is planned anew; one that has begun keeps its beginning.
    Replan(Box<Plan>),
    /// It ends then.
    Extend(When),
    /// It ends now.
    End,
    /// It does not take place.
    Off,
}

impl Amend {
    fn word(&self) -> &'static str {
        match self {
            Self::Replan(_) => "maintenance.put",
            Self::Extend(_) => "maintenance.extend",
            Self::End => "maintenance.end",
            Self::Off => "maintenance.off",
        }
    }

    fn done_to(self, body: &mut WindowBody, now: Micros) -> Result<(), Refused> {
        match self {
            Self::Replan(plan) => body.replan(*plan, now),
            Self::Extend(to) => body.extend(&to, now),
            Self::End => body.end_now(now),
            Self::Off => body.call_off(now),
        }
    }
}

/// How each of these fails: as [`Refused`] says.
impl Office {
    /// Plans a maintenance, of a game or, without one, of all.
    ///
    /// # Errors
    /// As said above.
    pub async fn plan(
        &self,
        by: &By,
        app: Option<&AppId>,
        plan: Plan,
    ) -> Result<Document, Refused> {
        let planned = async {
            let body = WindowBody::planned(plan, self.now())?;
            self.room_for_a_window(app).await?;
            let (kind, id) = (Kind::Maintenance, random::uuid(self.now()));
            let place = Place { kind, id, app: app.cloned(), handle: None, expected: None };
            self.put(by, place, &body, "maintenance.put").await
        };
        self.or_again(by, planned.await).await
    }

    /// Changes a maintenance. With `expected` only if it is at that version.
    ///
    /// # Errors
    /// As said above.
    pub async fn amend(
        &self,
        by: &By,
        app: Option<&AppId>,
        id: Uuid,
        amend: Amend,
        expected: Option<i64>,
    ) -> Result<Document, Refused> {
        let amended = async {
            let stands = self.find(Kind::Maintenance, app, id).await?;
            let mut body: WindowBody = self.body(&stands)?;
            let (what, expected) = (amend.word(), no_later(expected, &stands));
            // Of another version storage says what stands, or what this key did.
            if expected == stands.version {
                amend.done_to(&mut body, self.now())?;
            }
            let (kind, app, expected) = (Kind::Maintenance, app.cloned(), Some(expected));
            self.put(by, Place { kind, id, app, handle: None, expected }, &body, what).await
        };
        self.or_again(by, amended.await).await
    }

    /// What is over takes no other window's place, up to a bound on all.
    async fn room_for_a_window(&self, app: Option<&AppId>) -> Result<(), Refused> {
        let whose = app.map_or(Whose::Publishers, |app| Whose::Games(app.clone()));
        let now = self.now();
        let stands = |document: &Document| match self.body::<WindowBody>(document) {
            Ok(body) => match body.state(now) {
                WindowState::Reserved | WindowState::InProgress => true,
                WindowState::Done | WindowState::Off => false,
            },
            // Nobody knows what it is.
            Err(_) => true,
        };
        let (mut count, mut after) = (Count::default(), None);
        loop {
            let page = self.documents.list(Kind::Maintenance, whose.clone(), after, PAGE).await?;
            count.all += page.len();
            count.standing += page.iter().filter(|document| stands(document)).count();
            after = page.last().map(|last| last.id);
            if let Some(most) = count.full() {
                return Err(Refused::Full { kind: Kind::Maintenance, most });
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }
}

/// How many windows there are.
#[derive(Default)]
struct Count {
    all: usize,
    /// Those that are not over.
    standing: usize,
}

impl Count {
    /// The bound that is reached, if one is.
    fn full(&self) -> Option<usize> {
        match self {
            Self { all: MOST_WINDOWS.., .. } => Some(MOST_WINDOWS),
            Self { standing: MAX_WINDOWS.., .. } => Some(MAX_WINDOWS),
            Self { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_is_bounded_too() {
        let full = |all, standing| Count { all, standing }.full();
        assert_eq!(full(MOST_WINDOWS - 1, MAX_WINDOWS - 1), None);
        assert_eq!(full(MOST_WINDOWS, 0), Some(MOST_WINDOWS));
        assert_eq!(full(MAX_WINDOWS, MAX_WINDOWS), Some(MAX_WINDOWS));
    }
}
