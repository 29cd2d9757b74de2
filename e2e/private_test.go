//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// expectPrivate says that nobody else may read what a run keeps: folders 0700, files 0600.
func expectPrivate(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	must(t, err)
}

// expectNoSecrets says that no value of the node's Secrets is in what a run keeps.
func expectNoSecrets(t *testing.T, folder string, s *scene) {
	t.Helper()
	secrets := [][]byte{[]byte("invented-apps-pg"), []byte("invented-participant-pg"), []byte("invented-sv-backend"), []byte("invented-private")}
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, secret := range secrets {
			if bytes.Contains(b, secret) {
				t.Errorf("%s contains %s of namespace %s", path, secret, s.node.Namespace)
			}
		}
		return err
	})
	must(t, err)
}
