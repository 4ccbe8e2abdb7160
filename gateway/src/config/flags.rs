//! The command line of `daemun serve`.

use std::path::PathBuf;

use super::variables::FlagValue;

/// Flags of `daemun serve`. Each sets one key and wins over the file and the environment; what
/// has no flag is set there.
///
/// The values stay text: the layers check them, so that a wrong flag is reported in the same
/// words, and together with, what is wrong elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct Flags {
    /// Address and port for players [default: 127.0.0.1:7350]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,

    /// Address and port for metrics, health and the simulators' controls [default: 127.0.0.1:7351]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub private: Option<String>,

    /// Address and port for operators [default: 127.0.0.1:7352]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub admin: Option<String>,

    /// Directory of the server's data [default: ./daemun-data]
    #[arg(long, global = true, value_name = "DIRECTORY")]
    pub data: Option<String>,

    /// Configuration file in TOML [default: DAEMUN_CONFIG, else daemun.toml if it is here]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// How the server runs [default: development]
    #[arg(long, global = true, value_parser = ["development", "production"])]
    pub mode: Option<String>,
}

impl Flags {
    /// The keys that were set, with their flags' names. `--config` is none of them: it says where
    /// the file is.
    pub fn values(&self) -> Vec<FlagValue> {
        [
            ("--listen", "gateway.listen", &self.listen),
            ("--private", "gateway.private", &self.private),
            ("--admin", "gateway.admin", &self.admin),
            ("--data", "data", &self.data),
            ("--mode", "mode", &self.mode),
        ]
        .into_iter()
        .filter_map(|(flag, key, value)| {
            let value = value.clone()?;
            Some(FlagValue { flag, key, value })
        })
        .collect()
    }
}
