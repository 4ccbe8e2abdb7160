//! How figures of processor time are to be read.

use crate::Fault;
use crate::contest::PLAYED;
use crate::reference::node::{NAME, Node};

/// What holds for every such figure.
#[must_use]
pub(crate) fn notes_of_time_alone() -> Vec<String> {
    vec![
        "A figure is processor time of the serving process, all threads, user and kernel, by the \
         process's own clock, shared by all operations; the clients are another process."
            .to_owned(),
        format!(
            "All contenders take turns, {PLAYED} rounds of which the first warms up; a figure is \
             the median of the others."
        ),
        "Every reply is checked. Every process is a release build with a multi-threaded tokio runtime; the \
         server brings its allocator, jemalloc, the others use the system's as it comes; the server's heartbeats are 600 s apart."
            .to_owned(),
    ]
}

/// The same, and what became of Node.
#[must_use]
pub(crate) fn notes_of_time(node: &Result<Node, Fault>) -> Vec<String> {
    let mut notes = notes_of_time_alone();
    notes.push(match node {
        Ok(node) => format!("{NAME} runs on Node {}, without deflate.", node.version),
        Err(why) => format!("{NAME} is left out, because it cannot be run here: {why}"),
    });
    notes
}
