//! What operators show to players: images.

pub mod images;
