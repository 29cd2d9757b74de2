package releases

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube/release"
)

// longest is how much of a value a line shows. The longest whose end must be seen are the bounds of a successor's sequencer, two settings of 140
// characters: the times, which all SVs must have alike, are the last of each.
const longest = 300

const (
	notSet = "(not set)"
	unseen = "(hidden: it looks like a secret)"
)

var (
	// secretive are names under which people write secrets.
	secretive = regexp.MustCompile(`(?i)passw|passphrase|secret|token|credential|private|api_?key|access_?key|auth_?key|client_?id_?secret|jaas|^key$|salt|signature|cookie`)
	// naming are names that have such a word in them and hold the name of a Secret, an address or an audience.
	naming = regexp.MustCompile(`(?i)^(keysSecret|existingSecret|imagePullSecrets?)$|secretName$|secret(Key)?Ref$|secretFrom$|Url$|audience$|^automountServiceAccountToken$`)
	// speaking are values that hold a secret in words: a line of configuration, or an address with a login in it.
	speaking = regexp.MustCompile(`(?i)(passw(or)?d|passphrase|secret|token|api_?key|private_?key)["']?\s*[=:]\s*\S|://[^/\s:@]*:[^/\s@]+@|-----BEGIN|eyJ[\w-]{10,}\.`)
	// opaque are long values without any word in them.
	opaque = regexp.MustCompile(`^[A-Za-z0-9+/_=-]{32,}$`)
	wordy  = regexp.MustCompile(`^[a-z0-9]+([-_.][a-z0-9]+)+$|^[A-Z]+(_[A-Z0-9]+)+$`)
)

// secretAt says whether what stands under a path looks like a secret.
func secretAt(path []string) bool {
	last := len(path) - 1
	for i, key := range path {
		switch {
		case !secretive.MatchString(key):
		case !naming.MatchString(key):
			return true
		case i < last && !strings.HasPrefix(path[i+1], "["):
			// Under a reference stand the name of an object and of a key in it, and nothing else.
			switch path[last] {
			case "name", "key", "optional", "namespace":
				return false
			}
			return true
		}
	}
	return false
}

// shown is a value in a line: cut, and hidden where it or its name looks like a secret.
func shown(path []string, x any) string {
	switch v := x.(type) {
	case nothing:
		return notSet
	case nil:
		return "null"
	case bool, float64, int64, int:
		if secretAt(path) {
			return unseen
		}
	case string:
		if v == "" {
			return `""`
		}
		if secretAt(path) || speaking.MatchString(v) || opaque.MatchString(v) && !wordy.MatchString(v) {
			return unseen
		}
		return plain.Cut(plain.Line(strings.ReplaceAll(v, "\n", " ")), longest)
	case map[string]any, []any:
		if secretAt(path) || secretIn(path, x) {
			return unseen
		}
	}
	text, err := json.Marshal(x)
	if err != nil {
		return "?"
	}
	return plain.Cut(plain.Line(string(text)), longest)
}

// secretIn says whether anything inside looks like a secret.
func secretIn(path []string, x any) bool {
	switch x := x.(type) {
	case map[string]any:
		if _, literal := x["value"]; literal && secretive.MatchString(nameOf(x)) {
			return true
		}
		for key, y := range x {
			if secretIn(append(path[:len(path):len(path)], key), y) {
				return true
			}
		}
	case []any:
		for _, y := range x {
			if secretIn(append(path[:len(path):len(path)], "[]"), y) {
				return true
			}
		}
	case string:
		return shown(path, x) == unseen
	}
	return false
}

// dotted is a path of values in one word: "migration.id", "additionalEnvVars[NAME]".
func dotted(path []string) string {
	var b strings.Builder
	for _, key := range path {
		if b.Len() > 0 && !strings.HasPrefix(key, "[") {
			b.WriteByte('.')
		}
		b.WriteString(key)
	}
	return plain.Line(b.String())
}

