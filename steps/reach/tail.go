package reach

import (
	"regexp"
	"strings"

	"canton.example/svrescue/internal/plain"
)

// tail keeps the end of what a command said.
type tail struct{ text []byte }

const tailMax = 16 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	if extra := len(t.text) - tailMax; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

// listener hears the first error of a program and stops what feeds it.
type listener struct {
	*tail
	stop func()
}

var failed = regexp.MustCompile(`(?m)^(pg_restore: error: |psql:[^\n]{0,80}(ERROR|FATAL|PANIC): |psql: error: )`)

func (l *listener) Write(p []byte) (int, error) {
	n, err := l.tail.Write(p)
	if l.stop != nil && failed.Match(l.text) {
		l.stop()
		l.stop = nil
	}
	return n, err
}

var (
	// What programs say of themselves begins with their name. The other lines are statements, rows and where in them an error was met.
	spoken = regexp.MustCompile(`^(svrescue|sh|bash|dash|/bin/sh|pg_restore|psql|tar|mkdir|df|rm|nc)\b.{0,30}: |^the image has |^no folder `)
	// Messages repeat values of rows in quotes, of these kinds; other quotes are names of tables, databases and roles.
	value = regexp.MustCompile(`(invalid|malformed|out of range|at or near|violates|unexpected|extra data|incorrect|missing data|value)\b(.*)`)
	quote = regexp.MustCompile(`"(?:[^"]|"")*"?`)
)

// lines are the last lines that may be shown: no rows and no statements, which can hold what nobody should read.
func (t *tail) lines() []string {
	var all []string
	for _, line := range strings.Split(string(t.text), "\n") {
		if !spoken.MatchString(line) || strings.Contains(line, "CONTEXT: ") || strings.Contains(line, "DETAIL: ") || strings.Contains(line, "STATEMENT: ") {
			continue
		}
		line = value.ReplaceAllStringFunc(line, func(part string) string { return quote.ReplaceAllString(part, "…") })
		all = append(all, plain.Cut(plain.Line(line), 300))
	}
	return all[max(0, len(all)-8):]
}
