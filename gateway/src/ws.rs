//! The websocket door.
//!
//! One task owns a socket ([`connection`]): it reads what is there, answers, and writes
//! once. What others have to say to the client waits in [`outbound`], bounded in bytes.

mod connection;
mod outbound;
mod phase;
mod sockets;
mod upgrade;
mod wire;

#[cfg(test)]
mod echo;

pub use sockets::Sockets;
pub use upgrade::upgrade;
