//! The words in which clients are told: of what holds, of why they are refused, and of what has
//! just changed.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use protocol::close::CloseCode;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::launching::{Announced, Countdown, Ended, Maintenance, ServiceWord, Update};
use protocol::push::Push;
use serde_json::json;
use storage::clock::Micros;

use super::audience::Audience;
use super::crier::Cry;
use super::rules::Rules;
use super::versions::Versions;
use super::windows::{Window, WindowState};
use super::{CHECK_MOST, Launching};
use crate::random;
use crate::sessions::Sessions;
use crate::sessions::tell::{Close, Line, Word};

/// Whether what is told of a version is an update.
pub(super) fn is_about_update(word: ServiceWord) -> bool {
    matches!(word, ServiceWord::UpdateRecommended | ServiceWord::UpdateRequired)
}

/// A maintenance that holds, for who asks about it; those whom it sent away come back over
/// `spread`.
pub(super) fn holding(
    window: &Window,
    lang: Option<&str>,
    default: Option<&str>,
    (now, spread): (Micros, Duration),
) -> Maintenance {
    let least = rest(window, now);
    let spread = u64::try_from(spread.as_millis()).unwrap_or(u64::MAX);
    let after = u64::try_from(least.as_millis()).unwrap_or(u64::MAX);
    let after = after.saturating_add(u64::from_be_bytes(random::bytes()) % spread.max(1));
    Maintenance { check_after_ms: Some(after), ..window.told(lang, default) }
}

/// How long it makes no sense to ask whether a window is over; not too long, for it may end early.
fn rest(window: &Window, now: Micros) -> Duration {
    window.body.end().since(now).min(CHECK_MOST)
}

/// What who is refused for a maintenance is told; with the update that there is for its version,
/// if it should or must have it.
pub(super) fn maintained(
    window: &Window,
    lang: Option<&str>,
    default: Option<&str>,
    when: (Micros, Duration),
    update: Option<Update>,
) -> ErrorBody {
    let told = holding(window, lang, default, when);
    let message = format!("the game is under maintenance until {}", told.to);
    let after_ms = told.check_after_ms.unwrap_or_default();
    let mut detail = json!({ "status": window.word().number(), "maintenance": told });
    if let Some(update) = update {
        detail["update"] = json!(update);
    }
    ErrorBody {
        detail: Some(detail),
        ..ErrorBody::new(ErrorCode::LaunchMaintenance, message).after_ms(after_ms)
    }
}

/// What who is refused for its version is told; without a word because it is not registered.
pub(super) fn refused(
    versions: &Versions,
    audience: &Audience,
    default: Option<&str>,
    word: Option<ServiceWord>,
) -> ErrorBody {
    let (code, message) = match word {
        Some(ServiceWord::Blocked) => (ErrorCode::LaunchBlocked, "this version is kept out"),
        Some(ServiceWord::Closed) => {
            (ErrorCode::LaunchClosed, "the service of this version has ended")
        }
        None => (ErrorCode::LaunchVersionUnknown, "the game has registered no such version"),
        // Whatever else refuses is to be updated.
        Some(
            ServiceWord::UpdateRequired
            | ServiceWord::InService
            | ServiceWord::UpdateRecommended
            | ServiceWord::Tester
            | ServiceWord::Test
            | ServiceWord::InReview
            | ServiceWord::Beta
            | ServiceWord::Maintenance
            | ServiceWord::MaintenanceAll,
        ) => (ErrorCode::LaunchUpdateRequired, "this version must be updated"),
    };
    let mut detail = serde_json::Map::new();
    if let Some(word) = word {
        detail.insert("status".to_owned(), word.number().into());
    }
    // Who is kept out for good is told why; for anybody else there is a version to be had.
    if matches!(word, Some(ServiceWord::Blocked | ServiceWord::Closed)) {
        if let Some(message) = versions.message(audience, default) {
            detail.insert("message".to_owned(), message.into());
        }
    } else {
        detail.insert("update".to_owned(), json!(versions.update(audience, default)));
    }
    ErrorBody { detail: Some(detail.into()), ..ErrorBody::new(code, message) }
}

