//! `daemun healthcheck`: for containers, whose images have no other way to ask.

use std::process::ExitCode;

use super::{fail, load, say};
use crate::config::Flags;
use crate::control;

/// Asks the server of the data folder whether it is ready.
pub async fn run(flags: &Flags) -> ExitCode {
    let settings = match load(flags) {
        Ok(settings) => settings,
        Err(error) => return fail(&error),
    };
    let Some(control) = control::read(&settings.data) else {
        return fail(&format!("no server runs on {}", settings.data.display()));
    };
    match control.call("/readyz", None).await {
        Ok(answer) => say(&String::from_utf8_lossy(&answer)),
        Err(error) => fail(&error.to_string()),
    }
}
