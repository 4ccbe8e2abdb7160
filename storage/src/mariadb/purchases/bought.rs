//! What the rows of a claim and of its owner's purchase have in common. The columns stand side by
//! side: app, store, environment, store_key, facts, product, grants.

use mysql_async::{Row, Value};
use protocol::client::StoreName;
use protocol::purchases::{Environment, Grant};
use protocol::text::Text;

use crate::error::Result;
use crate::mariadb::rows::{app, cell, json, optional_word, word};
use crate::purchases::owned::json as written;
use crate::purchases::{Facts, PurchaseKey};

/// Which purchase, and what of.
pub(super) struct Bought {
    pub(super) key: PurchaseKey,
    pub(super) facts: Facts,
    pub(super) product: Option<Text<64>>,
    pub(super) grants: Vec<Grant>,
}

pub(super) fn values(
    key: &PurchaseKey,
    facts: &Facts,
    product: Option<&Text<64>>,
    grants: &[Grant],
) -> [Value; 7] {
    [
        key.app.as_str().into(),
        key.store.word().into(),
        key.environment.word().into(),
        key.key.as_str().into(),
        written(facts).into(),
        product.map(|product| &**product).into(),
        written(&grants).into(),
    ]
}

/// Reads the columns that begin at `at`.
pub(super) fn read(row: &mut Row, at: usize, table: &str) -> Result<Bought> {
    let what = |column: &str| format!("{table}.{column}");
    Ok(Bought {
        key: PurchaseKey {
            app: app(row, at, &what("app"))?,
            store: word(row, at + 1, &what("store"), StoreName::parse)?,
            environment: word(row, at + 2, &what("environment"), Environment::parse)?,
            key: cell(row, at + 3, &what("store_key"))?,
        },
        facts: json(row, at + 4, &what("facts"))?,
        product: optional_word(row, at + 5, &what("product"), |word| Text::new(word).ok())?,
        grants: json(row, at + 6, &what("grants"))?,
    })
}
