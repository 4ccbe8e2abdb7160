#!/usr/bin/env bash
# Brings up what compose.yml brings up, without a container engine: carries out the container
# file's own lines in a folder, starts real servers with the same settings files and secrets, and
# runs the program in the image's folder as the image's user, who can write to the volume alone.
#
#   deploy/rehearse.sh                    # builds as the container file says: ten minutes and more
#   deploy/rehearse.sh --binary PROGRAM   # takes a program that was built before
#
# As root on Linux everything but the engine is real: the image is the root folder, only for
# reading, with nothing in it that the container file did not copy. A program that is not static
# cannot run there and runs outside, still as another user. Without root it runs as whoever asks.
#
# It needs the tests' servers (deploy/test-servers.sh), and mongosh, which it gets from npm
# when it is not on PATH. LOADTEST names a built loadtest; else cargo builds one.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
deploy=$repository/deploy
servers=${DAEMUN_TEST_SERVERS:-$repository/target/servers}
PATH=$PATH:/usr/local/sbin:/usr/sbin:$servers/bin
binary=
[ "${1:-}" != --binary ] || binary=$(realpath "$2")

work=$(mktemp -d "${TMPDIR:-/tmp}/daemun-rehearsal-XXXXXX")
chmod 755 "$work"
source=$work/src image=$work/image logs=$work/logs
mkdir -p "$source" "$image" "$logs"
started=()

say() { echo "== $*"; }
fail() {
    echo "rehearsal: $*" >&2
    exit 1
}

# Ends what was started, the last first, and removes the folder.
leave() {
    local status=$? index
    for ((index = ${#started[@]} - 1; index >= 0; index--)); do
        kill -TERM "${started[index]}" 2>/dev/null || true
        wait "${started[index]}" 2>/dev/null || true
    done
    if [ "$status" != 0 ]; then
        echo "rehearsal: failed; what was said is in $logs" >&2
        rm -rf "$work/src" "$work/image" "$work/mariadb" "$work/mongodb"
    else
        rm -rf "$work"
    fi
    exit "$status"
}
trap leave EXIT

# Runs a server in the background, its words in a file of its name.
start() {
    local name=$1
    shift
    "$@" >"$logs/$name" 2>&1 </dev/null &
    started+=($!)
}

# Tries until it works, for two minutes.
until_it_works() {
    local what=$1 tries
    shift
    for ((tries = 0; tries < 240; tries++)); do
        if "$@" >"$logs/last-try" 2>&1; then return; fi
        sleep 0.5
    done
    cat "$logs/last-try" >&2
    fail "$what did not come up"
}

free_port() {
    local port
    for ((port = 10000 + RANDOM % 20000; port < 65000; port++)); do
        if ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}

# --- The container file, line by line ---

# Its instructions, one a line.
instructions() {
    grep -v '^#' "$deploy/Containerfile" |
        sed -e ':join' -e '/\\$/{N' -e 's/\\\n */ /' -e 'b join' -e '}' | grep .
}

# COPY from the repository, without what .dockerignore leaves out of a folder.
copy_in() {
    local target=${*: -1} path
    for path in "${@:1:$#-1}"; do
        if [ -d "$repository/$path" ]; then
            mkdir -p "$source/$target"
            tar -C "$repository/$path" --exclude=target --exclude=fuzz -cf - . |
                tar -C "$source/$target" -xf -
        else
            case $target in */) mkdir -p "$source/$target" ;; esac
            cp "$repository/$path" "$source/$target"
        fi
    done
}

run() {
    case $1 in
        apt-get*)
            for tool in musl-gcc cargo rustup; do
                [ -n "$binary" ] || command -v "$tool" >/dev/null || fail "install $tool: RUN $1"
            done
            [ -n "$binary" ] || rustup target add "$(uname -m)-unknown-linux-musl"
            ;;
        *"cargo build"*) [ -n "$binary" ] || (cd "$source" && sh -c "$1") ;;
        *)
            if [ -n "$binary" ]; then
                install -D "$binary" \
                    "$source/target/$(uname -m)-unknown-linux-musl/release/daemun"
            fi
            (cd "$source" && sh -c "$1")
            ;;
    esac
}

copy_out() {
    local from=$1 to=$2 owner=$3
    mkdir -p "$image$to"
    cp -r "$from/." "$image$to"
    if [ "$(id -u)" = 0 ] && [ -n "$owner" ]; then chown -R "$owner" "$image$to"; fi
    if [ "$to" = /var/lib/daemun ]; then chmod 700 "$image$to"; fi
}