// ofValues are the lines of how values differ.
func ofValues(was, now release.Values) []string {
	var lines []string
	for _, l := range differences(was.Tree(), now.Tree()) {
		from, to := shown(l.path, l.from), shown(l.path, l.to)
		if m, ok := l.to.(map[string]any); ok && nameOf(m) != "" { // an item of a list that has a name
			to = shownItem(l.path, m)
		}
		if m, ok := l.from.(map[string]any); ok && nameOf(m) != "" {
			from = shownItem(l.path, m)
		}
		lines = append(lines, line(dotted(l.path), from, to))
	}
	return lines
}

func line(what, from, to string) string {
	if from == to { // both hidden, or both cut
		return what + ": changed " + to
	}
	return what + ": " + from + " -> " + to
}

// shownItem is a variable of a container: its value, or where that comes from.
func shownItem(path []string, m map[string]any) string {
	if from, ok := m["valueFrom"].(map[string]any); ok {
		for _, ref := range []struct{ field, what string }{{"secretKeyRef", "secret"}, {"configMapKeyRef", "config map"}} {
			if r, ok := from[ref.field].(map[string]any); ok {
				return plain.Line(fmt.Sprintf("from %s %v/%v", ref.what, r["name"], r["key"]))
			}
		}
		return "from the pod"
	}
	value, ok := m["value"]
	if !ok {
		return shown(path, any(m))
	}
	return shown([]string{nameOf(m)}, value)
}

// ofObject are the lines of how one object differs, such as "Deployment/sv-app env MIGRATION_ID: 3 -> 4": from what it is in the cluster to what it will be.
func ofObject(d release.Difference) []string {
	name := d.String()
	switch d.Verb {
	case release.Makes:
		if d.Was != nil {
			return []string{name + ": is made, since it is gone"}
		}
		return []string{name + ": is made"}
	case release.Removes:
		return []string{name + ": is removed"}
	case release.Leaves:
		return []string{name + ": leaves the release, and stays"}
	}
	ofChart := map[string]bool{}
	for _, l := range differences(any(d.Was), any(d.Now)) {
		ofChart[l.key()] = true
	}
	var lines []string
	for _, l := range differences(any(d.Live), any(d.After)) {
		text := ofLeaf(name, d.Kind, l, single(d.Live) && single(d.After))
		if d.Was != nil && !ofChart[l.key()] {
			text += " (changed in the cluster since; what the chart says comes back)"
		}
		lines = append(lines, text)
	}
	return lines
}

// ofLeaf is the line of one place in an object.
func ofLeaf(name, kind string, l leaf, single bool) string {
	path, what := l.path, dotted(l.path)
	if i := containers(path); i >= 0 {
		container := strings.Trim(path[i+1], "[]")
		what = dotted(path[i+2:])
		if len(path) == i+2 {
			what = ""
		}
		prefix := ""
		switch {
		case path[i] == "initContainers":
			prefix = "init container " + container + " "
		case !single || len(path) == i+2:
			prefix = "container " + container + " "
		}
		if len(path) == i+4 && path[i+2] == "env" {
			variable := strings.Trim(path[i+3], "[]")
			return line(name+" "+prefix+"env "+plain.Line(variable), env(l.from), env(l.to))
		}
		what = strings.TrimSpace(prefix + what)
	}
	if kind == "Secret" && len(path) > 0 && (path[0] == "data" || path[0] == "stringData") {
		return line(name+" "+what, presence(l.from), presence(l.to))
	}
	return line(name+" "+what, shown(path, l.from), shown(path, l.to))
}

// presence is all that is told of what a Secret holds.
func presence(x any) string {
	if _, no := x.(nothing); no {
		return notSet
	}
	return unseen
}

func env(x any) string {
	if m, ok := x.(map[string]any); ok {
		return shownItem([]string{"env"}, m)
	}
	return notSet
}

// containers is where in a path the list of containers of a pod stands; -1: nowhere.
func containers(path []string) int {
	for i, key := range path {
		if (key == "containers" || key == "initContainers") && i > 0 && path[i-1] == "spec" && i+1 < len(path) {
			return i
		}
	}
	return -1
}

// single says whether pods of the object have one container.
func single(o map[string]any) bool {
	at := any(o)
	for _, key := range []string{"spec", "template", "spec", "containers"} {
		m, ok := at.(map[string]any)
		if !ok {
			return true
		}
		at = m[key]
	}
	list, _ := at.([]any)
	return len(list) <= 1
}
