#![no_main]

#[path = "../../tests/fuzzed/inbox.rs"]
mod inbox;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| inbox::check(bytes));
