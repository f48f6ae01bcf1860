# What the other scripts share; to be sourced. Sets CARGO_TARGET_DIR and PGBIN.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/wheelyard
# Outside the clone, so that the next clean clone on this machine does not build everything again.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CACHE/target}

# Cargo goes by times alone: what another clone has built there could pass for this clone's.
if [ "$(cat "$CARGO_TARGET_DIR/clone" 2>/dev/null)" != "$PWD" ]; then
  mkdir -p "$CARGO_TARGET_DIR"
  touch src/lib.rs
  echo "$PWD" > "$CARGO_TARGET_DIR/clone"
fi

say() { echo "==> $*" >&2; }
die() { echo "error: $*" >&2; exit 1; }

# Installs Debian packages if we may, else says what to install.
need_packages() {
  command -v apt-get >/dev/null || die "install these packages first: $*"
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    sudo -n true 2>/dev/null || die "install these packages first: sudo apt-get install $*"
    sudo=(sudo -n)
  fi
  say "installing $*"
  "${sudo[@]}" apt-get update -qq >&2
  # PostgreSQL's package would make and start a cluster of its own, which is not used.
  case " $* " in *" postgresql "*)
    "${sudo[@]}" mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
      echo "create_main_cluster = false" | "${sudo[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null ;;
  esac
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
}

# The clients that the tests drive, and devpi-server, in a virtual environment that is made once for a list of
# requirements. Sets VENV.
make_clients() {
  mkdir -p "$CACHE"
  exec 9>"$CACHE/clients.lock"; flock 9 # another run may be making the same
  VENV=$CACHE/clients-$(sha256sum tests/clients/requirements.txt | cut -c1-16)
  if [ ! -e "$VENV/ready" ]; then
    command -v python3 >/dev/null || need_packages python3
    rm -rf "$VENV"
    python3 -m venv "$VENV" 2>/dev/null || { need_packages python3-venv; rm -rf "$VENV"; python3 -m venv "$VENV"; }
    say "installing the clients"
    "$VENV/bin/pip" install --quiet --disable-pip-version-check -r tests/clients/requirements.txt
    touch "$VENV/ready"
  fi
  exec 9>&-
}

# The checker of accessibility that browser tests run in their pages.
AXE_VERSION=4.14.1

# The browser that tests drive, its driver, and the checker. Sets AXE, the checker's folder.
make_browser() {
  command -v chromium >/dev/null && command -v chromedriver >/dev/null || need_packages chromium chromium-driver
  mkdir -p "$CACHE"
  exec 9>"$CACHE/axe.lock"; flock 9 # another run may be making the same
  AXE=$CACHE/axe-core-$AXE_VERSION
  if [ ! -e "$AXE/ready" ]; then
    command -v npm >/dev/null || need_packages npm
    rm -rf "$AXE"; mkdir "$AXE"
    say "installing axe-core"
    npm install --prefix "$AXE" --ignore-scripts --no-audit --no-fund --no-save --loglevel=error "axe-core@$AXE_VERSION" >&2
    touch "$AXE/ready"
  fi
  exec 9>&-
}

find_postgres() {
  PGBIN=${WHEELYARD_PGBIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)}
  [ -n "$PGBIN" ] || PGBIN=$(dirname "$(command -v initdb || true)")
  [ -x "$PGBIN/initdb" ] && [ -x "$PGBIN/postgres" ]
}

command -v cargo >/dev/null || [ ! -f "$HOME/.cargo/env" ] || . "$HOME/.cargo/env"
command -v cargo >/dev/null || die "install a Rust toolchain first (rustup, or your distribution's cargo 1.90 or newer)"
command -v cc >/dev/null || need_packages gcc libc6-dev
find_postgres || { need_packages postgresql; find_postgres; } || die "install PostgreSQL 14 or newer first"
[ "$("$PGBIN/postgres" --version | grep -oE '[0-9]+' | head -1)" -ge 14 ] || die "install PostgreSQL 14 or newer first"
