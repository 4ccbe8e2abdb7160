//! What fuzzing has found worth keeping, replayed: see `docs/conformance.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_docs,
    reason = "a test says what went wrong by panicking"
)]

mod fuzzed {
    pub mod inbox;
    pub mod requests;
}

fn replay(target: &str, check: fn(&[u8])) {
    let corpus = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut replayed = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        let file = file.unwrap().path();
        // Told when it fails.
        println!("{}", file.display());
        check(&std::fs::read(file).unwrap());
        replayed += 1;
    }
    assert!(replayed >= 8, "the corpus of {target} holds {replayed} files");
}

#[test]
fn the_corpus_of_requests_keeps_the_rules() {
    replay("requests", fuzzed::requests::check);
}

#[test]
fn the_corpus_of_inboxes_comes_without_a_gap() {
    replay("inbox", fuzzed::inbox::check);
}
