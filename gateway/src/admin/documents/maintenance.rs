//! Maintenance windows.

use actors::launching::windows::{Plan, When, WindowBody};
use actors::office::{Amend, Refused};
use protocol::operators::Nothing;
use protocol::operators::refusal::Refusal;
use protocol::time::Micros;
use serde::Deserialize;
use serde_json::Value;
use storage::documents::{Document, Kind};
use uuid::Uuid;

use super::{Place, Typed, by};
use crate::admin::Admin;
use crate::admin::answer::Answer;
use crate::admin::request::Asked;

/// A window. One that has begun is ended or extended, one that has not is called off: what was
/// told to players stays on record.
pub(in crate::admin) struct Maintenance;

/// When it ends instead.
#[derive(Deserialize)]
struct Extension {
    to: When,
}

impl Typed for Maintenance {
    const KIND: Kind = Kind::Maintenance;
    type Sent = Plan;

    async fn made(place: &Place<'_>, sent: Plan) -> Result<Document, Refused> {
        place.office.plan(&place.by, place.app, sent).await
    }

    async fn changed(
        place: &Place<'_>,
        which: (Uuid, i64),
        sent: Plan,
    ) -> Result<Document, Refused> {
        amend(place, which, Amend::Replan(Box::new(sent))).await
    }

    async fn removed(place: &Place<'_>, which: (Uuid, i64)) -> Result<Document, Refused> {
        amend(place, which, Amend::Off).await
    }

    fn state(body: &Value, now: Micros) -> Option<String> {
        let body = WindowBody::deserialize(body).ok()?;
        Some(body.state(now).word().to_owned())
    }
}

async fn amend(
    place: &Place<'_>,
    (id, version): (Uuid, i64),
    amend: Amend,
) -> Result<Document, Refused> {
    place.office.amend(&place.by, place.app, id, amend, Some(version)).await
}

impl Admin {
    /// Has a window end at another time than was planned.
    pub(in crate::admin) async fn maintenance_extend(
        &self,
        asked: Asked,
    ) -> Result<Answer, Refusal> {
        let Extension { to } = asked.body.decoded()?;
        self.maintenance_amend(asked, Amend::Extend(to)).await
    }

    /// Has a window that holds end now.
    pub(in crate::admin) async fn maintenance_end(&self, asked: Asked) -> Result<Answer, Refusal> {
        let Nothing {} = asked.body.decoded()?;
        self.maintenance_amend(asked, Amend::End).await
    }

    async fn maintenance_amend(&self, asked: Asked, deed: Amend) -> Result<Answer, Refusal> {
        let (which, key) = (asked.which()?, asked.key(asked.body.bytes())?);
        let (app, office) = (asked.params.app()?, self.office());
        let place = Place { office: &office, by: by(asked.caller()?, key), app: app.as_ref() };
        self.document::<Maintenance>(amend(&place, which, deed).await)
    }
}
