//! Telling the walk to whoever reads the terminal.

mod page;

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use self::page::{Ink, Page};
use crate::onlooker::{Event, Onlooker};

/// How much was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Websocket frames, both ways, closes among them.
    pub frames: u64,
    /// HTTP requests.
    pub calls: u64,
}

/// Prints sentences, and every frame between them, its secrets shortened.
pub struct Teller {
    page: Mutex<Page>,
}

impl Teller {
    /// Tells to `out`.
    #[must_use]
    pub fn new(out: Box<dyn Write + Send>, colour: bool) -> Self {
        Self { page: Mutex::new(Page::new(out, colour)) }
    }

    /// Tells to the standard output, in colours if that is a terminal.
    #[must_use]
    pub fn stdout() -> Self {
        Self::new(Box::new(std::io::stdout()), std::io::stdout().is_terminal())
    }

    /// How much was said so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.page().tally
    }

    /// Begins a chapter; its steps are numbered from 1.
    pub fn heading(&self, text: &str) {
        self.page().chapter(text);
    }

    /// Says what happens next.
    pub fn step(&self, sentence: &str) {
        self.page().step(sentence);
    }

    /// Says what came of it.
    pub fn remark(&self, sentence: &str) {
        self.page().indented(sentence);
    }

    /// Says the last word.
    pub fn closing(&self, sentence: &str) {
        self.page().apart(Ink::Green, sentence);
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        // A line half written is no reason not to write the next.
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Onlooker for Teller {
    fn see(&self, event: Event<'_>) {
        let mut page = self.page();
        match event {
            Event::Frame { way, frame, format, bytes } => page.frame(way, frame, format, bytes),
            Event::Closed(closed) => page.closed(closed),
            Event::Call { path, bearer, body } => page.call(path, bearer, body),
            Event::Answer { status, body } => page.answer(status, body),
        }
    }
}
