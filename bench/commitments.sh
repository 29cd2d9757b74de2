#!/usr/bin/env bash
# How fast commitments scan reads a participant's log, beside what an operator would do by hand: grep -F, zcat | grep -F, zstdcat | grep -F; and
# that its memory does not grow with the log. The log is made up here: JSON at DEBUG as the container writes it, of every thousand lines four
# about commitments, one of which says that one agrees.
#   bench/commitments.sh [SIZE in MiB, default 1024] [ROUNDS, default 5] [LARGE in MiB, default 4096; 0: none]     SVRESCUE names a program that is built already
# The largest log is read plain only, and less often than the others. Needs as much room in $TMPDIR as both sizes together.
set -euo pipefail
cd "$(dirname "$0")/.."
size=${1:-1024} rounds=${2:-5} large=${3:-4096}
. bench/prepare.sh
cat >"$work/make" <<'MAKE'
import random, sys
size, r = int(sys.argv[1]) << 20, random.Random(1)
digits = lambda n: "%0*x" % (n, r.getrandbits(4 * n))
names = ["Super-Validator-%d::1220%s..." % (i, digits(8)) for i in range(1, 11)]
clock = lambda ms: "2026-01-%02dT%02d:%02d:%02d" % (1 + ms // 86400000, ms // 3600000 % 24, ms // 60000 % 60, ms // 1000 % 60)
def line(ms, message, logger, level):
    return ('{"@timestamp":"%s.%03dZ","message":"%s","logger_name":"c.d.c.%s:participant=participant/psid=global-domain","thread_name":"canton-env-ec-%d",'
            '"level":"%s","span-id":"%s","span-parent-id":"%s","trace-id":"%s","span-name":"MessageDispatcher.handle"}\n'
            % (clock(ms), ms % 1000, message, logger, r.randrange(200), level, digits(16), digits(16), digits(32)))
others = [("s.c.t.SequencedEventValidator", "Processing event at %s with counter %s and %s"),
          ("p.p.TransactionProcessor", "Phase 3: Validating confirmation request=RequestId(%s) with %s envelope(s), hash %s"),
          ("p.s.ContractStore", "Stored contracts [00%s, 00%s] at request counter %s"),
          ("p.p.v.ModelConformanceChecker", "Reinterpreted view SHA-256:%s... for Some(ViewPosition(L%s)) in %s"),
          ("n.g.ApiRequestLogger", "Request c.d.c.s.SequencerService/Subscribe by 10.0.0.1: received a message of %s bytes %s %s")]
kept = []  # random text is dear to make: it is made once, and the times are new
for _ in range(4000):
    logger, message = others[r.randrange(5)]
    text = line(0, message % (digits(24), digits(40), digits(r.choice((8, 64, 200)))), logger, r.choice(("DEBUG", "DEBUG", "DEBUG", "INFO")))
    kept.append(text[text.index('Z","message"'):])
written, ms, tick = 0, 0, 0
while written < size:
    period = "CommitmentPeriod(fromExclusive = %sZ, toInclusive = %sZ)" % (clock(tick * 600000), clock((tick + 1) * 600000))
    tick += 1
    block = []
    for n in range(10000):
        ms += 60
        if n % 1000 == 500:
            who = names[n // 1000]
            for message, level in (("Checking commitment (purportedly by) PAR::%s for period %s" % (who, period), "INFO"),
                                   ("Commitment correct for sender PAR::%s and period %s" % (who, period), "INFO"),
                                   ("Period %s is a catch-up period false with no catch-up" % period, "DEBUG"),
                                   ("Processing 1 remote commitments", "INFO")):
                block.append(line(ms, message, "p.p.AcsCommitmentProcessor", level))
        block.append('{"@timestamp":"%s.%03d' % (clock(ms), ms % 1000) + kept[r.randrange(4000)])
    text = "".join(block)
    sys.stdout.write(text)
    written += len(text)
MAKE
python3 "$work/make" "$size" >"$work/a.log"
gzip -6 -c "$work/a.log" >"$work/a.log.gz"
if command -v zstd >/dev/null; then zstd -q "$work/a.log" -o "$work/a.log.zst"; fi
if [ "$large" -gt 0 ]; then python3 "$work/make" "$large" >"$work/large.log"; fi

cat >"$work/run" <<'RUN'
import os, statistics, subprocess, sys, time
work, size, rounds, large = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
def once(command):
    began = time.monotonic()
    child = subprocess.Popen(command, shell=True, stdout=subprocess.DEVNULL, preexec_fn=os.setsid)
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(command + ": exit code %d" % os.waitstatus_to_exitcode(status))
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
def row(name, runs, mb):
    seconds, cpu = statistics.median(r[0] for r in runs), statistics.median(r[1] for r in runs)
    print("%-42s %7.2f s %7.2f s %7.0f MB/s %6.0f MiB" % (name, seconds, cpu, mb / seconds, max(r[2] for r in runs)))
    return seconds, cpu
version = [once("exec " + work + "/svrescue version") for _ in range(rounds)]
scan = "exec " + work + "/svrescue commitments scan "
grep = "grep -Fc 'Commitment correct for sender' %s | cat"  # into a pipe: what goes to /dev/null grep does not look for to the end
print("%-42s %9s %9s %12s %10s" % ("%d MiB, median of %d" % (size, rounds), "time", "CPU", "of log", "peak RSS"))
files = [("grep -F FILE", "plain", "a.log", grep, size, rounds), ("zcat FILE | grep -F", "gzip", "a.log.gz", "zcat %s | " + grep % "-", size, rounds),
         ("zstdcat FILE | grep -F", "zstd", "a.log.zst", "zstdcat %s | " + grep % "-", size, rounds),
         ("grep -F FILE", "%d MiB plain" % large, "large.log", grep, large, max(1, rounds - 2))]
for tool, name, file, by_hand, mib, times in files:
    path = work + "/" + file
    if not os.path.exists(path): continue
    mb = mib * 1.048576
    ours, theirs = [], []
    once("cat " + path)  # both find it in memory, as far as it fits
    for _ in range(times):  # in turns, so that a busy moment hits both
        theirs.append(once(by_hand % path))
        ours.append(once(scan + path))
    a, b = row(tool + ", " + name, theirs, mb), row("svrescue commitments scan, " + name, ours, mb)
    print("%-42s %7.2f   %7.2f" % ("  theirs / ours", a[0] / b[0], a[1] / b[1]))
row("svrescue version", version, 0)
RUN
python3 "$work/run" "$work" "$size" "$rounds" "$large"
