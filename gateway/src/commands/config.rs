//! `daemun config`: the default file, a check, and what is in effect.

use std::process::ExitCode;

use clap::Subcommand;

use super::{fail, say};
use crate::config::{ConfigError, Flags, Layers, Loaded, Settings, default_toml};

/// What to do with the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Prints the default file: every key, what it means, and its default.
    Default,
    /// Says whether a server would start with this configuration, or everything that is
    /// wrong with it.
    Check,
    /// Prints every value in effect and where it came from, secrets hidden.
    Explain,
}

/// Runs the command.
pub fn run(command: ConfigCommand, flags: &Flags) -> ExitCode {
    let answer = answer(command, || Settings::layers(flags, std::env::vars_os()));
    let said = if answer.text.is_empty() { ExitCode::SUCCESS } else { say(&answer.text) };
    match answer.wrong {
        Some(wrong) => fail(&wrong.to_string()),
        None => said,
    }
}

/// What is said, and what is wrong. There may be both: values that break a rule are worth
/// explaining all the more.
struct Answer {
    text: String,
    wrong: Option<ConfigError>,
}

impl From<ConfigError> for Answer {
    fn from(wrong: ConfigError) -> Self {
        Self { text: String::new(), wrong: Some(wrong) }
    }
}

fn answer(command: ConfigCommand, layers: impl FnOnce() -> Result<Layers, ConfigError>) -> Answer {
    let loaded = || layers()?.load::<Settings>();
    let answer = match command {
        // The defaults are the same whatever the configuration says.
        ConfigCommand::Default => {
            default_toml::<Settings>().map(|text| Answer { text, wrong: None })
        }
        ConfigCommand::Check => loaded().and_then(check),
        ConfigCommand::Explain => loaded().and_then(explain),
    };
    answer.unwrap_or_else(Answer::from)
}

fn check(loaded: Loaded<Settings>) -> Result<Answer, ConfigError> {
    loaded.check()?;
    let sources = match loaded.sources() {
        [] => "defaults only".to_owned(),
        sources => sources.join(", "),
    };
    Ok(Answer { text: format!("the configuration is good: {sources}\n"), wrong: None })
}

fn explain(loaded: Loaded<Settings>) -> Result<Answer, ConfigError> {
    Ok(Answer { text: loaded.explain()?, wrong: loaded.check().err() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[gateway]\ndrain_s = 3";

    fn on(command: ConfigCommand, file: &str) -> (String, Option<String>) {
        let layers = Layers::new().file_text("daemun.toml", file).env([
            ("DAEMUN_DATA", "/srv"),
            ("DAEMUN_SERVICE_HOST", "10.0.0.1"),
            ("HOME", "/"),
        ]);
        let answer = answer(command, || Ok(layers));
        (answer.text, answer.wrong.map(|wrong| wrong.to_string()))
    }

    #[test]
    fn a_good_configuration_is_called_good_by_its_sources() {
        let (text, wrong) = on(ConfigCommand::Check, GOOD);
        assert_eq!(text, "the configuration is good: daemun.toml, env DAEMUN_DATA\n");
        assert_eq!(wrong, None);

        let nothing = answer(ConfigCommand::Check, || Ok(Layers::new()));
        assert_eq!(nothing.text, "the configuration is good: defaults only\n");
    }

    #[test]
    fn a_flag_is_a_source() {
        let flags = Flags { mode: Some("development".into()), ..Flags::default() };
        let layers = Layers::new().flags(flags.values());
        let answer = answer(ConfigCommand::Check, || Ok(layers));
        assert_eq!(answer.text, "the configuration is good: flag --mode\n");
    }

    #[test]
    fn a_check_says_everything_that_is_wrong_and_nothing_else() {
        let (text, wrong) =
            on(ConfigCommand::Check, "[gateway]\nheartbeat_s = 0\nmax_connections = 0");
        assert_eq!(text, "");
        assert_eq!(
            wrong.as_deref(),
            Some(
                "the configuration has 2 problems:
  gateway.heartbeat_s (daemun.toml:2): at least 1, found 0
  gateway.max_connections (daemun.toml:3): at least 1, found 0"
            )
        );
    }

    #[test]
    fn values_are_explained_also_when_they_break_a_rule() {
        let (text, wrong) = on(ConfigCommand::Explain, GOOD);
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let explained = ["gateway.drain_s", "3", "daemun.toml:2"];
        assert!(text.lines().any(|line| words(line) == explained), "{text}");
        assert_eq!(wrong, None);

        let (text, wrong) = on(ConfigCommand::Explain, "[gateway]\nheartbeat_s = 0");
        assert!(text.contains("\ngateway.heartbeat_s "), "{text}");
        assert!(wrong.is_some_and(|wrong| wrong.contains("gateway.heartbeat_s (daemun.toml:2)")));
    }

    #[test]
    fn what_cannot_be_read_is_not_explained() {
        let (text, wrong) = on(ConfigCommand::Explain, "[gateway]\nheartbeat = 1");
        assert_eq!(text, "");
        assert!(wrong.is_some_and(|wrong| wrong.contains("did you mean gateway.heartbeat_s?")));
    }

    #[test]
    fn the_default_file_is_printed_whatever_the_configuration_says() {
        let layers = || Layers::new().file("/nonexistent/daemun.toml");
        let printed = answer(ConfigCommand::Default, layers);
        assert!(printed.wrong.is_none());
        assert_eq!(printed.text, default_toml::<Settings>().unwrap());
        assert!(answer(ConfigCommand::Check, layers).wrong.is_some());
    }
}
