//! What the server says of itself, on its private listener.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::http::HttpClient;

/// Which of its metrics are shown: what its process uses, and what it has open.
const SHOWN: [&str; 4] =
    ["process_", "daemun_sockets", "daemun_sessions_", "daemun_slow_consumers_total"];
/// How long to wait for them.
const PATIENCE: Duration = Duration::from_secs(3);

/// The metrics that are shown, by name and labels.
///
/// # Errors
/// Why there are none, in words.
pub(super) async fn read(private: &str) -> Result<BTreeMap<String, f64>, String> {
    let client = HttpClient::new(private).patient_for(PATIENCE);
    let answer = client.get("/metrics").await.map_err(|failure| failure.to_string())?;
    if answer.status != 200 {
        return Err(format!("{private}/metrics answers HTTP {}", answer.status));
    }
    Ok(shown(&String::from_utf8_lossy(&answer.body)))
}

/// Reads Prometheus' text format: a name with labels, a space, a number a line.
fn shown(text: &str) -> BTreeMap<String, f64> {
    text.lines()
        .filter(|line| SHOWN.iter().any(|name| line.starts_with(name)))
        .filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_metrics_are_shown() {
        let text = "# TYPE process_resident_memory_bytes gauge\n\
            process_resident_memory_bytes 1048576\n\
            daemun_requests_total{door=\"socket\"} 5\n\
            daemun_sockets 12\n";
        let due =
            [("daemun_sockets".into(), 12.0), ("process_resident_memory_bytes".into(), 1048576.0)];
        assert_eq!(shown(text), due.into());
    }
}
