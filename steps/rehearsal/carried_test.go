package rehearsal

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/engine/lease"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/reonboard"
	"canton.example/svrescue/steps/wire"
)

// filed is a journal in the run folder, as a worker has it.
type filed struct {
	journal *journal.Journal
	hashes  []string // of the records that were there when it was opened
}

// onDisk makes the rig a run folder on a disk, with the journal in it. Its spec is that of a real run: a rehearsal is not carried.
func (r *rig) onDisk(t *testing.T) {
	t.Helper()
	folder, err := runs.Create(t.TempDir(), runs.Spec{ID: "r-1", Path: r.scenario.Path, World: wire.Real, Acting: r.acting, Kubeconfig: r.config, Operator: "you", Host: r.host, Started: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	r.folder = folder
	r.openFile(t)
	t.Cleanup(func() { r.filed.journal.Close() })
}

func (r *rig) openFile(t *testing.T) {
	t.Helper()
	j, past, err := journal.Open(r.folder.Journal())
	if err != nil {
		t.Fatal(err)
	}
	_, hashes, _, err := journal.Chain(r.folder.Journal())
	if err != nil {
		t.Fatal(err)
	}
	r.filed, r.journal = &filed{j, hashes}, past
}

// carried moves the run to another machine as runs export and runs import do, when the process on this one is gone. What is not in the archive stays
// behind: the identities, and all that was in memory. The Lease is still held by the machine that was lost.
func (r *rig) carried(t *testing.T) {
	t.Helper()
	r.filed.journal.Close() // the process is gone
	held, err := journal.Hold(r.folder.Journal())
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	x, err := r.folder.Export(&archive, time.Now(), "you", r.host)
	held.Close()
	if err != nil {
		t.Fatal(err)
	}
	folder, y, err := runs.Import(t.TempDir(), &archive, func(s *runs.Spec) error { s.Kubeconfig = r.config; return nil })
	if err != nil || y.Records != len(r.journal) || y.Head != x.Head {
		t.Fatalf("%d of %d records were imported: %v", y.Records, len(r.journal), err)
	}
	r.host, r.folder = "there", folder
	r.openFile(t)
}

// keyed is the scenario's operator on a machine that the identities were not carried to: told that they are missing, they put them back.
func (r *rig) keyed() operator {
	good := r.player()
	return func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
		at := filepath.Join(r.folder.Path, "artifacts", reonboard.IdentitiesFile)
		if _, err := os.Stat(at); err != nil && q.Kind == wire.AskRemedy && strings.Contains(q.Error.Next, "svrescue identities extract") {
			if err := os.WriteFile(at, r.bareDump(), 0o600); err != nil {
				r.t.Error(err)
			}
			return wire.Answer{Choice: wire.ChoiceRetry}, true
		}
		return good(ctx, v, q)
	}
}

// altered reads whether the journal is the one that the Lease mirrors, as the program does.
func (r *rig) altered(ctx context.Context, namespace string) (string, error) {
	l, found, err := r.cluster().Lease(ctx, namespace)
	if err != nil || !found {
		return "", err
	}
	return lease.Compare(l, "r-1", r.filed.hashes).Altered, nil
}
