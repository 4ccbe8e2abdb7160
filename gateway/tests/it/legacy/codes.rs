//! The table of result codes, and its page.
//!
//! `UPDATE=1 cargo test -p gateway --test it legacy` writes the page anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use gateway::legacy::result_code;
use protocol::error::ErrorCode;

const BEGIN: &str = "<!-- result codes: written by `make docs` -->\n";
const END: &str = "<!-- end of result codes -->\n";

#[test]
fn every_error_has_a_number_of_its_own() {
    let numbers: BTreeSet<i64> = ErrorCode::ALL.iter().map(|code| result_code(*code)).collect();
    assert_eq!(numbers.len(), ErrorCode::ALL.len());
    assert!(numbers.iter().all(|number| *number > 0), "0 is success");
}

/// Clients in the field compare these numbers, so that they are told here a second time.
#[test]
fn the_numbers_that_were_published_stay() {
    for (code, number) in [
        (ErrorCode::BodyInvalid, 1201),
        (ErrorCode::AuthRequired, 2002),
        (ErrorCode::AuthExpired, 2004),
        (ErrorCode::SessionReplaced, 4103),
        (ErrorCode::LimitOverloaded, 8002),
        (ErrorCode::Internal, 9101),
    ] {
        assert_eq!(result_code(code), number, "{code}");
    }
}

#[test]
fn the_page_has_the_table() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/legacy.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let made = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &made).unwrap();
    } else {
        assert!(page == made, "docs/legacy.md is stale: run `make docs`");
    }
}

fn table() -> String {
    let mut codes = ErrorCode::ALL.to_vec();
    codes.sort_by_key(|code| result_code(*code));
    let mut table = String::from(
        "| `resultCode` | `error.code` | `error.retry` | HTTP status at `/v1` |\n\
         | --- | --- | --- | --- |\n\
         | 0 | success | | 200 |\n",
    );
    for code in codes {
        let retry = serde_json::to_value(code.retry()).unwrap();
        let (number, retry) = (result_code(code), retry.as_str().unwrap().to_owned());
        writeln!(table, "| {number} | `{code}` | `{retry}` | {} |", code.http_status()).unwrap();
    }
    table
}
