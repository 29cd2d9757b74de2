package action

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// sample is one value of Prometheus' text format.
type sample struct {
	labels map[string]string
	value  float64
}

// samples reads the values of the wanted metrics from Prometheus' text format, by name. It takes what it can read: a line that
// is not of the format is left out, since one component's odd line must not hide another value. Values that are no number
// (NaN) are left out too.
func samples(text []byte, wanted ...string) map[string][]sample {
	found := map[string][]sample{}
	for line := range bytes.Lines(text) {
		name, s, ok := parseSample(strings.TrimSpace(string(line)))
		if !ok || math.IsNaN(s.value) {
			continue
		}
		for _, w := range wanted {
			if name == w {
				found[name] = append(found[name], s)
			}
		}
	}
	return found
}

// parseSample reads one line: name, labels in braces, value, and a time stamp or an exemplar, which are not looked at. The name
// may also stand in quotes as the first thing in the braces.
func parseSample(line string) (name string, s sample, ok bool) {
	if line == "" || line[0] == '#' {
		return "", s, false
	}
	end := strings.IndexAny(line, "{ \t")
	if end < 0 {
		return "", s, false
	}
	name, rest := line[:end], strings.TrimLeft(line[end:], " \t")
	if strings.HasPrefix(rest, "{") {
		var quoted string
		if quoted, s.labels, rest, ok = parseLabels(rest[1:]); !ok {
			return "", s, false
		}
		if name == "" {
			name = quoted
		}
	}
	fields := strings.Fields(rest)
	if name == "" || len(fields) == 0 {
		return "", s, false
	}
	value, err := strconv.ParseFloat(fields[0], 64)
	if err != nil && !math.IsInf(value, 0) { // too large a number reads as infinite
		return "", s, false
	}
	s.value = value
	return name, s, true
}

// parseLabels reads what stands between braces, up to and with the closing one.
func parseLabels(text string) (name string, labels map[string]string, rest string, ok bool) {
	labels = map[string]string{}
	for {
		text = strings.TrimLeft(text, " \t,")
		if after, closed := strings.CutPrefix(text, "}"); closed {
			return name, labels, after, true
		}
		key := ""
		if strings.HasPrefix(text, `"`) { // a name in quotes: of the metric, or of a label
			if key, text, ok = parseQuoted(text); !ok {
				return "", nil, "", false
			}
			if text = strings.TrimLeft(text, " \t"); !strings.HasPrefix(text, "=") {
				name = key
				continue
			}
			text = text[1:]
		} else if key, text, ok = strings.Cut(text, "="); !ok {
			return "", nil, "", false
		}
		value := ""
		if value, text, ok = parseQuoted(strings.TrimLeft(text, " \t")); !ok {
			return "", nil, "", false
		}
		labels[strings.TrimSpace(key)] = value
	}
}

// parseQuoted reads a text in quotes, in which \\, \" and \n are escapes.
func parseQuoted(text string) (value, rest string, ok bool) {
	if !strings.HasPrefix(text, `"`) {
		return "", "", false
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			return b.String(), text[i+1:], true
		case '\\':
			if i++; i == len(text) {
				return "", "", false
			}
			if text[i] == 'n' {
				b.WriteByte('\n')
			} else {
				b.WriteByte(text[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}
