//! All notices and banners that operators wrote, as one picture of a moment: from it everybody is
//! answered, in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use protocol::content::{Banner, Image, MAX_SHOWN, Notice};
use protocol::ids::{AppId, RecordId};
use sha2::{Digest as _, Sha256};
use storage::clock::Micros;
use storage::content::MAX_REGARDS;
use storage::documents::{Document, Kind};
use uuid::Uuid;

use super::images::ImageBody;
use super::piece::{Piece, PieceBody, PieceState, Told};
use crate::launching::audience::Audience;
use crate::launching::news::News;

/// The picture.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// Up to which revision of the documents it is true.
    pub revision: i64,
    pieces: HashMap<Uuid, Arc<Piece>>,
    /// When any of them begins or ends, in order.
    moments: Vec<Micros>,
    /// Those of each game, and the publisher's own.
    of: BTreeMap<Option<AppId>, Vec<Arc<Piece>>>,
    images: HashMap<Uuid, ImageBody>,
    /// Those that were taken away: somebody may still have one on his screen.
    gone: HashSet<Uuid>,
}

/// Where the pictures of a picture are to be had.
pub(super) struct Images<'a> {
    picture: &'a Picture,
    base: &'a str,
}

impl Images<'_> {
    /// An image, as a client is told of it; `None` of one that is not there.
    pub(super) fn image(&self, RecordId(id): RecordId) -> Option<Image> {
        let body = self.picture.images.get(&id)?;
        Some(Image {
            url: format!("{}{}", self.base, body.path()),
            media_type: body.media_type.word().to_owned(),
            width: body.width,
            height: body.height,
            bytes: u64::try_from(body.bytes).unwrap_or(u64::MAX),
        })
    }
}

/// In which words an audience is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tongue<'a> {
    /// The player's language.
    pub(super) lang: Option<&'a str>,
    /// The game's.
    pub(super) default: Option<&'a str>,
}

/// What an audience is shown of a kind, in order.
pub(super) struct Shelf<'a> {
    pub(super) items: Vec<(&'a Arc<Piece>, Told<'a>)>,
    /// What it is called: of two of one name nothing differs.
    pub(super) version: String,
}

impl Picture {
    /// Takes in what came since, in the order of revisions. Says whether any of it counts.
    pub(crate) fn learn(&mut self, news: News) -> bool {
        let News { documents, shorter } = news;
        let mut changed = false;
        if shorter.is_some_and(|head| head < self.revision) {
            *self = Self::default();
            changed = true;
        }
        for document in documents {
            if document.revision <= self.revision {
                continue;
            }
            self.revision = document.revision;
            match document.kind {
                Kind::Notice | Kind::Banner => self.piece(&document),
                Kind::Image => self.image(&document),
                // What others do with is none of this.
                Kind::Version | Kind::Maintenance | Kind::Tester | Kind::Operator => continue,
            }
            changed = true;
        }
        if changed {
            self.sort();
        }
        changed
    }

    fn piece(&mut self, document: &Document) {
        let (kind, id) = (document.kind, document.id);
        self.pieces.remove(&id);
        if document.removed {
            self.gone.insert(id);
            return;
        }
        match serde_json::from_str::<PieceBody>(&document.body) {
            Ok(body) => {
                let (app, change) = (document.app.clone(), document.version);
                self.pieces.insert(id, Arc::new(Piece { kind, id, app, change, body }));
            }
            Err(error) => unreadable(document, &error),
        }
    }

    fn image(&mut self, document: &Document) {
        self.images.remove(&document.id);
        if document.removed {
            return;
        }
        match serde_json::from_str(&document.body) {
            Ok(body) => drop(self.images.insert(document.id, body)),
            Err(error) => unreadable(document, &error),
        }
    }

    fn sort(&mut self) {
        self.of.clear();
        for piece in self.pieces.values() {
            self.of.entry(piece.app.clone()).or_default().push(piece.clone());
        }
        let pieces = self.pieces.values().filter(|piece| !piece.body.draft);
        self.moments = pieces.flat_map(|it| [it.body.from, it.body.to]).flatten().collect();
        self.moments.sort_unstable();
    }

    /// Whether any of them begins or ends between two times, whichever is the earlier.
    pub(super) fn turns(&self, one: Micros, other: Micros) -> bool {
        self.turned(one) != self.turned(other)
    }

    /// How many of them began or ended until then.
    pub(super) fn turned(&self, now: Micros) -> usize {
        self.moments.partition_point(|moment| *moment <= now)
    }

    /// A notice or banner of a game, or of all, that was not taken away.
    #[must_use]
    pub fn find(&self, app: &AppId, id: Uuid) -> Option<&Arc<Piece>> {
        self.pieces.get(&id).filter(|piece| piece.is_of(app) && !piece.body.draft)
    }

    /// The notices and banners of a game, and of all, that were published and not taken away.
    pub(crate) fn standing(&self, app: &AppId) -> Vec<Uuid> {
        let of = |app: &Option<AppId>| self.of.get(app).into_iter().flatten();
        let all = of(&None).chain(of(&Some(app.clone())));
        // As many as may be asked of, the newest.
        let mut ids: Vec<_> = all.filter(|it| !it.body.draft).map(|piece| piece.id).collect();
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids.truncate(MAX_REGARDS);
        ids
    }

    /// Whether a notice or banner was taken away, or made a draft again.
    #[must_use]
    pub fn is_gone(&self, id: Uuid) -> bool {
        self.gone.contains(&id) || self.pieces.get(&id).is_some_and(|piece| piece.body.draft)
    }

