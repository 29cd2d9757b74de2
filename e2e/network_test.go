//go:build e2e

package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/steps/rehearsal"
)

// TestNetwork recovers a network that has lost its CometBFT layer, on the node of one of its SVs: real Helm releases, a real CometBFT that stands
// and a new one, a dump on a real claim. Exit code 0 means that the node works on the new synchronizer. Days later the clean-up disarms it.
func TestNetwork(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 20*time.Minute)
	took := stopwatch(t)
	o := newOperator(t, rig.Start(t), "")
	l := loseNetwork(t, ctx, "net", o.home)
	o.namespace = l.namespace
	took("lost")
	arguments := l.watchArguments(t)
	answers := l.answers(t, o)
	r := o.run(ctx, "run", "network", "--answers", answers)
	arguments()
	took("recovered")
	o.expect(r, exitDone, "run network")
	folder, _ := o.folder()
	l.expectRecovered(t, ctx, folder)
	expectPrivate(t, folder)
	l.expectKeysKept(t, folder, r)

	o.expect(o.run(ctx, "run", "network-clean-up", "--answers", l.cleanUpAnswers(t, o)), exitDone, "run network-clean-up")
	l.expectDisarmed(t, ctx)
	took("cleaned up")
}

// networkKills are where the worker is killed.
var networkKills = []killPoint{
	{"upload", regexp.MustCompile(`^network/upload\b`), 0},
	{"upgrade of sv", regexp.MustCompile(`^network/migrate\b.*upgrade release sv \(`), 0},
}

// TestNetworkKilled kills the worker in the middle of the upload and of the upgrade of release sv; the end is the same.
func TestNetworkKilled(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 20*time.Minute)
	took := stopwatch(t)
	o := newOperator(t, rig.Start(t), "")
	l := loseNetwork(t, ctx, "netkill", o.home)
	o.namespace = l.namespace
	took("lost")
	answers := l.answers(t, o)
	r := o.runThroughKills(ctx, networkKills, answers, "run", "network", "--answers", answers)
	took("recovered")
	o.expect(r, exitDone, "resume")
	folder, _ := o.folder()
	l.expectRecovered(t, ctx, folder)
	expectPrivate(t, folder)
	l.expectKeysKept(t, folder, r)
}

// expectRecovered is the end that every recovery must come to.
func (l *lostNetwork) expectRecovered(t *testing.T, ctx context.Context, folder string) {
	t.Helper()
	l.expectReleases(t, ctx)
	apps := l.cluster.Kube.AppsV1().Deployments(l.namespace)
	old, err := apps.Get(ctx, oldComet, metav1.GetOptions{})
	must(t, err)
	if *old.Spec.Replicas != 0 {
		t.Errorf("the old CometBFT has %d replicas", *old.Spec.Replicas)
	}
	if ready, err := l.ready(ctx); !ready {
		t.Errorf("the run says done: %v", err)
	}
	var first chainStatus
	must(t, rig.Poll(ctx, "the new chain makes no blocks", func(ctx context.Context) (bool, error) {
		var now chainStatus
		if err := l.ask(ctx, newComet, "status", nil, &now); err != nil {
			return false, err
		}
		if first.Sync.Height == 0 {
			first = now
		}
		return now.Sync.Height > first.Sync.Height, nil
	}))
	if first.Node.Network != "testnet-4" {
		t.Errorf("the new chain is %s", first.Node.Network)
	}

	dump, err := os.ReadFile(filepath.Join(folder, "artifacts", "domain_migration_dump.json"))
	must(t, err)
	pod, err := l.cluster.PodOf(ctx, l.namespace, "sv-app")
	must(t, err)
	seen, err := l.cluster.Exec(ctx, l.namespace, pod.Name, "sv-app", "", "sh", "-c", "cd /domain-upgrade-dump && sha256sum domain_migration_dump.json && stat -c %a domain_migration_dump.json && ls -A")
	must(t, err)
	if want := fmt.Sprintf("%x  domain_migration_dump.json\n600\ndomain_migration_dump.json\n", sha256.Sum256(dump)); seen != want {
		t.Errorf("on the claim is\n%s\nwant\n%s", seen, want)
	}
	if env := l.onboarding(t, ctx); !strings.Contains(env, `"domain-migration"`) || !strings.Contains(env, "/domain-upgrade-dump/domain_migration_dump.json") {
		t.Errorf("the SV app runs with %s", env)
	}
	log, err := l.cluster.Kube.CoreV1().Pods(l.namespace).GetLogs(pod.Name, &v1.PodLogOptions{}).Stream(ctx)
	must(t, err)
	defer log.Close()
	text, err := io.ReadAll(log)
	must(t, err)
	if !strings.Contains(string(text), "initializing from dump") {
		t.Errorf("the SV app says\n%s", text)
	}
	state, err := l.network.Recovery(ctx)
	must(t, err)
	if !state.Migrated || !state.AsOf.Equal(l.agreed) {
		t.Errorf("the network says %+v; agreed was %v", state, l.agreed)
	}
}

