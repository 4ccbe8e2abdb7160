//! A stranger at the door: simulated players who know the contract and nothing else.
//!
//! Of the server this crate knows `protocol` alone. It has its own websocket and HTTP
//! clients, so that what it says works is what a game client in the field will see.
//!
//! One of them can be looked at step by step ([`walk`]), and very many at once load a server
//! ([`run`]).
//!
//! ```no_run
//! # async fn example() -> Result<(), loadtest::Failure> {
//! use loadtest::{Format, Visitor};
//!
//! let visitor = Visitor::new("http://127.0.0.1:7350", "demo", Format::Msgpack)?;
//! let mut player = visitor.enter().await?;
//! player.ping(Some(1.0)).await?;
//! let mut player = player.drop_hard().reconnect().await?;
//! assert!(player.resume().await?.resumed);
//! # Ok(())
//! # }
//! ```

pub mod dial;
pub mod failure;
pub mod frame;
pub mod onlooker;

pub mod http;
pub mod player;
pub mod socket;

pub mod run;
pub mod walk;

#[cfg(test)]
mod fake;

pub use failure::{Closed, Failure};
pub use frame::Push;
pub use http::HttpClient;
pub use player::{Away, Player, Visitor};
pub use protocol::codec::Format;
pub use socket::Socket;
