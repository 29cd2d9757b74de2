//go:build e2e

package postgres

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"canton.example/svrescue/steps/reach/contract"
)

// installed are the folders of the servers on this machine: those of the distribution, and those that $SVRESCUE_POSTGRES lists. Of the
// latter, cases that need dumps are left out where there is no pg_dump of the same version.
func installed(t *testing.T) []string {
	all, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is one
	all = append(all, filepath.SplitList(os.Getenv("SVRESCUE_POSTGRES"))...)
	if len(all) == 0 {
		t.Skip("no PostgreSQL server is installed")
	}
	return all
}

// version is what the server in a folder says: "15.4".
func version(bin string) string {
	out, _ := exec.Command(bin+"/postgres", "--version").Output() // it will fail again, and say so, when it is started
	words := strings.Fields(string(out))
	if len(words) < 3 {
		return bin
	}
	return words[2]
}

func TestContractOnRealServers(t *testing.T) {
	for _, bin := range installed(t) {
		t.Run(version(bin), func(t *testing.T) {
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
