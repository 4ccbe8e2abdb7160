//! What is cried out when: what each window is due to tell, by the clock alone.
//!
//! Everything follows from the windows, the present time and what this node has told already, so
//! that a clock that steps forward or backward, a plan that is changed and an actor that is
//! started again all come to the same: what is due is told, once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use protocol::ids::AppId;
use storage::clock::Micros;
use uuid::Uuid;

use super::rules::Rules;
use super::windows::{Window, WindowState};

/// How long before its beginning a maintenance is told of again, in minutes.
pub(super) const MARKS_MIN: [u64; 7] = [60, 30, 10, 5, 3, 2, 1];

/// Something to be told.
#[derive(Clone, Debug)]
pub(crate) enum Cry {
    /// A window is planned, or changed before it began.
    Scheduled(Arc<Window>),
    /// It begins soon.
    Countdown(Arc<Window>),
    /// It holds: who is no tester is sent away.
    Started(Arc<Window>),
    /// It holds no more, was called off, or covers others now: for those whom it does not cover
    /// any more it is over.
    Ended(Arc<Window>),
    /// A game's versions were written: from those to these. Whoever may not be there is sent
    /// away; without the former nobody else is told anything.
    Versions(AppId, Option<Arc<Rules>>, Arc<Rules>),
    /// The testers were written while a window holds: who is one no more is sent away.
    Testers,
}

/// How far a window was told of.
#[derive(Clone, Debug)]
struct Told {
    window: Arc<Window>,
    stage: Stage,
    /// The last mark that was told, or was over when the window was planned.
    mark: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Scheduled,
    Started,
    Over,
}

/// What this node has told.
#[derive(Default)]
pub(crate) struct Crier {
    told: BTreeMap<Uuid, Told>,
    /// The rules by which it was told last; `None` at first.
    rules: Option<Arc<Rules>>,
}

impl Crier {
    /// What is due now. It counts as told.
    pub(crate) fn due(&mut self, rules: &Arc<Rules>, now: Micros) -> Vec<Cry> {
        let mut cries = self.versions(rules);
        cries.extend(self.testers(rules, now));
        // Nobody who is there now has been there before this actor: of what was planned before
        // they were told when they came.
        let fresh = self.rules.is_none();
        for window in rules.windows() {
            self.window(window, now, fresh, &mut cries);
        }
        let gone = |(_, told): (&Uuid, &mut Told)| rules.window_of(told.window.id).is_none();
        for (_, told) in self.told.extract_if(.., |id, told| gone((id, told))) {
            if told.stage != Stage::Over {
                cries.push(Cry::Ended(told.window));
            }
        }
        self.rules = Some(rules.clone());
        cries
    }

    /// Games whose versions were written since, whatever they say now: in between somebody may
    /// have come in who may not be in any more.
    fn versions(&self, rules: &Arc<Rules>) -> Vec<Cry> {
        let before = self.rules.as_ref();
        let mut apps: BTreeSet<&AppId> = rules.versions_at.keys().collect();
        apps.extend(before.iter().flat_map(|before| before.versions_at.keys()));
        let written = |app: &&AppId| {
            let at = before.and_then(|before| before.versions_at.get(*app));
            at != rules.versions_at.get(*app)
        };
        let cry = |app: &AppId| Cry::Versions(app.clone(), self.rules.clone(), rules.clone());
        apps.into_iter().filter(written).map(cry).collect()
    }

    /// Before a window holds there is nothing to be told: its beginning looks at who tests then.
    fn testers(&self, rules: &Rules, now: Micros) -> Option<Cry> {
        let written = |before: &Arc<Rules>| before.testers_at != rules.testers_at;
        let holds = |window: &Arc<Window>| window.body.state(now) == WindowState::InProgress;
        let due = self.rules.as_ref().is_some_and(written) && rules.windows().any(holds);
        due.then_some(Cry::Testers)
    }

