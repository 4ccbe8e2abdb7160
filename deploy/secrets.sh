#!/usr/bin/env bash
# Makes the passwords with which the parts of compose.yml know one another, a file each, in
# deploy/secrets or in the folder that is named. What is there already is left as it is.
#
# The folder is its owner's alone. The files in it may be read by all, because in a container
# each is seen by one service under another user's number, and the folder not at all.
set -euo pipefail

folder=${1:-$(cd "$(dirname "$0")" && pwd)/secrets}
mkdir -p "$folder"
chmod 700 "$folder"

# 32 random bytes as hexadecimal digits: they stand in addresses and need no escapes there.
random() { od -An -vtx1 -N32 /dev/urandom | tr -d ' \n'; }

# Puts the standard input into a file, whole or not at all, unless the file is there.
put() {
    local file=$folder/$1
    if [ -e "$file" ]; then
        cat >/dev/null
        return
    fi
    cat >"$file.new"
    chmod 444 "$file.new"
    mv "$file.new" "$file"
    echo "made $file"
}

value() { cat "$folder/$1"; }

for name in mariadb_root_password mariadb_password mongodb_admin_password mongodb_password \
    mongodb_key redis_password; do
    random | put "$name"
done

# What daemun reads: addresses with the passwords in them.
printf 'mysql://daemun:%s@mariadb:3306/daemun\n' "$(value mariadb_password)" | put mariadb_url
printf 'mongodb://daemun:%s@mongodb:27017/daemun?replicaSet=daemun\n' \
    "$(value mongodb_password)" | put mongodb_url
printf 'redis://daemun:%s@redis:6379/0\n' "$(value redis_password)" | put redis_url

# What Redis reads: its accounts, the password as its SHA-256 alone. Nobody is let in without an
# account; `health` may ask whether it answers and nothing else.
digest=$(value redis_password | sha256sum | cut -d ' ' -f 1)
put redis_users <<USERS
user default off
user health on nopass resetchannels -@all +ping
user daemun on #$digest ~* &* +@all -@dangerous +info
USERS
