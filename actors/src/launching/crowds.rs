//! How many a maintenance sends away: at its end they all come back.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use storage::clock::Micros;
use uuid::Uuid;

use super::rules::Rules;
use super::windows::WindowState;

/// Over how long those come back who ask for themselves, at least.
const SPREAD: Duration = Duration::from_secs(30);
/// How much each connection of this node adds: those who come back are 200 a second.
const SPREAD_EACH: Duration = Duration::from_millis(5);

/// How many were connected here when each window that holds began.
#[derive(Default)]
pub(super) struct Crowds(Mutex<BTreeMap<Uuid, usize>>);

impl Crowds {
    /// A window begins with so many here. Those whom another sent away that still holds come back
    /// no sooner than this one ends.
    pub(super) fn note(&self, rules: &Rules, window: Uuid, here: usize, now: Micros) {
        let mut kept = self.0.lock();
        let holds = |id: &Uuid| {
            let window = rules.window_of(*id);
            window.is_some_and(|window| window.body.state(now) == WindowState::InProgress)
        };
        kept.retain(|id, _| holds(id));
        let most = kept.values().copied().fold(here, usize::max);
        kept.insert(window, most);
    }

    /// Over how long those come back whom a window sent away. A node that was started while it
    /// holds has sent nobody away.
    pub(super) fn spread(&self, window: Uuid) -> Duration {
        let here = self.0.lock().get(&window).copied().unwrap_or(0);
        SPREAD.max(SPREAD_EACH * u32::try_from(here).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use storage::audit::Actor;
    use storage::documents::{Document, Kind};

    use super::*;

    fn window(id: u128, from: i64, to: i64) -> Document {
        Document {
            kind: Kind::Maintenance,
            id: Uuid::from_u128(id),
            app: None,
            handle: None,
            version: 1,
            revision: 1,
            body: serde_json::json!({ "from": Micros(from), "to": Micros(to) }).to_string(),
            sealed: None,
            removed: false,
            changed_at: Micros(0),
            changed_by: Actor::Command,
        }
    }

    #[test]
    fn those_who_were_sent_away_come_back_as_slowly_as_they_are_many() {
        let (first, second) = (window(1, 0, 100), window(2, 50, 200));
        let rules = Rules::of(1, [&first, &second], Micros(0));
        let crowds = Crowds::default();
        assert_eq!(crowds.spread(first.id), SPREAD, "nobody was sent away here");
        crowds.note(&rules, first.id, 6_000, Micros(0));
        assert_eq!(crowds.spread(first.id), SPREAD);
        crowds.note(&rules, first.id, 20_000, Micros(0));
        assert_eq!(crowds.spread(first.id), Duration::from_secs(100));
        // It was changed: nobody is here any more.
        crowds.note(&rules, first.id, 0, Micros(1));
        assert_eq!(crowds.spread(first.id), Duration::from_secs(100));
        crowds.note(&rules, second.id, 3, Micros(50));
        assert_eq!(crowds.spread(second.id), Duration::from_secs(100), "they wait for this now");
        let third = Uuid::from_u128(3);
        crowds.note(&rules, third, 3, Micros(200));
        assert_eq!((crowds.spread(third), crowds.0.lock().len()), (SPREAD, 1));
    }
}
