//! Logs and metrics.

use std::io::IsTerminal;
use std::time::Duration;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, LogSettings};

/// How often the recorder's buffers are emptied.
const UPKEEP: Duration = Duration::from_secs(5);
/// How many jobs a commit holds, as a histogram's buckets.
const JOBS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Sends logs to standard error, at the level and in the format that is set.
/// A log that another part of the process has set up already stays.
pub fn logs(settings: &LogSettings) {
    // ractor wraps everything that an actor does in a span, which says nothing here.
    let quiet = "ractor=warn,hyper=warn,refinery_core=warn";
    let filter = EnvFilter::new(format!("{},{quiet}", settings.level));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = match settings.format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => {
            builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init()
        }
    };
    if set.is_err() {
        tracing::debug!("logs are set up already");
    }
}

/// Installs the recorder behind `/metrics`. One process has one: a second server in it
/// shares the first one's.
///
/// # Errors
/// When another kind of recorder is installed.
pub fn metrics() -> Result<PrometheusHandle, String> {
    static HANDLE: std::sync::OnceLock<Result<PrometheusHandle, String>> =
        std::sync::OnceLock::new();
    HANDLE
        .get_or_init(|| {
            PrometheusBuilder::new()
                .set_buckets_for_metric(Matcher::Full("daemun_embedded_commit_jobs".into()), &JOBS)
                .and_then(PrometheusBuilder::install_recorder)
                .inspect(|_| describe())
                .map_err(|error| format!("metrics cannot be recorded: {error}"))
        })
        .clone()
}

/// Empties the recorder's buffers now and then: whoever scrapes does it too, but nobody may.
pub async fn keep(metrics: PrometheusHandle) {
    let mut tick = tokio::time::interval(UPKEEP);
    loop {
        tick.tick().await;
        metrics.run_upkeep();
    }
}

/// What each metric means, as `/metrics` says it.
fn describe() {
    describe_counter!("daemun_requests_total", "Requests, by door, operation and outcome.");
    describe_counter!("daemun_socket_closes_total", "Websockets that ended, by close code.");
    describe_gauge!("daemun_sockets", "Websockets that are open.");
    describe_gauge!("daemun_sessions_attached", "Websockets with an open session.");
    describe_gauge!("daemun_sessions_awake", "Session actors that are awake.");
    describe_counter!("daemun_session_wakes_total", "Session actors that were woken.");
    describe_counter!("daemun_session_deaths_total", "Session actors that died of a fault.");
    describe_counter!("daemun_logins_total", "Logins that succeeded.");
    describe_counter!("daemun_logins_refused_total", "Logins that did not, by error code.");
    describe_counter!("daemun_refresh_reused_total", "Refresh tokens that came back after use.");
    describe_counter!("daemun_origins_refused_total", "Upgrades refused for their Origin.");
    describe_counter!("daemun_connections_refused_total", "Connections over the limit.");
    describe_counter!("daemun_limited_total", "What was refused at the door, by the limit.");
    describe_counter!(
        "daemun_forwarded_malformed_total",
        "Requests of trusted proxies that do not say whose they are as they should."
    );
    describe_gauge!("daemun_requests_in_flight", "Requests that are being answered.");
    describe_gauge!("daemun_long_polls", "Long polls that wait.");
    describe_counter!("daemun_heads_late_total", "Requests whose head did not come in time.");
    describe_counter!("daemun_slow_consumers_total", "Clients that did not read in time.");
    describe_counter!("daemun_storage_calls_total", "Storage calls.");
    describe_gauge!("daemun_storage_calls", "Storage calls that wait or are being done.");
    describe_counter!("daemun_storage_shed_total", "Storage calls refused as overload.");
    describe_counter!("daemun_gamelog_kept_total", "Game-log records that are kept.");
    describe_counter!(
        "daemun_gamelog_dropped_total",
        "Game-log records that found no room, by kind."
    );
    describe_counter!(
        "daemun_gamelog_dead_letters_total",
        "Game-log records that the log refuses for good, by kind."
    );
    describe_counter!(
        "daemun_gamelog_drained_total",
        "Game-log records that were read back from the spool and are kept."
    );
    describe_counter!(
        "daemun_gamelog_failures_total",
        "Attempts to write the game log that failed."
    );
    describe_gauge!("daemun_spool_bytes", Unit::Bytes, "Bytes of the game log's spool.");
    describe_gauge!("daemun_spool_records", "Records in the spool that the log does not have yet.");
    describe_gauge!(
        "daemun_spool_oldest_timestamp_seconds",
        "When the first record of the spool's oldest segment happened; 0 when there is none."
    );
    describe_counter!("daemun_spool_failures_total", "Failures of the spool's disk.");
    describe_counter!("daemun_spool_damaged_total", "Records of the spool that could not be read.");
    describe_counter!(
        "daemun_spool_torn_bytes_total",
        "Bytes that were cut from the spool's torn end at a start."
    );
    describe_counter!("daemun_images_served_total", "Images asked for by players, by status.");
    describe_counter!(
        "daemun_images_corrupt_total",
        "Images that were not what their digest says, and were given to nobody."
    );
    describe_counter!("daemun_actor_restarts_total", "Permanent actors that were restarted.");
    describe_counter!(
        "daemun_identity_key_fetches_total",
        "Fetches of identity providers' keys, by outcome."
    );
    describe_histogram!(
        "daemun_embedded_commit_jobs",
        Unit::Count,
        "Jobs in one commit of the embedded database."
    );
}
