//! Who is let in during a maintenance.

use actors::launching::testers::Tester;
use actors::office::Refused;
use protocol::time::Micros;
use serde_json::Value;
use storage::documents::{Document, Kind};
use uuid::Uuid;

use super::{Place, Typed};

/// A tester is known by the device or the network, which never change; the note may.
pub(in crate::admin) struct Testers;

impl Typed for Testers {
    const KIND: Kind = Kind::Tester;
    type Sent = Tester;

    async fn made(place: &Place<'_>, sent: Tester) -> Result<Document, Refused> {
        place.office.put_tester(&place.by, place.app, &sent, Some(0)).await
    }

    async fn changed(
        place: &Place<'_>,
        (id, version): (Uuid, i64),
        sent: Tester,
    ) -> Result<Document, Refused> {
        let stands = place.office.find(Kind::Tester, place.app, id).await?;
        if stands.handle != Some(sent.handle()?) {
            let reason = "names another device or network: let that one in instead".to_owned();
            return Err(Refused::Invalid { field: String::new(), reason });
        }
        place.office.put_tester(&place.by, place.app, &sent, Some(version)).await
    }

    async fn removed(place: &Place<'_>, (id, version): (Uuid, i64)) -> Result<Document, Refused> {
        place.office.remove(&place.by, Kind::Tester, place.app, id, Some(version)).await
    }

    fn state(_: &Value, _: Micros) -> Option<String> {
        None
    }
}
