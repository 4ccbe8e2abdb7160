//! What `daemun` does besides serving.

pub mod app;
pub mod check;
pub mod config;
pub mod content;
pub mod gamelog;
pub mod healthcheck;
pub mod keys;
pub mod images;
pub mod launching;
pub mod ledger;
pub mod member;
pub mod migrate;
pub mod openapi;
pub mod operator;
pub mod purchase;
pub mod shards;
pub mod webhooks;

use std::io::Write;
use std::process::ExitCode;

use storage::finding::Finding;

use crate::config::{Flags, Settings};

/// Says why it did not work, on standard error.
#[must_use]
pub fn fail(message: &str) -> ExitCode {
    // If standard error is closed there is nobody to tell; the exit status says it too.
    let _ = writeln!(std::io::stderr(), "daemun: {message}");
    ExitCode::FAILURE
}

/// Says what was asked for, on standard output.
#[must_use]
pub fn say(text: &str) -> ExitCode {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("standard output: {error}")),
    }
}

/// What is found of servers: lines to say, and what is in the way.
fn judged(findings: Vec<Finding>) -> (String, Vec<String>) {
    let (mut said, mut wrong) = (String::new(), Vec::new());
    for Finding { server, refused, what } in findings {
        let line = format!("{server}: {what}");
        if refused {
            wrong.push(line);
        } else {
            said += &format!("warning: {line}\n");
        }
    }
    (said, wrong)
}

fn load(flags: &Flags) -> Result<Settings, String> {
    Settings::load(flags, std::env::vars_os())
        .map(|loaded| loaded.settings)
        .map_err(|error| error.to_string())
}
