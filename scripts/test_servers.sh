#!/usr/bin/env bash
# Run the tests marked `server` against a throwaway PostgreSQL on loopback.
# As root on Debian it installs what is missing; elsewhere `initdb` must be on the PATH.
set -euo pipefail
cd "$(dirname "$0")/.."

find_postgres() {
    command -v initdb >/dev/null && dirname "$(command -v initdb)" && return
    ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1 || true # none: pipefail
}

bin=$(find_postgres)
if [[ -z $bin ]]; then
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        echo "PostgreSQL is not installed; install it (Debian: apt-get install postgresql)" >&2
        exit 1
    fi
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends postgresql >&2
    bin=$(find_postgres)
fi

folder=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
as=()
if [[ $(id -u) == 0 ]]; then # the server refuses to run as root
    id postgres >/dev/null 2>&1 || useradd --system --no-create-home postgres
    chown postgres "$folder"
    as=(setpriv --reuid postgres --regid postgres --clear-groups --)
fi

stop() {
    (cd / && "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1) || true
    rm -rf "$folder"
}
trap stop EXIT

cd /
"${as[@]}" "$bin/initdb" -D "$folder/data" -U mercer -A trust -E UTF8 --locale=C --no-sync >/dev/null
"${as[@]}" "$bin/pg_ctl" -D "$folder/data" -l "$folder/server.log" -w start \
    -o "-h 127.0.0.1 -p $port -k $folder -c fsync=off" >/dev/null ||
    { cat "$folder/server.log" >&2; exit 1; }
cd - >/dev/null

MERCER_TEST_POSTGRES_URL="postgresql://mercer@127.0.0.1:$port/postgres" \
    .venv/bin/pytest -m server tests/contract "$@"
