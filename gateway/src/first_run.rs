//! What is printed when the server is up: where it is, and what to do with it.

use std::io::Write;

use crate::config::{Mode, Settings};
use crate::server::Server;

/// Prints what a newcomer needs, to standard output.
pub fn print(settings: &Settings, server: &Server) {
    let text = text(settings, server);
    // Nobody may be reading, which is no reason not to serve.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn text(settings: &Settings, server: &Server) -> String {
    let url = &server.public_url;
    let mut text = format!("\nDaemun {} is up.\n\n", env!("CARGO_PKG_VERSION"));
    let mut row = |name: &str, value: &str| text.push_str(&format!("  {name:<12}{value}\n"));
    row("players", &format!("{url}  (websocket: {}/v1/ws)", url.replacen("http", "ws", 1)));
    if settings.docs() {
        row("docs", &format!("{url}/docs"));
    }
    row("private", &format!("http://{}  (metrics, health)", server.private));
    let how = "make an account: daemun operator add NAME --role owner";
    let page = if settings.docs() { "/admin/docs" } else { "" };
    row("operators", &format!("http://{}{page}  ({how})", server.admin));
    row("data", &settings.data.display().to_string());
    let games = server.gate.node.launching.games();
    let words: Vec<&str> = games.keys().map(|app| app.as_str()).collect();
    row("games", &words.join(", "));
    if settings.mode == Mode::Production {
        return text + "\n";
    }
    if let Some(game) = games.keys().next() {
        let providers: Vec<&str> = games[game].providers.keys().map(String::as_str).collect();
        text.push_str(&format!(
            "\nThe client settings of game `{game}`: app \"{game}\", server \"{url}\", \
             providers {}.\nLog in as a guest:\n\n  curl -s {url}/v1/auth/login \
             -H 'content-type: application/json' \\\n    -d '{{\"app\":\"{game}\",\
             \"provider\":\"guest\",\"client\":{{\"version\":\"1.0.0\",\"platform\":\"linux\"}}}}'\n\n\
             See the whole way of a player: cargo run --release -p loadtest -- walk --server {url}\n",
            providers.join(", ")
        ));
    }
    text.push_str(
        "This is development mode: simulators play the providers, keys are made here.\n\n",
    );
    text
}
