#!/usr/bin/env bash
# Runs TestSoak for PYLON_SOAK (default 5m) and writes what came of it into docs/soak.md.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYLON_SOAK=${PYLON_SOAK:-5m}
result=$(go test -tags interop -count=1 -timeout 30m -run 'TestSoak$' -v ./interop | tee /dev/stderr | sed -n 's/^ *soak_test.go:[0-9]*: //p')
cat >docs/soak.md <<PAGE
# Soak

64 identities, each with a hotkey of its own, put new weights every second, while the service's connections to its node are
reset once in about ten seconds. Every intent has to end, the newest of each identity on the chain with exactly the weights
that were put last; the rest as replaced. No nonce may be used twice while both extrinsics could be included, and the memory
stays flat. \`make soak\` runs it and writes this page; \`.ci/run\` runs thirty seconds of it.

Last run: $(go env GOVERSION), $(nproc) cores, the development chain on the same machine with a block every 500 ms:

> $result
PAGE
