//! `daemun openapi`: the document of this version.

use std::process::ExitCode;

use super::{fail, say};
use crate::openapi;

/// Prints the document.
pub fn run() -> ExitCode {
    match openapi::document().to_pretty_json() {
        Ok(text) => say(&(text + "\n")),
        Err(error) => fail(&error.to_string()),
    }
}
