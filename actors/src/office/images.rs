//! What operators do about images.

use protocol::ids::AppId;
use storage::documents::{Document, Kind, Whose, Write};
use storage::images::{ImageHash, Images};
use uuid::Uuid;

use super::{By, Office, Place, Refused};
use crate::content::images::{ImageBody, ImageName, Remade};
use crate::random;

/// The most images of a game, or of the publisher.
pub const MAX_IMAGES: usize = 2_000;
/// How many documents are searched at once.
const PAGE: usize = 100;

/// An image that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// What is known of it.
    pub document: Document,
    /// Whether this upload made it.
    pub made: bool,
}

impl Office {
    /// With the place where the bytes of images are.
    #[must_use]
    pub fn with_images(self, images: Images) -> Self {
        Self { images, ..self }
    }

    /// Keeps an image, of a game or, without one, of the publisher, under a name for operators. One
    /// that is there already is that one, with the name that it has.
    ///
    /// # Errors
    /// As [`Refused`] says.
    pub async fn put_image(
        &self,
        by: &By,
        app: Option<&AppId>,
        remade: &Remade,
        name: ImageName,
    ) -> Result<Uploaded, Refused> {
        let handle = ImageHash::of(&remade.bytes).to_string();
        let stands = self.documents.named(Kind::Image, app.cloned(), handle.clone()).await?;
        if stands.is_none() {
            self.room(Kind::Image, app, MAX_IMAGES).await?;
        }
        // The bytes first: nobody is told of an image that is not there. Those that were broken
        // are whole again, and those that were about to be forgotten stay.
        self.images.put(remade.bytes.clone(), self.now()).await?;
        let (bytes, media_type) = (remade.bytes.len(), remade.media_type);
        let (width, height) = (remade.width, remade.height);
        let body = ImageBody { hash: handle.clone(), media_type, width, height, bytes, name };
        let place = Place {
            kind: Kind::Image,
            id: random::uuid(self.now()),
            app: app.cloned(),
            handle: Some(handle),
            expected: None,
        };
        match self.put(by, place, &body, "image.put").await {
            Ok(document) => Ok(Uploaded { document, made: true }),
            Err(Refused::Exists(document)) => Ok(Uploaded { document: *document, made: false }),
            Err(refused) => Err(refused),
        }
    }

    /// Takes an image away that nothing uses. With `expected` only if it is at that version. Its
    /// bytes stay for a while ([`KEPT`](crate::content::images::KEPT)).
    ///
    /// # Errors
    /// As [`Refused`] says.
    pub async fn remove_image(
        &self,
        by: &By,
        app: Option<&AppId>,
        id: Uuid,
        expected: Option<i64>,
    ) -> Result<Document, Refused> {
        let found = self.documents.get(Kind::Image, id).await?;
        let found = found.filter(|it| it.app.as_ref() == app);
        let found = found.ok_or(Refused::Missing(Kind::Image))?;
        // Of one that is gone storage says whether it was this that took it away.
        if !found.removed {
            let users = self.used_by(id).await?;
            if !users.is_empty() {
                return Err(Refused::InUse(users));
            }
        }
        let expected = expected.or(Some(found.version));
        let place = Place { kind: Kind::Image, id, app: app.cloned(), handle: None, expected };
        let gone = self.write(by, place, Write::Remove, "image.remove").await?;
        self.keep_for_a_while(&gone).await;
        Ok(gone)
    }

    /// The notices and banners, of whichever game, in which an image's id stands. What they say is
    /// JSON, in which an id is a string that needs no escape; in a text of theirs its quotes would.
    ///
    /// # Errors
    /// As [`Refused`] says.
    pub async fn used_by(&self, image: Uuid) -> Result<Vec<Document>, Refused> {
        let (word, mut users) = (format!("\"{image}\""), Vec::new());
        for kind in [Kind::Notice, Kind::Banner] {
            let mut after = None;
            loop {
                let some = self.documents.list(kind, Whose::Everybodys, after, PAGE).await?;
                after = some.last().map(|document| document.id);
                let last = some.len() < PAGE;
                users.extend(some.into_iter().filter(|document| document.body.contains(&word)));
                if last {
                    break;
                }
            }
        }
        Ok(users)
    }

    /// Lets the time for which the bytes stay begin now. Should that fail, it began when they were
    /// uploaded, and is over sooner.
    async fn keep_for_a_while(&self, gone: &Document) {
        let hash = gone.handle.as_deref().and_then(|handle| handle.parse().ok());
        let Some(hash) = hash else { return };
        if let Ok(Some(bytes)) = self.images.get(hash).await {
            let _ = self.images.put(bytes, self.now()).await;
        }
    }
}

#[cfg(test)]
mod tests;
