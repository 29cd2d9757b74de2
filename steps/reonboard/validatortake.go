package reonboard

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps/charts"
)

// takeValidator takes an answer. The facts before it are kept as they are.
func takeValidator(f *Facts, ask, value string) error {
	value = strings.TrimSpace(value)
	v := &f.Validator
	a := &v.Answers
	switch ask {
	case "namespace":
		if !validNamespace.MatchString(value) {
			return fmt.Errorf("%q is no name of a namespace", value)
		}
		if value == f.Old.Namespace {
			return fmt.Errorf("%s is the namespace of the lost node: its releases have the same names, and its claims are kept there. Name another one", value)
		}
		v.Namespace, a.Namespace = value, value
	case "source":
		if value == fromCluster && f.Old.Namespace == "" {
			return fmt.Errorf("nothing is left of the lost node in the cluster, so Helm keeps nothing of it: name a folder, or %s", fromNothing)
		}
		return takeFolder(&a.Source, value, fromCluster, fromNothing)
	case "version":
		if !knownRelease(value) {
			return fmt.Errorf("%q is no release of Splice, such as 0.6.4", value)
		}
		a.Version = value
	case "charts":
		if charts.IsRegistry(value) {
			a.Charts = strings.TrimSuffix(value, "/")
			return nil
		}
		if err := takeFolder(&a.Charts, value); err != nil {
			return err
		}
		if _, err := release.Charts(a.Charts); err != nil {
			defer func() { a.Charts = "" }()
			return fmt.Errorf("the charts in %s cannot be used: %w", a.Charts, err)
		}
	case "identifier":
		switch {
		case !validIdentifier.MatchString(value):
			return fmt.Errorf("%q is no identifier: letters, digits, - and _, at most 180", value)
		case value == identifierOf(f.Old.Participant):
			return fmt.Errorf("%s is the identifier of the lost participant: the recovery validator needs one that was never used", value)
		}
		a.Identifier, v.Identifier = value, value
	case "users":
		if len(listOf(value)) == 0 {
			return fmt.Errorf("name at least one user")
		}
		a.Users = value
	case "jwks":
		if u, err := url.Parse(value); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
			return fmt.Errorf("%q is no address of keys, such as https://HOST/.well-known/jwks.json", value)
		}
		a.JWKS = value
	case "database":
		if value != newServer && !validHostPort.MatchString(value) {
			return fmt.Errorf("%q is neither %s nor HOST or HOST:PORT", value, newServer)
		}
		a.Database = value
	case "extra":
		return takeFolder(&a.Extra, value, none)
	default:
		to := map[string]*string{"scan": &a.Scan, "audience": &a.Audience, "ledger": &a.Ledger, "class": &a.Class, "fatal": &a.Fatal, "way": &a.Way}[ask]
		if to == nil || value == "" {
			return fmt.Errorf("%q is no answer to %s", value, ask)
		}
		*to = value
	}
	return nil
}

// takeFolder takes a folder that is there, or one of the words.
func takeFolder(to *string, value string, words ...string) error {
	if slices.Contains(words, value) {
		*to = value
		return nil
	}
	path, err := filepath.Abs(value)
	if err != nil || value == "" {
		return fmt.Errorf("%q is no path", value)
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is nothing at %s that can be read", path)
	}
	*to = path
	return nil
}

// identifierOf is that of a participant: of PAR::alice::1220ab it is alice.
func identifierOf(participant string) string {
	parts := strings.Split(strings.TrimPrefix(participant, "PAR::"), "::")
	if len(parts) != 2 {
		return ""
	}
	return parts[0]
}

// forgetValidator asks everything anew, and proposes what was answered. An identifier that was frozen is remembered.
func forgetValidator(f *Facts) {
	v := f.Validator
	tries := slices.Clone(v.Tries)
	if v.Identifier != "" && v.Server != "" && !slices.ContainsFunc(tries, func(t Try) bool { return t.Identifier == v.Identifier }) {
		tries = append(tries, Try{Identifier: v.Identifier, Server: v.Server})
	}
	next := Validator{Namespace: v.Namespace, Tries: tries, Before: v.Answers}
	if v.Answers.Namespace != "" {
		next.Namespace = ""
	}
	f.Validator = next
}
