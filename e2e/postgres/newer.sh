#!/bin/bash
# Newer PostgreSQL than this Debian has, from later Debian releases, for the tests of this folder: servers and client tools, unpacked
# into a folder of their own under /var/cache with the C library that they were built for. Nothing is installed. Prints what SVRESCUE_POSTGRES takes.
# As root, for patchelf; about 150 MB of packages a version. What is there already is used.
#
#   export SVRESCUE_POSTGRES=$(e2e/postgres/newer.sh)            # 17, of trixie
#   export SVRESCUE_POSTGRES=$(e2e/postgres/newer.sh 17 18)      # 18, of sid, which may not be there tomorrow
set -euo pipefail
say() { echo "newer.sh: $*" >&2; }
into=/var/cache/svrescue-test/postgres # not in the home: the servers run as postgres, which may not enter root's
declare -A release=([17]=trixie [18]=sid)
[ $# -gt 0 ] || set -- 17
command -v patchelf >/dev/null || { say "apt-get install patchelf"; apt-get install -y -qq patchelf >&2; }

# fetch VERSION: the packages of a server and everything that they need, whatever this machine has, into $into/VERSION.debs
fetch() {
  local v=$1 apt="$into/$1.apt"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$into/$v.debs"
  : >"$apt/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian ${release[$v]} main" >"$apt/sources.list"
  local options=(-qq -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$apt/lists"
    -o Dir::Cache="$apt/cache" -o Dir::State::status="$apt/status" -o APT::Sandbox::User=root -o APT::Install-Recommends=false)
  apt-get "${options[@]}" update >&2
  (cd "$into/$v.debs" && apt-get "${options[@]}" --print-uris install "postgresql-$v" "postgresql-client-$v" | cut -d"'" -f2 |
    xargs -n 20 -P 2 curl -fsSL --remote-name-all)
  rm -rf "$apt"
}

# unpack VERSION: the programs look for libraries beside them, so they run as any other program does
unpack() {
  local v=$1 root="$into/$1.part" deb
  rm -rf "$root" && mkdir -p "$root"/usr/{bin,sbin,lib,lib64} && ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root"
  for deb in "$into/$v.debs"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --keep-directory-symlink; done
  mv "$root" "$into/$v"
  root="$into/$v"
  local libraries="$root/usr/lib/x86_64-linux-gnu" file
  for file in "$root/usr/lib/postgresql/$v"/bin/* "$root/usr/lib/postgresql/$v"/lib/*.so; do
    case "$(head -c 4 "$file" | tr -d '\0')" in *ELF) ;; *) continue ;; esac
    patchelf --force-rpath --set-rpath "$libraries" "$file"
    case "$file" in */bin/*) patchelf --set-interpreter "$root/lib64/ld-linux-x86-64.so.2" "$file" ;; esac
  done
  rm -rf "$into/$v.debs"
}

paths=()
for v in "$@"; do
  [ -n "${release[$v]:-}" ] || { say "no release is known for PostgreSQL $v"; exit 2; }
  bin="$into/$v/usr/lib/postgresql/$v/bin"
  if ! "$bin/postgres" --version >&2 2>/dev/null; then
    rm -rf "${into:?}/$v"
    say "PostgreSQL $v of ${release[$v]}"
    fetch "$v"
    unpack "$v"
  fi
  paths+=("$bin")
done
chmod -R go+rX "$into"
(IFS=:; echo "${paths[*]}")
