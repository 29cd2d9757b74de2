package upload

import (
	"slices"
	"strconv"
)

// Names of the commands that run in the pod. Every one is made in this file.
const (
	Look   = "svrescue-upload-look"   // what the image has, and what is at the path
	Begin  = "svrescue-upload-begin"  // an empty part, with its record
	Write  = "svrescue-upload-write"  // standard input to the part, from an offset on; it tells how far the part is written
	Chunks = "svrescue-upload-chunks" // the hash of each of some chunks of the part
	Follow = "svrescue-upload-follow" // hashes all of the part while it grows
	Settle = "svrescue-upload-settle" // makes the part durable, and tells its size
	Hash   = "svrescue-upload-hash"   // hashes a file
	Finish = "svrescue-upload-finish" // gives the part its name
)

// Suffixes of what stands beside the path until the copy is whole.
const (
	Part   = ".part"
	Record = ".part.svrescue"
)

// Programs that the image must have besides sh. Whether the images of the apps have them was not verified for any release: it is looked for
// before anything is written. sync is asked for in three ways, and none of them must fail.
var programs = []string{"dd", "cat", "sha256sum", "stat", "mv", "rm", "chmod", "df", "sync"}

// needed are those without which nothing is begun. dd must be able to take whole blocks from an input that comes in pieces.
var needed = []string{"dd", "dd iflag=fullblock", "cat", "sha256sum", "stat", "mv", "rm", "chmod"}

// Exit codes of our own scripts.
const (
	exitThere     = 73 // something has come to the path
	exitNotMoved  = 74
	exitNotStored = 75 // it could not be made durable
)

// Scripts for sh. $0 is the name of the command. No argument is a secret.
var scripts = map[string]string{
	Look: `path=$1; shift
for p in "$@"; do command -v "$p" >/dev/null 2>&1 || echo "missing $p"; done
! command -v dd >/dev/null 2>&1 || dd if=/dev/null of=/dev/null count=1 iflag=fullblock 2>/dev/null || echo "missing dd iflag=fullblock"
dir=${path%/*}; [ -n "$dir" ] || dir=/
[ -d "$dir" ] && echo "folder yes"
[ -w "$dir" ] && echo "writable yes"
if [ -d "$path" ]; then echo "is-folder yes"
elif [ -e "$path" ] || [ -L "$path" ]; then echo "there $(stat -L -c %s -- "$path" 2>/dev/null)"; fi
if [ -e "$path.part" ]; then echo "part $(stat -c %s -- "$path.part" 2>/dev/null)"; fi
if [ -e "$path.part.svrescue" ]; then read -r line < "$path.part.svrescue"; echo "record $line"; fi
df -Pk -- "$dir" 2>/dev/null | while read -r device all used left rest; do case $left in ''|*[!0-9]*) ;; *) echo "room $left" ;; esac; done
echo "looked yes"`,

	Begin: `umask 077
rm -f -- "$1.part" "$1.part.svrescue" && printf '%s\n' "$2" > "$1.part.svrescue" && : > "$1.part"`,

	// The rest of the input is read in any case: kubelets never tell the end of a command that leaves some unread. And the shell stays: dd
	// alone, which closes its standard output, was cut after some 200 KB by containerd 1.6, with exit code 0. What is told is only what the
	// part has: an input that ends early makes dd end well with less.
	Write: `[ -f "$1.part" ] || { echo "svrescue: stop, there is no $1.part" >&2; cat >/dev/null; exit 72; }
part=$1.part bs=$2 blocks=$3 at=$4 end=$5
while [ "$at" -lt "$end" ]; do
  dd of="$part" bs="$bs" seek=$((at / bs)) count="$blocks" iflag=fullblock conv=notrunc
  code=$?
  [ "$code" -eq 0 ] || { echo "svrescue: stop" >&2; cat >/dev/null; exit "$code"; }
  at=$((at + bs * blocks))
  [ "$at" -le "$end" ] || at=$end
  [ "$(stat -c %s -- "$part")" -ge "$at" ] || break
  echo "$at"
done
cat >/dev/null`,

	Chunks: `[ -f "$1.part" ] || exit 72
for i in $4; do dd if="$1.part" bs="$2" skip=$((i * $3)) count="$3" 2>/dev/null | sha256sum || exit 1; done`,

	// It ends by itself when the part does not grow for two minutes: nobody stops it when its connection is gone. What it reads is stored on the
	// way, so that little is left to be stored at the end.
	Follow: `part=$1.part bs=$2 size=$3 at=0 idle=0
full=$((size / bs)) end=$(((size + bs - 1) / bs))
while [ "$at" -lt "$end" ]; do
  n=$(stat -c %s -- "$part") || exit 1
  if [ "$n" -ge "$size" ]; then n=$end; else n=$((n / bs)); [ "$n" -le "$full" ] || n=$full; fi
  if [ "$n" -gt "$at" ]; then
    dd if="$part" bs="$bs" skip="$at" count=$((n - at)) 2>/dev/null || exit 1
    at=$n idle=0
    sync -- "$part" 2>/dev/null || :
  else
    idle=$((idle + 1)); [ "$idle" -le 600 ] || exit 1
    sleep 0.2 2>/dev/null || { sleep 1 || exit 1; idle=$((idle + 4)); }
  fi
done | sha256sum`,

	Settle: `part=$1.part
chmod 600 -- "$part" || exit 75
sync -- "$part" 2>/dev/null || sync 2>/dev/null || dd if=/dev/null of="$part" bs=1 count=0 conv=notrunc,fsync 2>/dev/null || exit 75
stat -c %s -- "$part"`,

	Hash: `sha256sum < "$1"`,

	Finish: `[ -f "$1.part" ] || exit 72
[ -d "$1" ] && exit 73
if [ -e "$1" ] || [ -L "$1" ]; then
  [ -n "$2" ] || exit 73
  mv -- "$1" "$1.$2" || exit 74
fi
mv -- "$1.part" "$1" || exit 74
rm -f -- "$1.part.svrescue"
sync -- "${1%/*}" 2>/dev/null || sync 2>/dev/null || :
stat -c '%a %u %g %s' -- "$1"`,
}

// command is one by its name.
func command(name string, args ...string) []string {
	return append([]string{"sh", "-c", scripts[name], name}, args...)
}

func look(path string) []string          { return command(Look, append([]string{path}, programs...)...) }
func begin(path, record string) []string { return command(Begin, path, record) }
func settle(path string) []string        { return command(Settle, path) }
func follow(path string, block, size int64) []string {
	return command(Follow, path, number(block), number(size))
}
func hash(path string) []string        { return command(Hash, path) }
func finish(path, old string) []string { return command(Finish, path, old) }
func number(n int64) string            { return strconv.FormatInt(n, 10) }
func write(path string, block, chunk, start, end int64) []string {
	return command(Write, path, number(block), number(chunk/block), number(start), number(end))
}

// chunks hashes those with the numbers; blocks is how many blocks a chunk has.
func chunks(path string, block, blocks int64, numbers []int) []string {
	list := ""
	for i, n := range numbers {
		if i > 0 {
			list += " "
		}
		list += strconv.Itoa(n)
	}
	return command(Chunks, path, number(block), number(blocks), list)
}

// Recognise answers the name and the arguments of a command of this package; false for any other.
func Recognise(argv []string) (name string, args []string, ours bool) {
	if len(argv) < 4 || argv[0] != "sh" || argv[1] != "-c" || scripts[argv[3]] == "" || scripts[argv[3]] != argv[2] {
		return "", nil, false
	}
	return argv[3], slices.Clone(argv[4:]), true
}
