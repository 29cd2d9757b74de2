package triage

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"canton.example/svrescue/internal/plain"
)

// sentence begins with a capital letter and ends with a full stop. A name in front ("sv-app", "participant_4") is left as it is written.
func sentence(text string) string {
	text = plain.Line(text)
	r, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	if first, _, _ := strings.Cut(text, " "); !strings.ContainsAny(strings.TrimRight(first, ".,:;"), "-_./0123456789") {
		text = string(unicode.ToUpper(r)) + text[size:]
	}
	if strings.ContainsRune(".!?", rune(text[len(text)-1])) {
		return text
	}
	return text + "."
}

// sentences are those that are not empty, one after the other.
func sentences(texts ...string) string {
	var all []string
	for _, t := range texts {
		if s := sentence(t); s != "" {
			all = append(all, s)
		}
	}
	return strings.Join(all, " ")
}

// span is a length of time as a person says it.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	if h := int(d.Hours()) % 24; h > 0 && d < 60*24*time.Hour {
		return fmt.Sprintf("%d d %d h", int(d.Hours()/24), h)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// list joins names as people do, at most six of them, sorted and each once.
func list(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	if more := len(names) - 6; more > 1 {
		names = append(names[:6:6], fmt.Sprintf("%d more", more))
	}
	switch len(names) {
	case 0:
		return "none"
	case 1:
		return plain.Line(names[0])
	}
	return plain.Line(strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1])
}

// count is a number and its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func either(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
