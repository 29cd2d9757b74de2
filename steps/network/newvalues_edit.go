package network

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/releases"
	"sigs.k8s.io/yaml"
)

// renumbering is how names of the old synchronizer become those of the new one.
type renumbering struct{ old, next string }

// name gives a name its new number: global-domain-3-cometbft, participant_3. One that has none gets it at its end, after sep.
func (r renumbering) name(old, sep string) string {
	m := r.marks().FindAllStringSubmatchIndex(old, -1)
	if len(m) == 0 {
		return old + sep + r.next
	}
	last := m[len(m)-1]
	return old[:last[4]] + r.next + old[last[5]:]
}

// marks finds the old number in a name, where it stands by itself behind a dash or an underscore.
func (r renumbering) marks() *regexp.Regexp {
	return regexp.MustCompile(`([-_])(` + regexp.QuoteMeta(r.old) + `)([-_.:/"]|$)`)
}

// port gives a port of CometBFT its new number: 26, the migration ID, and two digits that tell the SV or mean peers (reference/deployment.md 4,
// 6). false: it is no such port, or the new one would be none.
func (r renumbering) port(text string) (string, bool) {
	rest, ok := strings.CutPrefix(text, "26"+r.old)
	if !ok || len(rest) != 2 {
		return "", false
	}
	n, err := strconv.Atoi("26" + r.next + rest)
	if err != nil || n > 65535 {
		return "", false
	}
	return strconv.Itoa(n), true
}

// address gives a HOST:PORT its new number in both. false: nothing in it has the old one.
func (r renumbering) address(text string) (string, bool) {
	host, port, has := strings.Cut(text, ":")
	changed := false
	if r.marks().MatchString(host) {
		host, changed = r.name(host, ""), true
	}
	if next, ok := r.port(port); has && ok {
		port, changed = next, true
	}
	if has {
		host += ":" + port
	}
	return host, changed
}

// still says whether a value has the old number in it as names and ports do.
func (r renumbering) still(text string) bool {
	if r.marks().MatchString(text) {
		return true
	}
	for _, m := range regexp.MustCompile(`:(\d{5})\b`).FindAllStringSubmatch(text, -1) {
		if _, ok := r.port(m[1]); ok {
			return true
		}
	}
	return false
}

// tree are the values of a release.
type tree map[string]any

func treeOf(r release.Release) (tree, error) {
	var t tree
	if err := yaml.Unmarshal([]byte(r.Values.Reveal()), &t); err != nil {
		return nil, &steps.Problem{Tried: "reading the values of release " + r.Name, Seen: "Helm's record holds no YAML of values", Next: "Look at it: helm get values " + r.Name}
	}
	return t, nil
}

// text is a value that is a text; empty where there is none.
func (t tree) text(path string) string {
	var at any = map[string]any(t)
	for key := range strings.SplitSeq(path, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return ""
		}
		at = m[key]
	}
	switch v := at.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// leaf is a value that is no map. Those in lists cannot be named by a path, and are told only.
type leaf struct {
	path   string
	value  string
	listed bool
}

// leaves are the texts of the values, by path.
func (t tree) leaves() (all []leaf) {
	var walk func(path string, v any, listed bool)
	walk = func(path string, v any, listed bool) {
		switch x := v.(type) {
		case map[string]any:
			for key, v := range x {
				walk(strings.TrimPrefix(path+"."+key, "."), v, listed || strings.Contains(key, "."))
			}
		case []any:
			for i, v := range x {
				walk(fmt.Sprintf("%s[%d]", path, i), v, true)
			}
		case string:
			all = append(all, leaf{path, x, listed})
		}
	}
	walk("", map[string]any(t), false)
	slices.SortFunc(all, func(a, b leaf) int { return strings.Compare(a.path, b.path) })
	return all
}

// private are values that are neither changed nor looked into: they may be secrets.
var private = regexp.MustCompile(`(?i)password|passwd|secret|token|credential|private|://[^/]*@`)

// edits are the changes of the values of one release, and what was noticed of it. What is derived by rule from names alone is in guessed, what has
// the old number and is kept in kept: paths, no values.
type edits struct {
	edit          releases.Edit
	guessed, kept []string
}

// rename takes over into the edit what names the old synchronizer in texts of the values: names, by what they become. Paths that are set are
// left alone.
func (e *edits) rename(t tree, names map[string]string, r renumbering) {
	olds := make([]string, 0, len(names))
	for old := range names {
		olds = append(olds, old)
	}
	slices.SortFunc(olds, func(a, b string) int { return len(b) - len(a) }) // the longest first: one may begin another
	for _, l := range t.leaves() {
		if _, set := e.edit.Set[l.path]; set {
			continue
		}
		if private.MatchString(l.path) && !strings.HasSuffix(l.path, "Secret") || private.MatchString(l.value) || len(l.value) > 300 {
			if r.still(l.value) {
				e.kept = append(e.kept, l.path)
			}
			continue
		}
		next := l.value
		for _, old := range olds {
			next = named(old).ReplaceAllString(next, "${1}"+names[old]+"${2}")
		}
		if strings.HasPrefix(l.path, "sv1.") { // the founder's CometBFT has a host and a port of the same pattern (not verified)
			if to, changed := r.address(next); changed {
				next = to
				e.guessed = append(e.guessed, l.path)
			}
		}
		switch {
		case next == l.value:
		case l.listed:
			e.kept = append(e.kept, l.path)
			continue
		default:
			e.edit.Set[l.path] = next
		}
		if r.still(next) {
			e.kept = append(e.kept, l.path)
		}
	}
}

// named finds a name that stands by itself: more of a name may follow it behind a dash.
func named(name string) *regexp.Regexp {
	return regexp.MustCompile(`(^|[^A-Za-z0-9_-])` + regexp.QuoteMeta(name) + `($|[^A-Za-z0-9_])`)
}

// ids are labels of metrics that hold the bare number (reference/deployment.md 3.2); elsewhere a bare number means anything.
func (e *edits) ids(t tree, r renumbering) {
	m, _ := t["metrics"].(map[string]any)
	mig, ok := m["migration"].(map[string]any)
	if !ok {
		return
	}
	if tree(mig).text("id") == r.old {
		if _, text := mig["id"].(string); text {
			e.edit.Set["metrics.migration.id"] = r.next
		} else if n, err := strconv.Atoi(r.next); err == nil {
			e.edit.Set["metrics.migration.id"] = n
		}
	}
}
