//! Just enough of MongoDB's protocol to ask for a document, without a runtime: `OP_MSG` with one
//! section (<https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>).

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use mongodb::bson::{Document, doc};

use crate::servers::fault::{During, Fault};

/// Longer than any answer takes, and any member to become primary, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often what cannot be waited for is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// The code of `OP_MSG`.
const OP_MSG: i32 = 2013;

/// The bytes before a document: the head of four numbers, the flags, and the section's kind.
const HEAD: usize = 4 * 4 + 4 + 1;

pub(super) struct Line {
    stream: TcpStream,
}

impl Line {
    pub(super) fn open(port: u16) -> Result<Self, Fault> {
        let stream = TcpStream::connect(("127.0.0.1", port)).during("connecting to a mongod")?;
        stream.set_read_timeout(Some(PATIENCE)).during("connecting to a mongod")?;
        Ok(Self { stream })
    }

    /// The answer to a command of the database `admin`.
    ///
    /// # Errors
    /// When there is none, or the server refuses.
    pub(super) fn ask(&mut self, mut command: Document) -> Result<Document, Fault> {
        let name = command.keys().next().cloned().unwrap_or_default();
        command.insert("$db", "admin");
        let answer = self.exchange(&command).during(format!("asking a mongod for {name}"))?;
        match answer.get_f64("ok") {
            Ok(1.0) => Ok(answer),
            _ => Err(Fault::new(format!("a mongod refuses {name}: {answer}"))),
        }
    }

    /// Waits until the server takes writes.
    pub(super) fn wait_for_primary(&mut self) -> Result<(), Fault> {
        let patience = Instant::now() + PATIENCE;
        while !self.ask(doc! {"hello": 1})?.get_bool("isWritablePrimary").unwrap_or(false) {
            if Instant::now() > patience {
                return Err(Fault::new(format!("a mongod was no primary after {PATIENCE:?}")));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    fn exchange(&mut self, command: &Document) -> io::Result<Document> {
        let body = command.to_vec().map_err(io::Error::other)?;
        let length = i32::try_from(HEAD + body.len()).map_err(io::Error::other)?;
        let head = [length, 0, 0, OP_MSG, 0].map(i32::to_le_bytes).concat();
        self.stream.write_all(&[&head[..], &[0], &body[..]].concat())?;

        let mut head = [0; HEAD];
        self.stream.read_exact(&mut head)?;
        // A document says itself how long it is.
        Document::from_reader(&mut self.stream).map_err(io::Error::other)
    }
}
