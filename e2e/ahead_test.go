//go:build e2e

package e2e

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"canton.example/svrescue/e2e/node"
)

// TestAppsAheadOfParticipant restores a set whose clocks are in order and whose data is not: scan has read further than the participant
// has written (reference/backups.md 1). Such a pair comes up healthy, so nothing but the offsets tells. No app may start on it, whatever
// the operator says, and every step is taken back.
func TestAppsAheadOfParticipant(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 10*time.Minute)
	took := stopwatch(t)
	s := stage(t, ctx, node.Config{Namespace: "ahead"})
	must(t, s.node.Overtake(ctx))
	s.backUp(t, ctx)
	took("backed up")
	had, err := s.node.Fingerprint(ctx)
	must(t, err)
	started := s.generations(t, ctx)

	o := newOperator(t, s.cluster, s.node.Namespace)
	r := o.run(ctx, "run", "restore", "--answers", o.answers(s.node, s.run))
	o.expect(r, exitParked, "run restore of a reversed pair")
	o.says(r, "cantonnet_scan has read to offset", "the pair is reversed", "This cannot be overridden")
	took("refused")
	s.expectStopped(t, ctx, started, 1)

	id := o.runID()
	for _, way := range []string{"accept", "skip"} {
		r = o.run(ctx, "resume", id, "--answers", o.insisting(s.node, s.run, "restore/prove-restored.remedy", way))
		o.expect(r, exitParked, "resume, and insist with "+way)
	}
	s.expectStopped(t, ctx, started, 1)
	took("insisted")

	r = o.run(ctx, "resume", id, "--answers", o.answers(s.node, s.run, "restore/prove-restored.remedy", "undo",
		"restore/start-databases.confirm", "undo", "restore/restore-volumes.confirm", "undo", "restore/keep-old-volumes.confirm", "undo",
		"restore/scale-down.confirm", "abort"))
	o.expect(r, exitFailed, "resume, and take everything back")
	must(t, s.node.WaitReady(ctx))
	took("taken back")
	back, err := s.node.Fingerprint(ctx)
	must(t, err)
	for _, d := range back.CompareWith(had) {
		t.Error(d)
	}
	now, err := boundVolumes(ctx, s.cluster, s.node)
	must(t, err)
	if !maps.Equal(now, s.volumes) {
		t.Errorf("claims are bound to %v, were to %v", now, s.volumes)
	}
}

// TestReversedByClock restores a set whose clocks show the apps cut after the participant. It is refused before anything is touched, and
// goes on only for a reason that is given.
func TestReversedByClock(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 10*time.Minute)
	s := stage(t, ctx, node.Config{Namespace: "reversed"})
	s.run = node.RunID()
	must(t, s.node.BackupReversed(ctx, s.run))
	s.look(t, ctx)
	before := settledVersions(t, ctx, s.cluster, s.node.Namespace)

	o := newOperator(t, s.cluster, s.node.Namespace)
	r := o.run(ctx, "run", "restore", "--answers", o.answers(s.node, s.run))
	o.expect(r, exitRefused, "run restore of a set in the wrong order")
	o.says(r, "the order is reversed: the participant was cut", "before the apps")
	r = o.run(ctx, "run", "restore", "--answers", o.answers(s.node, s.run, "restore/prove-set.remedy", "accept"))
	o.expect(r, exitParked, "going on without a reason")
	expectUnchanged(t, ctx, s.cluster, s.node.Namespace, before)

	// the clocks may be wrong, and then the data decides: here it shows the same
	r = o.run(ctx, "run", "restore", "--answers", o.insisting(s.node, s.run, "restore/prove-set.remedy", "accept"))
	o.expect(r, exitParked, "going on for a reason")
	o.says(r, "the pair is reversed", "This cannot be overridden")
}

// says fails the test when a part is not in what was printed.
func (o *operator) says(r result, parts ...string) {
	o.t.Helper()
	text := strings.Join(strings.Fields(r.stdout+" "+r.stderr), " ")
	for _, part := range parts {
		if !strings.Contains(text, part) {
			o.t.Errorf("what was printed does not say %q: %s", part, r)
		}
	}
}

// generations are those of every Deployment: each write to a specification counts.
func (s *scene) generations(t *testing.T, ctx context.Context) map[string]int64 {
	t.Helper()
	list, err := s.cluster.Kube.AppsV1().Deployments(s.node.Namespace).List(ctx, metav1.ListOptions{})
	must(t, err)
	m := map[string]int64{}
	for _, d := range list.Items {
		m[d.Name] = d.Generation
	}
	return m
}

// expectStopped says that what stops for a restore is at 0 and was written to so often only: down, and never up.
func (s *scene) expectStopped(t *testing.T, ctx context.Context, before map[string]int64, writes int64) {
	t.Helper()
	now := s.generations(t, ctx)
	replicas, err := s.replicas(ctx)
	must(t, err)
	for _, name := range s.node.Scaled() {
		if replicas[name] != 0 || now[name] != before[name]+writes {
			t.Errorf("%s has %d replicas and was written to %d times: it was started on data that does not fit", name, replicas[name], now[name]-before[name])
		}
	}
}
