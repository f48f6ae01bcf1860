#!/usr/bin/env bash
# Builds wheelyard and runs it with its own PostgreSQL and S3 server; data stay in .wheelyard, or what WHEELYARD_DATA_DIR names.
. "$(dirname "$0")/common.sh"
say "building, which takes minutes the first time"
cargo build --quiet
# As root, PostgreSQL runs under another account, which root's home keeps out.
if [ "$(id -u)" = 0 ] && [ -z "${WHEELYARD_DATA_DIR:-}" ] &&
  ! setpriv --reuid nobody --regid nogroup --clear-groups test -x "$PWD"; then
  export WHEELYARD_DATA_DIR=/var/lib/wheelyard
  say "data are kept in $WHEELYARD_DATA_DIR: PostgreSQL can't get into $PWD"
fi
exec "$CARGO_TARGET_DIR/debug/wheelyard" dev "$@"
