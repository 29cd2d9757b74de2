package postgres

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// longestName is what PostgreSQL keeps of a name, in bytes. It cuts longer ones without an error, so a longer one would name another object.
const longestName = 63

// Identifier quotes a name for SQL. What cannot be the name of anything is refused, so that no name means another thing than it says.
func Identifier(name string) (string, error) {
	switch {
	case name == "":
		return "", fmt.Errorf("an empty name is no name in SQL")
	case len(name) > longestName:
		return "", fmt.Errorf("the name %q has more than %d bytes, which PostgreSQL would cut", name, longestName)
	case strings.ContainsRune(name, 0) || !utf8.ValidString(name):
		return "", fmt.Errorf("the name %q has bytes that no name in SQL can have", name)
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`, nil
}

// literal quotes a text for SQL where a parameter is not possible. It reads the same whether or not the server takes backslashes in
// plain strings for escapes.
func literal(text string) (string, error) {
	if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
		return "", fmt.Errorf("the text %q has bytes that no text in SQL can have", text)
	}
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	if strings.Contains(quoted, `\`) {
		quoted = "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted, nil
}

// unquote reads what Identifier or literal wrote at the start of s: the text and what comes after it.
func unquote(s string, mark byte) (text, rest string, ok bool) {
	escapes := false
	if mark == '\'' && strings.HasPrefix(s, "E'") {
		escapes, s = true, s[1:]
	}
	if s == "" || s[0] != mark {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == mark && i+1 < len(s) && s[i+1] == mark, escapes && s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == mark:
			return b.String(), s[i+1:], true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}
