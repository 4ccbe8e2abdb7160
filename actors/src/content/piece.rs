//! One notice or banner: to whom it is shown, when, and in which words.

use std::collections::BTreeMap;

use protocol::content::{Action, ActionKind, Banner, Image, MAX_DAYS, Notice};
use protocol::ids::{AppId, RecordId};
use serde::{Deserialize, Serialize};
use storage::clock::Micros;
use storage::documents::Kind;
use uuid::Uuid;

use super::picture::Images;
use crate::launching::audience::Audience;
use crate::launching::localised::{self, Localised, MAX_LANGUAGES};
use crate::launching::windows::{Scope, When, zone_of};
use crate::office::Refused;

/// The longest word for a place in the game, in bytes.
pub const MAX_PLACE: usize = 64;
/// The longest target of an action, in bytes.
pub const MAX_TARGET: usize = 1_024;

/// What an operator says of a notice or banner, all of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PieceSent {
    /// To whom it is shown.
    pub scope: Scope,
    /// To whom, by language: `ko` has all who speak it, `pt-BR` those there alone. A client that
    /// says none is in none.
    pub languages: Vec<String>,
    /// Whether it is shown to testers alone.
    pub testers_only: bool,
    /// From when it is shown; at once if absent.
    pub from: Option<When>,
    /// Until when; to be taken back by hand if absent.
    pub to: Option<When>,
    /// The zone of local times, an IANA name.
    pub zone: Option<String>,
    /// The greater, the further in front.
    pub priority: i32,
    /// Among those of one priority: the smaller, the further in front.
    pub order: i32,
    /// Where in the game it is shown, in the game's own words.
    pub place: Option<String>,
    /// The heading.
    pub title: Localised,
    /// What it says; a banner says nothing but its picture.
    pub text: Localised,
    /// The pictures, by language.
    pub images: BTreeMap<String, RecordId>,
    /// What a click does.
    pub action: Option<Action>,
    /// For how many days a player may put it away.
    pub hide_days: Option<u16>,
    /// Whether it is not to be shown yet.
    pub draft: bool,
}

/// A notice or banner, as its document says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PieceBody {
    /// To whom it is shown.
    pub scope: Scope,
    /// To whom, by language.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// Whether it is shown to testers alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub testers_only: bool,
    /// From when it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Micros>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Micros>,
    /// The zone in which it was planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// The greater, the further in front.
    pub priority: i32,
    /// The smaller, the further in front.
    pub order: i32,
    /// Where in the game it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The heading.
    pub title: Localised,
    /// What it says.
    pub text: Localised,
    /// The pictures, by language.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, RecordId>,
    /// What a click does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// For how many days a player may put it away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hide_days: Option<u16>,
    /// Whether it is not to be shown yet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub draft: bool,
}

protocol::words! {
    /// How a notice or banner stands; it follows from the times.
    PieceState {
        /// It is not to be shown yet.
        Draft = "draft",
        /// It is shown later on.
        Reserved = "reserved",
        /// It is shown.
        Shown = "shown",
        /// It is over.
        Over = "over",
    }
}

impl PieceBody {
    /// What was sent comes to.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub fn of(kind: Kind, sent: PieceSent, now: Micros) -> Result<Self, Refused> {
        let zone = sent.zone.as_deref();
        if let Some(zone) = zone {
            zone_of(zone)?;
        }
        let moment =
            |field, when: Option<&When>| when.map(|when| when.moment(field, zone)).transpose();
        let (from, to) = (moment("from", sent.from.as_ref())?, moment("to", sent.to.as_ref())?);
        let body = Self {
            from,
            to,
            scope: sent.scope,
            languages: sent.languages,
            testers_only: sent.testers_only,
            zone: sent.zone,
            priority: sent.priority,
            order: sent.order,
            place: sent.place,
            title: sent.title,
            text: sent.text,
            images: sent.images,
            action: sent.action,
            hide_days: sent.hide_days,
            draft: sent.draft,
        };
        body.check(kind, now)?;
        Ok(body)
    }

    fn check(&self, kind: Kind, now: Micros) -> Result<(), Refused> {
        self.scope.check()?;
        self.check_languages()?;
        self.title.check("title")?;
        self.text.check("text")?;
        localised::languages("images", self.images.keys())?;
        self.check_times(now)?;
        if let Some(place) = &self.place {
            word("place", place, MAX_PLACE)?;
        }
        if let Some(Action { kind, target }) = &self.action {
            match kind {
                ActionKind::Url => {
                    localised::address("action.target", Some(target), &["https", "http"])?;
                }
                ActionKind::Screen => word("action.target", target, MAX_TARGET)?,
            }
        }
        if self.hide_days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
            let reason = format!("is not between 1 and {MAX_DAYS}");
            return Err(Refused::invalid("hide_days", reason));
        }
        match kind {
            Kind::Banner if self.images.is_empty() => {
                Err(Refused::invalid("images", "has no picture, which is what a banner shows"))
            }
            Kind::Banner if !self.text.0.is_empty() => {
                Err(Refused::invalid("text", "is said by notices; a banner shows a picture"))
            }
            Kind::Banner => Ok(()),
            Kind::Notice if self.title.0.is_empty() => {
                Err(Refused::invalid("title", "has no words in any language"))
            }
            Kind::Notice => Ok(()),
            Kind::Version | Kind::Maintenance | Kind::Tester | Kind::Image | Kind::Operator => {
                Err(Refused::Missing(kind))
            }
        }
    }

    fn check_languages(&self) -> Result<(), Refused> {
        if self.languages.len() > MAX_LANGUAGES {
            let reason = format!("has more than {MAX_LANGUAGES} languages");
            return Err(Refused::invalid("languages", reason));
        }
        localised::languages("languages", self.languages.iter())
    }

    fn check_times(&self, now: Micros) -> Result<(), Refused> {
        let Some(to) = self.to else { return Ok(()) };
        if let Some(from) = self.from.filter(|from| to <= *from) {
            let reason = format!("is {to}, not after its beginning, {from}");
            return Err(Refused::invalid("to", reason));
        }
        if to <= now && !self.draft {
            return Err(Refused::invalid("to", format!("is {to}, not after the present")));
        }
        Ok(())
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self, now: Micros) -> PieceState {
        match self {
            Self { draft: true, .. } => PieceState::Draft,
            Self { to: Some(to), .. } if now >= *to => PieceState::Over,
            Self { from: Some(from), .. } if now < *from => PieceState::Reserved,
            Self { .. } => PieceState::Shown,
        }
    }

    fn covers(&self, audience: &Audience) -> bool {
        let speaks = |lang: &str| self.languages.iter().any(|one| localised::speaks(lang, one));
        (audience.came_as_tester() || !self.testers_only)
            && (self.languages.is_empty() || audience.lang.as_deref().is_some_and(speaks))
            && self.scope.covers(audience)
    }
}

