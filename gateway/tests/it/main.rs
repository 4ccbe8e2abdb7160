//! The doors, from outside: what a player, a stranger and an attacker see.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test says what went wrong by panicking"
)]

mod harness;

mod admin;
mod cache;
mod claims;
mod content;
mod deploy;
mod frames;
mod game_servers;
mod gamelog;
mod http;
mod identity;
mod images;
mod keys;
mod kill;
mod launching;
mod laws;
mod legacy;
mod limits;
mod mariadb;
mod members;
mod nodes;
mod openapi;
mod operations;
mod origins;
mod presence;
mod purchases;
mod push;
mod resent;
mod sessions;
mod slow;
mod storm;
mod tree;
