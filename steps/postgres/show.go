package postgres

import (
	"strconv"
	"strings"
)

// What follows is for people: what they would type to do the same. What the product sends are the statements and commands of
// this package.

// ShowLoad are the commands that load a dump; the shell of the operator opens the file.
func ShowLoad(s Server, name, kind, file string) []string {
	in := "kubectl -n " + s.Namespace + " exec -i " + s.Workload + "-0 -c " + s.Container + " -- "
	if s.Managed() {
		in = "PGPASSWORD=$POSTGRES_PASSWORD PGHOST=" + s.Host + " PGPORT=" + strconv.Itoa(s.Port) + " "
	}
	// psql takes a file that was cut for one that has ended, so the end mark is looked for first.
	load := "grep -q 'dump complete' " + file + " && (echo 'BEGIN;'; cat " + file + "; echo 'COMMIT;') | " + in + "psql -X -v ON_ERROR_STOP=1 -U " + s.User + " -d " + name
	if kind == "custom" || kind == "directory" {
		load = in + "pg_restore -U " + s.User + " --no-owner --no-privileges --exit-on-error -d " + name + " < " + file
	}
	return []string{in + "createdb -U " + s.User + " -T template0 " + name, load}
}

// ShowDrop is the statement that drops a database.
func ShowDrop(name string) []string { return []string{"DROP DATABASE " + shown(name) + ";"} }

// ShowRename is the transaction that gives databases other names.
func ShowRename(names []Rename) []string {
	lines := []string{"BEGIN;"}
	for _, r := range names {
		lines = append(lines, "ALTER DATABASE "+shown(r.From)+" RENAME TO "+shown(r.To)+";")
	}
	return append(lines, "COMMIT;")
}

// ShowComment is the statement that comments a database.
func ShowComment(name, text string) []string {
	if text == "" {
		return []string{"COMMENT ON DATABASE " + shown(name) + " IS NULL;"}
	}
	return []string{"COMMENT ON DATABASE " + shown(name) + " IS '" + strings.ReplaceAll(text, "'", "''") + "';"}
}

func shown(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
