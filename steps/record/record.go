// Package record saves what a node is made of while it is well, and reads it again when the node is lost: manifests, the releases of
// Helm with their charts, and of Secrets only names, types and keys. The run of a restore writes one before it changes anything; the
// command `svrescue record` writes one in peace. Values and manifests can hold passwords that people wrote there, so nothing of a
// record is shown or journaled.
package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
)

// Version is that of the format (docs/formats.md).
const Version = 1

// IndexFile lists the files of the record with their checksums. It is written last, so its presence says that the record is whole.
const IndexFile = "index.json"

// Index is what is known of a record without looking into it. Nothing in it is secret.
type Index struct {
	Version   int                `json:"version"`
	Made      time.Time          `json:"made"`
	By        string             `json:"by,omitempty"` // version of svrescue
	Network   string             `json:"network,omitempty"`
	SV        string             `json:"sv,omitempty"`
	Cluster   string             `json:"cluster,omitempty"`
	Namespace string             `json:"namespace"`
	Release   string             `json:"release,omitempty"` // of Splice
	Helm      []Helm             `json:"helm"`
	Secrets   []kube.SecretShape `json:"secrets"`
	Missing   []string           `json:"missing,omitempty"` // what could not be read, and why
	Files     []File             `json:"files"`
}

// Helm is a release that the record holds.
type Helm struct {
	Name     string `json:"name"`
	Chart    string `json:"chart"`
	Version  string `json:"version"`
	Revision int    `json:"revision"`
	Status   string `json:"status"`
	// Charted says that the chart's templates are in the record.
	Charted bool   `json:"charted"`
	Problem string `json:"problem,omitempty"`
}

// File is a file of the record.
type File struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Record is one that was read and that matches its checksums.
type Record struct {
	Index
	// Digest is that of the index, and so of everything.
	Digest string
	read   Reader
}

// Reader reads a file of a record by its name.
type Reader func(name string) ([]byte, error)

// Broken says that a record is not what it must be.
type Broken struct{ Why string }

func (b *Broken) Error() string { return b.Why }

func broken(format string, args ...any) error { return &Broken{fmt.Sprintf(format, args...)} }

// Open reads the index and every file against its checksum.
func Open(read Reader) (Record, error) {
	data, err := read(IndexFile)
	if err != nil {
		return Record{}, err
	}
	r := Record{Digest: sum(data), read: read}
	if strings.HasPrefix(strings.TrimSpace(string(data)), "[") {
		return Record{}, broken("%s is of a version of svrescue that saved too little to restore from", IndexFile)
	}
	if err := json.Unmarshal(data, &r.Index); err != nil {
		return Record{}, broken("%s cannot be read: %v", IndexFile, err)
	}
	if r.Version != Version {
		return Record{}, broken("%s is of version %d of the format, and this program reads version %d", IndexFile, r.Version, Version)
	}
	for _, f := range r.Files {
		content, err := read(f.Name)
		if err != nil {
			return Record{}, broken("%s cannot be read: %v", f.Name, reason(err))
		}
		if sum(content) != f.SHA256 {
			return Record{}, broken("%s is not what was written", f.Name)
		}
	}
	for _, h := range r.Helm {
		if h.Problem != "" {
			continue
		}
		if s, err := r.Stored(h.Name); err != nil {
			return Record{}, err
		} else if s.Chart != h.Chart || s.ChartVersion != h.Version {
			return Record{}, broken("release %s is %s %s, and the index says %s %s", h.Name, s.Chart, s.ChartVersion, h.Chart, h.Version)
		}
	}
	return r, nil
}

func reason(err error) error {
	if e, ok := err.(*fs.PathError); ok {
		return e.Err
	}
	return err
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// Folder reads the record in a folder, and nothing outside it.
func Folder(path string) Reader {
	return func(name string) ([]byte, error) {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		return root.ReadFile(filepath.FromSlash(name))
	}
}

// Below reads the record that a run has saved among its artifacts.
func Below(files steps.FileReader, folder string) Reader {
	return func(name string) ([]byte, error) { return files.Read(folder + "/" + name) }
}

// StoredFile is where a release lies.
func StoredFile(name string) string { return "helm/" + name + ".release" }

// Stored is a release with all that Helm kept of it.
func (r Record) Stored(name string) (release.Stored, error) {
	data, err := r.read(StoredFile(name))
	if err != nil {
		return release.Stored{}, broken("release %s is not in the record: %v", name, reason(err))
	}
	s, err := release.Decode(secret.New(string(data)))
	if err != nil {
		return release.Stored{}, broken("release %s in the record: %v", name, err)
	}
	if s.Name != name {
		return release.Stored{}, broken("%s holds release %s", StoredFile(name), s.Name)
	}
	return s, nil
}

// Objects are the saved manifests of a resource, such as "persistentvolumeclaims", by name.
func (r Record) Objects(resource string) ([]kube.Object, error) {
	var out []kube.Object
	for _, f := range r.Files {
		if !strings.HasPrefix(f.Name, resource+"/") {
			continue
		}
		data, err := r.read(f.Name)
		if err != nil {
			return nil, broken("%s cannot be read: %v", f.Name, reason(err))
		}
		objects, err := kube.Objects(data)
		if err != nil || len(objects) != 1 {
			return nil, broken("%s is not the manifest of one object", f.Name)
		}
		out = append(out, objects[0])
	}
	return out, nil
}

// Secret is the shape of a secret of the node, if the record knows it.
func (r Index) Secret(name string) (kube.SecretShape, bool) {
	i := slices.IndexFunc(r.Secrets, func(s kube.SecretShape) bool { return s.Name == name })
	if i < 0 {
		return kube.SecretShape{}, false
	}
	return r.Secrets[i], true
}

// Subject is NETWORK/SV-NAME.
func (r Index) Subject() string { return r.Network + "/" + r.SV }

// Into writes files into a folder, readable by their owner only. The folder must be new or empty: a record is never written over.
func Into(path string) (Writer, error) {
	if entries, err := os.ReadDir(path); err == nil && len(entries) > 0 {
		return nil, &steps.Problem{Tried: "making the folder " + path, Seen: "it is there already and not empty",
			Next: "Name a new folder: a record is never written over"}
	}
	if err := durable.Folder(path); err != nil {
		return nil, &steps.Problem{Tried: "making the folder " + path, Seen: err.Error(), Err: err, Next: "Name a folder that only you can write to"}
	}
	return func(name string, data []byte) error {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%q is not a name inside the folder", name)
		}
		file := filepath.Join(path, filepath.FromSlash(name))
		if err := durable.Folder(filepath.Dir(file)); err != nil {
			return err
		}
		return durable.WriteFile(file, data)
	}, nil
}

// Writer writes a file of a record by its name.
type Writer func(name string, data []byte) error