/// # Errors
/// `Invalid` of what is no plain word.
fn word(field: &str, word: &str, most: usize) -> Result<(), Refused> {
    let plain = !word.trim().is_empty() && !word.contains(char::is_control);
    if plain && word.len() <= most {
        return Ok(());
    }
    Err(Refused::invalid(field, format!("is not 1 to {most} bytes of plain text")))
}

/// A notice or banner with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which of both it is.
    pub kind: Kind,
    /// Its id.
    pub id: Uuid,
    /// Its game; `None`: all games.
    pub app: Option<AppId>,
    /// Rises with each change.
    pub change: i64,
    /// What it says.
    pub body: PieceBody,
}

/// What of a piece a player is told: in the languages that are nearest to his.
pub(super) struct Told<'a> {
    pub(super) title: Option<(&'a str, &'a String)>,
    pub(super) text: Option<(&'a str, &'a String)>,
    pub(super) image: Option<(&'a str, &'a RecordId)>,
}

impl Told<'_> {
    /// In which languages.
    pub(super) fn tags(&self) -> [Option<&str>; 3] {
        [self.title.map(|it| it.0), self.text.map(|it| it.0), self.image.map(|it| it.0)]
    }
}

impl Piece {
    /// Whether it is of that game, or of all.
    #[must_use]
    pub fn is_of(&self, app: &AppId) -> bool {
        self.app.as_ref().is_none_or(|of| of == app)
    }

    /// Whether it is shown to an audience at that time.
    #[must_use]
    pub fn shows(&self, audience: &Audience, now: Micros) -> bool {
        self.body.state(now) == PieceState::Shown
            && self.is_of(&audience.app)
            && self.body.covers(audience)
    }

    /// By what pieces are put in order: the least is the first.
    pub(super) fn place(&self) -> impl Ord + use<> {
        use std::cmp::Reverse;
        let from = self.body.from.unwrap_or(Micros(i64::MIN));
        (Reverse(self.body.priority), self.body.order, Reverse(from), Reverse(self.id))
    }

    pub(super) fn told(&self, lang: Option<&str>, default: Option<&str>) -> Told<'_> {
        Told {
            title: localised::nearest(&self.body.title.0, lang, default),
            text: localised::nearest(&self.body.text.0, lang, default),
            image: localised::nearest(&self.body.images, lang, default),
        }
    }

    /// As a notice, in a player's language.
    pub(super) fn notice(&self, told: &Told<'_>, images: &Images<'_>) -> Notice {
        Notice {
            id: RecordId(self.id),
            change: self.change,
            title: told.title.map(|(_, text)| text.clone()).unwrap_or_default(),
            text: told.text.map(|(_, text)| text.clone()),
            image: told.image.and_then(|(_, id)| images.image(*id)),
            action: self.body.action.clone(),
            place: self.body.place.clone(),
            priority: self.body.priority,
            from: self.body.from,
            to: self.body.to,
            hide_days: self.body.hide_days,
        }
    }

    /// As a banner with this picture, in a player's language.
    pub(super) fn banner(&self, told: &Told<'_>, image: Image) -> Banner {
        Banner {
            id: RecordId(self.id),
            change: self.change,
            image,
            title: told.title.map(|(_, text)| text.clone()),
            action: self.body.action.clone(),
            place: self.body.place.clone(),
            priority: self.body.priority,
            from: self.body.from,
            to: self.body.to,
            hide_days: self.body.hide_days,
        }
    }
}