// expectReleases is what Helm itself must say: the new releases beside the old ones, and the apps in their second revision.
func (l *lostNetwork) expectReleases(t *testing.T, ctx context.Context) {
	t.Helper()
	out, err := l.cluster.RunHelm(ctx, t, l.namespace, "list", "--output", "json")
	must(t, err)
	var all []struct{ Name, Revision, Status, Chart string }
	must(t, json.Unmarshal([]byte(out), &all))
	got := map[string]string{}
	for _, r := range all {
		got[r.Name] = r.Status + " " + r.Revision
	}
	for name, want := range map[string]string{"global-domain-3": "deployed 1", oldComet: "deployed 1", "participant-3": "deployed 1", "global-domain-4": "deployed 1", newComet: "deployed 1",
		"participant-4": "deployed 1", "sv": "deployed 2", "scan": "deployed 2", "validator": "deployed 2", "apps-pg": "deployed 1"} {
		if got[name] != want {
			t.Errorf("Helm says of release %s: %q, want %q", name, got[name], want)
		}
	}
	values, err := l.cluster.RunHelm(ctx, t, l.namespace, "get", "values", "sv")
	must(t, err)
	for _, want := range []string{"id: 4", "migrating: true"} {
		if !strings.Contains(values, want) {
			t.Errorf("the values of sv have no %s:\n%s", want, values)
		}
	}
}

// environment is what the process of an app was really started with.
func (l *lostNetwork) environment(t *testing.T, ctx context.Context, app string) string {
	t.Helper()
	pod, err := l.cluster.PodOf(ctx, l.namespace, app)
	must(t, err)
	env, err := l.cluster.Exec(ctx, l.namespace, pod.Name, app, "", "cat", "/proc/1/environ")
	must(t, err)
	return env
}

// onboarding is how the SV app that runs was told to come up.
func (l *lostNetwork) onboarding(t *testing.T, ctx context.Context) string {
	t.Helper()
	for _, pair := range strings.Split(l.environment(t, ctx, "sv-app"), "\x00") {
		if name, value, _ := strings.Cut(pair, "="); name == rehearsal.OnboardingVar {
			return value
		}
	}
	return ""
}

// expectDisarmed says that no app is told to migrate any more, as it runs.
func (l *lostNetwork) expectDisarmed(t *testing.T, ctx context.Context) {
	t.Helper()
	if env := l.onboarding(t, ctx); strings.Contains(env, "domain-migration") || !strings.Contains(env, "join-with-key") {
		t.Errorf("the SV app runs with %s", env)
	}
	if strings.Contains(l.environment(t, ctx, "validator-app"), "restore-from-migration-dump") {
		t.Error("the validator app is told to restore from the dump")
	}
}
