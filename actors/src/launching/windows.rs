//! Maintenance windows: whom they cover, and when.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{AmbiguousOffset, TimeZone};
use protocol::client::{Platform, StoreName};
use protocol::ids::AppId;
use protocol::launching::{Maintenance, ServiceWord};
use protocol::words;
use serde::{Deserialize, Serialize};
use storage::clock::Micros;
use uuid::Uuid;

use super::audience::Audience;
use super::localised::{Localised, address};
use super::number::VersionNumber;
use crate::office::Refused;

/// The longest that a window may be.
pub const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);
/// The longest reason, in bytes.
pub const MAX_REASON: usize = 2_000;
/// The most values of one kind in a scope.
pub const MAX_SCOPE: usize = 256;

words! {
    /// How a window stands; it follows from the times.
    WindowState {
        /// It is planned.
        Reserved = "reserved",
        /// It holds.
        InProgress = "in_progress",
        /// It is over.
        Done = "done",
        /// It was called off before it began.
        Off = "off",
    }
}

/// Versions from one to another, both included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRange {
    /// The first; from the beginning if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<VersionNumber>,
    /// The last; to the end if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<VersionNumber>,
}

impl VersionRange {
    fn has(&self, version: &VersionNumber) -> bool {
        self.from.as_ref().is_none_or(|from| from <= version)
            && self.to.as_ref().is_none_or(|to| version <= to)
    }
}

/// Whom a window covers: those of whom each list that is not empty has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// The systems.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Platform>,
    /// The stores. A client that names none is in none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stores: Vec<StoreName>,
    /// The versions. One that is no number is in no range.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<VersionRange>,
    /// The countries, ISO 3166-1 alpha-2 in capitals. A client that says none is in none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
}

impl Scope {
    /// Whether it covers an audience.
    #[must_use]
    pub fn covers(&self, audience: &Audience) -> bool {
        let all = |empty: bool, has: bool| empty || has;
        let country = |country: &str| self.countries.iter().any(|one| one == country);
        let number = |number: &VersionNumber| self.versions.iter().any(|range| range.has(number));
        all(self.platforms.is_empty(), self.platforms.contains(&audience.platform))
            && all(
                self.stores.is_empty(),
                audience.store.is_some_and(|store| self.stores.contains(&store)),
            )
            && all(self.versions.is_empty(), audience.version.as_ref().is_some_and(number))
            && all(self.countries.is_empty(), audience.country.as_deref().is_some_and(country))
    }

    /// Whether it covers everybody.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn check(&self) -> Result<(), Refused> {
        for (field, count) in [
            ("scope.platforms", self.platforms.len()),
            ("scope.stores", self.stores.len()),
            ("scope.versions", self.versions.len()),
            ("scope.countries", self.countries.len()),
        ] {
            if count > MAX_SCOPE {
                return Err(Refused::invalid(field, format!("has more than {MAX_SCOPE} values")));
            }
        }
        for (place, range) in self.versions.iter().enumerate() {
            if let (Some(from), Some(to)) = (&range.from, &range.to)
                && to < from
            {
                let reason = format!("ends at {to}, which is before {from}");
                return Err(Refused::invalid(&format!("scope.versions[{place}]"), reason));
            }
        }
        let country =
            |word: &String| word.len() == 2 && word.bytes().all(|b| b.is_ascii_uppercase());
        match self.countries.iter().find(|word| !country(word)) {
            Some(word) => {
                let reason = format!("has `{word}`, which is no country such as KR");
                Err(Refused::invalid("scope.countries", reason))
            }
            None => Ok(()),
        }
    }
}

/// A moment as an operator says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum When {
    /// A moment, as RFC 3339 writes it.
    Moment(Micros),
    /// What the clocks show in the plan's zone, such as `2027-03-01T09:00`.
    Local(String),
}

