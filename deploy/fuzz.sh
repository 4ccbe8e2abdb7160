#!/bin/sh
# Tries every fuzz target for so many seconds each: deploy/fuzz.sh [seconds, 60 when not said].
#
# What is found on the way is kept in target/fuzz/corpus and tried first the next time; the
# committed corpora are read and not written. Status 3: cargo-fuzz is missing.
set -eu
cd "$(dirname "$0")/.."

if ! cargo fuzz --version >/dev/null 2>&1; then
    cat >&2 <<WHERE
cargo-fuzz is missing: \`cargo install --locked cargo-fuzz\` installs it. It needs a C++ compiler
besides, and no nightly toolchain: the targets are built without a sanitizer.
WHERE
    exit 3
fi

case "${CARGO_TARGET_DIR:-target}" in
    /*) target="$CARGO_TARGET_DIR/fuzz" ;;
    *) target="$PWD/${CARGO_TARGET_DIR:-target}/fuzz" ;;
esac

for name in protocol/frame protocol/body actors/requests actors/inbox; do
    echo "fuzz: $name for ${1:-60} s"
    found="$target/corpus/$name"
    mkdir -p "$found"
    (
        cd "${name%/*}"
        cargo fuzz run --sanitizer none --target-dir "$target" "${name#*/}" \
            "$found" "$PWD/fuzz/corpus/${name#*/}" -- \
            -max_total_time="${1:-60}" -len_control=20 -print_final_stats=1
    )
done
