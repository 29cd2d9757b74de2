package postgres

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Command is a program with its arguments that runs in a pod. Every command of the product on a database is made here, by name, as with
// Statement. No argument is a secret: where Password is true, the first line of the standard input is the password, and what follows it
// is what the program reads.
type Command struct {
	Name     string
	Argv     []string
	Password bool
}

// Place is where the server's client programs find the server. Host is empty for the server of the same pod: they use its socket then, and
// where none answers, the loopback address.
type Place struct {
	User string
	Host string
	Port int
}

// enter reads the password with the shell's own read, which takes one line byte by byte: the rest of the input stays for the
// program. Words of the environment that would lead the program elsewhere are taken away; PATH and the library path stay.
const enter = `IFS= read -r PGPASSWORD || exit 97
export PGPASSWORD
unset PGHOST PGHOSTADDR PGSERVICE PGOPTIONS PGDATABASE PGUSER PGPASSFILE
PGPORT=$4; export PGPORT
if [ -n "$3" ]; then PGHOST=$3; export PGHOST
elif ! pg_isready -q >/dev/null 2>&1; then PGHOST=127.0.0.1; export PGHOST; fi
`

// Scripts for sh. $1 is the user, $2 the database, $3 the host or empty, $4 the port.
const (
	restoreArchive = enter + `exec pg_restore --no-password --no-owner --no-privileges --exit-on-error --username="$1" --dbname="$2"`

	restorePlain = enter + `exec psql --no-password --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="$1" --dbname="$2" --output=/dev/null --file=-`

	// A directory archive is unpacked beside the data, where the volume is large; the container's own disk is the last resort. The
	// exit codes 94 and 95 are this script's.
	restoreFolder = enter + `command -v tar >/dev/null 2>&1 || { echo "the image has no tar" >&2; exit 95; }
base=
for b in "${PGDATA:+${PGDATA%/*}}" "${TMPDIR:-/tmp}"; do [ -n "$b" ] && [ -d "$b" ] && [ -w "$b" ] && base=$b && break; done
[ -n "$base" ] || { echo "no folder can be written to" >&2; exit 94; }
dir=$base/svrescue-load-$5
rm -rf -- "$dir"
trap 'rm -rf -- "$dir"' EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 141' PIPE; trap 'exit 143' TERM
mkdir -m 700 -- "$dir" && tar -xf - -C "$dir" --no-same-owner || exit 94
top=$dir
[ -e "$top/toc.dat" ] || for t in "$dir"/*/toc.dat; do [ -e "$t" ] && top=${t%/toc.dat}; done
pg_restore --no-password --no-owner --no-privileges --exit-on-error --format=directory --username="$1" --dbname="$2" "$top"`

	freeSpace = `df -Pk -- "${1:-${PGDATA:?the folder of the data is not known}}"`

	// Raw bytes to a server that only the cluster reaches. Bash can open a connection itself; nc is in most images.
	tunnel = `if command -v bash >/dev/null 2>&1; then exec bash -c 'exec 3<>"/dev/tcp/$1/$2" 4<&0 || exit 96
cat <&3 4<&- & cat <&4 >&3 4<&- & wait -n; kill $(jobs -p) 2>/dev/null' svrescue "$1" "$2"; fi
command -v nc >/dev/null 2>&1 && exec nc "$1" "$2"
echo "the image has neither bash nor nc" >&2; exit 95`
)

// Source is a dump file, and which database of it: what pg_dumpall writes holds several. Database may be empty where the file holds one.
type Source struct {
	File     string `json:"file"`
	Database string `json:"database,omitempty"`
}

// The exit codes that our own scripts give, beside those of the programs in them.
const (
	ExitNoRoom     = 94 // the archive could not be unpacked
	ExitNoProgram  = 95 // the image lacks what the script needs
	ExitNoServer   = 96 // the server could not be connected to
	ExitNoPassword = 97 // the input ended before the password did
)

// Names of the commands.
const (
	RestoreArchive = "restore-archive"
	RestorePlain   = "restore-plain"
	RestoreFolder  = "restore-folder"
	RestoreVersion = "restore-version"
	FreeSpace      = "free-space"
	TunnelTo       = "tunnel"
)

var scripts = map[string]string{
	RestoreArchive: restoreArchive, RestorePlain: restorePlain, RestoreFolder: restoreFolder, FreeSpace: freeSpace, TunnelTo: tunnel,
	RestoreVersion: "pg_restore --version",
}

func shell(name string, args ...string) []string {
	return append([]string{"sh", "-c", scripts[name], "svrescue"}, args...)
}

// Archive loads a custom archive that comes on the standard input.
func Archive(p Place, database string) (Command, error) { return load(RestoreArchive, p, database) }

// Plain loads SQL that comes on the standard input. The input brings its own BEGIN and COMMIT: psql takes an input that was cut for one
// that has ended, and would commit a part.
func Plain(p Place, database string) (Command, error) { return load(RestorePlain, p, database) }