    /// Those that are shown to anybody at that time, with their changes, by their ids.
    pub(super) fn shown(&self, now: Micros) -> BTreeMap<Uuid, Arc<Piece>> {
        let shown = |piece: &&Arc<Piece>| piece.body.state(now) == PieceState::Shown;
        let all = self.pieces.values().filter(shown);
        all.map(|piece| (piece.id, piece.clone())).collect()
    }

    /// What an audience is shown of a kind.
    pub(super) fn shelf(
        &self,
        kind: Kind,
        audience: &Audience,
        tongue: Tongue<'_>,
        now: Micros,
    ) -> Shelf<'_> {
        let of = |app: &Option<AppId>| self.of.get(app).into_iter().flatten();
        let mut items: Vec<_> = of(&None)
            .chain(of(&Some(audience.app.clone())))
            .filter(|piece| piece.kind == kind && piece.shows(audience, now))
            .map(|piece| (piece, piece.told(tongue.lang, tongue.default)))
            // A banner is its picture.
            .filter(|(_, told)| kind != Kind::Banner || self.has_image(told))
            .collect();
        items.sort_by_cached_key(|(piece, _)| piece.place());
        items.truncate(MAX_SHOWN);
        let version = version(&items);
        Shelf { items, version }
    }

    fn has_image(&self, told: &Told<'_>) -> bool {
        told.image.is_some_and(|(_, RecordId(id))| self.images.contains_key(id))
    }

    pub(super) fn images<'a>(&'a self, base: &'a str) -> Images<'a> {
        Images { picture: self, base }
    }
}

fn unreadable(document: &Document, error: &serde_json::Error) {
    let (kind, id) = (document.kind.word(), document.id);
    tracing::error!(kind, %id, %error, "a {kind} is not readable and is not shown");
}

/// 64 bits of a digest of everything that a client is told by it: which, at which change, and in
/// which languages.
fn version(items: &[(&Arc<Piece>, Told<'_>)]) -> String {
    let mut digest = Sha256::new();
    for (piece, told) in items {
        digest.update(piece.id.as_bytes());
        digest.update(piece.change.to_be_bytes());
        for tag in told.tags() {
            digest.update(tag.unwrap_or_default());
            digest.update([0]);
        }
    }
    let mut text = String::with_capacity(16);
    for byte in digest.finalize().into_iter().take(8) {
        // A string takes whatever is written.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

impl Shelf<'_> {
    pub(super) fn notices(&self, images: &Images<'_>) -> Vec<Notice> {
        self.items.iter().map(|(piece, told)| piece.notice(told, images)).collect()
    }

    pub(super) fn banners(&self, images: &Images<'_>) -> Vec<Banner> {
        let banner = |(piece, told): &(&Arc<Piece>, Told<'_>)| {
            let image = told.image.and_then(|(_, id)| images.image(*id))?;
            Some(piece.banner(told, image))
        };
        self.items.iter().filter_map(banner).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use storage::audit::Actor;

    use super::*;

    pub(in crate::content) fn notice(id: u128, revision: i64, body: &str) -> Document {
        Document {
            kind: Kind::Notice,
            id: Uuid::from_u128(id),
            app: None,
            handle: None,
            version: 1,
            revision,
            body: body.to_owned(),
            sealed: None,
            removed: false,
            changed_at: Micros(0),
            changed_by: Actor::Command,
        }
    }

    pub(in crate::content) fn learnt(
        documents: Vec<Document>,
        shorter: Option<i64>,
        picture: &mut Picture,
    ) -> bool {
        picture.learn(News { documents, shorter })
    }

    pub(in crate::content) fn at(second: i64) -> String {
        format!("\"1970-01-01T00:00:{second:02}Z\"")
    }

    #[test]
    fn what_turns_is_what_begins_or_ends_in_between_by_a_clock_that_goes_either_way() {
        let mut picture = Picture::default();
        let body = format!(r#"{{"from": {}, "to": {}}}"#, at(10), at(20));
        let draft = format!(r#"{{"from": {}, "draft": true}}"#, at(15));
        assert!(learnt(vec![notice(1, 1, &body), notice(2, 2, &draft)], None, &mut picture));
        let turns =
            |one, other| picture.turns(Micros::from_seconds(one), Micros::from_seconds(other));
        assert!(!turns(0, 9) && turns(9, 10) && turns(10, 9) && !turns(10, 19) && turns(10, 20));
        // By each of them as by what is shown.
        for one in 8..22 {
            for other in 8..22 {
                let [was, is] = [one, other].map(|now| picture.shown(Micros::from_seconds(now)));
                assert!(turns(one, other) || was == is, "{one} {other}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_left_out_alone_and_a_shorter_past_is_read_anew() {
        let mut picture = Picture::default();
        let documents = vec![notice(1, 1, "7"), notice(2, 2, "{}")];
        assert!(learnt(documents, None, &mut picture));
        let ids = |picture: &Picture| -> Vec<u128> {
            picture.shown(Micros(0)).keys().map(Uuid::as_u128).collect()
        };
        assert_eq!((ids(&picture), picture.revision), (vec![2], 2));
        // What was overtaken changes nothing.
        assert!(!learnt(vec![notice(3, 2, "{}")], None, &mut picture));
        assert!(learnt(vec![notice(4, 1, "{}")], Some(1), &mut picture));
        assert_eq!((ids(&picture), picture.revision), (vec![4], 1));
    }
}
