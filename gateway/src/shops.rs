//! The stores of every game, opened.
//!
//! What a server sells in is opened when it starts, so that wrong credentials are known then.
//! Stores that the server plays itself are opened when they are first used: making their
//! credentials takes a while, and most who try a server buy nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use actors::apps::AppSettings;
use actors::purchases::desk::Shops as Sold;
use actors::purchases::settings::StoresSettings;
use actors::purchases::{Parts, Stores};
use async_trait::async_trait;
use protocol::error::{ErrorBody, ErrorCode};
use protocol::ids::AppId;
use tokio::sync::OnceCell;

use crate::simulators::Simulators;

#[async_trait]
impl Sold for Shops {
    async fn stores(&self, app: &AppId) -> Result<Stores, ErrorBody> {
        self.of(app).await
    }
}

/// The stores of all games. A clone is the same stores.
#[derive(Clone)]
pub struct Shops {
    games: Arc<BTreeMap<String, Shop>>,
    parts: Parts,
    played: Option<(Simulators, PathBuf)>,
}

struct Shop {
    settings: StoresSettings,
    opened: OnceCell<Stores>,
}

impl Shops {
    /// The stores of these games, none of them opened. `played` are the simulators, and where
    /// their credentials are written.
    #[must_use]
    pub fn new(
        apps: &BTreeMap<String, AppSettings>,
        parts: Parts,
        played: Option<(Simulators, PathBuf)>,
    ) -> Self {
        let shop = |(word, app): (&String, &AppSettings)| {
            let settings = app.stores.clone();
            (word.clone(), Shop { settings, opened: OnceCell::new() })
        };
        Self { games: Arc::new(apps.iter().map(shop).collect()), parts, played }
    }

    /// Opens the stores of every game that are not played here.
    ///
    /// # Errors
    /// Everything that is wrong, each on a line.
    pub async fn open(&self) -> Result<(), String> {
        let mut wrong = Vec::new();
        for (word, shop) in self.games.iter() {
            if !shop.settings.is_for_development()
                && let Err(problem) = self.opened(word, shop).await
            {
                wrong.push(problem);
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    /// A game's stores.
    ///
    /// # Errors
    /// The game is not in the settings of this server, or its stores cannot be opened.
    pub async fn of(&self, app: &AppId) -> Result<Stores, ErrorBody> {
        let unknown = || ErrorBody::new(ErrorCode::AppUnknown, "this server sells no such game");
        let shop = self.games.get(app.as_str()).ok_or_else(unknown)?;
        let opened = self.opened(app.as_str(), shop).await;
        opened.map_err(|problem| {
            tracing::error!("{problem}");
            ErrorBody::new(ErrorCode::Internal, "the stores of this game cannot be opened")
        })
    }

    async fn opened(&self, word: &str, shop: &Shop) -> Result<Stores, String> {
        let open = async || {
            if let Some((simulators, folder)) = &self.played
                && shop.settings.is_for_development()
            {
                let written = simulators.prepare(folder).await;
                written.map_err(|error| format!("{}: {error}", folder.display()))?;
            }
            let (settings, parts) = (shop.settings.clone(), self.parts.clone());
            let opened = tokio::task::spawn_blocking(move || Stores::open(&settings, &parts)).await;
            opened.map_err(|error| error.to_string())?.map_err(|problems| {
                let lines = problems.iter().map(|problem| format!("apps.{word}.{problem}"));
                lines.collect::<Vec<_>>().join("\n")
            })
        };
        shop.opened.get_or_try_init(open).await.cloned()
    }
}
