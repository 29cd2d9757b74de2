#!/usr/bin/env bash
# How fast identities and a data snapshot become a migration dump, checked and hashed on the way, beside what the documents tell an operator
# to do: jq -s add. Twice: a snapshot of one long text, and one of many short values. And that memory does not grow with the file.
#   bench/merge.sh [SIZE in MiB, default 256] [ROUNDS, default 3] [LARGE, MiB of one more run without jq, default 1024]
set -euo pipefail
cd "$(dirname "$0")/.."
size=${1:-256} rounds=${2:-3} large=${3:-1024}
. bench/prepare.sh

umask 077
cat >"$work/identities.json" <<'JSON'
{"identities":{"sv_party_id":"Acme-SV::1220aa","dso_party_id":"DSO::1220dd","domain_alias":"global","domain_id":"global-domain::1220dd",
"participant":{"id":"PAR::Acme-SV::1220aa","keys":[],"authorizedStoreSnapshot":"CgsKBw=="},
"sequencer":{"id":"SEQ::sv1::1220bb","keys":[],"authorizedStoreSnapshot":"CgsKBw=="},
"mediator":{"id":"MED::sv1::1220cc","keys":[],"authorizedStoreSnapshot":"CgsKBw=="}}}
JSON
snapshot() { # KIND MiB: random contents, which is what packed data look like
    printf '{"created_at":"2026-01-11T08:30:00Z","migration_id":5,"data_snapshot":{"genesis_state":"Cr4BCg==","acs_snapshot":"'
    if [ "$1" = big ]; then
        head -c $(($2 * 786432)) /dev/urandom | base64 -w0
        printf '","dars":[],'
    else
        printf 'H4sI","dars":['
        for ((i = 0; i < $2; i++)); do cat "$work/short"; done
        printf '{"hash":"","content":""}],'
    fi
    printf '"acs_timestamp":"2026-01-11T08:30:00Z","synchronizer_was_paused":false,"separate_payload_files":false,"acs_format":"ledger_api"},'
    printf '"participant_users":{"identityProviders":[],"users":[{"id":"a","primaryParty":"Acme-SV::1220aa"}]}}\n'
}
awk 'BEGIN { srand(1); while (n < 1048576) { s = sprintf("{\"hash\":\"%08x\",\"content\":\"UEsDB%d\",\"n\":%d},", rand() * 4294967295, rand() * 1e9, rand() * 1e6); n += length(s); printf "%s", s } }' >"$work/short"
snapshot big "$size" >"$work/big.json"
snapshot short "$size" >"$work/short.json"
snapshot big "$large" >"$work/large.json"

cat >"$work/run" <<'RUN'
import os, resource, statistics, subprocess, sys, time
work, size, rounds, large = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
def once(command):
    began = time.monotonic()
    child = subprocess.Popen(command, shell=True, stdout=subprocess.DEVNULL, preexec_fn=os.setsid)
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(command + ": exit code %d" % os.waitstatus_to_exitcode(status))
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
def row(name, runs, mib):
    seconds, cpu = statistics.median(r[0] for r in runs), statistics.median(r[1] for r in runs)
    print("%-38s %7.2f s %7.2f s %7.0f MB/s %6.0f MiB" % (name, seconds, cpu, mib * 1.048576 / seconds, max(r[2] for r in runs)))
    return seconds
def merge(file): return "exec %s/svrescue dump merge --identities %s/identities.json --snapshot %s/%s -o %s/out.json" % (work, work, work, file, work)
def jq(file): return "exec jq -s add %s/identities.json %s/%s >%s/jq.json" % (work, work, file, work)
print("%-38s %9s %9s %12s %10s" % ("%d MiB, median of %d" % (size, rounds), "time", "CPU", "of input", "peak RSS"))
for name, file in [("one long text", "big.json"), ("short values", "short.json")]:
    ours, theirs, copies = [], [], []
    for _ in range(rounds):  # in turns, so that a busy moment hits all
        copies.append(once("exec cp %s/%s %s/copy.json" % (work, file, work)))
        theirs.append(once(jq(file)))
        ours.append(once(merge(file)))
    row("cp, " + name, copies, size)
    a = row("jq -s add, " + name, theirs, size)
    b = row("svrescue dump merge, " + name, ours, size)
    print("%-38s %7.1f times as fast as jq" % ("", a / b))
for f in ("copy.json", "jq.json"): os.remove(work + "/" + f)
row("svrescue dump merge, %d MiB" % large, [once(merge("large.json")) for _ in range(rounds)], large)
row("svrescue version", [once("exec " + work + "/svrescue version") for _ in range(rounds)], 0)
RUN
python3 "$work/run" "$work" "$size" "$rounds" "$large"
