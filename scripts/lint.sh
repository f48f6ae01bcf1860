#!/usr/bin/env bash
# Formatting and clippy, as the tests want them.
. "$(dirname "$0")/common.sh"
# A toolchain from a distribution may come without them; the tests then say so and go on.
if cargo fmt --version >/dev/null 2>&1; then cargo fmt --check; else say "no rustfmt here: formatting is not checked"; fi
if cargo clippy --version >/dev/null 2>&1; then cargo clippy --quiet --all-targets -- -D warnings; else say "no clippy here: lints are not checked"; fi
