#!/usr/bin/env bash
# How often triage asks a cluster with 300 pods and 5,000 events, how soon it has a verdict, and what memory it takes; beside kubectl get pods,
# where there is one (KUBECTL names it), and an empty program that lists pods. Then judging and folding of that much evidence alone.
#   bench/triage.sh [ROUNDS, default 10]
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-10}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export CGO_ENABLED=0
go build -ldflags "-s -w" -o "$out/svrescue" .
go build -ldflags "-s -w" -o "$out/pods" ./bench/pods
go test -c -o "$out/rehearsal.test" ./steps/rehearsal
cd steps/rehearsal
"$out/rehearsal.test" -test.run TestTriageAsksInLists -test.v | grep -E 'small|large'
BENCH_SVRESCUE=$out/svrescue BENCH_EMPTY=$out/pods BENCH_KUBECTL=${KUBECTL:-$(command -v kubectl || true)} \
  "$out/rehearsal.test" -test.run '^$' -test.bench 'BenchmarkTriage' -test.benchtime "${rounds}x" | grep Benchmark
cd ../..
go test ./steps/evidence ./steps/triage -run '^$' -bench . | grep Benchmark