    fn window(&mut self, window: &Arc<Window>, now: Micros, fresh: bool, cries: &mut Vec<Cry>) {
        let before = self.told.get(&window.id);
        let changed = before.is_some_and(|told| told.window.version != window.version);
        let stage = before.map(|told| told.stage);
        let moved = before.is_some_and(|told| told.window.body.from != window.body.from);
        let mut mark = before.and_then(|told| told.mark).filter(|_| !moved);
        // As it was told to those who wait for its end.
        let told = before.filter(|told| told.stage != Stage::Over).map(|told| told.window.clone());
        let rescoped = told.clone().filter(|told| told.body.scope != window.body.scope);
        let stage = match window.body.state(now) {
            WindowState::Reserved => {
                let due = mark_of(window, now);
                let sooner = due.is_some_and(|due| mark.is_none_or(|mark| due < mark));
                let new = before.is_none() || changed;
                cries.extend(rescoped.map(Cry::Ended));
                if new && !fresh {
                    cries.push(Cry::Scheduled(window.clone()));
                } else if sooner && !fresh {
                    cries.push(Cry::Countdown(window.clone()));
                }
                if sooner {
                    mark = due;
                }
                Stage::Scheduled
            }
            WindowState::InProgress => {
                cries.extend(rescoped.map(Cry::Ended));
                if stage != Some(Stage::Started) || changed {
                    cries.push(Cry::Started(window.clone()));
                }
                Stage::Started
            }
            WindowState::Done | WindowState::Off => {
                cries.extend(told.map(Cry::Ended));
                Stage::Over
            }
        };
        self.told.insert(window.id, Told { window: window.clone(), stage, mark });
    }
}

/// The last mark that has been reached.
fn mark_of(window: &Window, now: Micros) -> Option<u64> {
    let reached = |mark: &u64| window.body.from.before(Duration::from_secs(60 * *mark)) <= now;
    MARKS_MIN.into_iter().filter(reached).min()
}

#[cfg(test)]
mod tests {
    use storage::audit::Actor;
    use storage::documents::{Document, Kind};

    use super::*;

    const HOUR: i64 = 3_600_000_000;
    const MINUTE: i64 = 60_000_000;

    struct Scene {
        crier: Crier,
        document: Document,
        now: i64,
    }

    impl Scene {
        /// A window from 10 h to 12 h.
        fn new() -> Self {
            let document = Document {
                kind: Kind::Maintenance,
                id: Uuid::from_u128(1),
                app: None,
                handle: None,
                version: 1,
                revision: 1,
                body: String::new(),
                sealed: None,
                removed: false,
                changed_at: Micros(0),
                changed_by: Actor::Command,
            };
            let mut scene = Self { crier: Crier::default(), document, now: 0 };
            scene.body(10 * HOUR, 12 * HOUR);
            scene
        }

        fn body(&mut self, from: i64, to: i64) {
            let (from, to) = (Micros(from), Micros(to));
            self.document.body = serde_json::json!({ "from": from, "to": to }).to_string();
        }

        fn change(&mut self, from: i64, to: i64) {
            self.body(from, to);
            self.document.version += 1;
            self.document.revision += 1;
        }

        fn known(&mut self) -> Vec<&'static str> {
            let rules = Rules::of(self.document.revision, [&self.document], Micros(self.now));
            let cries = self.crier.due(&Arc::new(rules), Micros(self.now));
            cries.iter().map(word).collect()
        }

