//! What operators do with testers.

use protocol::ids::AppId;
use storage::documents::{Document, Kind};

use super::{By, Office, Refused};
use crate::launching::testers::Tester;

/// The most testers of a game, or of the publisher.
pub const MAX_TESTERS: usize = 1_000;

impl Office {
    /// Lets a tester in, of a game or, without one, of all.
    ///
    /// # Errors
    /// As [`Refused`] says.
    pub async fn put_tester(
        &self,
        by: &By,
        app: Option<&AppId>,
        tester: &Tester,
        expected: Option<i64>,
    ) -> Result<Document, Refused> {
        let let_in = async {
            let place = self.place(Kind::Tester, app, tester.handle()?, expected).await?;
            if place.expected.is_none() {
                self.room(Kind::Tester, app, MAX_TESTERS).await?;
            }
            self.put(by, place, tester, "tester.put").await
        };
        self.or_again(by, let_in.await).await
    }
}
