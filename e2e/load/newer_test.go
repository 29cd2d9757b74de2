//go:build e2e

package load

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/e2e/node"
	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
)

// TestDumpOfANewerVersion loads what a newer pg_dump writes: an archive of a version that the server's pg_restore does not read, which is
// said, and SQL with a setting that the server does not know, which is left out. Both are real dumps, changed where a newer pg_dump would
// have written something else.
func TestDumpOfANewerVersion(t *testing.T) {
	t.Parallel()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cluster := rig.Start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	const server = "participant-pg"
	n := node.New(cluster, node.Config{Namespace: cluster.Namespace(t, "newer")})
	must(n.MakeServer(ctx, server, n.Namespace))
	must(n.Bulk(ctx, server, "participant_0", 1))
	version, err := n.SQL(ctx, server, "cantonnet", "CREATE DATABASE "+fresh+";\nSHOW server_version;")
	must(err)
	if major := postgres.ParseVersion(version); major == 0 || major >= 17 {
		t.Skipf("the server is of version %s, which knows what is to be unknown", version)
	}
	product, err := kube.Connect(kube.Target{Kubeconfig: cluster.Kubeconfig, Context: cluster.Context}, kube.Options{})
	must(err)
	t.Run("archive", func(t *testing.T) {
		file := changed(t, ctx, n, node.Custom, func(b []byte) []byte { // PGDMP, major, minor
			b[6] = 16
			return b
		})
		err := load{Namespace: n.Namespace, Server: server, File: file}.do(ctx, product)
		var problem *steps.Problem
		said := regexp.MustCompile(`^the dump was made by a newer pg_dump than the programs of the server can read \(the pod has that of PostgreSQL \d+\)$`)
		if !errors.As(err, &problem) || !said.MatchString(problem.Seen) || !strings.Contains(problem.Next, "at least the version") {
			t.Errorf("it says %v", err)
		}
		count, err := n.SQL(ctx, server, fresh, "SELECT count(*) FROM pg_tables WHERE schemaname = 'participant';")
		must(err)
		if strings.TrimSpace(count) != "0" {
			t.Errorf("%s tables are there", count)
		}
	})
	t.Run("SQL", func(t *testing.T) {
		file := changed(t, ctx, n, node.Plain, func(b []byte) []byte {
			return bytes.Replace(b, []byte("SET lock_timeout = 0;\n"), []byte("SET lock_timeout = 0;\nSET transaction_timeout = 0;\n"), 1)
		})
		must(load{Namespace: n.Namespace, Server: server, File: file}.do(ctx, product))
		count, err := n.SQL(ctx, server, fresh, "SELECT count(*) FROM participant.big;")
		must(err)
		if strings.TrimSpace(count) != "1024" {
			t.Errorf("%s rows are there", count)
		}
	})
}

// changed is a dump of the participant's database with something else in it.
func changed(t *testing.T, ctx context.Context, n *node.Node, form node.Form, change func([]byte) []byte) string {
	t.Helper()
	folder := t.TempDir()
	if err := n.Dump(ctx, folder, map[string]node.Form{"participant": form}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(folder, "backup-of-participant")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other := change(bytes.Clone(b))
	if bytes.Equal(b, other) {
		t.Fatal("nothing was changed in the dump")
	}
	if err := os.WriteFile(file, other, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
