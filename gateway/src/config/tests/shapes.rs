//! What a part may look like beyond plain fields: alternatives, tables in arrays, secrets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Shop {
    name: String,
    signing_key: u64,
    pair: Option<(u8, u8)>,
    doors: BTreeMap<String, Door>,
    shelves: Vec<Shelf>,
    extras: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Door {
    Wood { key: String },
    Glass { pane_count: u32 },
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Shelf {
    width: u32,
    token: String,
}

impl Schema for Shop {
    fn sample() -> Self {
        let wood = Door::Wood { key: "example".to_owned() };
        Self {
            name: "corner".to_owned(),
            signing_key: 1,
            pair: Some((1, 2)),
            doors: BTreeMap::from([
                ("*wood".to_owned(), wood),
                ("*glass".to_owned(), Door::Glass { pane_count: 2 }),
            ]),
            shelves: vec![Shelf::default()],
            extras: BTreeMap::from([("*".to_owned(), serde_json::Value::Null)]),
        }
    }
}

fn mistakes(text: &str) -> Vec<String> {
    let error = file(text).load::<Shop>().expect_err("a mistake");
    error.problems().iter().map(Problem::to_string).collect()
}

#[test]
fn an_entry_may_have_any_of_its_shapes() {
    let text = "[doors.front]\nkind = \"wood\"\nkey = \"k\"\n[doors.back]\nkind = \"glass\"\npane_count = 4";
    let shop = file(text).load::<Shop>().unwrap().settings;
    assert_eq!(shop.doors["back"], Door::Glass { pane_count: 4 });

    assert_eq!(
        mistakes("[doors.front]\nkind = \"glass\"\npane_cuont = 4"),
        [
            "doors.front.pane_cuont (daemun.toml:3): unknown key; did you mean doors.front.pane_count?",
            "doors.front (daemun.toml:2): missing field `pane_count`",
        ]
    );
    assert_eq!(
        mistakes("[doors.front]\nkind = \"steel\""),
        ["doors.front.kind (daemun.toml:2): expected `wood` or `glass`, found \"steel\""]
    );
}

#[test]
fn tables_in_arrays_are_searched_too() {
    assert_eq!(
        mistakes("[[shelves]]\nwidth = 1\n[[shelves]]\nwidht = 2"),
        ["shelves[1].widht (daemun.toml:4): unknown key; did you mean shelves[1].width?"]
    );
    assert_eq!(
        mistakes("shelves = [{ width = 1 }, [2, \"t\"]]"),
        ["shelves[1] (daemun.toml:1): expected a table, [shelves[1]]"]
    );
}

#[test]
fn the_value_of_a_secret_is_in_no_error() {
    for (text, expected) in [
        (
            "signing_key = \"hunter2\"",
            "signing_key (daemun.toml:1): expected a whole number, 0 or more, found (hidden)",
        ),
        (
            "[doors.front]\nkind = \"wood\"\nkey = 12345",
            "doors.front.key (daemun.toml:3): expected a string in quotes, found (hidden)",
        ),
        (
            "[[shelves]]\ntoken = 12345",
            "shelves[0].token (daemun.toml:1): expected a string in quotes, found (hidden)",
        ),
        (
            "pair = [1, 2, 3]",
            "pair (daemun.toml:1): expected fewer elements in array, found [1, 2, 3]",
        ),
        (
            "pair = \"https://u:hunter2@host\"",
            "pair (daemun.toml:1): expected a tuple of size 2, found \"https://(hidden)@host\"",
        ),
    ] {
        assert_eq!(mistakes(text), [expected]);
    }
}

#[test]
fn explain_hides_secrets_inside_arrays() {
    let loaded = file("[[shelves]]\nwidth = 1\ntoken = \"hunter2\"").load::<Shop>().unwrap();
    let table = loaded.explain().unwrap();
    assert!(table.contains("[{ token = (hidden), width = 1 }]"), "{table}");
}

#[test]
fn alternatives_stand_one_after_the_other_in_the_default_file() {
    let text = default_toml::<Shop>().unwrap();
    assert!(text.contains("#[doors.<glass>]") && text.contains("#[doors.<wood>]"), "{text}");
    assert_eq!(file(&text).load::<Shop>().unwrap().settings, Shop::default());
}

/// Where the sample has a null, the type judges for itself; secrets are hidden there all the same.
#[test]
fn under_a_null_anything_is_known() {
    let text = "[extras.one]\nclient_id = \"shown\"\nclient_secret = \"hunter2\"
database = \"postgres://u:hunter2@db/x\"\n[extras.two.private_key]\npem = \"hunter2\"";
    let variables =
        [("DAEMUN_EXTRAS__THREE__AGE", "18"), ("DAEMUN_EXTRAS__THREE__WORD", "not toml")];
    let loaded = file(text).env(variables).load::<Shop>().unwrap();
    assert_eq!(loaded.settings.extras["three"]["age"], 18);
    assert_eq!(loaded.settings.extras["three"]["word"], "not toml");
    let table = loaded.explain().unwrap();
    assert!(!table.contains("hunter2") && table.contains("\"shown\""), "{table}");
    // The shop's own signing key is the fourth.
    assert_eq!(table.matches("(hidden)").count(), 4, "{table}");
}
