//! What those who are connected are told when what they are shown changes.
//!
//! What an audience was shown before is held against what it is shown now, so it does not matter
//! why it changed: an operator, the clock, or another notice that pushes one off the end. Those
//! of whom both are alike are told the same, encoded once.

use std::collections::HashMap;
use std::sync::Arc;

use protocol::content::{BannersReply, ListChanged, Published, Withdrawn};
use protocol::ids::{AppId, RecordId};
use protocol::push::Push;
use storage::clock::Micros;
use storage::documents::Kind;

use super::Content;
use super::picture::{Picture, Shelf, Tongue};
use crate::launching::audience::Audience;
use crate::sessions::Sessions;
use crate::sessions::tell::{Line, Word};

/// How many notices are told of one by one. Of more it is only said that they changed.
pub(super) const SINGLY: usize = 16;

/// A picture at a time.
#[derive(Clone, Default)]
pub(super) struct View {
    pub(super) picture: Arc<Picture>,
    pub(super) at: Micros,
}

impl View {
    fn shelf(&self, kind: Kind, audience: &Audience, tongue: Tongue<'_>) -> Shelf<'_> {
        self.picture.shelf(kind, audience, tongue, self.at)
    }
}

/// By what two audiences are told the same: the versions of their shelves, before and after.
type Alike = [String; 4];

/// Tells those whom it concerns, of a game or of all.
pub(super) async fn tell(
    content: &Content,
    sessions: &Sessions,
    app: Option<&AppId>,
    before: &View,
    after: &View,
) -> usize {
    let mut words: HashMap<Alike, Option<Arc<Word>>> = HashMap::new();
    let judge = |audience: &Audience| {
        let default = content.language(&audience.app);
        let tongue = Tongue { lang: audience.lang.as_deref(), default: default.as_deref() };
        let [notices, now_notices] =
            [before, after].map(|view| view.shelf(Kind::Notice, audience, tongue));
        let [banners, now_banners] =
            [before, after].map(|view| view.shelf(Kind::Banner, audience, tongue));
        let alike = [&notices, &now_notices, &banners, &now_banners].map(|it| it.version.clone());
        let word = words.entry(alike).or_insert_with(|| {
            let mut pushes = self::notices(content, &after.picture, &notices, &now_notices);
            if banners.version != now_banners.version {
                let banners = now_banners.banners(&after.picture.images(content.base()));
                let version = now_banners.version.clone();
                let reply = BannersReply { version, unchanged: false, banners };
                pushes.push(Push::BannerChanged(reply));
            }
            (!pushes.is_empty()).then(|| Arc::new(Word::pushes(pushes)))
        });
        word.clone()
    };
    let told = sessions.tell_audiences(Line::Content, app, judge).await;
    metrics::counter!("daemun_content_told_total").increment(told as u64);
    told
}

/// What is said of notices: what is gone, then what is new.
fn notices(
    content: &Content,
    picture: &Picture,
    before: &Shelf<'_>,
    after: &Shelf<'_>,
) -> Vec<Push> {
    if before.version == after.version {
        return Vec::new();
    }
    let had: HashMap<_, _> =
        before.items.iter().map(|(piece, told)| (piece.id, (piece, told))).collect();
    let has: HashMap<_, _> =
        after.items.iter().map(|(piece, told)| (piece.id, (piece, told))).collect();
    let images = picture.images(content.base());
    let gone = before.items.iter().filter(|(piece, _)| !has.contains_key(&piece.id));
    let new = after.items.iter().filter(|(piece, told)| {
        let known = had.get(&piece.id);
        known.is_none_or(|(was, said)| was.change != piece.change || said.tags() != told.tags())
    });
    let mut pushes: Vec<Push> = gone
        .map(|(piece, _)| {
            Push::NoticeWithdrawn(Withdrawn { id: RecordId(piece.id), version: None })
        })
        .chain(new.map(|(piece, told)| {
            let notice = piece.notice(told, &images);
            Push::NoticePublished(Box::new(Published { notice, version: None }))
        }))
        .collect();
    let now = after.version.clone();
    if pushes.len() > SINGLY {
        return vec![Push::NoticeChanged(ListChanged { version: now })];
    }
    match pushes.last_mut() {
        Some(Push::NoticeWithdrawn(last)) => {
            last.version = Some(now);
            pushes
        }
        Some(Push::NoticePublished(last)) => {
            last.version = Some(now);
            pushes
        }
        // The order alone: what is shown is the same.
        Some(_) | None => vec![Push::NoticeChanged(ListChanged { version: now })],
    }
}
