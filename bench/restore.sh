#!/usr/bin/env bash
# How fast a database is loaded from a dump on this machine into a server in a pod, beside pg_restore in that pod from the same file; and
# what memory it takes. It needs the cluster of e2e/cluster (Linux, root), and starts it if need be.
#   bench/restore.sh [MiB of table, default 512] [ROUNDS, default 3]
set -euo pipefail
cd "$(dirname "$0")/.."
export SVRESCUE_SPEED_MIB=${1:-512} SVRESCUE_SPEED_ROUNDS=${2:-3}
exec go test -tags e2e -count=1 -timeout 30m -run TestSpeed -v ./e2e/load
