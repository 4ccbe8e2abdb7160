//! An operator's commands about images.

use actors::content::images::{ImageName, MAX_UPLOAD};
use actors::office::By;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::error::ErrorBody;
use protocol::ids::AppId;
use serde::{Deserialize, Serialize};
use storage::documents::Kind;
use uuid::Uuid;

use super::launching::{MOST, ShownDocument, whose};
use super::members::done;
use super::{Desk, Order, Private};

/// The largest body of a command, in bytes: an image in base64, and some.
pub(super) const BODY_BYTES: usize = MAX_UPLOAD / 3 * 4 + 64 * 1024;

/// The body of `/commands/image`. Without a game it is the publisher's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum ImageOrder {
    /// Keeps an image.
    Put {
        /// The game.
        app: Option<AppId>,
        /// What operators call it.
        name: ImageName,
        /// Its bytes, in base64.
        data: String,
    },
    /// Lists the images.
    List {
        /// The game.
        app: Option<AppId>,
    },
    /// Takes an image away.
    Remove {
        /// The game.
        app: Option<AppId>,
        /// Its document.
        id: Uuid,
    },
}

impl Desk {
    pub(super) async fn image(&self, order: ImageOrder) -> Result<Vec<ShownDocument>, ErrorBody> {
        let (office, by) = (self.office(), By::command());
        let done = match order {
            ImageOrder::Put { app, name, data } => {
                self.known(app.as_ref()).await?;
                let data = STANDARD.decode(data);
                let data = data.map_err(|_| ErrorBody::invalid("data", "is not base64"))?;
                let remade = self.workshop.remade(data.into(), None).await?;
                let put = office.put_image(&by, app.as_ref(), &remade, name).await;
                put.map(|uploaded| vec![uploaded.document])
            }
            ImageOrder::List { app } => office.list(Kind::Image, whose(app), None, MOST).await,
            ImageOrder::Remove { app, id } => {
                let removed = office.remove_image(&by, app.as_ref(), id, None).await;
                removed.map(|one| vec![one])
            }
        };
        self.shown(done)
    }
}

pub(super) async fn image(
    State(private): State<Private>,
    Json(order): Json<ImageOrder>,
) -> Response {
    done(&private, Order::Image(order)).await
}
