package durable

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteFileReplacesWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "record.yaml")
	for _, text := range []string{"first, the longer one", "second"} {
		if err := WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != text {
			t.Fatalf("read %q, want %q", got, text)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != FilePerm {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if len(entries) != 1 {
		t.Fatalf("temporary files were left: %v", entries)
	}
}

func TestWriteFileKeepsTheOldContentOnError(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "folder-in-the-way")
	if err := os.MkdirAll(filepath.Join(path, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("x")); err == nil {
		t.Fatal("replaced a folder by a file")
	}
	entries, _ := os.ReadDir(folder)
	if len(entries) != 1 {
		t.Fatalf("temporary files were left: %v", entries)
	}
}

func TestFolderRefusesOneThatOthersCanWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := Folder(path); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Fatalf("err = %v", err)
	}
}

// What another program is to take may be read by everybody, and there is never a half of it under a name that it would take.
func TestPublishFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.prom")
	for _, text := range []string{"one", "two"} {
		if err := PublishFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		got, _ := os.ReadFile(path)
		if err != nil || info.Mode().Perm() != 0o644 || string(got) != text {
			t.Errorf("%v, %q, %v", info.Mode(), got, err)
		}
	}
}

// A file that is there stays as it was, and nothing is left beside it.
func TestNewFileReplacesNothing(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.json")
	if err := NewFile(path, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := NewFile(path, []byte("two")); err == nil {
		t.Error("it was written over")
	}
	got, _ := os.ReadFile(path)
	info, err := os.Stat(path)
	names, _ := os.ReadDir(folder)
	if err != nil || string(got) != "one" || info.Mode().Perm() != 0o600 || len(names) != 1 {
		t.Errorf("%q, %v, %v, %v", got, info.Mode(), names, err)
	}
}
