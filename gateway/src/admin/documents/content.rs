//! Notices and banners, and what came of them.

use actors::content::piece::{PieceBody, PieceSent};
use actors::fault;
use actors::office::Refused;
use jiff::civil::Date;
use jiff::{Span, civil};
use protocol::operators::refusal::Refusal;
use protocol::operators::{Counts, DayCounts};
use protocol::time::Micros;
use serde::Deserialize;
use serde_json::Value;
use storage::content::day;
use storage::documents::{Document, Kind};
use uuid::Uuid;

use super::{Place, Typed};
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::request::Asked;

/// For how many days it is known how often something was shown.
const DAYS: usize = 400;
/// The day from which days are counted.
const FIRST: Date = civil::date(1970, 1, 1);

/// Notices.
pub(in crate::admin) struct Notices;

/// Banners.
pub(in crate::admin) struct Banners;

macro_rules! typed {
    ($name:ident, $kind:expr) => {
        impl Typed for $name {
            const KIND: Kind = $kind;
            type Sent = PieceSent;

            async fn made(place: &Place<'_>, sent: PieceSent) -> Result<Document, Refused> {
                place.office.write_piece(&place.by, $kind, place.app, sent).await
            }

            async fn changed(
                place: &Place<'_>,
                (id, version): (Uuid, i64),
                sent: PieceSent,
            ) -> Result<Document, Refused> {
                let office = place.office;
                office.change_piece(&place.by, $kind, place.app, id, sent, Some(version)).await
            }

            async fn removed(
                place: &Place<'_>,
                (id, version): (Uuid, i64),
            ) -> Result<Document, Refused> {
                place.office.remove(&place.by, $kind, place.app, id, Some(version)).await
            }

            fn state(body: &Value, now: Micros) -> Option<String> {
                let body = PieceBody::deserialize(body).ok()?;
                Some(body.state(now).word().to_owned())
            }
        }
    };
}

typed!(Notices, Kind::Notice);
typed!(Banners, Kind::Banner);

impl Admin {
    /// How often a notice or banner was shown, clicked and put away.
    pub(in crate::admin) async fn counts<T: Typed>(&self, asked: Asked) -> Result<Answer, Refusal> {
        let (app, id) = (asked.params.app()?, asked.params.id()?);
        let found = self.office().find(T::KIND, app.as_ref(), id).await;
        found.map_err(|refused| self.told::<T>(refused))?;
        // What this node counted counts at once; it is not worth failing for.
        let _ = self.gate.node.content.keep().await;
        let content = &self.gate.node.storage.content;
        let from = day(self.operators.now()) - i32::try_from(DAYS).unwrap_or(i32::MAX) + 1;
        let tallied = content.tallied(id, from, DAYS + 1).await;
        let tallied = tallied.map_err(|error| fault::of_storage(&error))?;
        let days: Vec<_> = tallied
            .into_iter()
            .map(|(day, counts)| DayCounts {
                day: date(day).to_string(),
                shown: counts.shown,
                clicked: counts.clicked,
                dismissed: counts.dismissed,
            })
            .collect();
        Answer::of(&Counts {
            shown: days.iter().map(|day| day.shown).sum(),
            clicked: days.iter().map(|day| day.clicked).sum(),
            dismissed: days.iter().map(|day| day.dismissed).sum(),
            days,
        })
    }
}

fn date(day: i32) -> Date {
    FIRST.saturating_add(Span::new().days(day))
}
