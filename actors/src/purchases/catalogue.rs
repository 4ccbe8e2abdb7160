//! What a game sells, and what each product grants.
//!
//! A purchase keeps a copy of what it grants from the moment it is granted, so the catalogue may
//! change at any time and history does not.

use std::collections::{BTreeMap, BTreeSet};

use protocol::client::StoreName;
use protocol::purchases::{Grant, Kind, Product as Shown};
use protocol::text::Text;
use serde::{Deserialize, Serialize};
use storage::clock::Micros;
use storage::wallet::MAX_LINES;

use super::verified::Price;

/// The most that one product may grant of an item. A thousand of it, the most that a store sells
/// at once, still leaves room for nine thousand such purchases in one wallet.
const MOST: i64 = 1_000_000_000_000;
/// The most products of a game.
const MAX_PRODUCTS: usize = 10_000;

/// A product, as a game's settings describe it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductSettings {
    /// `consumable` or `non_consumable`.
    pub kind: Kind,
    /// What one grants: an amount of each item.
    #[serde(default)]
    pub grants: BTreeMap<String, i64>,
    /// What it is called in each store that sells it.
    #[serde(default)]
    pub stores: BTreeMap<String, String>,
    /// What one costs, in millionths of each currency (ISO 4217). A purchase that cost something
    /// else is held; a currency that is not named here is not checked.
    #[serde(default)]
    pub prices: BTreeMap<String, i64>,
    /// From when on it is sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Micros>,
    /// Until when it is sold. What was paid before is granted after, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Micros>,
}

/// A product, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// Its word.
    pub id: Text<64>,
    /// Of which kind it is.
    pub kind: Kind,
    /// What one grants, in the order of the items.
    pub grants: Vec<Grant>,
    /// What one costs, where that is checked.
    pub prices: Vec<Price>,
    stores: Vec<(StoreName, Text<256>)>,
    from: Option<Micros>,
    until: Option<Micros>,
}

impl Product {
    /// Whether it is sold at that moment.
    #[must_use]
    pub fn is_sold(&self, now: Micros) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }

    /// What it is called in a store; `None` if it is not sold there.
    #[must_use]
    pub fn in_store(&self, store: StoreName) -> Option<&Text<256>> {
        self.stores.iter().find(|(sold_at, _)| *sold_at == store).map(|(_, name)| name)
    }

    /// What so many of it grant, or `None` if that is more than can be counted.
    #[must_use]
    pub fn grants_of(&self, quantity: u32) -> Option<Vec<Grant>> {
        let of = |grant: &Grant| {
            let amount = grant.amount.checked_mul(i64::from(quantity))?;
            Some(Grant { item: grant.item.clone(), amount })
        };
        self.grants.iter().map(of).collect()
    }

    /// As players are shown it, with its name in a store.
    #[must_use]
    pub fn shown(&self, store: Option<StoreName>) -> Shown {
        Shown {
            id: self.id.clone(),
            kind: self.kind,
            grants: self.grants.clone(),
            store_product: store.and_then(|store| self.in_store(store).cloned()),
            until: self.until,
        }
    }
}

/// What a game sells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    products: Vec<Product>,
}

impl Catalogue {
    /// Checks a catalogue. Returns what can be used, and everything that cannot: which product,
    /// which of its fields, and why.
    #[must_use]
    pub fn check(settings: &BTreeMap<String, ProductSettings>) -> (Self, Vec<Wrong>) {
        let mut wrong = Vec::new();
        let mut names = BTreeSet::new();
        let mut products = Vec::new();
        for (at, (id, product)) in settings.iter().enumerate() {
            let mut say = |field: &[&str], reason: String| {
                let path = std::iter::once(id.as_str()).chain(field.iter().copied());
                wrong.push(Wrong { path: path.map(str::to_owned).collect(), reason });
            };
            if at == MAX_PRODUCTS {
                say(&[], format!("there are more than {MAX_PRODUCTS} products"));
            }
            for (store, name) in &product.stores {
                if !names.insert((store, name)) {
                    say(&["stores", store], format!("another product is `{name}` there"));
                }
            }
            products.extend(checked(id, product, &mut say));
        }
        (Self { products }, wrong)
    }

    /// Everything, in the order of the words.
    #[must_use]
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// The product of a word.
    #[must_use]
    pub fn product(&self, id: &str) -> Option<&Product> {
        self.products.iter().find(|product| &*product.id == id)
    }

    /// What a store calls by a name.
    #[must_use]
    pub fn sold_as(&self, store: StoreName, name: &str) -> Option<&Product> {
        self.products
            .iter()
            .find(|product| product.in_store(store).is_some_and(|known| &**known == name))
    }
}

/// What cannot be used of a catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The way to it: the product's word, and its field.
    pub path: Vec<String>,
    /// Why.
    pub reason: String,
}

/// The characters of a word.
const WORD: &str = "expected 1 to 64 lower-case letters, digits, `.`, `_` and `-`";

fn word(text: &str) -> Option<Text<64>> {
    let allowed = |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    (!text.is_empty() && text.bytes().all(allowed)).then(|| Text::new(text).ok()).flatten()
}

