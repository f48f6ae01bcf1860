#!/usr/bin/env bash
# Builds wheelyard and runs it with its own PostgreSQL and S3 server; data stay in .wheelyard.
. "$(dirname "$0")/common.sh"
cargo build --quiet
exec "$CARGO_TARGET_DIR/debug/wheelyard" dev "$@"
