//! The layers' exam: what is read, what is refused and in which words, and what is shown.

mod errors;
mod files;
mod layering;
mod output;
mod rules;
mod shapes;

use super::*;

/// Layers over a file called `daemun.toml`.
fn file(text: &str) -> Layers {
    Layers::new().file_text("daemun.toml", text)
}

fn settings(layers: &Layers) -> Settings {
    match layers.load::<Settings>() {
        Ok(loaded) => loaded.settings,
        Err(error) => panic!("{error}"),
    }
}

/// The problems that loading and checking report, one a line.
fn problems(layers: &Layers) -> Vec<String> {
    let checked = layers.load::<Settings>().and_then(|loaded| loaded.check());
    let error = checked.expect_err("these layers hold a mistake");
    error.problems().iter().map(Problem::to_string).collect()
}

fn flag(flag: &'static str, key: &'static str, value: &str) -> FlagValue {
    let value = value.to_owned();
    FlagValue { flag, key, value }
}
