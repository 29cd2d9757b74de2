#!/usr/bin/env bash
# How fast backup check reads a compressed dump, beside what an operator would do by hand: zcat FILE | grep. And that its memory does not
# grow with the file. The dump is made up here: rows of hexadecimal data as a participant's contracts have them, with the table
# that is looked for near the end.
#   bench/dump.sh [SIZE in MiB of SQL, default 1024] [ROUNDS, default 5]     SVRESCUE names a program that is built already
set -euo pipefail
cd "$(dirname "$0")/.."
size=${1:-1024} rounds=${2:-5}
. bench/prepare.sh

# 16 MiB of rows, again and again: gzip does not look back so far.
{ head -c 5000000 /dev/urandom | xxd -p -c 160 | awk '{ print "\\\\x" substr($0, 1, 68) "\t\\\\x" $0 $0 "\tsv-" NR % 97 "::1220" substr($0, 9, 32) "\t" NR "\t\\N\tt" }' |
    head -c 16777216 || true; } | sed '$d' >"$work/rows"
make_dump() { # MiB
    printf -- '--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 15.1\n-- Dumped by pg_dump version 15.1\n\nCOPY participant.lapi_events_activate_contract (contract_id, instance, party, id, note, flag) FROM stdin;\n'
    for ((i = 0; i < $1 / 16; i++)); do cat "$work/rows"; done
    printf '\\.\n\nCOPY participant.lapi_parameters (ledger_end, participant_id) FROM stdin;\n62\tsv-1\n\\.\n\n--\n-- PostgreSQL database dump complete\n--\n'
}
make_dump "$size" >"$work/a.sql"
make_dump $((size / 4)) >"$work/small.sql"
gzip -6 -c "$work/a.sql" >"$work/a.sql.gz"
gzip -6 -c "$work/small.sql" >"$work/small.sql.gz"
if command -v zstd >/dev/null; then zstd -q "$work/a.sql" -o "$work/a.sql.zst"; fi

cat >"$work/run" <<'RUN'
import os, resource, statistics, subprocess, sys, time
work, size, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def once(command):
    began = time.monotonic()
    child = subprocess.Popen(command, shell=True, stdout=subprocess.DEVNULL, preexec_fn=os.setsid)
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 6):  # one dump alone proves no order
        sys.exit(command + ": exit code %d" % os.waitstatus_to_exitcode(status))
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
def row(name, runs, mib):
    seconds, cpu = statistics.median(r[0] for r in runs), statistics.median(r[1] for r in runs)
    print("%-30s %7.2f s %7.2f s %7.0f MiB/s %6.0f MiB" % (name, seconds, cpu, mib / seconds, max(r[2] for r in runs)))
check = "exec " + work + "/svrescue backup check "
look = "| grep -a -A1 '^COPY .*lapi_parameters'"
print("%-30s %9s %9s %13s %10s" % ("%d MiB of SQL, median of %d" % (size, rounds), "time", "CPU", "of SQL", "peak RSS"))
pairs = [("gzip", "a.sql.gz", "zcat"), ("zstd", "a.sql.zst", "zstdcat"), ("none", "a.sql", "cat")]
for name, file, tool in pairs:
    path = work + "/" + file
    if not os.path.exists(path): continue
    ours, theirs = [], []
    for _ in range(rounds):  # in turns, so that a busy moment hits both
        theirs.append(once(tool + " " + path + look))
        ours.append(once(check + path))
    row(tool + " | grep", theirs, size)
    row("svrescue backup check, " + name, ours, size)
row("a quarter of it, gzip", [once(check + work + "/small.sql.gz") for _ in range(rounds)], size / 4)
row("svrescue version", [once("exec " + work + "/svrescue version") for _ in range(rounds)], 0)
RUN
python3 "$work/run" "$work" "$size" "$rounds"