/// Tells those whom it concerns what is due.
pub(super) async fn cry(launching: &Launching, sessions: &Sessions, cries: Vec<Cry>) {
    for cry in cries {
        let (what, app) = match &cry {
            Cry::Scheduled(window) => ("scheduled", window.app.clone()),
            Cry::Countdown(window) => ("countdown", window.app.clone()),
            Cry::Started(window) => ("started", window.app.clone()),
            Cry::Ended(window) => ("ended", window.app.clone()),
            Cry::Versions(app, ..) => ("versions", Some(app.clone())),
            Cry::Testers => ("testers", None),
        };
        if let Cry::Started(window) = &cry {
            let (rules, now) = (launching.rules(), launching.clock.now());
            launching.crowds.note(&rules, window.id, sessions.attached(), now);
        }
        let judge = |audience: &Audience| word_for(launching, &cry, audience).map(Arc::new);
        let told = sessions.tell_audiences(Line::Launching, app.as_ref(), judge).await;
        metrics::counter!("daemun_launching_told_total").increment(told as u64);
        tracing::info!(what, told, "{told} connections are told: {what}");
    }
}

/// What an audience is told of it, if it concerns that. What was so when it fell due need not be
/// when its turn has come: then nothing is said, and what is so instead falls due by itself.
fn word_for(launching: &Launching, cry: &Cry, audience: &Audience) -> Option<Word> {
    let (rules, now) = (launching.rules(), launching.clock.now());
    let default = launching.language(&audience.app);
    let (lang, default) = (audience.lang.as_deref(), default.as_deref());
    let covered = |window: &Window, state: WindowState| {
        let same = |it: &&Arc<Window>| it.version == window.version && it.body.state(now) == state;
        window.covers(audience) && rules.window_of(window.id).filter(same).is_some()
    };
    match cry {
        Cry::Scheduled(window) => covered(window, WindowState::Reserved)
            .then(|| Word::push(Push::MaintenanceScheduled(window.told(lang, default)))),
        Cry::Countdown(window) => covered(window, WindowState::Reserved).then(|| {
            let (id, from) = (window.id, window.body.from);
            let begins_in_s = from.since(now).as_millis().div_ceil(1_000);
            let begins_in_s = u64::try_from(begins_in_s).unwrap_or(u64::MAX);
            Word::push(Push::MaintenanceCountdown(Countdown { id, from, begins_in_s }))
        }),
        Cry::Started(window) => covered(window, WindowState::InProgress).then(|| {
            let word = Word::push(Push::MaintenanceStarted(window.told(lang, default)));
            let close = away(launching, window, now);
            Word { close: (!rules.still_tests(audience)).then_some(close), ..word }
        }),
        // Everybody else was told of it when it began, or is told then.
        Cry::Testers if !audience.came_as_tester() || rules.still_tests(audience) => None,
        Cry::Testers => rules.holding(audience, now).map(|window| {
            let word = Word::push(Push::MaintenanceStarted(window.told(lang, default)));
            Word { close: Some(away(launching, window, now)), ..word }
        }),
        Cry::Ended(window) => {
            let goes_on = |it: &&Arc<Window>| it.body.goes_on(now).is_ok() && it.covers(audience);
            let over = rules.window_of(window.id).filter(goes_on).is_none();
            (window.covers(audience) && over)
                .then(|| Word::push(Push::MaintenanceEnded(Ended { id: window.id })))
        }
        Cry::Versions(_, before, after) => {
            // Of what was written since they are told then.
            let same = rules.versions(&audience.app).service(audience)
                == after.versions(&audience.app).service(audience);
            if same { versions(before.as_deref(), after, audience, default) } else { None }
        }
    }
}

/// How who is no tester is sent away when a window holds.
fn away(launching: &Launching, window: &Window, now: Micros) -> Close {
    let check_after = Some((rest(window, now), launching.crowds.spread(window.id)));
    Close { code: CloseCode::Maintenance, check_after }
}

/// What an audience is told of its version.
fn versions(
    before: Option<&Rules>,
    after: &Rules,
    audience: &Audience,
    default: Option<&str>,
) -> Option<Word> {
    let was = before.map(|before| before.versions(&audience.app).service(audience));
    let versions = after.versions(&audience.app);
    let Some(word) = versions.service(audience) else {
        let close = Close { code: CloseCode::VersionUnknown, check_after: None };
        return Some(Word { pushes: Vec::new(), close: Some(close) });
    };
    let known = was.is_none() || was == Some(Some(word));
    if word.lets_in() && (known || word != ServiceWord::UpdateRecommended) {
        return None;
    }
    let update = is_about_update(word).then(|| versions.update(audience, default));
    let message = versions.message(audience, default).filter(|_| update.is_none());
    let announced = Announced { status: word.number(), word, message, update };
    let close = Close { code: CloseCode::UpdateRequired, check_after: None };
    let said = Word::push(Push::UpdateAnnounced(announced));
    Some(Word { close: (!word.lets_in()).then_some(close), ..said })
}
