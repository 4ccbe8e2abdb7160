//! What is alive between two frames: sessions, the games' state, identity, supervision.
//!
//! [`Node`](node::Node) is what a door holds. An operation that needs no login is answered
//! by a domain's handle; a member's operation goes to the member's session actor.

pub mod node;
pub mod tree;
pub mod supervisor;

pub mod apps;
pub mod launching;
pub mod content;
pub mod office;
pub mod identity;
pub mod purchases;
pub mod presence;
pub mod game_servers;
pub mod webhooks;
pub mod operators;
pub mod sessions;
pub mod push;
mod session;

mod housekeeper;

pub mod outside;
mod secret_file;
pub mod fault;
pub mod random;

#[cfg(test)]
mod testing;
