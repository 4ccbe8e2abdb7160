//! What operators do with versions.

use protocol::ids::AppId;
use storage::documents::{Document, Kind};

use super::{By, Office, Refused};
use crate::launching::versions::Version;

/// The most versions of a game.
pub const MAX_VERSIONS: usize = 2_000;

impl Office {
    /// Registers a version, or changes the one of that platform, store and number. With
    /// `expected` only if it is at that version; 0 stands for one that is new.
    ///
    /// # Errors
    /// As [`Refused`] says.
    pub async fn put_version(
        &self,
        by: &By,
        app: &AppId,
        version: &Version,
        expected: Option<i64>,
    ) -> Result<Document, Refused> {
        let registered = async {
            version.check()?;
            let place = self.place(Kind::Version, Some(app), version.handle(), expected).await?;
            if place.expected.is_none() {
                self.room(Kind::Version, Some(app), MAX_VERSIONS).await?;
            }
            self.put(by, place, version, "version.put").await
        };
        self.or_again(by, registered.await).await
    }
}
