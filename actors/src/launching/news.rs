//! What operators wrote, as far as this node knows it, and how it is asked for.

use std::collections::{BTreeMap, HashMap};

use protocol::ids::AppId;
use storage::clock::Micros;
use storage::documents::{Document, Documents, Kind};
use storage::error::StorageError;
use uuid::Uuid;

use super::rules::Rules;

/// How many documents are read at a time.
const PAGE: usize = 500;

/// What was read.
#[derive(Debug)]
pub(crate) struct News {
    /// In the order of their revisions.
    pub(crate) documents: Vec<Document>,
    /// Where the order of changes ends, if that is before what was known: then this is everything.
    pub(crate) shorter: Option<i64>,
}

/// Reads all that was written since a revision; with `head` it also looks whether the order of
/// changes goes that far at all. It does not where a backup took the database's place, or a replica
/// that had not heard of everything: then everything is read anew.
pub(crate) async fn news(
    documents: &Documents,
    from: i64,
    head: bool,
) -> Result<News, StorageError> {
    let found = since(documents, from).await?;
    if head && found.is_empty() {
        let head = documents.head().await?;
        if head < from {
            return Ok(News { documents: since(documents, 0).await?, shorter: Some(head) });
        }
    }
    Ok(News { documents: found, shorter: None })
}

async fn since(documents: &Documents, mut from: i64) -> Result<Vec<Document>, StorageError> {
    let mut all = Vec::new();
    loop {
        let page = documents.since(from, PAGE).await?;
        let whole = page.len() < PAGE;
        from = page.last().map_or(from, |last| last.revision);
        all.extend(page);
        if whole {
            return Ok(all);
        }
    }
}

/// The documents of which rules are made, as far as they are known.
#[derive(Default)]
pub(crate) struct Known {
    documents: HashMap<(Kind, Uuid), Document>,
    versions_at: BTreeMap<AppId, i64>,
    testers_at: i64,
    pub(crate) revision: i64,
}

impl Known {
    /// Takes in what came, and says whether rules are others by it. Of two who asked at once the
    /// one that asked first may come last: what is known is newer then.
    pub(crate) fn learn(&mut self, news: News) -> bool {
        let News { documents, shorter } = news;
        let mut counts = false;
        if shorter.is_some_and(|head| head < self.revision) {
            *self = Self::default();
            counts = true;
        }
        for document in documents {
            if document.revision <= self.revision {
                continue;
            }
            self.revision = document.revision;
            counts |= self.put(document);
        }
        counts
    }

    /// Says whether it is of a kind of which rules are made.
    fn put(&mut self, document: Document) -> bool {
        match (document.kind, &document.app) {
            (Kind::Version, Some(app)) => {
                self.versions_at.insert(app.clone(), document.revision);
            }
            (Kind::Tester, _) => self.testers_at = document.revision,
            (Kind::Version | Kind::Maintenance, _) => {}
            // What others do with is none of this.
            (Kind::Notice | Kind::Banner | Kind::Image | Kind::Operator, _) => return false,
        }
        let key = (document.kind, document.id);
        if document.removed {
            self.documents.remove(&key);
        } else {
            self.documents.insert(key, document);
        }
        true
    }

    pub(crate) fn rules(&self, now: Micros) -> Rules {
        let mut rules = Rules::of(self.revision, self.documents.values(), now);
        rules.versions_at.clone_from(&self.versions_at);
        rules.testers_at = self.testers_at;
        rules
    }
}

#[cfg(test)]
pub(super) mod tests {
    use storage::audit::Actor;
    use storage::documents::{Change, Sealed, Write};

    use super::*;
    use crate::testing::Ground;

    /// News without a look at where the order of changes ends.
    pub(in crate::launching) fn of(documents: Vec<Document>) -> News {
        News { documents, shorter: None }
    }

    fn tester(id: u128, revision: i64, device: &str, removed: bool) -> Document {
        Document {
            kind: Kind::Tester,
            id: Uuid::from_u128(id),
            app: None,
            handle: None,
            version: 1,
            revision,
            body: serde_json::json!({ "device_id": device }).to_string(),
            sealed: None,
            removed,
            changed_at: Micros(0),
            changed_by: Actor::Command,
        }
    }

    fn tests(known: &Known, device: &str) -> bool {
        let (app, from) = ("demo".parse().unwrap(), [192, 0, 2, 1].into());
        known.rules(Micros(0)).tests(&app, Some(device), from)
    }

    #[test]
    fn an_answer_that_was_overtaken_changes_nothing() {
        let mut known = Known::default();
        let (first, second) = (tester(1, 1, "a", false), tester(2, 2, "b", false));
        let (changed, removed) = (tester(1, 3, "c", false), tester(2, 4, "b", true));
        assert!(known.learn(of(vec![changed, removed])));
        // What was read before that comes now.
        assert!(!known.learn(of(vec![first, second])));
        let tests = |device| tests(&known, device);
        assert_eq!((tests("a"), tests("b"), tests("c"), known.revision), (false, false, true, 4));
    }

    #[test]
    fn what_no_rule_is_made_of_changes_none() {
        let mut known = Known::default();
        let kind = |kind, revision| Document { kind, ..tester(1, revision, "a", false) };
        assert!(!known.learn(of(vec![kind(Kind::Operator, 1), kind(Kind::Notice, 2)])));
        assert_eq!(known.revision, 2, "it is not asked for again");
        assert!(known.learn(of(vec![kind(Kind::Operator, 3), kind(Kind::Tester, 4)])));
    }

    #[test]
    fn a_window_that_a_clock_ahead_forgot_comes_back_with_it() {
        let body = serde_json::json!({ "from": Micros(0), "to": Micros(1) }).to_string();
        let window = Document { kind: Kind::Maintenance, body, ..tester(1, 1, "", false) };
        let mut known = Known::default();
        known.learn(of(vec![window]));
        let windows = |now| known.rules(now).windows().count();
        assert_eq!(windows(Micros(1).after(std::time::Duration::from_secs(48 * 3600))), 0);
        assert_eq!(windows(Micros(0)), 1);
    }

    #[tokio::test]
    async fn a_database_that_goes_less_far_than_what_is_known_is_read_anew() {
        let ground = Ground::new();
        ground.storage.start_alone().await.unwrap();
        let documents = &ground.storage.documents;
        let kept = Change {
            kind: Kind::Tester,
            id: Uuid::from_u128(1),
            app: None,
            handle: None,
            expected: None,
            write: Write::Put {
                body: serde_json::json!({ "device_id": "kept" }).to_string(),
                sealed: Sealed::Keep,
            },
            by: Actor::Command,
            key: None,
            what: "tester.put",
            now: Micros(0),
        };
        documents.change(kept).await.unwrap();
        // What was known of the database that was there before.
        let mut known = Known::default();
        known.learn(of(vec![tester(1, 1, "kept", false), tester(2, 9, "lost", false)]));
        let unasked = news(documents, known.revision, false).await.unwrap();
        assert!(!known.learn(unasked) && tests(&known, "lost"));
        let asked = news(documents, known.revision, true).await.unwrap();
        assert!(known.learn(asked));
        assert_eq!(
            (tests(&known, "kept"), tests(&known, "lost"), known.revision),
            (true, false, 1)
        );
        // Nothing is as far as it goes.
        let same = news(documents, known.revision, true).await.unwrap();
        assert!(!known.learn(same));
    }
}