user='' environment=()
carry_out() {
    local line words
    while read -r line; do
        read -r -a words <<<"$line"
        case $line in
            "COPY --from=build --chown="*)
                copy_out "${words[3]/#\/src/$source}" "${words[4]}" "${words[2]#--chown=}" ;;
            "COPY --from=build "*) copy_out "${words[2]/#\/src/$source}" "${words[3]}" "" ;;
            "COPY "*) copy_in "${words[@]:1}" ;;
            "RUN "*) run "${line#RUN }" ;;
            "USER "*) user=${words[1]} ;;
            "ENV "*) environment=("${words[@]:1}") ;;
            "FROM "* | "WORKDIR "* | "LABEL "* | "VOLUME "* | "EXPOSE "* | "STOPSIGNAL "*) ;;
            "HEALTHCHECK "* | "ENTRYPOINT "* | "CMD "*) ;;
            *) fail "what is this line of the container file? $line" ;;
        esac
    done < <(instructions)
}

say "the steps of deploy/Containerfile, in $source"
carry_out
(cd "$image" && find . -type f -exec ls -l {} + | sed 's/^/   /')
file -b "$image/usr/local/bin/daemun" 2>/dev/null | cut -d , -f 1-5 | sed 's/^/   /' || true

# --- The databases, with the settings files and the secrets of compose.yml ---

say "deploy/secrets.sh"
secrets=$work/secrets
"$deploy/secrets.sh" "$secrets" >/dev/null
secret() { cat "$secrets/$1"; }
mariadb=$(free_port) redis=$(free_port) mongodb=$(free_port) listen=$(free_port)
private=$(free_port) admin=$(free_port)

say "MariaDB with deploy/mariadb/daemun.cnf"
mkdir "$work/mariadb"
as_root=()
[ "$(id -u)" != 0 ] || as_root=(--user=root)
mariadb-install-db --no-defaults "${as_root[@]}" --datadir="$work/mariadb" \
    --auth-root-authentication-method=normal --skip-test-db >"$logs/mariadb-install-db" 2>&1
cat >"$work/accounts.sql" <<SQL
CREATE DATABASE IF NOT EXISTS daemun;
CREATE USER IF NOT EXISTS daemun@'%' IDENTIFIED BY '$(secret mariadb_password)';
GRANT ALL ON daemun.* TO daemun@'%';
SQL
start mariadb mariadbd --defaults-file="$deploy/mariadb/daemun.cnf" "${as_root[@]}" \
    --datadir="$work/mariadb" --socket="$work/mariadb/socket" --pid-file="$work/mariadb/pid" \
    --bind-address=127.0.0.1 --port="$mariadb" --init-file="$work/accounts.sql"

say "Redis with deploy/redis/daemun.conf and its accounts"
mkdir "$work/redis"
start redis redis-server "$deploy/redis/daemun.conf" --port "$redis" --bind 127.0.0.1 \
    --dir "$work/redis" --aclfile "$secrets/redis_users"

say "MongoDB with deploy/mongodb/mongod.conf, its key and deploy/mongodb/init.js"
mkdir "$work/mongodb"
(umask 077 && cat "$secrets/mongodb_key" >"$work/mongodb_key")
start mongodb mongod --config "$deploy/mongodb/mongod.conf" --bind_ip 127.0.0.1 \
    --port "$mongodb" --dbpath "$work/mongodb" --keyFile "$work/mongodb_key" \
    --wiredTigerCacheSizeGB 0.25
mongosh=$(command -v mongosh) || {
    npm install --silent --no-audit --no-fund --prefix "$work/npm" mongosh >"$logs/npm" 2>&1
    mongosh=$work/npm/node_modules/.bin/mongosh
}
init() {
    HOME=$work SECRETS=$secrets MEMBER=127.0.0.1:$mongodb "$mongosh" --quiet --norc \
        "mongodb://127.0.0.1:$mongodb/?directConnection=true" "$deploy/mongodb/init.js"
}
until_it_works MongoDB grep -q "Waiting for connections" "$logs/mongodb"
init
say "the same again, as at every start: accounts stay"
init

# Redis' accounts hold: nobody without one, `health` for a ping alone, daemun for its work.
redis_says() {
    local expected=$1 line
    shift
    exec 3<>"/dev/tcp/127.0.0.1/$redis"
    printf '%s\r\n' "$@" >&3
    for _ in "$@"; do read -r -t 10 line <&3; done
    exec 3>&-
    case $line in
        "$expected"*) ;;
        *) fail "Redis says $line to ${*: -1}, not $expected" ;;
    esac
}
until_it_works Redis grep -q "Ready to accept" "$logs/redis"
redis_says -NOAUTH PING
redis_says +PONG "AUTH health any" PING
redis_says -NOPERM "AUTH health any" "GET x"
redis_says +OK "AUTH daemun $(secret redis_password)" "SET x y"
redis_says -NOPERM "AUTH daemun $(secret redis_password)" FLUSHALL

