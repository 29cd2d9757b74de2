package upload_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"canton.example/svrescue/kube/upload"
)

// An image without a program is told by the real script too.
func TestMissingProgramsAreSeen(t *testing.T) {
	bin := t.TempDir()
	for _, p := range []string{"sh", "stat", "cat"} {
		at, err := exec.LookPath(p)
		if err != nil {
			t.Skip(err)
		}
		if err := os.Symlink(at, filepath.Join(bin, p)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := upload.Copy(t.Context(), shell{path: bin}, sourceOf(t, random(1, 100)), options(filepath.Join(t.TempDir(), "d")))
	if err == nil || !strings.Contains(err.Error(), "has no dd, sha256sum, mv, rm, chmod") {
		t.Error(err)
	}
}

// A dd that takes less than it is told from an input that comes in pieces is told before anything is written.
func TestDDWithoutWholeBlocks(t *testing.T) {
	bin := t.TempDir()
	for _, p := range []string{"sh", "dd", "cat", "sha256sum", "stat", "mv", "rm", "chmod"} {
		at, err := exec.LookPath(p)
		if err != nil {
			t.Skip(err)
		}
		if p == "dd" {
			err = os.WriteFile(filepath.Join(bin, p), []byte("#!/bin/sh\necho unknown operand >&2\nexit 1\n"), 0o700)
		} else {
			err = os.Symlink(at, filepath.Join(bin, p))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	folder := t.TempDir()
	_, err := upload.Copy(t.Context(), shell{path: bin}, sourceOf(t, random(1, 100)), options(filepath.Join(folder, "d")))
	if entries, _ := os.ReadDir(folder); err == nil || !strings.Contains(err.Error(), "has no dd iflag=fullblock") || len(entries) != 0 {
		t.Error(err, entries)
	}
}
