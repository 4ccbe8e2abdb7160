//! An operator's commands about notices and banners.

use actors::content::piece::PieceSent;
use actors::office::{By, Refused};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use protocol::error::ErrorBody;
use protocol::ids::AppId;
use serde::{Deserialize, Serialize};
use storage::documents::{Document, Kind};
use uuid::Uuid;

use super::launching::{ShownDocument, all, whose};
use super::members::done;
use super::{Desk, Order, Private};

/// The body of `/commands/piece`. Without a game it is of all games.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PieceOrder {
    /// Whether it is about notices or banners.
    pub kind: Kind,
    /// The game.
    pub app: Option<AppId>,
    /// What is to be done.
    pub deed: PieceDeed,
}

/// What is to be done with notices or banners.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum PieceDeed {
    /// Writes one.
    Put {
        /// Which one; a new one if absent.
        id: Option<Uuid>,
        /// What it says.
        sent: Box<PieceSent>,
    },
    /// Lists them.
    List,
    /// Takes one back.
    Remove {
        /// Which one.
        id: Uuid,
    },
}

impl Desk {
    pub(super) async fn piece(&self, order: PieceOrder) -> Result<Vec<ShownDocument>, ErrorBody> {
        let PieceOrder { kind, app, deed } = order;
        let (office, by) = (self.office(), By::command());
        let done: Result<Vec<Document>, Refused> = match deed {
            PieceDeed::Put { id: None, sent } => {
                self.known(app.as_ref()).await?;
                let written = office.write_piece(&by, kind, app.as_ref(), *sent).await;
                written.map(|one| vec![one])
            }
            PieceDeed::Put { id: Some(id), sent } => {
                let changed = office.change_piece(&by, kind, app.as_ref(), id, *sent, None).await;
                changed.map(|one| vec![one])
            }
            PieceDeed::List => all(&office, kind, whose(app)).await,
            PieceDeed::Remove { id } => {
                let removed = office.remove(&by, kind, app.as_ref(), id, None).await;
                removed.map(|one| vec![one])
            }
        };
        self.shown(done)
    }
}

pub(super) async fn piece(
    State(private): State<Private>,
    Json(order): Json<PieceOrder>,
) -> Response {
    done(&private, Order::Piece(order)).await
}
