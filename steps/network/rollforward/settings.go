package rollforward

import (
	"fmt"
	"strings"

	"canton.example/svrescue/internal/plain"
)

// settings are what a configuration that a chart renders into an environment variable sets, by path. The charts write a small part of HOCON: one
// setting or one opening or closing brace a line, paths with dots, comments. Whatever else there is, is an error, since a setting that was
// overlooked could be the one that counts.
func settings(text string) (map[string]string, error) {
	all := map[string]string{}
	var path []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "//"):
			continue
		case line == "}":
			if len(path) == 0 {
				return nil, fmt.Errorf("a brace closes that was not opened")
			}
			path = path[:len(path)-1]
			continue
		}
		key, value, set := strings.Cut(line, "=")
		if name, opens := strings.CutSuffix(line, "{"); opens && (!set || strings.TrimSpace(value) == "{") {
			key = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(name), "="))
			if !isKey(key) {
				return nil, fmt.Errorf("%q is no name of a section", plain.Line(key))
			}
			path = append(path, key)
			continue
		}
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !set || !isKey(key) || value == "" {
			return nil, fmt.Errorf("the line %q is no setting", plain.Line(line))
		}
		if unquoted, ok := quoted(value); ok {
			value = unquoted
		} else if strings.ContainsAny(value, "\"{}[]") && !strings.HasPrefix(value, "${") {
			return nil, fmt.Errorf("the value of %s is of a kind that is not read here", plain.Line(key))
		}
		all[strings.Join(append(path[:len(path):len(path)], key), ".")] = value // the last one counts, as in HOCON
	}
	if len(path) > 0 {
		return nil, fmt.Errorf("the section %s is not closed", plain.Line(strings.Join(path, ".")))
	}
	return all, nil
}

func quoted(value string) (string, bool) {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' || strings.ContainsAny(value[1:len(value)-1], `"\`) {
		return "", false
	}
	return value[1 : len(value)-1], true
}

func isKey(key string) bool {
	return key != "" && !strings.ContainsFunc(key, func(r rune) bool {
		return !(r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	})
}
