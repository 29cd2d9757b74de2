package kube

import (
	"regexp"
	"strings"
	"unicode"
)

var (
	escapes = regexp.MustCompile(`\x1b(?:\[[0-9;:<=>?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])`)
	title   = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	markup  = regexp.MustCompile(`(?i)<(?:!doctype|html|head|body|h1|center)\b`)
)

// cleanLines strips terminal escapes, control and direction-changing characters, and keeps line ends and tabs.
func cleanLines(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = escapes.ReplaceAllString(s, "")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r':
			return '\n'
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
			return -1
		}
		return r
	}, s)
}

// clean is cleanLines on one line, at most max characters long. A page meant for a browser becomes its title.
func clean(s string, max int) string {
	if i := markup.FindStringIndex(s); i != nil {
		page := "a web page"
		if t := title.FindStringSubmatch(s); t != nil {
			page += " titled " + strings.TrimSpace(t[1])
		}
		s = strings.TrimRight(s[:i[0]], " \"'(\\") + " " + page
	}
	s = strings.Join(strings.Fields(cleanLines(s)), " ")
	if r := []rune(s); len(r) > max {
		s = strings.TrimRight(string(r[:max-1]), " ") + "…"
	}
	return s
}
