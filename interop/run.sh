#!/usr/bin/env bash
# The interop suites: foreign clients against us, and us against foreign nodes.
set -euo pipefail
cd "$(dirname "$0")/.."
./interop/setup.sh
go test -tags interop -count=1 -timeout 20m "$@" ./interop/... ./packaging/...
