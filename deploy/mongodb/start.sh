#!/bin/sh
# Starts mongod in its container. mongod refuses a key that others may read, and a secret that is
# mounted has the mode of the file on the host; so it gets a copy of its own, in memory.
set -eu
umask 077
cat /run/secrets/mongodb_key >/tmp/mongodb_key
exec docker-entrypoint.sh mongod --config /etc/mongod/mongod.conf \
    --bind_ip 0.0.0.0 --keyFile /tmp/mongodb_key "$@"
