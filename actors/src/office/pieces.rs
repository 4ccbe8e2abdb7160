//! What operators do with notices and banners.

use protocol::ids::{AppId, RecordId};
use storage::documents::{Document, Kind};
use uuid::Uuid;

use super::{By, Office, Refused};
use crate::content::piece::{PieceBody, PieceSent};

/// The most notices of a game, or of the publisher, that were not removed, and as many banners.
pub const MAX_PIECES: usize = 500;

/// How each of these fails: as [`Refused`] says.
impl Office {
    /// Writes a notice or banner anew, of a game or, without one, of all.
    ///
    /// # Errors
    /// As said above.
    pub async fn write_piece(
        &self,
        by: &By,
        kind: Kind,
        app: Option<&AppId>,
        sent: PieceSent,
    ) -> Result<Document, Refused> {
        let written = async {
            let body = self.piece(kind, app, sent).await?;
            self.room(kind, app, MAX_PIECES).await?;
            let place = self.new_place(kind, app);
            self.put(by, place, &body, deed(kind)).await
        };
        self.or_again(by, written.await).await
    }

    /// Has a notice or banner say this. With `expected` only if it is at that version.
    ///
    /// # Errors
    /// As said above.
    pub async fn change_piece(
        &self,
        by: &By,
        kind: Kind,
        app: Option<&AppId>,
        id: Uuid,
        sent: PieceSent,
        expected: Option<i64>,
    ) -> Result<Document, Refused> {
        let changed = async {
            let stands = self.find(kind, app, id).await?;
            let body = self.piece(kind, app, sent).await?;
            let place = self.place_of(&stands, expected);
            self.put(by, place, &body, deed(kind)).await
        };
        self.or_again(by, changed.await).await
    }

    async fn piece(
        &self,
        kind: Kind,
        app: Option<&AppId>,
        sent: PieceSent,
    ) -> Result<PieceBody, Refused> {
        let body = PieceBody::of(kind, sent, self.now())?;
        for (lang, RecordId(image)) in &body.images {
            self.known_image(&format!("images.{lang}"), app, *image).await?;
        }
        Ok(body)
    }

    /// # Errors
    /// `Invalid`, naming the field, of an image that is neither the game's nor the publisher's.
    async fn known_image(
        &self,
        field: &str,
        app: Option<&AppId>,
        image: Uuid,
    ) -> Result<(), Refused> {
        let whose: &[Option<&AppId>] = if app.is_some() { &[app, None] } else { &[None] };
        for app in whose {
            match self.find(Kind::Image, *app, image).await {
                Ok(_) => return Ok(()),
                Err(Refused::Missing(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Refused::invalid(field, format!("is {image}, and there is no such image here")))
    }
}

/// The deed in a word.
fn deed(kind: Kind) -> &'static str {
    if kind == Kind::Banner { "banner.put" } else { "notice.put" }
}
