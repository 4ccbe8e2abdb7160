#!/bin/sh
# Runs Autobahn's websocket suite against the echo of gateway/src/ws/echo.rs.
# Everything it needs is kept in target/autobahn. Status 3: there is no Python 2.7.
set -eu
cd "$(dirname "$0")/../.."

VERSION=25.10.1
case "${CARGO_TARGET_DIR:-target}" in
    /*) FOLDER="$CARGO_TARGET_DIR/autobahn" ;;
    *) FOLDER="$PWD/${CARGO_TARGET_DIR:-target}/autobahn" ;;
esac
SUITE="$FOLDER/suite-$VERSION"

works() { [ "$("$1" -c 'import sys; print sys.version_info[:2] == (2, 7)' 2>/dev/null)" = True ]; }

for python in "${PYTHON2:-}" python2.7 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7*/bin/python2.7; do
    if [ -n "$python" ] && works "$python"; then
        PYTHON2=$(command -v "$python")
        found=1
        break
    fi
done
if [ -z "${found:-}" ]; then
    cat >&2 <<WHERE
Autobahn's suite runs on Python 2.7 alone, and none was found: not in PYTHON2, not on the
PATH, not among pyenv's. \`pyenv install 2.7.18\` builds one (it needs a C compiler and the
headers of OpenSSL and zlib); then run \`make autobahn\` again, or name one:
PYTHON2=/path/to/python2.7 make autobahn
WHERE
    exit 3
fi

if [ ! -e "$SUITE/bin/wstest" ]; then
    echo "installing autobahntestsuite $VERSION into $SUITE"
    if ! "$PYTHON2" -m pip --version >/dev/null 2>&1; then
        echo "$PYTHON2 has no pip: install it with \`$PYTHON2 -m ensurepip\`" >&2
        exit 3
    fi
    rm -rf "$SUITE.partial"
    mkdir -p "$FOLDER"
    "$PYTHON2" -m pip install --disable-pip-version-check --quiet \
        --target "$SUITE.partial" "autobahntestsuite==$VERSION"
    mv "$SUITE.partial" "$SUITE"
fi

PYTHON2="$PYTHON2" AUTOBAHN_SUITE="$SUITE" AUTOBAHN_REPORTS="$FOLDER/reports" \
    exec cargo test -p gateway --lib -- --ignored --exact --nocapture \
    ws::echo::autobahn::autobahn_finds_no_fault
