#!/usr/bin/env bash
# All tests: lints, then unit, integration and client tests on a PostgreSQL cluster of this run.
. "$(dirname "$0")/common.sh"

make_clients
export WHEELYARD_TEST_CLIENTS=$VENV/bin
make_browser
export WHEELYARD_TEST_AXE=$AXE/node_modules/axe-core/axe.min.js

[ $# -gt 0 ] || scripts/lint.sh

# One cluster for the run, without fsync: nothing in it outlives the run.
# In /tmp whatever TMPDIR says: as root, PostgreSQL runs under an account that has to get there.
RUN=$(mktemp -d /tmp/wheelyard-test.XXXXXX)
AS=()
if [ "$(id -u)" = 0 ]; then
  OWNER=$(id -un postgres 2>/dev/null || echo nobody)
  chmod 711 "$RUN"; mkdir "$RUN/pg"; chown "$OWNER" "$RUN/pg"
  AS=(setpriv --reuid "$OWNER" --regid "$(id -g "$OWNER")" --clear-groups)
else
  mkdir "$RUN/pg"
fi
PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
stop() {
  status=$?
  (cd / && "${AS[@]}" "$PGBIN/pg_ctl" -D "$RUN/pg/data" -m immediate -w stop >/dev/null 2>&1) || true
  # A browser whose test was cut off.
  for process in $(grep -lzs -- "$RUN" /proc/[0-9]*/cmdline | cut -d/ -f3); do kill -KILL "$process" 2>/dev/null || true; done
  rm -rf "$RUN"
  exit $status
}
trap stop EXIT
( cd /
  "${AS[@]}" "$PGBIN/initdb" -D "$RUN/pg/data" -U app --auth=trust -E UTF8 --locale=C --no-sync >/dev/null
  "${AS[@]}" "$PGBIN/pg_ctl" -D "$RUN/pg/data" -l "$RUN/pg/log" -w -t 60 start >/dev/null \
    -o "-p $PORT -c listen_addresses=127.0.0.1 -k $RUN/pg -c max_connections=500 -c fsync=off -c synchronous_commit=off -c full_page_writes=off" ) || { cat "$RUN/pg/log" >&2 || true; die "PostgreSQL did not start"; }
export WHEELYARD_TEST_DATABASE_URL=postgres://app@127.0.0.1:$PORT/postgres TMPDIR=$RUN

LOG=$RUN/tests
set +e
cargo test --no-fail-fast "$@" 2>&1 | tee "$LOG"
status=${PIPESTATUS[0]}
set -e
# cargo says it for each binary; this says it for all.
grep -E '^test result:' "$LOG" | awk '{ passed += $4; failed += $6 } END { printf "%d passed, %d failed\n", passed, failed }'
exit "$status"
