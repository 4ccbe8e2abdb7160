//! What is printed, line by line.

use std::collections::HashMap;
use std::io::Write;

use protocol::codec::Format;
use serde_json::Value;

use super::Tally;
use crate::failure::Closed;
use crate::onlooker::Way;
use crate::walk::pretty::{layout, shorten, without_secrets};

/// How far what is sent and got is indented, in columns.
const INDENT: usize = 4;

/// ANSI's ways to make text stand out (ECMA-48, section 8.3.117).
#[derive(Clone, Copy)]
pub(super) enum Ink {
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
    Cyan = 36,
}

pub(super) struct Page {
    out: Box<dyn Write + Send>,
    colour: bool,
    steps: u32,
    /// The operations that are not answered yet: an answer has only the number.
    asked: HashMap<u64, String>,
    pub(super) tally: Tally,
}

impl Page {
    pub(super) fn new(out: Box<dyn Write + Send>, colour: bool) -> Self {
        Self { out, colour, steps: 0, asked: HashMap::new(), tally: Tally::default() }
    }

    pub(super) fn chapter(&mut self, text: &str) {
        self.steps = 0;
        self.asked.clear();
        self.apart(Ink::Bold, text);
    }

    pub(super) fn step(&mut self, sentence: &str) {
        self.steps += 1;
        self.apart(Ink::Bold, &format!("{:>2}. {sentence}", self.steps));
    }

    /// A line after an empty one.
    pub(super) fn apart(&mut self, ink: Ink, text: &str) {
        let text = self.ink(ink, text);
        self.line(&format!("\n{text}"));
    }

    pub(super) fn indented(&mut self, text: &str) {
        self.line(&format!("{:INDENT$}{text}", ""));
    }

    pub(super) fn frame(&mut self, way: Way, frame: &Value, format: Format, bytes: usize) {
        self.tally.frames += 1;
        let id = frame["id"].as_u64();
        let (ink, name, body) = match (way, id) {
            (Way::Out, Some(id)) => self.request(id, frame),
            (Way::Out, None) => (Ink::Cyan, "ack".to_owned(), "ack"),
            (Way::In, Some(id)) => self.reply(id, frame),
            (Way::In, None) => (Ink::Green, push(frame), "body"),
        };
        self.show(way, ink, &name, frame.get(body), &size(format, bytes, frame));
    }

    fn request(&mut self, id: u64, frame: &Value) -> (Ink, String, &'static str) {
        let op = word(frame, "op");
        self.asked.insert(id, op.to_owned());
        (Ink::Cyan, format!("{op} #{id}"), "body")
    }

    fn reply(&mut self, id: u64, frame: &Value) -> (Ink, String, &'static str) {
        let op = self.asked.remove(&id).unwrap_or_else(|| "?".to_owned());
        let (ink, body) =
            if frame.get("err").is_some() { (Ink::Red, "err") } else { (Ink::Green, "ok") };
        (ink, format!("{op} #{id} {body}"), body)
    }

    pub(super) fn closed(&mut self, closed: &Closed) {
        self.tally.frames += u64::from(closed.code != Closed::CUT);
        self.show(Way::In, Ink::Green, &format!("close {closed}"), None, "");
    }

    pub(super) fn call(&mut self, path: &str, bearer: Option<&str>, body: &Value) {
        self.tally.calls += 1;
        let note = bearer
            .map(|token| format!("  (Authorization: Bearer {})", shorten(token)))
            .unwrap_or_default();
        self.show(Way::Out, Ink::Cyan, &format!("POST {path}"), Some(body), &note);
    }

    pub(super) fn answer(&mut self, status: u16, body: &Value) {
        let ink = if status < 400 { Ink::Green } else { Ink::Red };
        self.show(Way::In, ink, &format!("HTTP {status}"), Some(body), "");
    }

    /// One thing that was sent or got: an arrow, its name, and what it holds.
    fn show(&mut self, way: Way, ink: Ink, name: &str, body: Option<&Value>, note: &str) {
        let arrow = match way {
            Way::Out => "→",
            Way::In => "←",
        };
        let column = INDENT + 2 + name.chars().count() + 2;
        let body = body
            .map(|body| format!("  {}", layout(&without_secrets(body), column, INDENT)))
            .unwrap_or_default();
        let name = self.ink(ink, &format!("{arrow} {name}"));
        let note = if note.is_empty() { String::new() } else { self.ink(Ink::Dim, note) };
        self.indented(&format!("{name}{body}{note}"));
    }

    fn ink(&self, ink: Ink, text: &str) -> String {
        if self.colour { format!("\x1b[{}m{text}\x1b[0m", ink as u8) } else { text.to_owned() }
    }

    fn line(&mut self, text: &str) {
        // A reader who closed the pipe has read enough; the walk goes on for its exit code.
        let _ = writeln!(self.out, "{text}");
    }
}

fn push(frame: &Value) -> String {
    let seq = frame["seq"].as_u64().map(|seq| format!(" seq {seq}")).unwrap_or_default();
    format!("push {}{seq}", word(frame, "push"))
}

fn word<'a>(frame: &'a Value, field: &str) -> &'a str {
    frame[field].as_str().unwrap_or("?")
}

/// What MessagePack saves; JSON is what is printed, so its size needs no word.
fn size(format: Format, bytes: usize, frame: &Value) -> String {
    match format {
        Format::Msgpack => format!("  ({bytes} bytes; {} as JSON)", frame.to_string().len()),
        Format::Json => String::new(),
    }
}
