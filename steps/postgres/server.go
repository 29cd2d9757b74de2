package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// Server is where a PostgreSQL server is and how to log in. It holds no secret, only where one is.
type Server struct {
	// Of a server in a pod of the node's namespace: the StatefulSet, the selector of its pods and the container that runs it.
	// Workload is empty for a server outside the cluster, such as a managed service.
	Namespace string `json:"namespace"`
	Workload  string `json:"workload,omitempty"`
	Selector  string `json:"selector,omitempty"`
	Container string `json:"container,omitempty"`

	Host string `json:"host"` // as the components are configured with it
	Port int    `json:"port"`
	User string `json:"user"` // "cnadmin" (reference/deployment.md 3.6)
	// Secret and Key are the Kubernetes secret in Namespace that holds the password.
	Secret string `json:"secret,omitempty"`
	Key    string `json:"key,omitempty"`
	Admin  string `json:"admin"` // database to log in to for administration: "cantonnet", which holds no data

	// Image has psql: that of the init container pg-init, from which a pod can reach a server that only the cluster reaches.
	Image string `json:"image,omitempty"`
}

// Managed says whether the server is outside the cluster: its restore is done outside, too.
func (s Server) Managed() bool { return s.Workload == "" }

// String names the server for people.
func (s Server) String() string {
	if s.Managed() {
		return s.Host + ":" + strconv.Itoa(s.Port)
	}
	return s.Workload
}

// Database is one database of the node.
type Database struct {
	Role   Role   `json:"role"`
	Name   string `json:"name"`   // "participant_0"
	Schema string `json:"schema"` // "participant"; empty: not known
	Server Server `json:"server"`
}

func (d Database) String() string { return fmt.Sprintf("%s on %s", d.Name, d.Server) }

// Stored is a database as its server lists it.
type Stored struct {
	Name     string `json:"name"`
	Bytes    int64  `json:"bytes"`
	Sessions int    `json:"sessions"` // of others, now
	Comment  string `json:"comment,omitempty"`
}

// Rename is one database that gets another name.
type Rename struct{ From, To string }

// Change is what a statement, or a command that loads a dump, does to a server; the reference of an action.
type Change struct {
	Verb   string `json:"verb"` // create, load, drop, rename, comment
	Server string `json:"server"`
	Name   string `json:"name"`         // of the database
	To     string `json:"to,omitempty"` // of a rename
}

func (c Change) String() string {
	words := []string{c.Verb, "database", c.Name}
	if c.To != "" {
		words = append(words, "to", c.To)
	}
	return strings.Join(append(words, "on", c.Server), " ")
}

// A dump is loaded into a database of its own beside the old one, and both change names in one transaction. The names begin
// with a word of ours: from 0.6.8 on, the participant's chart refuses to make a database while another one named
// participant... exists (reference/deployment.md 1).
const (
	newPrefix = "svrescue_new_"
	oldPrefix = "svrescue_old_"
)

// NewName and OldName are the names of the database that a run loads beside name, and of the one that it replaces. PostgreSQL cuts names
// to 63 bytes, so what does not fit is cut here, at the end that is not the run's.
func NewName(name, run string) string { return beside(newPrefix, name, run) }
func OldName(name, run string) string { return beside(oldPrefix, name, run) }

// KeptBy says whether a database has a name under which the run keeps an old one.
func KeptBy(name, run string) bool {
	return strings.HasPrefix(name, oldPrefix) && strings.HasSuffix(name, runSuffix(run))
}

func beside(prefix, name, run string) string {
	const longest = 63
	run = runSuffix(run)
	if room := longest - len(prefix) - len(run); len(name) > room { // two names that begin alike stay two
		sum := sha256.Sum256([]byte(name))
		name = name[:room-5] + "_" + hex.EncodeToString(sum[:2])
	}
	return prefix + name + run
}

// runSuffix is how the names end that a run gives: by what makes the run unique, which is at the end of its id.
func runSuffix(run string) string {
	run = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(run))
	return "_" + strings.TrimLeft(run[max(0, len(run)-14):], "_")
}

// MadeOf says whether a name is one that a run gave to what it loaded or put aside for a database.
func MadeOf(name, database string) bool {
	for _, prefix := range []string{newPrefix, oldPrefix} {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		if strings.HasPrefix(rest, database+"_") {
			return true
		}
		for cut := len(rest); cut > 0; cut = strings.LastIndexByte(rest[:cut], '_') { // a name that did not fit
			if prefix+rest == beside(prefix, database, strings.TrimPrefix(rest[cut:], "_")) {
				return true
			}
		}
	}
	return false
}

// Ours says whether a name is one that a run gave: only such a database is ever dropped.
func Ours(name string) bool {
	return strings.HasPrefix(name, newPrefix) || strings.HasPrefix(name, oldPrefix)
}
