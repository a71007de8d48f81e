#!/usr/bin/env bash
# Runs the benchmarks and writes docs/benchmarks.md: the service side by side with bare programs, then the decoders.
set -euo pipefail
cd "$(dirname "$0")/.."
go run ./bench -out docs/benchmarks.md
{
  printf '\n## Decoding\n\n```\n'
  go test -run '^$' -bench . -benchmem ./internal/chain ./internal/scale | grep -E '^(Benchmark|pkg:)'
  printf '```\n'
} >>docs/benchmarks.md
