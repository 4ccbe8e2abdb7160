//! The accept loop of a listener: hyper with a timer, so that heads which dribble end.

use std::cell::Cell;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::ServiceExt;

use crate::limits::{self, Limits};
use crate::patient::Patient;

/// How a listener treats its connections.
#[derive(Clone)]
pub struct Terms {
    /// How long a request's head may take, and how long a connection may be idle.
    pub header_timeout: Duration,
    /// How many connections may be open.
    pub connections: usize,
    /// How many of one address there may be.
    pub each: Each,
}

/// How many connections of one address there may be, whose limits count them.
#[derive(Clone)]
pub enum Each {
    /// As many as like.
    AsLike,
    /// So many without a request.
    Silent(Limits),
    /// So many operators'.
    Operators(Limits),
}

/// The largest request head, in bytes.
const HEAD_BYTES: usize = 16 * 1024;
/// How long to wait after the system refused a connection (out of files, mostly).
const REFUSED: Duration = Duration::from_millis(50);

/// Accepts until `stopping` is true, then returns when the last connection is gone.
pub async fn accept(
    listener: TcpListener,
    router: Router,
    terms: Terms,
    mut stopping: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(terms.connections));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(REFUSED).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            // Nothing is said: saying it would cost what there is none left of.
            metrics::counter!("daemun_connections_refused_total").increment(1);
            continue;
        };
        let remote = Remote(peer.ip());
        // Counted where it is refused; nothing is said here either.
        let Ok((silent, whole)) = terms.connecting(remote) else { continue };
        let came = Came { stream, place, remote, silent, _whole: whole };
        tokio::spawn(serve(came, router.clone(), terms.header_timeout, stopping.clone()));
    }
    // Every connection gives its place back when it is gone.
    let all = u32::try_from(terms.connections).unwrap_or(u32::MAX);
    // The listener goes first: whoever connects now is refused rather than left waiting.
    drop(listener);
    let _ = places.acquire_many(all).await;
}

impl Terms {
    /// The place that a connection has until its first request, and the one that it keeps.
    fn connecting(&self, Remote(peer): Remote) -> Result<Places, limits::TooMany> {
        match &self.each {
            Each::AsLike => Ok((None, None)),
            Each::Silent(limits) => limits.connecting(peer).map(|place| (place, None)),
            Each::Operators(limits) => limits.operator(peer).map(|place| (None, place)),
        }
    }
}

type Places = (Option<limits::Place>, Option<limits::Place>);

/// A connection that was accepted.
struct Came {
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    remote: Remote,
    /// Its place among its address's connections without a request.
    silent: Option<limits::Place>,
    /// Its place among its address's connections, as long as it is there.
    _whole: Option<limits::Place>,
}

async fn serve(
    came: Came,
    router: Router,
    header_timeout: Duration,
    mut stopping: watch::Receiver<bool>,
) {
    let Came { stream, place, remote, silent, _whole } = came;
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let (place, silent) = (Arc::new(place), Cell::new(silent));
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let router = router.clone();
        drop(silent.take());
        request.extensions_mut().insert(remote);
        // An upgraded connection goes on after hyper, and keeps its place with it.
        request.extensions_mut().insert(Place(place.clone()));
        async move {
            Ok::<_, Infallible>(
                router.oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {}),
            )
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Patient::new(stream)), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let mut told = false;
    loop {
        tokio::select! {
            result = connection.as_mut() => {
                if let Err(error) = result {
                    if error.is_timeout() {
                        metrics::counter!("daemun_heads_late_total").increment(1);
                    }
                    tracing::debug!(%error, "a connection ended badly");
                }
                return;
            }
            _ = stopping.wait_for(|stop| *stop), if !told => {
                told = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// The address from which a connection came: the client's, or a proxy's.
#[derive(Clone, Copy, Debug)]
pub struct Remote(pub IpAddr);

/// A connection's place among those that may be open. Whoever takes an upgraded connection
/// over takes its place along.
#[derive(Clone)]
pub struct Place(#[expect(dead_code, reason = "held, not read")] Arc<OwnedSemaphorePermit>);
