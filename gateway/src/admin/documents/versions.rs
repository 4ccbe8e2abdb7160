//! Versions of a game's client.

use actors::launching::versions::Version;
use actors::office::Refused;
use protocol::ids::AppId;
use protocol::time::Micros;
use serde_json::Value;
use storage::documents::{Document, Kind};
use uuid::Uuid;

use super::{Place, Typed};

/// A version is registered once by its platform, store and number, which never change.
pub(in crate::admin) struct Versions;

impl Typed for Versions {
    const KIND: Kind = Kind::Version;
    type Sent = Version;

    async fn made(place: &Place<'_>, sent: Version) -> Result<Document, Refused> {
        place.office.put_version(&place.by, game(place)?, &sent, Some(0)).await
    }

    async fn changed(
        place: &Place<'_>,
        (id, version): (Uuid, i64),
        sent: Version,
    ) -> Result<Document, Refused> {
        let game = game(place)?;
        let stands = place.office.find(Kind::Version, Some(game), id).await?;
        if stands.handle.as_deref() != Some(sent.handle().as_str()) {
            let field = "version".to_owned();
            let reason = "is another, or of another platform or store: register it".to_owned();
            return Err(Refused::Invalid { field, reason });
        }
        place.office.put_version(&place.by, game, &sent, Some(version)).await
    }

    async fn removed(place: &Place<'_>, (id, version): (Uuid, i64)) -> Result<Document, Refused> {
        place.office.remove(&place.by, Kind::Version, place.app, id, Some(version)).await
    }

    fn state(_: &Value, _: Micros) -> Option<String> {
        None
    }
}

/// The publisher has no client.
fn game<'a>(place: &Place<'a>) -> Result<&'a AppId, Refused> {
    place.app.ok_or(Refused::Missing(Kind::Version))
}
