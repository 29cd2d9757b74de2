package dump

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A folder of which a file with rows is cut does not go out as if it were whole, whatever the compression.
func TestPackNoticesAFileThatIsCut(t *testing.T) {
	archives, _ := filepath.Glob("testdata/*.dir*")
	if len(archives) == 0 {
		t.Fatal("no directory archives to test with")
	}
	for _, archive := range archives {
		files, _ := filepath.Glob(archive + "/[0-9]*.dat*")
		for _, file := range files {
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, left := range []int64{info.Size() - 2, info.Size() / 2, 1, 0} {
				folder := t.TempDir()
				if err := os.CopyFS(folder, os.DirFS(archive)); err != nil {
					t.Fatal(err)
				}
				if err := os.Truncate(filepath.Join(folder, filepath.Base(file)), left); err != nil {
					t.Fatal(err)
				}
				s, err := Open(folder)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, s); err == nil || !strings.Contains(err.Error(), filepath.Base(file)) {
					t.Errorf("%s with %d of %d bytes: %v", file, left, info.Size(), err)
				}
				s.Close()
			}
		}
	}
}
