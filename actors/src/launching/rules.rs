//! All that operators wrote about launching, as one picture of a moment: from it everybody is
//! answered, in memory.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use protocol::client::Client;
use protocol::ids::AppId;
use protocol::launching::ServiceWord;
use storage::clock::Micros;
use storage::documents::{Document, Kind};
use uuid::Uuid;

use super::audience::{Audience, Badge};
use super::testers::Testers;
use super::versions::{Version, Versions};
use super::windows::{Window, WindowBody, WindowState};

/// For how long after its end a window is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);
/// How far ahead a client is told of a maintenance that is planned.
const AHEAD: Duration = Duration::from_secs(7 * 24 * 3600);

/// The picture.
#[derive(Debug, Default)]
pub struct Rules {
    /// Up to which revision of the documents it is true.
    pub revision: i64,
    versions: BTreeMap<AppId, Arc<Versions>>,
    /// By which revision each game's versions were changed last.
    pub(crate) versions_at: BTreeMap<AppId, i64>,
    /// By which revision the testers were changed last.
    pub(crate) testers_at: i64,
    windows: BTreeMap<Uuid, Arc<Window>>,
    testers: Testers,
    nothing: Versions,
}

/// How a client stands.
#[derive(Clone, Debug)]
pub struct Judged {
    /// In a word; `None` of a version that is not registered.
    pub word: Option<ServiceWord>,
    /// How its version stands, whatever maintenance holds.
    pub version: Option<ServiceWord>,
    /// The maintenance that holds: of several, the one that ends last.
    pub window: Option<Arc<Window>>,
    /// The next that is planned.
    pub planned: Option<Arc<Window>>,
}

impl Judged {
    /// Whether the client may log in.
    #[must_use]
    pub fn lets_in(&self) -> bool {
        self.word.is_some_and(ServiceWord::lets_in)
    }
}

