//! Bounds that are part of the contract. What an operator may set has its default here.

/// The largest frame and HTTP body, in bytes, unless configured otherwise.
pub const FRAME_BYTES: usize = 64 * 1024;
/// The largest request id: the largest integer every JSON reader keeps exactly.
pub const REQUEST_ID: u64 = (1 << 53) - 1;
/// How deep values may nest in a frame.
pub const DEPTH: usize = 64;
/// The largest identity or access token, in bytes.
pub const TOKEN_BYTES: usize = 16 * 1024;