impl When {
    /// The moment; `zone` is an IANA name such as `Asia/Seoul`.
    ///
    /// # Errors
    /// `Invalid`, naming `field`, of a time that there is not, or twice, in that zone.
    pub fn moment(&self, field: &str, zone: Option<&str>) -> Result<Micros, Refused> {
        let text = match self {
            Self::Moment(moment) => return Ok(*moment),
            Self::Local(text) => text,
        };
        let refused = |reason: String| Refused::invalid(field, reason);
        let no_time = || {
            refused(format!("`{text}` is no time such as 2027-03-01T09:00 or 2027-03-01T00:00:00Z"))
        };
        let local: DateTime = text.parse().map_err(|_| no_time())?;
        // Whatever else it says of a zone or an offset would be left out.
        let pieces = Pieces::parse(text.as_str()).map_err(|_| no_time())?;
        if pieces.time_zone_annotation().is_some() || pieces.offset().is_some() {
            let reason = "says where by itself: give the zone as `zone`, or the moment as \
                          2027-03-01T09:00:00+09:00";
            return Err(refused(format!("`{text}` {reason}")));
        }
        let name = zone.ok_or_else(|| {
            refused(format!("`{text}` says no offset from UTC, and no zone is given"))
        })?;
        let zone = zone_of(name)?;
        let possible = zone.to_ambiguous_timestamp(local);
        let moment = possible.unambiguous().map_err(|_| {
            let gap = matches!(possible.offset(), AmbiguousOffset::Gap { .. });
            let what = if gap { "does not exist" } else { "comes twice" };
            refused(format!(
                "{text} {what} in {name}, where clocks are changed then: say the moment with its \
                 offset, such as 2027-03-01T09:00:00+09:00"
            ))
        })?;
        Ok(Micros(moment.as_microsecond()))
    }
}

pub(crate) fn zone_of(name: &str) -> Result<TimeZone, Refused> {
    TimeZone::get(name).map_err(|_| {
        Refused::invalid("zone", format!("`{name}` is no zone of the IANA's, such as Asia/Seoul"))
    })
}

/// What is planned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Whom it covers.
    #[serde(default)]
    pub scope: Scope,
    /// When it begins.
    pub from: When,
    /// When it ends.
    pub to: When,
    /// The zone of local times, an IANA name.
    #[serde(default)]
    pub zone: Option<String>,
    /// Why, for operators alone.
    #[serde(default)]
    pub reason: String,
    /// What players are told.
    #[serde(default)]
    pub message: Localised,
    /// A page that says more.
    #[serde(default)]
    pub page: Option<String>,
}

/// A window, as its document says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowBody {
    /// Whom it covers.
    #[serde(default)]
    pub scope: Scope,
    /// When it begins.
    pub from: Micros,
    /// When it is planned to end.
    pub to: Micros,
    /// The zone in which it was planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Why, for operators alone.
    #[serde(default)]
    pub reason: String,
    /// What players are told.
    #[serde(default)]
    pub message: Localised,
    /// A page that says more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// When it was ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Micros>,
    /// Whether it was called off.
    #[serde(default)]
    pub off: bool,
}

impl WindowBody {
    /// What a plan comes to.
    ///
    /// # Errors
    /// `Invalid`, naming the field.
    pub fn planned(plan: Plan, now: Micros) -> Result<Self, Refused> {
        let Plan { scope, from, to, zone, reason, message, page } = plan;
        if let Some(zone) = &zone {
            zone_of(zone)?;
        }
        let from = from.moment("from", zone.as_deref())?;
        let to = to.moment("to", zone.as_deref())?;
        let (ended_at, off) = (None, false);
        let body = Self { scope, from, to, zone, reason, message, page, ended_at, off };
        body.check(now)?;
        Ok(body)
    }

    fn check(&self, now: Micros) -> Result<(), Refused> {
        self.scope.check()?;
        self.message.check("message")?;
        address("page", self.page.as_deref(), &["https", "http"])?;
        if self.reason.len() > MAX_REASON {
            let reason = format!("is longer than {MAX_REASON} bytes");
            return Err(Refused::invalid("reason", reason));
        }
        if self.to <= self.from {
            let reason = format!("is {}, not after its beginning, {}", self.to, self.from);
            return Err(Refused::invalid("to", reason));
        }
        if self.to <= now {
            return Err(Refused::invalid("to", format!("is {}, not after the present", self.to)));
        }
        if self.to.since(self.from) > LONGEST {
            return Err(Refused::invalid("to", "is more than 366 days after its beginning"));
        }
        Ok(())
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self, now: Micros) -> WindowState {
        match self {
            Self { off: true, .. } => WindowState::Off,
            // Whatever the clock says, of this node or after a step: it would close everyone again.
            Self { ended_at: Some(_), .. } => WindowState::Done,
            _ if now >= self.end() => WindowState::Done,
            _ if now >= self.from => WindowState::InProgress,
            _ => WindowState::Reserved,
        }
    }

