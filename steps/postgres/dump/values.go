package dump

import (
	"bytes"
	"errors"
	"strings"
)

var (
	errUnnamed = errors.New("which do not name their columns (pg_dump --inserts): dump without that option, or with --column-inserts")
	errValues  = errors.New("which cannot be read")
)

// parseValues reads what follows the name of the table in an INSERT: "(columns) VALUES (row), (row);". backslash: strings without E
// have escapes too.
func parseValues(b []byte, backslash bool) ([]row, []string, error) {
	v := &values{b: b, backslash: backslash}
	v.blank()
	columns, rest, ok := parseColumns(v.b)
	if !ok {
		return nil, nil, errUnnamed
	}
	v.b = rest
	v.blank()
	for _, kind := range []string{"SYSTEM", "USER"} {
		v.word("OVERRIDING " + kind + " VALUE")
	}
	if !v.word("VALUES") {
		return nil, nil, errValues
	}
	var rows []row
	for {
		r := make(row, len(columns))
		if !v.word("(") {
			return nil, nil, errValues
		}
		for i, c := range columns {
			f, ok := v.value()
			if !ok || i < len(columns)-1 && !v.word(",") {
				return nil, nil, errValues
			}
			r[c] = f
		}
		if !v.word(")") {
			return nil, nil, errValues
		}
		rows = append(rows, r)
		switch {
		case v.word(","):
		case v.word(";"), v.word("ON CONFLICT DO NOTHING"):
			return rows, columns, nil
		default:
			return nil, nil, errValues
		}
	}
}

type values struct {
	b         []byte
	backslash bool
}

func (v *values) blank() { v.b = bytes.TrimLeft(v.b, " \t\r\n") }

// word passes over a word that stands next, if it does.
func (v *values) word(text string) bool {
	rest, ok := bytes.CutPrefix(v.b, []byte(text))
	if ok {
		v.b = rest
		v.blank()
	}
	return ok
}

// value reads NULL, a string, a number or a word.
func (v *values) value() (field, bool) {
	if len(v.b) == 0 {
		return field{}, false
	}
	if v.b[0] == '\'' || len(v.b) > 1 && v.b[0] == 'E' && v.b[1] == '\'' {
		backslash := v.backslash
		if v.b[0] == 'E' {
			backslash, v.b = true, v.b[1:]
		}
		return v.text(backslash)
	}
	n := 0
	for n < len(v.b) && (nameByte(v.b[n]) || v.b[n] == '-' || v.b[n] == '+' || v.b[n] == '.') {
		n++
	}
	word := string(v.b[:n])
	v.b = v.b[n:]
	v.blank()
	return field{text: word, null: word == "NULL"}, n > 0
}

func (v *values) text(backslash bool) (field, bool) {
	var out strings.Builder
	for i := 1; i < len(v.b); i++ {
		switch c := v.b[i]; {
		case c == '\'' && i+1 < len(v.b) && v.b[i+1] == '\'':
			out.WriteByte(c)
			i++
		case c == '\'':
			v.b = v.b[i+1:]
			v.blank()
			return field{text: out.String()}, true
		case c == '\\' && backslash && i+1 < len(v.b):
			i++
			if v.b[i] != '\\' && v.b[i] != '\'' {
				return field{}, false // an escape that no offset and no descriptor needs
			}
			out.WriteByte(v.b[i])
		default:
			out.WriteByte(c)
		}
	}
	return field{}, false
}
