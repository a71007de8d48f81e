#!/usr/bin/env bash
# Installs the foreign programs of the interop suites below .cache/interop. What is there already is kept.
set -euo pipefail
cd "$(dirname "$0")/.."
shared=${PYLON_SHARED:-$PWD/../shared}
cache=$PWD/.cache/interop
mkdir -p "$cache"

# later COMMAND…: runs it beside others, at most four at a time. finish waits for them all, and fails when one has failed.
pids=()
later() {
  while [ "$(jobs -rp | wc -l)" -ge 4 ]; do wait -n || true; done
  "$@" &
  pids+=($!)
}
finish() {
  local pid
  for pid in "${pids[@]}"; do wait "$pid"; done
  pids=()
}

# One pip for all environments: each of its own would take longer to make than most of what it installs.
[ -x "$cache/pip/bin/pip" ] || python3 -m venv "$cache/pip"

# venv NAME REQUIREMENT...: a Python environment with exactly these packages.
venv() {
  local dir=$cache/$1 want="${*:2}"
  [ "$2" = -r ] && want="$want: $(tr '\n' ' ' <"$3")"
  [ "$(cat "$dir/.installed" 2>/dev/null || true)" = "$want" ] && return
  rm -rf "$dir"
  python3 -m venv --without-pip "$dir"
  "$cache/pip/bin/pip" --python "$dir/bin/python" install --quiet --disable-pip-version-check --no-compile "${@:2}"
  echo "$want" >"$dir/.installed"
}

# node_modules NAME PACKAGE.JSON: the packages of a package.json, in a folder of the cache.
node_modules() {
  local dir=$cache/$1
  mkdir -p "$dir"
  cmp -s "$2" "$dir/.installed" && return
  cp "$2" "$dir/package.json"
  (cd "$dir" && npm install --silent --no-audit --no-fund --no-package-lock)
  cp "$2" "$dir/.installed"
}

# PostgreSQL, of which the tests of internal/intents/store start a server of their own. It comes from the distribution.
if ! command -v initdb >/dev/null && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && [ -z "${PYLON_TEST_POSTGRES:-}" ]; then
  as_root=
  [ "$(id -u)" = 0 ] || as_root=sudo
  $as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends postgresql >/dev/null
fi

for version in 1.9.0 2.0.0 2.3.1; do
  later venv "pylon-client-$version" "bittensor-pylon-client==$version"
done
# All other releases of the Python client share one environment: they differ in their own code alone.
clients() {
  venv pylon-clients -r interop/pylonclient/requirements.txt
  local version
  while read -r version; do
    [ -d "$cache/pylon-clients/$version" ] && continue
    "$cache/pip/bin/pip" --python "$cache/pylon-clients/bin/python" install --quiet --disable-pip-version-check --no-compile --no-deps \
      --target "$cache/pylon-clients/$version.new" "bittensor-pylon-client==$version"
    mv "$cache/pylon-clients/$version.new" "$cache/pylon-clients/$version"
  done <interop/pylonclient/versions.txt
}
later clients
for version in 10.5.0 9.12.2 8.5.2 11.3.0; do
  later venv "neuron-$version" -r "interop/neuron/requirements/$version.txt"
done
# The wallet of the SDK 11.3.0 is in neuron-11.3.0.
for version in 2.1.3 3.1.0 4.0.1 4.1.1; do
  later venv "wallet-$version" -r "interop/wallet/requirements/$version.txt"
done
later venv asi -r interop/asi/requirements.txt
later venv schemathesis schemathesis==4.32.5
later venv bt-decode bt-decode==0.8.0 websockets==15.0.1
later venv scalecodec scalecodec==1.2.12 websockets==15.0.1
later venv timelock-drand-1.3.0 bittensor-drand==1.3.0
later venv timelock-drand-2.0.0 bittensor-drand==2.0.0
later venv timelock-core-0.1.5 bittensor-core==0.1.5
cc -shared -fPIC -O2 -o "$cache/clock.so" interop/timelock/clock/clock.c -ldl
later node_modules polkadotjs interop/polkadotjs/package.json
later node_modules statuspage interop/statuspage/package.json

# The browser of the status page's test comes from the system.
if [ -z "${CHROMIUM:-}" ] && ! command -v chromium >/dev/null; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } >/dev/null ||
    { echo "chromium is needed: install it, or set CHROMIUM to a browser like it" >&2; exit 1; }
fi

# What checks the systemd unit.
command -v systemd-analyze >/dev/null ||
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends systemd; } >/dev/null ||
  { echo "systemd-analyze is needed: install systemd" >&2; exit 1; }

# The node with the real runtime writes nothing into shared: it runs from a copy.
[ -f "$shared/realchain/start.mjs" ] || { echo "realchain is not in $shared (set PYLON_SHARED)" >&2; exit 1; }
mkdir -p "$cache/realchain"
cp -f "$shared"/realchain/*.mjs "$shared"/realchain/*.json "$shared"/realchain/*.gz "$cache/realchain/"
later node_modules realchain "$shared/realchain/package.json"
finish
