#!/usr/bin/env bash
# Speed and size beside their peers, in one run. See the table of goals in the design.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export CGO_ENABLED=0
go build -ldflags "-s -w" -o "$out/svrescue" .
go build -ldflags "-s -w" -o "$out/empty" ./bench/empty
go build -o "$out/bench" ./bench
"$out/bench" "$out/svrescue" "$out/empty"
echo
"$out/bench" keys "$out/svrescue"
echo
"$out/bench" journal "$out"
echo
go test ./ui/wizard -run '^$' -bench . -benchtime 100x | grep Benchmark || true
