.PHONY: run test kill ledger lint fmt bench autobahn fuzz docs

run: ## Serve players on embedded storage, in development mode.
	cargo run --release

test: ## Run every test, on real servers; what is missing of those is fetched first.
	deploy/test-servers.sh
	cargo test --workspace --no-fail-fast

kill: ## Kill two databases 24 times under 40 writers, and check what each was told.
	deploy/test-servers.sh
	DAEMUN_TEST_KILLS=24 DAEMUN_TEST_WRITERS=40 \
		cargo test -p storage --lib -- --nocapture when_servers_are_killed

ledger: ## Add up a ledger of 2,000,000 entries (ENTRIES), and say what that takes.
	cargo test -p storage --lib -- --ignored --nocapture an_audit_of_millions

lint: ## Check formatting, lints and documentation, with warnings as errors.
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

fmt: ## Format the sources.
	cargo fmt --all

bench: ## Measure what the README claims; each figure beside its reference.
	cargo build --release -p gateway -p benches
	$${CARGO_TARGET_DIR:-target}/release/benches all --sessions 1000,5000,15000

autobahn: ## Run Autobahn's websocket suite; it needs a Python 2.7 and some minutes.
	gateway/tests/autobahn.sh

FUZZ_SECONDS ?= 60
fuzz: ## Try every fuzz target, each for FUZZ_SECONDS; it needs cargo-fuzz.
	deploy/fuzz.sh $(FUZZ_SECONDS)

docs: ## Write the generated documents anew (docs/*openapi.json, docs/legacy.md, protocol/vectors).
	UPDATE=1 cargo test -p gateway --test it openapi
	UPDATE=1 cargo test -p gateway --test it admin::document
	UPDATE=1 cargo test -p gateway --test it legacy
	UPDATE=1 cargo test -p protocol --test vectors