impl Rules {
    /// Made of the documents that stand. One that cannot be read is left out, and said.
    pub(crate) fn of<'a>(
        revision: i64,
        documents: impl IntoIterator<Item = &'a Document>,
        now: Micros,
    ) -> Self {
        let mut versions: BTreeMap<AppId, Versions> = BTreeMap::new();
        let mut rules = Self { revision, ..Self::default() };
        for document in documents.into_iter().filter(|document| !document.removed) {
            let read = match (document.kind, &document.app) {
                (Kind::Version, Some(app)) => read(document).map(|version: Version| {
                    versions.entry(app.clone()).or_default().put(version);
                }),
                (Kind::Maintenance, _) => read(document).map(|body| {
                    rules.window(document, body, now);
                }),
                (Kind::Tester, app) => read(document).map(|tester| {
                    rules.testers.put(app.clone(), tester);
                }),
                (Kind::Version | Kind::Notice | Kind::Banner | Kind::Image | Kind::Operator, _) => {
                    Ok(())
                }
            };
            if let Err(error) = read {
                let (kind, id) = (document.kind.word(), document.id);
                tracing::error!(kind, %id, %error, "a {kind} is not readable and does not count");
            }
        }
        rules.versions = versions.into_iter().map(|(app, all)| (app, Arc::new(all))).collect();
        rules
    }

    fn window(&mut self, document: &Document, body: WindowBody, now: Micros) {
        if body.to.after(REMEMBERED) < now {
            return;
        }
        let (id, app, version) = (document.id, document.app.clone(), document.version);
        self.windows.insert(id, Arc::new(Window { id, app, version, body }));
    }

    /// The windows, in the order of their ids.
    pub fn windows(&self) -> impl Iterator<Item = &Arc<Window>> {
        self.windows.values()
    }

    /// A window.
    #[must_use]
    pub fn window_of(&self, id: Uuid) -> Option<&Arc<Window>> {
        self.windows.get(&id)
    }

    /// A game's versions.
    #[must_use]
    pub fn versions(&self, app: &AppId) -> &Versions {
        self.versions.get(app).map_or(&self.nothing, |versions| versions)
    }

    /// Whether anybody of a game may be kept out.
    #[must_use]
    pub fn restrict(&self, app: &AppId, now: Micros) -> bool {
        let of_game = |window: &&Arc<Window>| window.app.as_ref().is_none_or(|of| of == app);
        self.versions.contains_key(app)
            || self.windows().filter(of_game).any(|window| holds(window, now))
    }

    /// The audience of a client.
    #[must_use]
    pub fn audience(&self, app: &AppId, client: &Client, from: IpAddr) -> Audience {
        let device_id = client.device_id.clone();
        let tests = self.tests(app, device_id.as_deref(), from);
        Audience::of(app, client, tests.then_some(Badge { device_id, from }))
    }

    /// Whether an audience that came as a tester is one by these rules.
    #[must_use]
    pub fn still_tests(&self, audience: &Audience) -> bool {
        let has = |it: &Badge| self.tests(&audience.app, it.device_id.as_deref(), it.from);
        audience.badge.as_ref().is_some_and(has)
    }

    /// Whether a client tests a game.
    #[must_use]
    pub fn tests(&self, app: &AppId, device_id: Option<&str>, from: IpAddr) -> bool {
        self.testers.has(app, device_id, from)
    }

    /// The maintenance that holds for an audience.
    #[must_use]
    pub fn holding(&self, audience: &Audience, now: Micros) -> Option<&Arc<Window>> {
        let holds = |window: &&Arc<Window>| holds(window, now) && window.covers(audience);
        self.windows().filter(holds).max_by_key(|window| (window.body.end(), window.id))
    }

    /// The maintenance of a whole game that holds: for clients that say nothing of themselves.
    #[must_use]
    pub fn holding_all(&self, app: &AppId, now: Micros) -> Option<&Arc<Window>> {
        let whole = |window: &&Arc<Window>| {
            holds(window, now)
                && window.body.scope.is_whole()
                && window.app.as_ref().is_none_or(|of| of == app)
        };
        self.windows().filter(whole).max_by_key(|window| (window.body.end(), window.id))
    }

    /// How an audience stands.
    #[must_use]
    pub fn judge(&self, audience: &Audience, now: Micros) -> Judged {
        let version = self.versions(&audience.app).service(audience);
        let window = self.holding(audience, now).cloned();
        let next = |window: &&Arc<Window>| {
            let ahead = window.body.from < now.after(AHEAD);
            window.body.state(now) == WindowState::Reserved && ahead && window.covers(audience)
        };
        let planned = self.windows().filter(next).min_by_key(|it| (it.body.from, it.id)).cloned();
        let word = match (version, &window) {
            // What no maintenance's end will change is said first.
            (None | Some(ServiceWord::Blocked | ServiceWord::Closed), _) | (_, None) => version,
            (Some(ServiceWord::UpdateRequired), Some(_)) if self.still_tests(audience) => version,
            (Some(_), Some(_)) if self.still_tests(audience) => Some(ServiceWord::Tester),
            (Some(_), Some(window)) => Some(window.word()),
        };
        Judged { word, version, window, planned }
    }
}

fn holds(window: &Window, now: Micros) -> bool {
    window.body.state(now) == WindowState::InProgress
}

fn read<T: serde::de::DeserializeOwned>(document: &Document) -> Result<T, serde_json::Error> {
    serde_json::from_str(&document.body)
}

#[cfg(test)]
mod tests {
    use storage::audit::Actor;

    use super::*;

    fn document(kind: Kind, id: u128, body: &serde_json::Value) -> Document {
        Document {
            kind,
            id: Uuid::from_u128(id),
            app: None,
            handle: None,
            version: 1,
            revision: 1,
            body: body.to_string(),
            sealed: None,
            removed: false,
            changed_at: Micros(0),
            changed_by: Actor::Command,
        }
    }

    #[test]
    fn a_document_that_cannot_be_read_is_left_out_alone() {
        let broken = document(Kind::Tester, 1, &serde_json::json!([]));
        let tester = document(Kind::Tester, 2, &serde_json::json!({ "device_id": "b" }));
        let rules = Rules::of(2, [&broken, &tester], Micros(0));
        assert!(rules.tests(&"demo".parse().unwrap(), Some("b"), [192, 0, 2, 1].into()));
    }
}
