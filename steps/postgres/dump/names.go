package dump

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// table is a table's name as a statement has it.
type table struct{ schema, name string }

// parseName reads an identifier, quoted or not, and returns what follows it.
func parseName(b []byte) (name string, rest []byte, ok bool) {
	if len(b) == 0 {
		return "", nil, false
	}
	if b[0] == '"' {
		var out []byte
		for i := 1; i < len(b); i++ {
			if b[i] != '"' {
				out = append(out, b[i])
				continue
			}
			if i+1 < len(b) && b[i+1] == '"' {
				out = append(out, '"')
				i++
				continue
			}
			return string(out), b[i+1:], len(out) > 0
		}
		return "", nil, false
	}
	n := 0
	for n < len(b) && nameByte(b[n]) {
		n++
	}
	return strings.ToLower(string(b[:n])), b[n:], n > 0
}

// parseTable reads [schema.]table.
func parseTable(b []byte) (t table, rest []byte, ok bool) {
	if t.name, rest, ok = parseName(b); !ok {
		return table{}, nil, false
	}
	if len(rest) > 0 && rest[0] == '.' {
		t.schema = t.name
		if t.name, rest, ok = parseName(rest[1:]); !ok {
			return table{}, nil, false
		}
	}
	return t, rest, true
}

// parseColumns reads a list of names in parentheses.
func parseColumns(b []byte) (columns []string, rest []byte, ok bool) {
	b, ok = bytes.CutPrefix(b, []byte("("))
	if !ok {
		return nil, nil, false
	}
	for {
		var name string
		if name, b, ok = parseName(bytes.TrimLeft(b, " \n")); !ok {
			return nil, nil, false
		}
		columns = append(columns, name)
		b = bytes.TrimLeft(b, " \n")
		if rest, ok := bytes.CutPrefix(b, []byte(")")); ok {
			return columns, rest, true
		}
		if b, ok = bytes.CutPrefix(b, []byte(",")); !ok {
			return nil, nil, false
		}
	}
}

// parseCopy reads "COPY schema.table (columns) FROM stdin;". Without columns they are nil. Other forms of COPY have no data behind
// them, and are not ok.
func parseCopy(statement []byte) (t table, columns []string, ok bool) {
	rest, ok := bytes.CutPrefix(statement, []byte("COPY "))
	if !ok {
		return table{}, nil, false
	}
	if t, rest, ok = parseTable(rest); !ok {
		return table{}, nil, false
	}
	rest = bytes.TrimLeft(rest, " \n")
	if bytes.HasPrefix(rest, []byte("(")) {
		if columns, rest, ok = parseColumns(rest); !ok {
			return table{}, nil, false
		}
	}
	rest = bytes.Join(bytes.Fields(bytes.TrimRight(rest, "; \n\r")), []byte(" "))
	return t, columns, bytes.Equal(rest, []byte("FROM stdin"))
}

// parseSearchPath is the first schema of "SET search_path = a, b;".
func parseSearchPath(statement []byte) string {
	_, rest, ok := bytes.Cut(statement, []byte("="))
	if !ok {
		return ""
	}
	name, _, _ := parseName(bytes.TrimLeft(rest, " "))
	return name
}

// parseConnect is the database that a \connect goes to. pg_dumpall writes a bare name where that is safe, else a quoted one, or a
// connection string in quotes.
func parseConnect(line string) (database string, ok bool) {
	rest, ok := strings.CutPrefix(line, `\connect `)
	if !ok {
		if rest, ok = strings.CutPrefix(line, `\c `); !ok {
			return "", false
		}
	}
	rest = strings.TrimSpace(rest)
	if option, more, found := strings.Cut(rest, " "); found && strings.HasPrefix(option, "-reuse-previous=") {
		rest = strings.TrimSpace(more)
	}
	name, ok := unquote(rest)
	if !ok || name == "" {
		return "", false
	}
	if value, is := strings.CutPrefix(name, "dbname="); is {
		name = strings.TrimSpace(value)
		if strings.HasPrefix(name, "'") && strings.HasSuffix(name, "'") && len(name) > 1 {
			var b strings.Builder
			for i := 1; i < len(name)-1; i++ {
				if name[i] == '\\' && i+2 < len(name) {
					i++
				}
				b.WriteByte(name[i])
			}
			name = b.String()
		}
	}
	return name, name != "" && name != "-"
}

// unquote takes an argument of psql: in double quotes, where "" is one of them, or up to the next blank.
func unquote(text string) (string, bool) {
	if !strings.HasPrefix(text, `"`) {
		word, _, _ := strings.Cut(text, " ")
		return word, true
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] != '"' {
			b.WriteByte(text[i])
			continue
		}
		if i+1 < len(text) && text[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		return b.String(), true
	}
	return "", false
}

// parseNumber reads an integer column.
func parseNumber(f field) (int64, error) {
	if f.null {
		return 0, errors.New("it is NULL")
	}
	n, err := strconv.ParseInt(f.text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q is no number", f.text)
	}
	return n, nil
}

// parseRow reads a line of COPY's text format.
func parseRow(line []byte, columns []string) (row, error) {
	if n := bytes.Count(line, []byte{'\t'}) + 1; n != len(columns) {
		return nil, fmt.Errorf("it has %d values for %d columns", n, len(columns))
	}
	r := make(row, len(columns))
	for _, c := range columns {
		value, rest, _ := bytes.Cut(line, []byte{'\t'})
		line = rest
		if string(value) == `\N` {
			r[c] = field{null: true}
			continue
		}
		r[c] = field{text: unescape(value)}
	}
	return r, nil
}

// unescape takes the backslashes out of a value of COPY's text format.
func unescape(value []byte) string {
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value)
	}
	out := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		if value[i] != '\\' || i+1 == len(value) {
			out = append(out, value[i])
			continue
		}
		i++
		switch c := value[i]; {
		case strings.IndexByte("bfnrtv", c) >= 0:
			out = append(out, "\b\f\n\r\t\v"[strings.IndexByte("bfnrtv", c)])
		case c >= '0' && c <= '7':
			n := 0
			for k := 0; k < 3 && i < len(value) && value[i] >= '0' && value[i] <= '7'; k++ {
				n = n*8 + int(value[i]-'0')
				i++
			}
			i--
			out = append(out, byte(n))
		case c == 'x' && i+2 < len(value) && isHex(value[i+1]) && isHex(value[i+2]):
			b, _ := hex.DecodeString(string(value[i+1 : i+3]))
			out = append(out, b...)
			i += 2
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
