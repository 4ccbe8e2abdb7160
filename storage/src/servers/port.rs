//! Ports to listen on.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use super::fault::Fault;

/// Below what systems give to outgoing connections, so that a server that is down for a moment
/// finds its port still free.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

/// How many ports are tried; each that is taken belongs to another program.
const TRIES: usize = 200;

/// Where this process looks next. Processes begin at different places, and no two servers of
/// one process are given the same port.
static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| {
    let random = RandomState::new().hash_one(std::process::id());
    AtomicU16::new((random % u64::from(COUNT)) as u16)
});

/// A port of the loopback on which nobody listens.
///
/// # Errors
/// When none of [`TRIES`] was free.
pub(super) fn free() -> Result<u16, Fault> {
    (0..TRIES)
        .map(|_| FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| Fault::new("no port of the loopback is free"))
}
