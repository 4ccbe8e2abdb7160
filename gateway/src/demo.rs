//! The game that a server in development serves when it is told of none, to be tried out.

use std::collections::BTreeMap;
use std::path::Path;

use actors::apps::AppSettings;
use actors::purchases::catalogue::ProductSettings;
use protocol::client::StoreName;
use protocol::purchases::Kind;

use crate::config::{Mode, Settings};
use crate::simulators::Simulators;

/// Its word.
pub const WORD: &str = "demo";

/// Whether the server serves it.
#[must_use]
pub fn is_served(settings: &Settings) -> bool {
    settings.mode == Mode::Development && settings.apps.is_empty()
}

/// The game: guests and the simulated providers log in, the simulated stores sell gems. `folder`
/// is where those stores' credentials are.
#[must_use]
pub fn game(simulators: Option<&Simulators>, folder: &Path) -> AppSettings {
    let mut providers = simulators.map(Simulators::providers).unwrap_or_default();
    providers.insert("guest".into(), serde_json::json!({"kind": "guest"}));
    let stores = simulators.map(|it| it.stores(folder)).unwrap_or_default();
    AppSettings {
        name: "Demo".into(),
        providers,
        stores,
        products: products(),
        ..AppSettings::default()
    }
}

/// What it sells, under the same name in every store.
fn products() -> BTreeMap<String, ProductSettings> {
    let sold = |kind, item: &str, amount, id: &str| {
        let stores = [StoreName::AppStore, StoreName::GooglePlay, StoreName::OneStore];
        let product = ProductSettings {
            kind,
            grants: BTreeMap::from([(item.to_owned(), amount)]),
            stores: stores.map(|store| (store.word().to_owned(), id.to_owned())).into(),
            prices: BTreeMap::from([("KRW".to_owned(), 1_100_000_000)]),
            from: None,
            until: None,
        };
        (id.to_owned(), product)
    };
    BTreeMap::from([
        sold(Kind::Consumable, "gem", 100, "gem_100"),
        sold(Kind::NonConsumable, "no_ads", 1, "no_ads"),
    ])
}
