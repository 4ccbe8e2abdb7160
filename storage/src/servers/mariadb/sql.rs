//! One statement on a connection of its own.

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
