#!/bin/bash
# image.sh NAME:TAG ROOTFS ENTRYPOINT_JSON: loads a folder as an image into the running cluster's containerd.
# NAME is a full name, docker.io/library/x:rig; pods then use `image: x:rig` with imagePullPolicy Never.
set -euo pipefail
. "$(dirname "$0")/env.sh"
. "$HERE/mkimg.sh"
[ $# = 3 ] || die "usage: image.sh NAME:TAG ROOTFS ENTRYPOINT_JSON"
[ -d "$2" ] || die "$2 is not a folder"
need_root
is_up || die "the cluster is not up; run up.sh"
t=$(mktemp --suffix=.tar)
trap 'rm -f "$t"' EXIT
mkimg "$1" "$2" "$3" null "$t"
# the socket exists only in the cluster's own mount namespace; the tar is read from ours
nsenter --target "$(cat "$S/init.pid")" --mount ctr -a /run/containerd/containerd.sock -n k8s.io images import - < "$t" > /dev/null
echo "loaded $1"
