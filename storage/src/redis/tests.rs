//! On a real Redis.

mod line;
