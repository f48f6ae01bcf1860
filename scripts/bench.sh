#!/usr/bin/env bash
# Measures the release binary and prints one table (docs/performance.md). --peers: devpi-server beside it.
. "$(dirname "$0")/common.sh"
ARGUMENTS=()
for argument in "$@"; do
  case $argument in
    --peers) make_clients; ARGUMENTS+=(--peers "$VENV/bin") ;;
    *) ARGUMENTS+=("$argument") ;;
  esac
done
say "building the release binary, which takes minutes the first time"
cargo bench --quiet --bench bench -- "${ARGUMENTS[@]}"
