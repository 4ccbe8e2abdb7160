//! Statements on a connection of their own.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Row, Value};
use tokio::runtime;
use tokio::time::timeout;

use crate::servers::fault::{During, Fault};

/// Longer than any statement here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// On a thread of its own: a caller inside a runtime must not block another runtime there.
pub(super) fn run(url: &str, statement: &str) -> Result<Option<String>, Fault> {
    let work = || {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.during("starting a runtime")?;
        let answer = runtime.block_on(async { timeout(PATIENCE, ask(url, statement)).await });
        answer.during(statement)?.during(statement)
    };
    thread::scope(|scope| scope.spawn(work).join())
        .unwrap_or_else(|_| Err(Fault::new(format!("{statement}: the thread of it panicked"))))
}

/// A connection that is kept, with the locks that its statements took.
#[must_use = "its locks end with it"]
pub struct Hold {
    /// Taken when it is let go.
    until: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Hold {
    pub(super) fn new(url: String, statements: Vec<String>) -> Result<Self, Fault> {
        let (ready_to, ready) = mpsc::channel();
        let (until, let_go) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let runtime = match runtime.during("starting a runtime") {
                Ok(runtime) => runtime,
                Err(fault) => return drop(ready_to.send(Err(fault))),
            };
            let taken =
                runtime.block_on(async { timeout(PATIENCE, take(&url, &statements)).await });
            match taken.during("taking locks").and_then(|taken| taken.during("taking locks")) {
                Ok(connection) => {
                    let _ = ready_to.send(Ok(()));
                    // Until the other end is dropped.
                    let _ = let_go.recv();
                    let leave = async { timeout(PATIENCE, connection.disconnect()).await };
                    let _ = runtime.block_on(leave);
                }
                Err(fault) => drop(ready_to.send(Err(fault))),
            }
        });
        let hold = Self { until: Some(until), thread: Some(thread) };
        ready.recv().during("taking locks")??;
        Ok(hold)
    }
}

/// Gives the locks back before it returns.
impl Drop for Hold {
    fn drop(&mut self) {
        drop(self.until.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn take(url: &str, statements: &[String]) -> mysql_async::Result<Conn> {
    let options = OptsBuilder::from_opts(Opts::from_url(url)?).prefer_socket(false);
    let mut connection = Conn::new(options).await?;
    for statement in statements {
        connection.query_drop(statement).await?;
    }
    Ok(connection)
}

async fn ask(url: &str, statement: &str) -> mysql_async::Result<Option<String>> {
    let options = OptsBuilder::from_opts(Opts::from_url(url)?).prefer_socket(false);
    let mut connection = Conn::new(options).await?;
    let row: Option<Row> = connection.query_first(statement).await?;
    connection.disconnect().await?;
    Ok(row.and_then(|row| row.as_ref(0).and_then(text)))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        // A statement that is not prepared is answered in text alone.
        other => Some(format!("{other:?}")),
    }
}
