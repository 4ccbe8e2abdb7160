//! Connecting very many sockets from one machine.
//!
//! Each pair of addresses has some 28,000 ports to connect from (Linux's default range), and
//! a process may have only so many files open: both would end a crowd early.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

/// How many sockets one source address has in the default choice. Half the range would do,
/// but the system searches longer for a free port the fewer are left.
const SOCKETS_A_SOURCE: usize = 5_000;
/// The largest segment of a narrow connection, in bytes: a phone's. The machine's own is
/// 64 KiB, and the system lets a sender keep twenty of them.
const NARROW_SEGMENT: u32 = 1_400;
/// The receive buffer of a narrow connection, in bytes; about the least there is.
const NARROW_BUFFER: u32 = 4_096;
/// The most source addresses: 127.0.0.2 to 127.0.0.254.
pub const MOST_SOURCES: u8 = 253;

/// Connects to one address, from several when that is on this machine.
#[derive(Clone, Copy, Debug)]
pub struct Dialer {
    to: SocketAddr,
    sources: u8,
}

impl Dialer {
    /// Connects to `to` from so many loopback addresses in turn, 127.0.0.2 and those after
    /// it. With one source, or a server elsewhere, the system chooses the address.
    #[must_use]
    pub fn new(to: SocketAddr, sources: u8) -> Self {
        Self { to, sources: sources.clamp(1, MOST_SOURCES) }
    }

    /// How many source addresses suffice for so many sockets. Only Linux has all of
    /// 127.0.0.0/8 without being told; elsewhere it is one.
    #[must_use]
    pub fn sources_for(sockets: usize) -> u8 {
        if !cfg!(target_os = "linux") {
            return 1;
        }
        let sources = sockets.div_ceil(SOCKETS_A_SOURCE) + 1;
        u8::try_from(sources).unwrap_or(MOST_SOURCES).min(MOST_SOURCES)
    }

    /// Connects the client of this number.
    ///
    /// # Errors
    /// When nothing listens there, or no port is left.
    pub async fn dial(&self, number: usize) -> io::Result<TcpStream> {
        self.connect(number, false).await
    }

    /// As [`Dialer::dial`], with buffers as small as may be at both ends: the server feels
    /// soon when this client stops reading.
    ///
    /// # Errors
    /// As [`Dialer::dial`].
    pub async fn dial_narrow(&self, number: usize) -> io::Result<TcpStream> {
        self.connect(number, true).await
    }

    async fn connect(&self, number: usize, narrow: bool) -> io::Result<TcpStream> {
        let socket = match self.to {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if narrow {
            socket.set_recv_buffer_size(NARROW_BUFFER)?;
            SockRef::from(&socket).set_tcp_mss(NARROW_SEGMENT)?;
        }
        if let Some(source) = self.source(number) {
            socket.bind(SocketAddr::from((source, 0)))?;
        }
        let stream = socket.connect(self.to).await?;
        // Requests are small and each is waited for: none should wait for company.
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// The address a client comes from; the server's own, 127.0.0.1, is nobody's.
    fn source(&self, number: usize) -> Option<Ipv4Addr> {
        if self.sources == 1 || !self.to.is_ipv4() || !self.to.ip().is_loopback() {
            return None;
        }
        let last = u8::try_from(number % usize::from(self.sources)).ok()? + 2;
        Some(Ipv4Addr::new(127, 0, 0, last))
    }
}

/// Asks the system for at least so many open files, and gives how many it allows now: fewer,
/// when its hard limit is lower.
///
/// # Errors
/// What the system says when it refuses even what its hard limit allows.
pub fn allow_open_files(need: u64) -> io::Result<u64> {
    let limits = getrlimit(Resource::Nofile);
    let now = limits.current.unwrap_or(u64::MAX);
    if now >= need {
        return Ok(now);
    }
    let most = limits.maximum.unwrap_or(u64::MAX).min(need);
    setrlimit(Resource::Nofile, Rlimit { current: Some(most), maximum: limits.maximum })?;
    Ok(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(to: &str, sources: u8) -> std::collections::BTreeSet<Option<Ipv4Addr>> {
        let dialer = Dialer::new(to.parse().unwrap(), sources);
        (0..1_000).map(|number| dialer.source(number)).collect()
    }

    #[test]
    fn clients_come_from_all_addresses_but_the_servers() {
        let sources = sources("127.0.0.1:7350", 8);
        assert_eq!(sources.len(), 8);
        assert!(!sources.contains(&Some(Ipv4Addr::LOCALHOST)) && !sources.contains(&None));
    }

    #[test]
    fn the_system_chooses_where_there_is_no_choice() {
        for (to, many) in [("127.0.0.1:1", 1), ("[::1]:1", 8), ("192.0.2.1:1", 8)] {
            assert_eq!(sources(to, many), [None].into(), "{to}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn many_sockets_get_many_sources() {
        assert_eq!(Dialer::sources_for(1), 2);
        assert_eq!(Dialer::sources_for(15_000), 4);
        assert_eq!(Dialer::sources_for(usize::MAX), MOST_SOURCES);
    }

    /// How much the other end may write to a socket that nobody reads.
    async fn room(narrow: bool) -> usize {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dialer = Dialer::new(listener.local_addr().unwrap(), 1);
        let dialed = if narrow { dialer.dial_narrow(0).await } else { dialer.dial(0).await };
        let (served, _) = listener.accept().await.unwrap();
        served.writable().await.unwrap();
        let mut room = 0;
        while let Ok(bytes) = served.try_write(&[0; 1024]) {
            room += bytes;
        }
        drop(dialed);
        room
    }

    #[tokio::test]
    async fn a_narrow_socket_takes_less() {
        assert!(room(true).await < room(false).await / 2);
    }

    #[test]
    fn what_is_allowed_already_needs_no_asking() {
        let allowed = allow_open_files(1).unwrap();
        assert_eq!(allow_open_files(1).unwrap(), allowed);
    }
}
