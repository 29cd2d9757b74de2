package sim

import (
	"fmt"
	"strings"
)

// Dump is a plain dump of the database as pg_dump would write it, with the tables that tell how far it has got, and rows of nothing that make
// it about as long as it is wanted. For scenarios and tests that need files.
func (d *Database) Dump(version string, length int) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version %s\n-- Dumped by pg_dump version %s\n\nSET statement_timeout = 0;\nSET standard_conforming_strings = on;\n\n", version, version)
	schemas := map[string]bool{"public": true}
	for _, t := range d.tables() {
		if !schemas[t.Schema] {
			fmt.Fprintf(&b, "CREATE SCHEMA %s;\n\n", t.Schema)
			schemas[t.Schema] = true
		}
		var names, columns []string
		for _, c := range t.Columns {
			names, columns = append(names, c[0]), append(columns, "    "+c[0]+" "+c[1])
		}
		fmt.Fprintf(&b, "CREATE TABLE %s.%s (\n%s\n);\n\n", t.Schema, t.Name, strings.Join(columns, ",\n"))
		fmt.Fprintf(&b, "COPY %s.%s (%s) FROM stdin;\n", t.Schema, t.Name, strings.Join(names, ", "))
		for _, r := range t.Rows {
			values := make([]string, len(r))
			for i, v := range r {
				values[i] = `\N`
				if v != nil {
					values[i] = *v
				}
			}
			b.WriteString(strings.Join(values, "\t") + "\n")
		}
		b.WriteString("\\.\n\n")
	}
	if b.Len() < length {
		b.WriteString("CREATE TABLE public.filling (\n    line text\n);\n\nCOPY public.filling (line) FROM stdin;\n")
		line := strings.Repeat("nothing ", 12) + "\n"
		for b.Len() < length {
			b.WriteString(line)
		}
		b.WriteString("\\.\n\n")
	}
	b.WriteString("--\n-- PostgreSQL database dump complete\n--\n\n")
	return []byte(b.String())
}
