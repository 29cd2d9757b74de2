# Sourced by the scripts beside it: a folder of its own in $work, gone at the end, with the program in it.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config
if [ -n "${SVRESCUE:-}" ]; then # names a program that is built already
    cp "$SVRESCUE" "$work/svrescue"
else
    CGO_ENABLED=0 go build -ldflags "-s -w" -o "$work/svrescue" .
fi
