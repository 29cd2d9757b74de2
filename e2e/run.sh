#!/bin/bash
# The end-to-end tests from nothing: the cluster's packages, its binaries, the cluster, the tests; on a CI machine
# (CI=true) the cluster is taken down at the end. What is there already is used. Exits with the code of the tests.
#
#   e2e/run.sh [arguments of go test, such as -v or -run TestRestore]
set -uo pipefail
cd "$(dirname "$0")/.."
say() { echo "e2e: $*"; }
must() { say "$*"; "$@" || { code=$?; say "$1 failed with exit code $code" >&2; exit "$code"; }; }
must e2e/cluster/deps.sh
must e2e/cluster/build.sh
must e2e/cluster/up.sh
say "go test -tags e2e -count=1 -timeout 60m -parallel 4 $* ./e2e/..."
began=$SECONDS
# four nodes at a time, whatever the number of cores: most of the time is waited for probes
go test -tags e2e -count=1 -timeout 60m -parallel 4 "$@" ./e2e/...
code=$?
say "the tests took $((SECONDS - began)) s and ended with exit code $code"
if [ "${CI:-}" = true ]; then
  say e2e/cluster/down.sh
  e2e/cluster/down.sh || say "the cluster could not be taken down" >&2
else
  say "the cluster is left up; end it with e2e/cluster/down.sh"
fi
exit "$code"
