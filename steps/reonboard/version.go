package reonboard

import (
	"cmp"
	"strconv"
	"strings"
)

// splice is a release of Splice, such as 0.6.4. What follows the three numbers, such as a snapshot's name, does not count.
type splice struct{ major, minor, patch int }

// readSplice reads a release; ok is false where it is none.
func readSplice(text string) (s splice, ok bool) {
	number := func(t string) (int, string, bool) {
		end := 0
		for end < len(t) && t[end] >= '0' && t[end] <= '9' {
			end++
		}
		n, err := strconv.Atoi(t[:end])
		return n, t[end:], err == nil
	}
	rest := strings.TrimSpace(text)
	for i, to := range []*int{&s.major, &s.minor, &s.patch} {
		if i > 0 {
			var dot bool
			if rest, dot = strings.CutPrefix(rest, "."); !dot {
				return splice{}, false
			}
		}
		if *to, rest, ok = number(rest); !ok {
			return splice{}, false
		}
	}
	return s, rest == "" || strings.ContainsAny(rest[:1], "-+")
}

// since says whether the release is that one or a later one.
func (s splice) since(major, minor, patch int) bool {
	return cmp.Or(cmp.Compare(s.major, major), cmp.Compare(s.minor, minor), cmp.Compare(s.patch, patch)) >= 0
}

// What differs between releases for a standalone validator (reference/deployment.md 1).

// migrationID says whether the charts want the value migration.id: it is gone from 0.6.8 on.
func (s splice) migrationID() bool { return !s.since(0, 6, 8) }

// bitnami says whether the documentation installs PostgreSQL by the chart of Bitnami: from 0.6.13 on.
func (s splice) bitnami() bool { return s.since(0, 6, 13) }
