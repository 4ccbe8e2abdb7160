use std::io::{self, Write};
use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::failure::Closed;
use crate::fake::{self, Game, Quirk};
use crate::onlooker::{Event, Onlooker, Way};

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn teller(&self, colour: bool) -> Arc<Teller> {
        Arc::new(Teller::new(Box::new(self.clone()), colour))
    }
}

async fn take(server: String) -> (Result<Tally, Stumble>, String) {
    let paper = Paper::default();
    let walk = Walk { server, app: "demo".into(), formats: vec![Format::Json, Format::Msgpack] };
    let outcome = walk.take(&paper.teller(false)).await;
    (outcome, paper.text())
}

async fn take_with(quirk: Quirk) -> (Result<Tally, Stumble>, String) {
    take(fake::serve(Game::new(quirk)).await).await
}

#[tokio::test]
async fn the_whole_walk_is_told_without_a_secret() {
    let (outcome, text) = take_with(Quirk::None).await;
    // Eleven requests and answers and a close, twice; the status and the refusal, twice.
    assert_eq!(outcome, Ok(Tally { frames: 46, calls: 4 }), "{text}");
    for said in [
        "→ POST /v1/launch/status",
        "→ auth.login #1  {",
        "← session.open #2 ok  {",
        "bytes; ",
        "Resumed: the session goes on",
        "← close 4509 logged_out",
        "← HTTP 401",
        "(Authorization: Bearer access-t…)",
        "the walk is complete: 46 frames and 4 HTTP calls, in JSON and in MessagePack",
    ] {
        assert!(text.contains(said), "{said:?} in {text}");
    }
    assert!(!text.contains("nobody-may-see"), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
}

#[tokio::test]
async fn a_session_that_does_not_go_on_is_told_and_is_no_surprise() {
    let (outcome, text) = take_with(Quirk::Forgetful).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert!(text.contains("Not resumed: not_kept."), "{text}");
}

#[tokio::test]
async fn a_surprise_says_what_was_expected_and_what_came() {
    let (outcome, _) = take_with(Quirk::Rude).await;
    let stumble = outcome.unwrap_err().to_string();
    assert!(stumble.contains("expected: a close with 4509 logged_out\n"), "{stumble}");
    assert!(stumble.contains("came:     4004 internal"), "{stumble}");

    let (outcome, _) = take_with(Quirk::Trusting).await;
    let stumble = outcome.unwrap_err().to_string();
    assert!(stumble.contains("expected: auth.logged_out with HTTP 401\n"), "{stumble}");
}

#[tokio::test]
async fn without_a_server_one_line_says_how_to_start_it() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let stumble = take(server.clone()).await.0.unwrap_err();
    assert!(matches!(stumble, Stumble::NobodyThere { .. }), "{stumble}");
    let line = stumble.to_string();
    assert!(line.contains(&server) && line.contains("cargo run --release"), "{line}");
    assert_eq!(line.lines().count(), 1);
}

#[test]
fn a_terminal_gets_colours_and_messagepack_its_sizes() {
    let paper = Paper::default();
    let teller = paper.teller(true);
    let frame = json!({"seq": 42, "push": "message", "body": {"text": "hi"}});
    teller.see(Event::Frame { way: Way::In, frame: &frame, format: Format::Msgpack, bytes: 31 });
    assert_eq!(
        paper.text(),
        "    \x1b[32m← push message seq 42\x1b[0m  { \"text\": \"hi\" }\x1b[2m  (31 bytes; 48 as JSON)\x1b[0m\n"
    );
}

#[test]
fn an_error_is_shown_under_the_operation_that_was_asked() {
    let paper = Paper::default();
    let teller = paper.teller(false);
    for (way, frame) in [
        (Way::Out, json!({"id": 9, "op": "member.me", "body": {}})),
        (Way::In, json!({"id": 9, "err": {"code": "session.not_open"}})),
        (Way::Out, json!({"ack": 3})),
    ] {
        teller.see(Event::Frame { way, frame: &frame, format: Format::Json, bytes: 0 });
    }
    teller.see(Event::Closed(&Closed::cut()));
    assert_eq!(
        paper.text(),
        "    → member.me #9  {}\n    ← member.me #9 err  { \"code\": \"session.not_open\" }\n    \
         → ack  3\n    ← close 1006 cut without a close frame\n"
    );
    assert_eq!(teller.tally(), Tally { frames: 3, calls: 0 });
}
