//! The stores, played by the server itself in development: Apple's, Google Play and ONE store.
//!
//! Players' listener, under `/sim`:
//! - `POST /stores/{store}/buy`: what the store's SDK does on the device, see [`BuyRequest`].
//! - `POST /stores/{store}/evidence`: what the SDK hands out again, see [`EvidenceRequest`].
//! - `/appstore/{environment}/...`, `/play/...`, `/onestore/{environment}/...`: the stores' own
//!   APIs, for the server.
//!
//! Private listener, under `/sim`:
//! - `GET /stores`: how each stands, see [`StoreState`].
//! - `POST /stores/{store}/pay|cancel|refund|reverse|notify`: what happens to a purchase.
//! - `POST /stores/{store}/behave`: how its API answers, see [`Conduct`].
//! - `POST /stores/{store}/clock`: how much time has passed for unacknowledged purchases.
//! - `GET /stores/{store}/notices`: the notifications that the store would send; they are gone
//!   then. `?misbehave=` has something be wrong with them, see [`Wrong`].

mod shelf;
mod conduct;
mod authority;
mod forgery;

mod apple;
mod google_play;
mod one_store;

mod postman;
mod routes;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actors::purchases::settings::StoresSettings;
use protocol::client::StoreName;
use protocol::error::ErrorBody;
use serde_json::Value;
use storage::clock::Clock;
use tokio::sync::OnceCell;

pub use self::conduct::{Conduct, Delivery};
pub use self::forgery::Wrong;
pub use self::routes::{
    BuyRequest, ClockRequest, EvidenceRequest, RefundRequest, StoreState, WhichRequest,
};
pub(super) use self::routes::{control, public};

use self::apple::AppStore;
use self::google_play::Play;
use self::one_store::One;
use self::shelf::{Event, Shelf, Sold};
use super::keys::SigningKey;
use super::provider::Provider;

/// What the demo game is called in every store.
const GAME: &str = "com.example.demo";

/// All simulated stores.
pub(super) struct Stores {
    apple: AppStore,
    play: Play,
    one: One,
    folder: OnceCell<()>,
}

/// A notification, ready to be sent.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct StoreNotice {
    /// The header `Authorization`, where the store sends one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization: Option<String>,
    /// The body, byte by byte.
    pub body: String,
}

impl Stores {
    pub(super) fn new(base: &str, clock: &Arc<dyn Clock>) -> Self {
        let base = format!("{base}/sim");
        let key = Arc::default();
        Self {
            apple: AppStore::new(&base, clock),
            play: Play::new(&base, clock, &key),
            one: One::new(&base, clock, &key),
            folder: OnceCell::new(),
        }
    }

    /// The settings of a game that is sold in these stores. The credentials they name are in
    /// `folder` once [`Stores::prepare`] was called.
    pub(super) fn settings(&self, folder: &Path) -> StoresSettings {
        StoresSettings {
            app_store: Some(self.apple.settings(folder)),
            google_play: Some(self.play.settings(folder)),
            one_store: Some(self.one.settings(folder)),
            ..StoresSettings::default()
        }
    }

    /// Writes the credentials, once. Making the keys takes some seconds in an unoptimised build,
    /// so nobody does it who buys nothing.
    pub(super) async fn prepare(&self, folder: &Path) -> io::Result<()> {
        let write = async || {
            let mut files = self.apple.files().map_err(io::Error::other)?;
            files.extend(self.play.files().await.map_err(io::Error::other)?);
            files.extend(self.one.files().await.map_err(io::Error::other)?);
            let folder = folder.to_owned();
            tokio::task::spawn_blocking(move || write_all(&folder, &files)).await?
        };
        self.folder.get_or_try_init(write).await.copied()
    }

    fn shelf(&self, store: StoreName) -> Option<&Shelf> {
        match store {
            StoreName::AppStore => Some(&self.apple.shelf),
            StoreName::GooglePlay => Some(&self.play.shelf),
            StoreName::OneStore => Some(&self.one.shelf),
            StoreName::GalaxyStore
            | StoreName::Huawei
            | StoreName::Amazon
            | StoreName::Steam
            | StoreName::Own => None,
        }
    }

    /// What the SDK hands to the app, null while there is nothing.
    fn evidence(
        &self,
        store: StoreName,
        sold: &Sold,
        wrong: Option<Wrong>,
    ) -> Result<Value, ErrorBody> {
        match store {
            StoreName::AppStore => self.apple.evidence(sold, wrong),
            StoreName::GooglePlay => google_play::evidence(sold, wrong),
            StoreName::OneStore
            | StoreName::GalaxyStore
            | StoreName::Huawei
            | StoreName::Amazon
            | StoreName::Steam
            | StoreName::Own => one_store::evidence(sold, wrong),
        }
    }

    async fn notice(
        &self,
        store: StoreName,
        event: &Event,
        wrong: Option<Wrong>,
    ) -> Result<Option<StoreNotice>, ErrorBody> {
        match store {
            StoreName::AppStore => self.apple.notice(event, wrong).map(Some),
            StoreName::GooglePlay => self.play.notice(event, wrong).await.map(Some),
            StoreName::OneStore
            | StoreName::GalaxyStore
            | StoreName::Huawei
            | StoreName::Amazon
            | StoreName::Steam
            | StoreName::Own => self.one.notice(event, wrong).await,
        }
    }
}

/// The RSA key that is whatever somebody needs one for: making one takes too long to make three.
#[derive(Default)]
struct RsaKey(OnceCell<Arc<SigningKey>>);

impl RsaKey {
    async fn get(&self) -> Result<Arc<SigningKey>, ErrorBody> {
        let key = self.0.get_or_try_init(|| SigningKey::make(Provider::Google)).await?;
        Ok(Arc::clone(key))
    }
}

/// A file of credentials: its name and what is in it.
type File = (&'static str, String);

pub(super) fn write_all(folder: &Path, files: &[File]) -> io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for (name, text) in files {
        let path: PathBuf = folder.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut options = std::fs::File::options();
        options.write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())?;
    }
    Ok(())
}
