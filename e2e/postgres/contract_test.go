//go:build e2e

package postgres

import (
	"path/filepath"
	"testing"

	"canton.example/svrescue/steps/reach/contract"
)

func TestContractOnRealServers(t *testing.T) {
	all, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(all) == 0 {
		t.Skip("no PostgreSQL server is installed")
	}
	for _, bin := range all {
		t.Run(filepath.Base(filepath.Dir(bin)), func(t *testing.T) {
			s := start(t, bin)
			for _, c := range contract.Cases {
				t.Run(c.Name, func(t *testing.T) {
					defer s.reset(t)
					c.Run(t, world(s))
				})
			}
		})
	}
}
