package rollforward

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"canton.example/svrescue/steps/releases"
	"sigs.k8s.io/yaml"
)

// tree are the values of a running release. They can hold passwords: only what is known to be none is taken out of it.
type tree map[string]any

func valuesOf(r releases.Running) (tree, error) {
	var t tree
	if err := yaml.Unmarshal([]byte(r.Values.Reveal()), &t); err != nil {
		return nil, errors.New("the values of release " + r.Name + " cannot be read") // the error of the parser can quote them
	}
	return t, nil
}

// at is what stands at a path; nil: nothing.
func (t tree) at(path string) any {
	var at any = map[string]any(t)
	for key := range strings.SplitSeq(path, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[key]
	}
	return at
}

func (t tree) text(path string) string {
	s, _ := t.at(path).(string)
	return s
}

func (t tree) under(path string) tree {
	m, _ := t.at(path).(map[string]any)
	return m
}

// env says whether a list of variables at a path has one of a name.
func (t tree) env(path, name string) bool {
	list, _ := t.at(path).([]any)
	for _, x := range list {
		if m, ok := x.(map[string]any); ok && m["name"] == name {
			return true
		}
	}
	return false
}

// numbered is a number in a name: global-domain-4-sequencer, sequencer_4, MainNet-4.
func numbered(n string) *regexp.Regexp {
	return regexp.MustCompile(`(^|[-_.])` + regexp.QuoteMeta(n) + `($|[-_.:/])`)
}

// renumber gives a name another number: the first one that stands alone in it. false: there is none.
func renumber(name, from, to string) (string, bool) {
	at := numbered(from).FindStringSubmatchIndex(name)
	if at == nil {
		return name, false
	}
	return name[:at[3]] + to + name[at[4]:], true
}

// peerPort is the port of CometBFT for its peers, as the documented values write it: 26, the number, 56; of the founding SV 16
// (reference/deployment.md 4).
func peerPort(n string) *regexp.Regexp {
	return regexp.MustCompile(`:26` + regexp.QuoteMeta(n) + `(16|56)$`)
}

// readdress gives an address of CometBFT another number, in its name and in its port.
func readdress(address, from, to string) (string, bool) {
	renamed, _ := renumber(address, from, to)
	port := peerPort(from)
	if !port.MatchString(renamed) {
		return renamed, renamed != address
	}
	return port.ReplaceAllString(renamed, ":26"+to+"$1"), true
}

// fits says why an address of CometBFT cannot be one; nil: it can. From serial 10 on the documented port is none.
func fits(address string) error {
	i := strings.LastIndex(address, ":")
	var port int
	if i <= 0 || strings.ContainsAny(address, " /") {
		return fmt.Errorf("%q is no address: write it as HOST:PORT", address)
	}
	if n, err := fmt.Sscanf(address[i+1:], "%d", &port); n != 1 || err != nil || port < 1 || port > 65535 || fmt.Sprint(port) != address[i+1:] {
		return fmt.Errorf("%q is no port: those go from 1 to 65535. From serial 10 on the documented port is none, and the call chooses another", address[i+1:])
	}
	return nil
}