        /// What is told at a moment.
        fn at(&mut self, now: i64) -> Vec<&'static str> {
            self.now = now;
            self.known()
        }

        fn nothing_yet(&mut self) {
            let none = Arc::new(Rules::default());
            assert!(self.crier.due(&none, Micros(self.now)).is_empty());
        }
    }

    fn word(cry: &Cry) -> &'static str {
        match cry {
            Cry::Scheduled(_) => "scheduled",
            Cry::Countdown(_) => "countdown",
            Cry::Started(_) => "started",
            Cry::Ended(_) => "ended",
            Cry::Versions(..) => "versions",
            Cry::Testers => "testers",
        }
    }

    const NOTHING: [&str; 0] = [];

    #[test]
    fn a_window_is_told_when_it_is_planned_then_at_each_mark_and_at_both_ends() {
        let mut scene = Scene::new();
        scene.nothing_yet();
        assert_eq!(scene.known(), ["scheduled"]);
        assert_eq!(scene.at(9 * HOUR - 1), NOTHING);
        for mark in MARKS_MIN {
            let at = 10 * HOUR - i64::try_from(mark).unwrap() * MINUTE;
            assert_eq!(scene.at(at - 1), NOTHING, "{mark}");
            assert_eq!(scene.at(at), ["countdown"], "{mark}");
            assert_eq!(scene.at(at + 1), NOTHING, "{mark}");
        }
        assert_eq!(scene.at(10 * HOUR - 1), NOTHING);
        assert_eq!(scene.at(10 * HOUR), ["started"]);
        assert_eq!(scene.at(12 * HOUR - 1), NOTHING);
        assert_eq!(scene.at(12 * HOUR), ["ended"]);
        assert_eq!(scene.at(13 * HOUR), NOTHING);
        // It is forgotten with the day, without a word.
        assert_eq!(scene.at(40 * HOUR), NOTHING);
    }

    #[test]
    fn a_step_forward_tells_the_last_mark_alone_and_none_is_told_twice() {
        let mut scene = Scene::new();
        scene.nothing_yet();
        assert_eq!(scene.known(), ["scheduled"]);
        assert_eq!(scene.at(10 * HOUR - 4 * MINUTE), ["countdown"]);
        // Back by an hour, and on again.
        assert_eq!(scene.at(9 * HOUR - 4 * MINUTE), NOTHING);
        assert_eq!(scene.at(10 * HOUR - 4 * MINUTE), NOTHING);
        assert_eq!(scene.at(10 * HOUR - 3 * MINUTE), ["countdown"]);
        // Over the beginning and the end.
        assert_eq!(scene.at(11 * HOUR), ["started"]);
        assert_eq!(scene.at(9 * HOUR), NOTHING, "who comes is let in again");
        assert_eq!(scene.at(10 * HOUR), ["started"], "and sent away again");
        assert_eq!(scene.at(20 * HOUR), ["ended"]);
        let mut over = Scene::new();
        over.nothing_yet();
        over.known();
        assert_eq!(over.at(20 * HOUR), ["ended"]);
    }

    #[test]
    fn who_starts_in_the_middle_goes_on_with_what_is_due() {
        let mut scene = Scene::new();
        assert_eq!(scene.at(10 * HOUR - 7 * MINUTE), NOTHING, "who is there was told as he came");
        assert_eq!(scene.at(10 * HOUR - 6 * MINUTE), NOTHING);
        assert_eq!(scene.at(10 * HOUR - 5 * MINUTE), ["countdown"]);
        let mut inside = Scene::new();
        assert_eq!(inside.at(11 * HOUR), ["started"], "nobody else keeps them out");
        let mut after = Scene::new();
        assert_eq!(after.at(12 * HOUR), NOTHING);
    }

    #[test]
    fn a_change_of_the_plan_is_told_and_its_countdown_begins_anew() {
        let mut scene = Scene::new();
        scene.nothing_yet();
        scene.known();
        assert_eq!(scene.at(10 * HOUR - 10 * MINUTE), ["countdown"]);
        scene.change(11 * HOUR, 12 * HOUR);
        assert_eq!(scene.known(), ["scheduled"]);
        assert_eq!(scene.at(11 * HOUR - 30 * MINUTE), ["countdown"]);
        scene.change(11 * HOUR - 28 * MINUTE, 12 * HOUR);
        assert_eq!(scene.at(11 * HOUR - 29 * MINUTE), ["scheduled"], "which says it all");
        assert_eq!(scene.at(11 * HOUR - 28 * MINUTE), ["started"]);
        scene.change(11 * HOUR - 28 * MINUTE, 13 * HOUR);
        assert_eq!(scene.known(), ["started"], "who was not covered may be now");
        assert_eq!(scene.at(12 * HOUR), NOTHING, "it was extended");
        scene.change(11 * HOUR - 28 * MINUTE, 12 * HOUR);
        assert_eq!(scene.known(), ["ended"]);
    }

    #[test]
    fn what_was_ended_stays_so_by_a_clock_that_is_behind_or_goes_back() {
        for at in [10 * HOUR + MINUTE, 10 * HOUR - MINUTE] {
            let mut scene = Scene::new();
            scene.nothing_yet();
            assert_eq!(scene.known(), ["scheduled"]);
            scene.at(at);
            // Somebody ended it, by a clock that is ahead of this one.
            let (from, to) = (Micros(10 * HOUR), Micros(12 * HOUR));
            let ended = Micros(10 * HOUR + 5 * MINUTE);
            let body = serde_json::json!({ "from": from, "to": to, "ended_at": ended });
            scene.document.body = body.to_string();
            (scene.document.version, scene.document.revision) = (2, 2);
            assert_eq!(scene.known(), ["ended"], "{at}");
            for later in [10 * HOUR, 10 * HOUR + MINUTE, 9 * HOUR, 11 * HOUR] {
                assert_eq!(scene.at(later), NOTHING, "{later}");
            }
        }
    }

    #[test]
    fn a_window_that_vanishes_is_over() {
        let mut scene = Scene::new();
        scene.nothing_yet();
        scene.known();
        let gone = Document { removed: true, revision: 2, ..scene.document.clone() };
        let rules = Rules::of(2, [&gone], Micros(0));
        let cries = scene.crier.due(&Arc::new(rules), Micros(0));
        assert_eq!(cries.iter().map(word).collect::<Vec<_>>(), ["ended"]);
    }
}
