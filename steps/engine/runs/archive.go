package runs

import (
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// ArchiveVersion is that of the archives that are written here.
const ArchiveVersion = 1

// indexName is the first member of an archive.
const indexName = "index.json"

// Index says what is in an archive of a run, and what is not. It is the archive's first member.
type Index struct {
	Version  int       `json:"version"`
	Run      string    `json:"run"`
	Path     string    `json:"path"`
	Records  int       `json:"records"` // whole records of the journal
	Head     string    `json:"head"`    // hash of the last of them
	Exported time.Time `json:"exported"`
	By       string    `json:"by"`   // who exported it
	Host     string    `json:"host"` // where
	Members  []Member  `json:"members"`
	// Left are the files of the run that are not in the archive.
	Left []Left `json:"left"`
}

// Member is a file of the run, by its path in the run folder, with slashes.
type Member struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Left is a file that was left out, and why.
type Left struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

const (
	maxIndex   = 8 << 20
	maxMembers = 100_000
	maxMember  = int64(1) << 40
)

var (
	runID = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	hash  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// readIndex reads what an archive says of itself, and refuses what no export writes.
func readIndex(data []byte) (Index, error) {
	var version struct {
		Version int `json:"version"`
	}
	var x Index
	if err := json.Unmarshal(data, &version); err != nil {
		return x, fmt.Errorf("its index is no JSON: %w", err)
	}
	switch {
	case version.Version > ArchiveVersion:
		return x, fmt.Errorf("it is of version %d, which a later svrescue writes, and this one reads up to version %d", version.Version, ArchiveVersion)
	case version.Version != ArchiveVersion:
		return x, fmt.Errorf("its index has no version that was ever written")
	}
	if err := json.Unmarshal(data, &x); err != nil {
		return x, fmt.Errorf("its index is not of this format: %w", err)
	}
	switch {
	case !runID.MatchString(x.Run) || len(x.Run) > 200:
		return x, fmt.Errorf("its index names no run")
	case len(x.Members) > maxMembers:
		return x, fmt.Errorf("its index names more files than a run has")
	}
	seen := map[string]bool{}
	for _, m := range x.Members {
		switch {
		case !exported(m.Name):
			return x, fmt.Errorf("its index names %q, which is no file of a run", m.Name)
		case seen[m.Name]:
			return x, fmt.Errorf("its index names %s twice", m.Name)
		case m.Size < 0 || m.Size > maxMember || !hash.MatchString(m.SHA256):
			return x, fmt.Errorf("its index is wrong about the size or the hash of %s", m.Name)
		}
		seen[m.Name] = true
	}
	for _, needed := range []string{specFile, journalFile} {
		if !seen[needed] {
			return x, fmt.Errorf("its index does not name %s", needed)
		}
	}
	return x, nil
}

const (
	specFile    = "run.json"
	journalFile = "journal.jsonl"
	artifactsIn = "artifacts/"
)

// exported says whether a path in a run folder is one that is carried to another machine. What a worker is reached by, and the world of a
// rehearsal, belong to this one.
func exported(name string) bool {
	if !filepath.IsLocal(name) || path.Clean(name) != name || strings.ContainsAny(name, "\\\x00") {
		return false
	}
	return slices.Contains([]string{specFile, journalFile, "worker.log", "report.json", "report.md"}, name) || strings.HasPrefix(name, artifactsIn)
}

// secretNames are artifacts that hold private keys, or all that stands on the ledger; no step writes others. What else holds keys is found by what
// is in it.
var secretNames = regexp.MustCompile(`(?i)identities.*\.json$|^snapshot\.json$|^domain_migration_dump\.json$|\.key$|kubeconfig`)

// secretMarks are in every file that holds a private key: of an identities dump (reference/apis.md 5.1), or of a key file.
var secretMarks = []string{`"keyPair"`, "PRIVATE KEY-----", "client-key-data:"}
