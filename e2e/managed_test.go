//go:build e2e

package e2e

import (
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
	chosen := []string{"restore/backup-set.managed", at}
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
	pods, err := s.cluster.Kube.CoreV1().Pods(s.node.Namespace).List(ctx, metav1.ListOptions{LabelSelector: "svrescue/client"})
	must(t, err)
	for _, p := range pods.Items {
		if p.DeletionTimestamp == nil {
			t.Errorf("pod %s is left", p.Name)
		}
	}
}