    /// When it ends, as is known now.
    #[must_use]
    pub fn end(&self) -> Micros {
        self.ended_at.map_or(self.to, |ended| ended.min(self.to))
    }

    /// Is planned anew. One that has begun keeps its beginning.
    ///
    /// # Errors
    /// As [`WindowBody::planned`], and `Invalid` of a window that is over.
    pub fn replan(&mut self, plan: Plan, now: Micros) -> Result<(), Refused> {
        self.goes_on(now)?;
        let planned = Self::planned(plan, now)?;
        let from = if now >= self.from { self.from } else { planned.from };
        *self = Self { from, ..planned };
        self.check(now)
    }

    /// Ends later, or earlier, than was planned.
    ///
    /// # Errors
    /// `Invalid` of a time that has passed, or of a window that is over.
    pub fn extend(&mut self, to: &When, now: Micros) -> Result<(), Refused> {
        self.goes_on(now)?;
        self.to = to.moment("to", self.zone.as_deref())?;
        self.check(now)
    }

    /// Ends now.
    ///
    /// # Errors
    /// `Invalid` of a window that does not hold.
    pub fn end_now(&mut self, now: Micros) -> Result<(), Refused> {
        match self.state(now) {
            WindowState::InProgress => {
                self.ended_at = Some(now);
                Ok(())
            }
            state @ (WindowState::Reserved | WindowState::Done | WindowState::Off) => {
                Err(Refused::invalid("", format!("is {}: it does not hold", state.word())))
            }
        }
    }

    /// Does not take place.
    ///
    /// # Errors
    /// `Invalid` of a window that has begun.
    pub fn call_off(&mut self, now: Micros) -> Result<(), Refused> {
        match self.state(now) {
            WindowState::Reserved => {
                self.off = true;
                Ok(())
            }
            state @ (WindowState::InProgress | WindowState::Done | WindowState::Off) => {
                Err(Refused::invalid("", format!("is {}: it cannot be called off", state.word())))
            }
        }
    }

    /// Whether it holds or is to come.
    ///
    /// # Errors
    /// `Invalid` of a window that is over.
    pub(super) fn goes_on(&self, now: Micros) -> Result<(), Refused> {
        match self.state(now) {
            WindowState::Reserved | WindowState::InProgress => Ok(()),
            state @ (WindowState::Done | WindowState::Off) => {
                Err(Refused::invalid("", format!("is {}: plan another", state.word())))
            }
        }
    }
}

/// A window with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its id.
    pub id: Uuid,
    /// Its game; `None`: all games.
    pub app: Option<AppId>,
    /// Rises with each change.
    pub version: i64,
    /// What it says.
    pub body: WindowBody,
}

impl Window {
    /// Whether it covers an audience, whenever it holds.
    #[must_use]
    pub fn covers(&self, audience: &Audience) -> bool {
        self.app.as_ref().is_none_or(|app| *app == audience.app) && self.body.scope.covers(audience)
    }

    /// What its clients are told while it holds.
    #[must_use]
    pub fn word(&self) -> ServiceWord {
        match self.app {
            None => ServiceWord::MaintenanceAll,
            Some(_) => ServiceWord::Maintenance,
        }
    }

    /// The window as a client of that language is told of it.
    #[must_use]
    pub fn told(&self, lang: Option<&str>, default: Option<&str>) -> Maintenance {
        Maintenance {
            id: self.id,
            from: self.body.from,
            to: self.body.end(),
            message: self.body.message.told(lang, default).map(str::to_owned),
            page: self.body.page.clone(),
            check_after_ms: None,
        }
    }
}
