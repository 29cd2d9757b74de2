#!/usr/bin/env bash
# How fast a file comes into a pod over a line of a certain speed: svrescue upload, which verifies it in the pod, beside a bare exec stream
# into dd, and kubectl cp. And what is in the pod when the line is cut in the middle. The pod and its claim are on the cluster of
# e2e/cluster, which must be up.
#   bench/upload.sh [SIZE in MiB, default 1024] [ROUNDS, default 3] [MB/s, default 50]     SVRESCUE names a program that is built already
set -euo pipefail
cd "$(dirname "$0")/.."
size=${1:-1024} rounds=${2:-3} speed=${3:-50}
. bench/prepare.sh
. e2e/cluster/env.sh
admin=$S/admin.kubeconfig kubectl=$BIN/kubectl
go build -o "$work/link" ./bench/link
"$work/link" -to "127.0.0.1:$APIPORT" -speed "$speed" -delay 2ms >"$work/address" & link=$!
end() { kill "$link" 2>/dev/null || true; "$kubectl" --kubeconfig "$admin" delete namespace bench-upload --wait=false >/dev/null 2>&1 || true; rm -rf "$work"; }
trap end EXIT
until [ -s "$work/address" ]; do sleep 0.05; done
sed "s|https://127.0.0.1:[0-9]*|https://$(cat "$work/address")|" "$admin" >"$work/kubeconfig"
chmod 600 "$work/kubeconfig"
"$kubectl" --kubeconfig "$admin" wait --for=delete namespace/bench-upload --timeout=120s >/dev/null # that of a run before, which is still on its way out
"$kubectl" --kubeconfig "$admin" create namespace bench-upload >/dev/null
"$kubectl" --kubeconfig "$admin" -n bench-upload apply -f - >/dev/null <<'POD'
{"apiVersion": "v1", "kind": "List", "items": [
 {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "dump"},
  "spec": {"storageClassName": "rig", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "8Gi"}}}},
 {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"}, "spec": {"terminationGracePeriodSeconds": 0,
  "containers": [{"name": "app", "image": "busybox:rig", "imagePullPolicy": "Never", "command": ["sleep", "86400"], "volumeMounts": [{"name": "dump", "mountPath": "/dump"}]}],
  "volumes": [{"name": "dump", "persistentVolumeClaim": {"claimName": "dump"}}]}}]}
POD
"$kubectl" --kubeconfig "$admin" -n bench-upload wait --for=condition=Ready pod/app --timeout=60s >/dev/null
head -c $((size << 20)) /dev/urandom >"$work/file"
cat >"$work/run" <<'RUN'
import os, resource, signal, statistics, subprocess, sys, time
work, size, rounds, kubectl, svrescue, link = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5], int(sys.argv[6])
over = [kubectl, "--kubeconfig", work + "/kubeconfig", "-n", "bench-upload"]
def pod(text):
    return subprocess.run(over + ["exec", "app", "--", "sh", "-c", text], capture_output=True, text=True).stdout.strip()
def once(command, stdin=None, cut=None):
    began = time.monotonic()
    child = subprocess.Popen(command, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(work + "/said", "w"))
    if cut:
        time.sleep(cut)
        os.kill(link, signal.SIGUSR1)
    _, status, usage = os.wait4(child.pid, 0)
    return time.monotonic() - began, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)
file = work + "/file"
def bare(**k): # the shell keeps its standard output open: where a command closes it, kubectl takes that for the end, and what came is a part
    with open(file, "rb") as f:
        return once(over + ["exec", "-i", "app", "--", "sh", "-c", "dd of=/dump/bare bs=1M; echo"], stdin=f, **k)
def copy(**k): return once(over + ["cp", file, "app:/dump/copied"], **k)
def upload(**k): return once([svrescue, "--kubeconfig", work + "/kubeconfig", "upload", file, "bench-upload/app:/dump/uploaded"], **k)
ways = [("bare exec into dd", bare), ("kubectl cp", copy), ("svrescue upload, verified", upload)]
runs = {name: [] for name, _ in ways}
for _ in range(rounds): # in turns, so that a busy moment hits all
    for name, way in ways:
        pod("rm -f /dump/*; sync")
        r = way()
        there = pod("cat /dump/* | wc -c")
        if there != str(size << 20): sys.exit("%s: %s bytes came" % (name, there))
        if r[2] != 0: sys.exit("%s ended with %d: %s" % (name, r[2], open(work + "/said").read()))
        runs[name].append(r)
print("%-28s %9s %11s %9s %7s" % ("%d MiB, median of %d" % (size, rounds), "time", "MB/s", "peak RSS", "of bare"))
base = statistics.median(r[0] for r in runs[ways[0][0]])
for name, _ in ways:
    seconds = statistics.median(r[0] for r in runs[name])
    print("%-28s %7.2f s %6.1f MB/s %5.0f MiB %5.0f %%" % (name, seconds, (size << 20) / seconds / 1e6, max(r[1] for r in runs[name]), 100 * base / seconds))
print("\nThe line is cut at half of it:")
for name, way, at in [("kubectl cp", copy, "/dump/copied"), ("svrescue upload, verified", upload, "/dump/uploaded")]:
    pod("rm -f /dump/*; sync")
    r = way(cut=base / 2)
    there = pod("stat -c %%s %s 2>/dev/null || echo none" % at)
    print("%-28s exit code %d; %s has %s of %d bytes" % (name, r[2], at, there, size << 20))
RUN
python3 "$work/run" "$work" "$size" "$rounds" "$kubectl" "$work/svrescue" "$link"