# --- Daemun, as compose.yml runs it ---

# The addresses, of this machine.
mkdir -p "$image/etc/daemun" "$image/run/secrets" "$image/proc" "$image/dev"
cp "$deploy/daemun.toml" "$image/etc/daemun/daemun.toml"
sed "s/@mariadb:3306/@127.0.0.1:$mariadb/" "$secrets/mariadb_url" >"$image/run/secrets/mariadb_url"
sed "s/@mongodb:27017/@127.0.0.1:$mongodb/" "$secrets/mongodb_url" >"$image/run/secrets/mongodb_url"
sed "s/@redis:6379/@127.0.0.1:$redis/" "$secrets/redis_url" >"$image/run/secrets/redis_url"
chmod 444 "$image"/run/secrets/*

# Where the image is its root folder it is also its view of all paths.
static=
if [ "$(id -u)" = 0 ] && file -b "$image/usr/local/bin/daemun" | grep -q static; then static=yes; fi
root=$image
[ -z "$static" ] || root=
environment+=(
    "DAEMUN_CONFIG=$root/etc/daemun/daemun.toml"
    "DAEMUN_DATA=$root/var/lib/daemun"
    "DAEMUN_STORAGE__MARIADB__URL_FILE=$root/run/secrets/mariadb_url"
    "DAEMUN_STORAGE__MONGODB__URL_FILE=$root/run/secrets/mongodb_url"
    "DAEMUN_STORAGE__REDIS__URL_FILE=$root/run/secrets/redis_url"
    # What a machine with other programs on it needs.
    "DAEMUN_PUBLIC_URL=http://127.0.0.1:$listen"
    "DAEMUN_GATEWAY__LISTEN=127.0.0.1:$listen"
    "DAEMUN_GATEWAY__PRIVATE=127.0.0.1:$private"
    "DAEMUN_GATEWAY__ADMIN=127.0.0.1:$admin"
)

# Each becomes daemun itself, so that its number is the one of what was started.
# shellcheck disable=SC2016  # the words of the shell inside
locked_in='mount --bind "$1" "$1"
    mount --bind "$1/var/lib/daemun" "$1/var/lib/daemun"
    mount -o remount,bind,ro "$1"
    mount -t proc proc "$1/proc"
    root=$1 user=$2
    shift 2
    exec setpriv --no-new-privs chroot --userspec="$user" "$root" /usr/local/bin/daemun "$@"'
if [ -n "$static" ]; then
    daemun=(unshare --mount --propagation private env -i "${environment[@]}" "PATH=$PATH"
        sh -euc "$locked_in" sh "$image" "$user")
elif [ "$(id -u)" = 0 ]; then
    daemun=(env -i "${environment[@]}" setpriv --reuid "${user%:*}" --regid "${user#*:}"
        --clear-groups --no-new-privs --bounding-set=-all "$image/usr/local/bin/daemun")
else
    daemun=(env -i "${environment[@]}" "$image/usr/local/bin/daemun")
fi

say "daemun config check"
"${daemun[@]}" config check
say "daemun migrate up, until MariaDB is there"
until_it_works MariaDB "${daemun[@]}" migrate up
cat "$logs/last-try"
say "daemun check"
"${daemun[@]}" check

say "daemun serve, as ${user}${static:+, the image as its root folder}"
"${daemun[@]}" serve >"$logs/daemun" 2>&1 </dev/null &
serve=$!
started+=("$serve")
until_it_works daemun "${daemun[@]}" healthcheck
"${daemun[@]}" healthcheck
grep -E '^(Name|Uid|Gid|Groups|NoNewPrivs|CapEff):' "/proc/$serve/status" | sed 's/^/   /'

say "loadtest walk"
if [ -z "${LOADTEST:-}" ]; then
    cargo build --manifest-path "$repository/Cargo.toml" -p loadtest
    LOADTEST=${CARGO_TARGET_DIR:-$repository/target}/debug/loadtest
fi
"$LOADTEST" walk --server "http://127.0.0.1:$listen" >"$logs/walk" 2>&1 ||
    { tail -20 "$logs/walk" >&2; fail "the walk stumbled"; }
tail -2 "$logs/walk"

say "SIGTERM"
kill -TERM "$serve"
status=0
wait "$serve" || status=$?
[ "$status" = 0 ] || { tail -20 "$logs/daemun" >&2; fail "it ended with $status"; }
say "it ended with 0; daemun is ready to be shipped"
