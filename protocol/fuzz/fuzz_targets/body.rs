#![no_main]

#[path = "../../tests/fuzzed/body.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| body::check(bytes));
