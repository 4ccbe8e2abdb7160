//! Connecting from many addresses.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream};

/// How many loopback addresses connections come from: to one address and port, each has
/// the 28,000 ports of Linux's default range to come from.
const SOURCES: usize = 8;

/// Connects the client of this number.
///
/// # Errors
/// When nothing listens there, or no port is left.
pub(super) async fn dial(address: &str, number: usize) -> io::Result<TcpStream> {
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((source(number), 0)))?;
    let stream = socket.connect(address).await?;
    // Messages are small and each is waited for: none should wait for company.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The address a client comes from: 127.0.0.2 and those after it, in turn.
fn source(number: usize) -> Ipv4Addr {
    let last = u8::try_from(number % SOURCES).unwrap_or(0) + 2;
    Ipv4Addr::new(127, 0, 0, last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_come_from_all_addresses_but_the_servers() {
        let sources: std::collections::BTreeSet<_> = (0..100).map(source).collect();
        assert_eq!(sources.len(), SOURCES);
        assert!(!sources.contains(&Ipv4Addr::LOCALHOST));
    }
}
