package record

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// files is a record in memory.
type files map[string]string

func (f files) read(name string) ([]byte, error) {
	if text, ok := f[name]; ok {
		return []byte(text), nil
	}
	return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrNotExist}
}

func index(t *testing.T, i Index) string {
	t.Helper()
	data, err := json.Marshal(i)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const claim = `{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"data"},"spec":{}}`

func TestOpen(t *testing.T) {
	good := Index{Version: 1, Namespace: "sv", Files: []File{{Name: "persistentvolumeclaims/data.yaml", SHA256: sum([]byte(claim))}}}
	release := good
	release.Helm = []Helm{{Name: "scan", Chart: "splice-scan", Version: "0.6.4"}}
	for name, c := range map[string]struct {
		files files
		want  string // of the error; empty: none
	}{
		"whole":                       {files{IndexFile: index(t, good), "persistentvolumeclaims/data.yaml": claim}, ""},
		"a file that is gone":         {files{IndexFile: index(t, good)}, "cannot be read"},
		"a file that was changed":     {files{IndexFile: index(t, good), "persistentvolumeclaims/data.yaml": claim + " "}, "is not what was written"},
		"a release that is gone":      {files{IndexFile: index(t, release), "persistentvolumeclaims/data.yaml": claim}, "release scan is not in the record"},
		"a release that is something": {files{IndexFile: index(t, release), "persistentvolumeclaims/data.yaml": claim, "helm/scan.release": "eA=="}, "not what Helm writes"},
		"another version":             {files{IndexFile: `{"version": 7}`}, "version 7"},
		"an older form":               {files{IndexFile: " []"}, "too little"},
		"no JSON":                     {files{IndexFile: "x"}, "cannot be read"},
	} {
		r, err := Open(c.files.read)
		var broken *Broken
		if (err == nil) != (c.want == "") || err != nil && (!errors.As(err, &broken) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		if objects, err := r.Objects("persistentvolumeclaims"); err != nil || len(objects) != 1 || objects[0].Name() != "data" || r.Digest == "" {
			t.Errorf("%s: %v, %v", name, objects, err)
		}
	}
	if _, err := Open(files{}.read); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without an index: %v", err)
	}
}

func TestFolderStaysInside(t *testing.T) {
	dir := t.TempDir()
	record := filepath.Join(dir, "record")
	write, err := Into(record)
	if err != nil {
		t.Fatal(err)
	}
	if err := write("helm/a.release", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "outside"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../outside", filepath.Join(record, "link")); err != nil {
		t.Fatal(err)
	}
	if data, err := Folder(record)("helm/a.release"); err != nil || string(data) != "x" {
		t.Errorf("%q, %v", data, err)
	}
	for _, name := range []string{"../outside", "/etc/hostname", "link"} {
		if _, err := Folder(record)(name); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	for _, name := range []string{"../x", "/x", ""} {
		if write(name, nil) == nil {
			t.Errorf("%q was written", name)
		}
	}
	if _, err := Into(record); err == nil {
		t.Error("a record would be written over")
	}
}