fn checked(
    id: &str,
    product: &ProductSettings,
    say: &mut impl FnMut(&[&str], String),
) -> Option<Product> {
    let word_of_it = word(id);
    if word_of_it.is_none() {
        say(&[], WORD.into());
    }
    if product.grants.is_empty() || product.grants.len() > MAX_LINES {
        say(&["grants"], format!("not between 1 and {MAX_LINES} items"));
    }
    let mut grants = Vec::with_capacity(product.grants.len());
    for (item, amount) in &product.grants {
        match word(item) {
            Some(item) if (1..=MOST).contains(amount) => {
                grants.push(Grant { item, amount: *amount });
            }
            Some(_) => say(&["grants", item], format!("not between 1 and {MOST}")),
            None => say(&["grants", item], WORD.into()),
        }
    }
    let mut stores = Vec::with_capacity(product.stores.len());
    for (store, name) in &product.stores {
        match (StoreName::parse(store), Text::new(name)) {
            (Some(store), Ok(text)) if !name.is_empty() => stores.push((store, text)),
            (Some(_), _) => say(&["stores", store], "not between 1 and 256 bytes".into()),
            (None, _) => say(&["stores", store], "there is no store of that name".into()),
        }
    }
    let mut prices = Vec::with_capacity(product.prices.len());
    for (currency, micros) in &product.prices {
        let iso = currency.len() == 3 && currency.bytes().all(|b| b.is_ascii_uppercase());
        if iso && *micros > 0 {
            prices.push(Price { micros: *micros, currency: currency.clone() });
        } else {
            let reason = "expected millionths above 0 of a currency such as KRW";
            say(&["prices", currency], reason.into());
        }
    }
    if let (Some(from), Some(until)) = (product.from, product.until)
        && until <= from
    {
        say(&["until"], "not after `from`".into());
    }
    let (kind, from, until) = (product.kind, product.from, product.until);
    Some(Product { id: word_of_it?, kind, grants, prices, stores, from, until })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(json: serde_json::Value) -> BTreeMap<String, ProductSettings> {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn a_product_is_found_by_its_word_and_by_its_name_in_a_store() {
        let (catalogue, wrong) = Catalogue::check(&settings(serde_json::json!({
            "gem_100": {"kind": "consumable", "grants": {"gem": 100, "bonus": 5},
             "stores": {"app_store": "com.example.gem100", "google_play": "gem_100"},
             "prices": {"KRW": 1_100_000_000},
             "from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"},
            "no_ads": {"kind": "non_consumable", "grants": {"no_ads": 1}},
        })));
        assert_eq!(wrong, []);
        let gem = catalogue.product("gem_100").unwrap();
        let by = |store, name| catalogue.sold_as(store, name).map(|it| &*it.id);
        assert_eq!(by(StoreName::AppStore, "com.example.gem100"), Some("gem_100"));
        assert_eq!(by(StoreName::GooglePlay, "com.example.gem100"), None);
        let three = gem.grants_of(3).unwrap();
        let items: Vec<_> = three.iter().map(|it| (&*it.item, it.amount)).collect();
        assert_eq!(items, [("bonus", 15), ("gem", 300)]);
        let at = |text: &str| serde_json::from_value::<Micros>(text.into()).unwrap();
        assert!(!gem.is_sold(Micros(at("2026-01-01T00:00:00Z").0 - 1)));
        assert!(gem.is_sold(at("2026-01-01T00:00:00Z")));
        assert!(!gem.is_sold(at("2027-01-01T00:00:00Z")));
        assert_eq!(gem.shown(None).store_product, None);
        assert_eq!(&*gem.shown(Some(StoreName::GooglePlay)).store_product.unwrap(), "gem_100");
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let named = |id: &str, json: serde_json::Value| {
            let (_, wrong) = Catalogue::check(&settings(serde_json::json!({ id: json })));
            wrong.into_iter().map(|it| it.path[1..].join(".")).collect::<Vec<_>>()
        };
        let good = serde_json::json!({"kind": "consumable", "grants": {"gem": 1}});
        let with = |field: &str, value: serde_json::Value| {
            let mut json = good.clone();
            json[field] = value;
            named("a", json)
        };
        assert_eq!(named("a", good.clone()), [""; 0]);
        for id in ["A", "", &"a".repeat(65)] {
            assert_eq!(named(id, good.clone()), [""]);
        }
        assert_eq!(with("grants", serde_json::json!({})), ["grants"]);
        assert_eq!(with("grants", serde_json::json!({"gem": 0})), ["grants.gem"]);
        assert_eq!(with("grants", serde_json::json!({"gem": MOST})), [""; 0]);
        assert_eq!(with("grants", serde_json::json!({"gem": MOST + 1})), ["grants.gem"]);
        assert_eq!(with("grants", serde_json::json!({"Gem": 1})), ["grants.Gem"]);
        assert_eq!(with("stores", serde_json::json!({"app_store": ""})), ["stores.app_store"]);
        assert_eq!(with("stores", serde_json::json!({"appstore": "a"})), ["stores.appstore"]);
        assert_eq!(with("prices", serde_json::json!({"won": 1})), ["prices.won"]);
        assert_eq!(with("prices", serde_json::json!({"KRW": 0})), ["prices.KRW"]);
        let mut turned = good.clone();
        turned["from"] = "2026-01-02T00:00:00Z".into();
        turned["until"] = "2026-01-02T00:00:00Z".into();
        assert_eq!(named("a", turned), ["until"]);
    }

    #[test]
    fn two_products_have_not_one_name() {
        let sold = serde_json::json!({"kind": "consumable", "grants": {"gem": 1},
            "stores": {"google_play": "gem"}});
        let (_, wrong) = Catalogue::check(&settings(serde_json::json!({"a": sold, "b": sold})));
        let paths: Vec<_> = wrong.iter().map(|it| it.path.join(".")).collect();
        assert_eq!(paths, ["b.stores.google_play"]);
    }
}
