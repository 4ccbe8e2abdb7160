//! Just enough of Redis' protocol to ask for a line: commands in words, answers of one line.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::servers::fault::{During, Fault};

/// Longer than any answer takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub(in crate::servers) struct Line {
    stream: BufReader<TcpStream>,
}

impl Line {
    /// Connects to `redis://[[user]:password@]host:port/number`.
    pub(in crate::servers) fn select(url: &str) -> Result<Self, Fault> {
        let (url, number) = url.rsplit_once('/').unwrap_or((url, "0"));
        let mut line = Self::open(url)?;
        line.ask(&format!("SELECT {number}"))?;
        Ok(line)
    }

    /// Connects to `redis://[[user]:password@]host:port`.
    pub(in crate::servers) fn open(url: &str) -> Result<Self, Fault> {
        let address = url.strip_prefix("redis://").ok_or_else(|| {
            Fault::new("the address of a Redis for tests begins with redis:// (and has no TLS)")
        })?;
        let (account, address) = match address.rsplit_once('@') {
            Some((account, address)) => (Some(account), address),
            None => (None, address),
        };
        let stream = TcpStream::connect(address).during(format!("connecting to {address}"))?;
        stream.set_read_timeout(Some(PATIENCE)).during(address)?;
        let mut line = Self { stream: BufReader::new(stream) };
        if let Some((user, password)) = account.and_then(|account| account.split_once(':')) {
            let log_in = match user {
                "" => format!("AUTH {password}"),
                user => format!("AUTH {user} {password}"),
            };
            line.send(&log_in).during(format!("logging in to {address}"))?;
        }
        Ok(line)
    }

    /// The answer to a command, with its mark: `+OK`, `:3`, `$-1`.
    pub(in crate::servers) fn ask(&mut self, command: &str) -> Result<String, Fault> {
        self.send(command).during(format!("asking Redis to {command}"))
    }

    fn send(&mut self, command: &str) -> Result<String, Fault> {
        let mut answer = String::new();
        self.stream
            .get_mut()
            .write_all(format!("{command}\r\n").as_bytes())
            .and_then(|()| self.stream.read_line(&mut answer))
            .during("no answer")?;
        match answer.trim_end() {
            "" => Err(Fault::new("the connection was closed")),
            refusal if refusal.starts_with('-') => Err(Fault::new(refusal)),
            answer => Ok(answer.to_owned()),
        }
    }
}
