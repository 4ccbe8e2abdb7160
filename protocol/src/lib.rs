//! The words on the wire: ids, frames, operations, errors and close codes.
//!
//! This crate is the contract's only definition. It does no I/O and knows no runtime.
//! The documents are made from its types.

pub mod ids;
pub mod text;
pub mod time;
pub mod limits;

pub mod operation;
pub mod codec;
pub mod frame;
pub mod error;
pub mod close;
pub mod push;

pub mod client;
pub mod launching;
pub mod identity;
pub mod members;
pub mod sessions;
pub mod purchases;
pub mod wallet;
pub mod content;
pub mod game_servers;
pub mod operators;
