//go:build e2e

package e2e

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"canton.example/svrescue/e2e/node"
	"canton.example/svrescue/e2e/rig"
)

// TestManaged restores a node whose apps and participant keep their data on servers that only the cluster reaches and that a provider
// restores: the test. What the provider brings back is read through a pod that the run makes and takes away.
func TestManaged(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 10*time.Minute)
	took := stopwatch(t)
	provider := rig.Start(t).Namespace(t, "provider")
	s := stage(t, ctx, node.Config{Namespace: "managed", Managed: map[string]string{"apps-pg": provider, "participant-pg": provider}})
	kept := t.TempDir()
	must(t, s.node.Dump(ctx, kept, map[string]node.Form{"sv-app": node.Plain, "scan-app": node.Plain, "validator-app": node.Plain, "participant": node.Plain}))
	s.backUp(t, ctx)
	at := time.Now().UTC().Format(time.RFC3339)
	must(t, s.node.Grow(ctx))
	took("backed up")
	must(t, s.node.LoseTables(ctx))

	o := newOperator(t, s.cluster, s.node.Namespace)
	chosen := []string{"restore/backup-set.outside", "provider", "restore/backup-set.managed", at}
	r := o.run(ctx, "run", "restore", "--answers", o.answers(s.node, s.run, chosen...))
	o.expect(r, exitParked, "run restore; only a person can say that the provider is done")
	o.says(r, "which you restore with the provider's own tools", "Has the managed service been restored?", "No answer is given for restore/restore-databases.managed")
	id := o.runID()
	chosen = append(chosen, "restore/restore-databases.managed", "restored")
	r = o.run(ctx, "resume", id, "--answers", o.answers(s.node, s.run, chosen...))
	o.expect(r, exitParked, "resume, and say that what is not restored is")
	o.says(r, "pod/svrescue-client-", "the ledger end of participant_0 is not known")
	took("not restored")

	must(t, s.node.RestoreManaged(ctx, kept))
	r = o.run(ctx, "resume", id, "--answers", o.answers(s.node, s.run, chosen...))
	o.expect(r, exitDone, "resume after the provider has restored")
	o.says(r, "participant_0 ends at 2003")
	took("restored")
	s.expectRestored(t, ctx, id)
	s.expectNoPod(t, ctx)
}

// TestManagedDumps restores dumps into servers that only the cluster reaches, and on which the node's user is no superuser: a right that is
// missing is named before anything of the node is touched; nobody but the operator can tell the room; what is put in place is taken back;
// the worker is killed while it loads; and the kept databases go when they are released, through a pod again.
func TestManagedDumps(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 15*time.Minute)
	took := stopwatch(t)
	provider := rig.Start(t).Namespace(t, "provider")
	s := stage(t, ctx, node.Config{Namespace: "outside", Rows: 20000, Managed: map[string]string{"apps-pg": provider, "participant-pg": provider}})
	dumps := s.dump(t, ctx, map[string]node.Form{"sv-app": node.Plain, "scan-app": node.Zstd, "validator-app": node.Directory,
		"mediator": node.Gzip, "sequencer": node.Custom, "participant": node.Custom})
	must(t, s.node.Grow(ctx))
	must(t, s.node.Provide(ctx))
	must(t, s.node.Limit(ctx, false))
	must(t, s.node.LoseTables(ctx))
	had, err := s.node.FingerprintDatabases(ctx)
	must(t, err)
	stored, err := s.node.Stored(ctx)
	must(t, err)
	s.look(t, ctx)
	s.stays = slices.DeleteFunc(s.node.Claims(), func(c string) bool { return c == s.node.CometBFTClaim })
	took("damaged")

	chosen := append([]string{"restore/backup-set.outside", "dumps", "restore/reach-servers.image", "default"}, besideAnswers...)
	before := s.generations(t, ctx)
	o := newOperator(t, s.cluster, s.node.Namespace)
	r := o.run(ctx, "run", "restore", "--dumps", dumps, "--answers", o.insisting(s.node, s.run, "restore/reach-servers.remedy", "accept", chosen...))
	o.expect(r, exitParked, "run restore without the right to make databases")
	o.says(r, "cnadmin may not create and rename databases (ALTER ROLE \"cnadmin\" CREATEDB)", "Nothing of the node was touched")
	untouched := func() {
		t.Helper()
		if now := s.generations(t, ctx); !maps.Equal(before, now) {
			t.Errorf("the node was touched: generations %v, before %v", now, before)
		}
	}
	untouched()
	id := o.runID()
	must(t, s.node.Limit(ctx, true))
	r = o.run(ctx, "resume", id, "--answers", o.answers(s.node, s.run, chosen...))
	o.expect(r, exitParked, "resume; only a person can see the room")
	o.says(r, "has left cannot be measured from here")
	untouched()
	s.expectStored(t, ctx, stored)
	took("refused")

	r = o.run(ctx, "resume", id, "--answers", o.insisting(s.node, s.run, "restore/reach-servers.remedy", "accept", append([]string{"restore/scale-up.confirm", "park"}, chosen...)...))
	o.expect(r, exitParked, "resume, parked before anything is started")
	s.expectStored(t, ctx, append(slices.Clone(stored), aside(id, stored)...))
	in, err := s.node.FingerprintDatabases(ctx)
	must(t, err)
	for _, d := range in.CompareWith(s.saved.Databases()) {
		t.Error(d)
	}
	r = o.run(ctx, "resume", id, "--answers", o.answers(s.node, s.run, append([]string{"restore/scale-up.confirm", "undo", "restore/prove-restored.confirm", "undo",
		"restore/restore-databases.confirm", "park"}, chosen...)...))
	o.expect(r, exitParked, "resume, and take the load back")
	s.expectStored(t, ctx, stored)
	back, err := s.node.FingerprintDatabases(ctx)
	must(t, err)
	for _, d := range back.CompareWith(had) {
		t.Errorf("after the load was taken back: %s", d)
	}
	took("taken back")

	answers := o.answers(s.node, s.run, chosen...)
	o.expect(o.runThroughKills(ctx, loadKills(t)[1:], answers, "resume", id, "--answers", answers), exitDone, "resume to the end")
	took("restored")
	s.expectRestored(t, ctx, id)
	s.expectStored(t, ctx, append(slices.Clone(stored), aside(id, stored)...))
	s.expectNoPod(t, ctx)
	folder, _ := o.folder()
	expectPrivate(t, folder)
	expectNoSecrets(t, folder, s)

	o.expect(o.run(ctx, "run", "release-old-volumes", "--answers", o.answers(s.node, "")), exitDone, "run release-old-volumes")
	s.expectStored(t, ctx, stored)
	s.expectNoPod(t, ctx)
	took("released")
}

// expectNoPod says that the pod which a run makes is gone.
func (s *scene) expectNoPod(t *testing.T, ctx context.Context) {
	t.Helper()
	pods, err := s.cluster.Kube.CoreV1().Pods(s.node.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "svrescue/client"})
	must(t, err)
	for _, p := range pods.Items {
		if p.DeletionTimestamp == nil {
			t.Errorf("pod %s is left", p.Name)
		}
	}
}
