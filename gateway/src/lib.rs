//! The doors: websocket, HTTP, documents, metrics, simulators; and the binary `daemun`.

pub mod server;
pub mod config;
pub mod router;

pub mod accept;
pub mod gate;
pub mod limits;
mod patient;
pub mod http;
mod images;
pub mod hooks;
pub mod legacy;
pub mod game_servers;
pub mod ws;
pub mod openapi;
pub mod docs;

pub mod private;
pub mod admin;
pub mod control;
pub mod simulators;
pub mod shops;

pub mod commands;
pub mod demo;
pub mod first_run;
pub mod meter;
pub mod telemetry;
