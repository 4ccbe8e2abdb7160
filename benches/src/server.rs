//! The server itself, as a process of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use loadtest::HttpClient;
use protocol::ids::MemberId;
use protocol::time::Micros;
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Fault;
use crate::clients::player::GAME;
use crate::process::{Process, leash};

/// How the server is built, for whoever has not.
const BUILD: &str = if cfg!(debug_assertions) {
    "cargo build -p gateway"
} else {
    "cargo build --release -p gateway"
};
/// How long the server may take to be up.
const START: Duration = Duration::from_secs(60);
/// Seconds between heartbeats: longer than a bench, whose sessions are to be left alone.
const HEARTBEAT_S: &str = "600";

/// A server that runs while this is kept, on a data folder of its own.
pub(crate) struct Server {
    /// The process. It is the first field, so that it is gone before its folder.
    pub(crate) process: Process,
    /// Where players reach it, for example `http://127.0.0.1:7350`.
    pub(crate) url: String,
    private: HttpClient,
    /// What commands show on the private listener.
    token: String,
    folder: TempDir,
}

/// A setting by its variable, for example `("DAEMUN_SESSIONS__QUIET_MS", "1")`.
pub(crate) type Setting<'a> = (&'static str, &'a str);

/// The part of `private.json` that is needed.
#[derive(Deserialize)]
struct Private {
    address: String,
    token: String,
}

impl Server {
    /// Starts a server in development mode, as it comes but for heartbeats and these settings.
    ///
    /// # Errors
    /// When it is not built, or is not up in time.
    pub(crate) async fn start(settings: &[Setting<'_>]) -> Result<Self, Fault> {
        let folder = TempDir::with_prefix("daemun-bench-")?;
        let data = folder.path().join("data");
        let mut command = leash::command(&binary()?)?;
        command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--private",
                "127.0.0.1:0",
                "--admin",
                "127.0.0.1:0",
            ])
            .args(["--mode", "development", "--data"])
            .arg(&data)
            // A settings file of the folder in which the bench was started is not for this.
            .current_dir(folder.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DAEMUN_") {
                command.env_remove(name);
            }
        }
        command.env("DAEMUN_GATEWAY__HEARTBEAT_S", HEARTBEAT_S);
        command.envs(settings.iter().copied());
        let mut process = Process::start("daemun", command)?;
        let url = process.hear("the line with the players' address", START, players).await?;
        let Private { address, token } = private(&data)?;
        let private = HttpClient::new(&format!("http://{address}"));
        Ok(Self { process, url, private, token, folder })
    }

    /// Ends the process, then removes its folder.
    ///
    /// # Errors
    /// When it had ended before.
    pub(crate) async fn end(self) -> Result<(), Fault> {
        let Self { process, folder, .. } = self;
        process.end().await?;
        Ok(folder.close()?)
    }

    /// Has an operator's message sent to a member.
    ///
    /// # Errors
    /// When the private listener does not answer as it should.
    pub(crate) async fn message(&self, member: MemberId, text: &str) -> Result<(), Fault> {
        let body = json!({"app": GAME, "member": member, "text": text});
        self.command("/commands/member/message", &body).await.map(|_| ())
    }

    /// Has everyone told something; returns how many were.
    ///
    /// # Errors
    /// When the private listener does not answer as it should.
    pub(crate) async fn announce(&self, text: &str) -> Result<usize, Fault> {
        let body = json!({"app": GAME, "text": text});
        let answer = self.command("/commands/app/announce", &body).await?;
        let told = answer["told"].as_u64().and_then(|told| told.try_into().ok());
        told.ok_or_else(|| self.process.trouble(&format!("{answer} does not say how many")))
    }

    /// Has an operator's command carried out, and returns what it made.
    ///
    /// # Errors
    /// When the private listener does not answer as it should.
    pub(crate) async fn order(&self, path: &str, body: &Value) -> Result<Value, Fault> {
        self.command(path, body).await
    }

    async fn command(&self, path: &str, body: &Value) -> Result<Value, Fault> {
        let request = self
            .private
            .request("POST".parse()?, path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        let sent = self.private.send(request.body(body.to_string().into())).await;
        let answer = sent.map_err(|error| self.process.trouble(&error.to_string()))?;
        if answer.status == 200 {
            return Ok(serde_json::from_slice(&answer.body)?);
        }
        let text = String::from_utf8_lossy(&answer.body);
        Err(self.process.trouble(&format!("{path} is answered {}: {text}", answer.status)))
    }

    /// A number of the server's own metrics; 0 when it has not been set yet.
    ///
    /// # Errors
    /// When the private listener does not answer as it should.
    pub(crate) async fn gauge(&self, name: &str) -> Result<f64, Fault> {
        let answer = self.private.get("/metrics").await;
        let answer = answer.map_err(|error| self.process.trouble(&error.to_string()))?;
        let text = String::from_utf8_lossy(&answer.body);
        if answer.status != 200 {
            let what = format!("/metrics answers {}: {text}", answer.status);
            return Err(self.process.trouble(&what));
        }
        Ok(value(&text, name).unwrap_or(0.0))
    }
}

/// The server's file: beside this program's own, where one build puts both.
///
/// # Errors
/// When it is not there, with the command that builds it.
pub(crate) fn binary() -> Result<PathBuf, Fault> {
    let path = std::env::current_exe()?.with_file_name("daemun");
    if path.is_file() {
        return Ok(path);
    }
    let here = path.parent().unwrap_or(Path::new(".")).display();
    Err(format!("there is no `daemun` in {here}; build it: {BUILD}").into())
}

/// When the server's file was written, so that a result tells how old what it measured was.
///
/// # Errors
/// As [`binary`].
pub(crate) fn built() -> Result<Micros, Fault> {
    let since = binary()?.metadata()?.modified()?.duration_since(std::time::UNIX_EPOCH)?;
    Ok(Micros::default().after(since))
}

/// The address in the line `  players     http://127.0.0.1:40123  (websocket: ...)`.
fn players(line: &str) -> Option<String> {
    let mut words = line.strip_prefix("  players ")?.split_whitespace();
    words.next().map(str::to_owned)
}

fn private(data: &Path) -> Result<Private, Fault> {
    let path = data.join("private.json");
    let read = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let private = serde_json::from_slice(&read);
    private.map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The value of a metric without labels, in Prometheus's text format.
fn value(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_players_line_has_the_address() {
        let line = "  players     http://127.0.0.1:40123  (websocket: ws://127.0.0.1:40123/v1/ws)";
        assert_eq!(players(line).as_deref(), Some("http://127.0.0.1:40123"));
        assert_eq!(players("  private     http://127.0.0.1:1  (metrics, health)"), None);
        assert_eq!(players("Log in as players do"), None);
    }

    #[test]
    fn a_metric_is_found_by_its_whole_name() {
        let text = "# TYPE up gauge\nup_more 3\nup{door=\"a\"} 2\nup 1\n";
        assert_eq!(value(text, "up"), Some(1.0));
        assert_eq!(value(text, "down"), None);
    }
}
