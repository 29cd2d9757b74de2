package kube

import (
	"regexp"
	"strings"

	"canton.example/svrescue/internal/plain"
)

var (
	title  = regexp.MustCompile(`(?is)<title[^>]*>(.*?)</title>`)
	markup = regexp.MustCompile(`(?i)<(?:!doctype|html|head|body|h1|center)\b`)
)

// clean makes one line of text of at most max characters. A page meant for a browser, as proxies answer it, becomes its title.
func clean(s string, max int) string {
	if i := markup.FindStringIndex(s); i != nil {
		page := "a web page"
		if t := title.FindStringSubmatch(s); t != nil {
			page += " titled " + strings.TrimSpace(t[1])
		}
		s = strings.TrimRight(s[:i[0]], " \"'(\\") + " " + page
	}
	return plain.Cut(plain.Line(s), max)
}