// Folder loads a directory archive that comes as a tar stream on the standard input.
func Folder(p Place, database string) (Command, error) {
	c, err := load(RestoreFolder, p, database)
	c.Argv = append(c.Argv, unusual.ReplaceAllString(database, "_"))
	return c, err
}

func load(name string, p Place, database string) (Command, error) {
	// The programs take a name with = in it for a connection string, which could lead to another server.
	if !Ours(database) || strings.ContainsAny(database, "=\n") {
		return Command{}, fmt.Errorf("nothing is loaded into %q: only a database that a run has made is loaded into", database)
	}
	if _, err := Identifier(database); err != nil {
		return Command{}, err
	}
	if p.Host != "" {
		if err := CheckHost(p.Host, p.Port); err != nil {
			return Command{}, err
		}
	}
	return Command{Name: name, Password: true, Argv: shell(name, p.User, database, p.Host, strconv.Itoa(p.Port))}, nil
}

// ClientVersion asks for the version of pg_restore: "pg_restore (PostgreSQL) 15.4".
func ClientVersion() Command { return Command{Name: RestoreVersion, Argv: shell(RestoreVersion)} }

// CannotLoad says why programs of one major version cannot load an archive of pg_dump of another into a server; empty where they can, or
// a version (0) is not known. The format of archives changed with PostgreSQL 16 and with 17, and no pg_restore reads a newer one; from 17
// on, pg_restore begins with a setting (transaction_timeout) that servers before 17 refuse.
func CannotLoad(kind string, dumper, programs, server int) string {
	format := func(major int) int { return min(max(major, 15), 17) }
	switch {
	case kind != "custom" && kind != "directory", programs == 0:
		return ""
	case dumper > 0 && format(programs) < format(dumper):
		return fmt.Sprintf("pg_restore of PostgreSQL %d is too old for an archive of pg_dump %d", programs, dumper)
	case server > 0 && programs >= 17 && server < 17:
		return fmt.Sprintf("pg_restore of PostgreSQL %d is too new for a server of PostgreSQL %d", programs, server)
	}
	return ""
}

// Free asks df for the space of a folder, or of $PGDATA where it is empty.
func Free(folder string) Command { return Command{Name: FreeSpace, Argv: shell(FreeSpace, folder)} }

// Relay carries bytes between the standard streams and a server.
func Relay(host string, port int) (Command, error) {
	if err := CheckHost(host, port); err != nil {
		return Command{}, err
	}
	return Command{Name: TunnelTo, Argv: shell(TunnelTo, host, strconv.Itoa(port))}, nil
}

var (
	hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?$`)
	address6 = regexp.MustCompile(`^[0-9A-Fa-f]*:[0-9A-Fa-f:.]+$`)
	unusual  = regexp.MustCompile(`[^A-Za-z0-9_]`)
)

// CheckHost refuses what is not a host name or an address, and a port: both become words of a command in a pod.
func CheckHost(host string, port int) error {
	if len(host) > 253 || !hostName.MatchString(host) && !address6.MatchString(host) {
		return fmt.Errorf("%q is no host name", host)
	}
	if port < 1 || port > 65535 {
		return fmt.Errorf("%d is no port", port)
	}
	return nil
}

// RecogniseCommand finds which command of the product an argument list is, and the arguments behind its script. It is for what stands in
// for a pod.
func RecogniseCommand(argv []string) (name string, args []string, ok bool) {
	if len(argv) > 4 && argv[0] == "sh" && argv[3] == "sh" && argv[4] == "sh" {
		argv = argv[4:] // within a script that reads what the command leaves of its input
	}
	if len(argv) < 4 || argv[0] != "sh" || argv[1] != "-c" || argv[3] != "svrescue" {
		return "", nil, false
	}
	for name, script := range scripts {
		if script == argv[2] {
			return name, slices.Clone(argv[4:]), true
		}
	}
	return "", nil, false
}

// ParseFree reads what df -Pk says of one folder: the bytes that are available.
func ParseFree(output string) (int64, error) {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	// Filesystem 1024-blocks Used Available Capacity Mounted-on; the first may have spaces, so count from the capacity.
	fields := strings.Fields(lines[len(lines)-1])
	for i := len(fields) - 1; i >= 1; i-- {
		if strings.HasSuffix(fields[i], "%") {
			n, err := strconv.ParseInt(fields[i-1], 10, 64)
			if err == nil {
				return max(0, n) << 10, nil
			}
		}
	}
	return 0, fmt.Errorf("df answered in a form that is not known")
}

// ParseVersion reads the major version out of "pg_restore (PostgreSQL) 15.4 (Debian 15.4-1)", "15.4" or "17beta1"; 0 where there is none.
func ParseVersion(text string) int {
	if _, after, ok := strings.Cut(text, ") "); ok {
		text = after
	}
	text = strings.TrimSpace(text)
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(text)
	}
	n, err := strconv.Atoi(text[:end])
	if err != nil {
		return 0
	}
	return n
}
