package rehearsal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	helm "canton.example/svrescue/kube/release"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/wire"
	"github.com/google/go-cmp/cmp"
)

// A node that was lost altogether stands again in an empty namespace: installed as Helm's own releases, with its data, and with the Secret
// that was incomplete asked for by name and key, never by value.
func TestLostClusterIsRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, lostCluster())
		v, _, _ := r.play(t.Context(), 0, r.player())
		if v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			t.Fatalf("ended %+v\n%s", v.Ended, lines(v))
		}
		cluster := r.cluster()
		releases, err := helm.In(cluster, namespace).List(t.Context())
		if err != nil || len(releases) < 10 {
			t.Fatalf("%d releases, %v", len(releases), err)
		}
		for _, x := range releases {
			if x.Status != "deployed" || x.Revision != 1 || !strings.HasPrefix(x.Description, "svrescue run r-1:") {
				t.Errorf("release %s: %s, revision %d, %q", x.Name, x.Status, x.Revision, x.Description)
			}
		}
		workloads, err := cluster.Workloads(t.Context(), namespace)
		if err != nil || len(workloads) != 16 {
			t.Errorf("%d workloads, %v", len(workloads), err)
		}
		if content, _ := r.world.ContentOf(namespace, "pg-data-participant-pg-0"); !strings.Contains(content, participantID) {
			t.Errorf("the participant's volume holds %q", content)
		}
		asked := ""
		for _, e := range r.journal {
			if e.Kind == wire.KindAsk && e.Question.Name == "restore-lost/secrets.remedy" {
				asked = e.Question.Error.Error()
			}
			if e.Kind == wire.KindFacts && strings.Contains(string(e.Facts), "invented-") {
				t.Error("a value of a Secret is in the facts")
			}
		}
		if !strings.Contains(asked, "Secret splice-app-sv-key has no key private") || !strings.Contains(asked, "--from-file=private=…") {
			t.Errorf("the missing key was asked for by: %s", asked)
		}
	})
}

// TestLostKillMatrix kills the process of a run at a point, inside a write too, lets a new one go on, and compares the worlds.
func TestLostKillMatrix(t *testing.T) {
	beside(t)
	for _, c := range []struct {
		scenario func() Scenario
		sample   int
	}{{lostCluster, 3}, {lostRecordToo, 2}} {
		t.Run(c.scenario().ID, func(t *testing.T) { lostKills(t, c.scenario, c.sample) })
	}
}

func lostKills(t *testing.T, scenario func() Scenario, sample int) {
	run := func(t *testing.T, r *rig, hook int) (wire.View, int, bool) {
		return r.play(t.Context(), hook, r.player())
	}
	var want any
	points, writes := 0, 0
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, scenario())
		v, n, _ := run(t, r, 0)
		must(t, v, wire.Recovered)
		points, writes, want = n, r.wire.count, installedWorld(t, r)
	})
	total, step := points+writes, 1
	if !*soak {
		step = total / sample
	}
	for at := 1; at <= total; at += step {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, scenario())
				hook := at
				if at > points { // inside a write
					hook, r.wire.killAt = 0, at-points
				}
				if _, _, dead := run(t, r, hook); !dead {
					t.Fatalf("point %d was not reached", at)
				}
				r.hangUp()
				v, _, _ := run(t, r, 0)
				if v.Ended == nil || v.Ended.Outcome != wire.Recovered {
					t.Fatalf("resumed after point %d it ended %+v, parked %q\n%s", at, v.Ended, v.Parked, lines(v))
				}
				if diff := cmp.Diff(want, installedWorld(t, r)); diff != "" {
					t.Fatalf("killed at point %d the world differs (-undisturbed +killed):\n%s", at, diff)
				}
			})
		})
	}
}

// installedWorld is the world, but for what is in Helm's records: times, compressed.
func installedWorld(t *testing.T, r *rig) any {
	t.Helper()
	world := settled(t, r)
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if v["type"] == "helm.sh/release.v1" {
				delete(v, "data")
				if meta, ok := v["metadata"].(map[string]any); ok {
					if labels, ok := meta["labels"].(map[string]any); ok {
						delete(labels, "createdAt")
						delete(labels, "modifiedAt")
					}
				}
			}
			for _, x := range v {
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(world)
	all, _ := world.(map[string]any)
	for key, value := range all {
		if text, ok := value.(string); ok { // databases remember the file that they were loaded from
			all[key] = strings.ReplaceAll(text, r.dumps, "DUMPS")
		}
	}
	return world
}

// A run that is stopped at a write, first of the databases, then of the apps, is taken back: nothing is left of it but the Secrets and what
// the storage has.
func TestLostIsTakenBack(t *testing.T) {
	for _, at := range []int{8, 20, 60} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, lostCluster())
				r.wire.refuseAt = at
				good, back, n := r.player(), false, 0
				v, _, _ := r.play(t.Context(), 0, func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
					back = back || strings.HasSuffix(q.Name, ".remedy") && q.Name != "restore-lost/secrets.remedy"
					if n++; n > 40 {
						return wire.Answer{}, false
					}
					if back || undoing(v) {
						return backwards(ctx, v, q)
					}
					return good(ctx, v, q)
				})
				if v.Ended == nil || v.Ended.Outcome == wire.Recovered {
					t.Fatalf("ended %+v, parked %q\n%s", v.Ended, v.Parked, lines(v))
				}
				cluster := r.cluster()
				workloads, err := cluster.Workloads(t.Context(), namespace)
				claims, claimErr := cluster.Claims(t.Context(), namespace)
				releases, listErr := helm.In(cluster, namespace).List(t.Context())
				if err != nil || claimErr != nil || listErr != nil || len(workloads)+len(claims)+len(releases) != 0 {
					t.Errorf("left: %d workloads, %d claims, %d releases (%v, %v, %v)\n%s", len(workloads), len(claims), len(releases), err, claimErr, listErr, lines(v))
				}
				secrets, err := cluster.Secrets(t.Context(), namespace, "")
				if err != nil || len(secrets) != 11 {
					t.Errorf("%d secrets, %v", len(secrets), err)
				}
			})
		})
	}
}

// Where something stands already, nothing is begun: it may be what is left of the node.
func TestLostNeedsAnEmptyNamespace(t *testing.T) {
	for name, c := range map[string]struct{ object, says string }{
		"a claim of the node": {`{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"pg-data-participant-pg-0","namespace":"sv"},"spec":{"storageClassName":"standard-rwo","accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"20Gi"}}}}`,
			"claim pg-data-participant-pg-0 of the node is still there"},
		"an object of a release": {`{"apiVersion":"v1","kind":"Service","metadata":{"name":"scan-app","namespace":"sv"},"spec":{"ports":[{"port":1}]}}`,
			"what release scan makes is there already: Service/scan-app"},
		"a workload of something else": {`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"sv"},"spec":{"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"web"}]}}}}`,
			"namespace sv is not empty: Deployment/web"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := lostCluster()
				s.World = func(now time.Time) (sim.Scenario, error) {
					w, err := lostWorld(dumped(now))
					w.Objects += "---\n" + c.object + "\n"
					return w, err
				}
				r := newRig(t, s)
				v, _, _ := r.play(t.Context(), 0, r.player())
				if v.Ended == nil || v.Ended.Outcome != wire.Refused || !strings.Contains(v.Ended.Text, c.says) {
					t.Errorf("ended %+v\n%s", v.Ended, lines(v))
				}
				if writes := sent(r); len(writes) > 0 {
					t.Errorf("refused, but sent %+v", writes)
				}
			})
		})
	}
}

// A record that is changed while the run goes on is noticed before anything of it is used.
func TestLostRecordThatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, lostCluster())
		good := r.player()
		v, _, _ := r.play(t.Context(), 0, func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
			if q.Name == "restore-lost/databases.confirm" {
				if err := os.WriteFile(filepath.Join(r.lost.Hint, "helm", "apps-pg.release"), []byte("x"), 0o600); err != nil {
					t.Error(err)
				}
			}
			if q.Name == "restore-lost/databases.remedy" {
				return wire.Answer{}, false
			}
			return good(ctx, v, q)
		})
		if !strings.Contains(lines(v), "helm/apps-pg.release is not what was written") {
			t.Error(lines(v))
		}
		workloads, err := r.cluster().Workloads(t.Context(), namespace)
		if err != nil || len(workloads) != 0 {
			t.Errorf("%d workloads, %v", len(workloads), err)
		}
	})
}

// A node that is rendered from saved values is the node that its record would have made, object by object; and what is not known without a
// record is said.
func TestLostValuesMakeTheSameNode(t *testing.T) {
	beside(t)
	worlds := map[string]any{}
	for _, scenario := range []Scenario{lostCluster(), lostRecordToo()} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, scenario)
			r.wanted = "" // asked for, where values do not tell it
			v, _, _ := r.play(t.Context(), 0, r.player())
			must(t, v, wire.Recovered)
			world, _ := installedWorld(t, r).(map[string]any)
			for key, o := range world {
				if strings.HasPrefix(key, "persistentvolumeclaims ") { // the record of the rehearsal has claims without their labels
					delete(o.(map[string]any), "metadata")
				}
			}
			worlds[scenario.ID] = world
			if scenario.Saved == nil {
				return
			}
			var found []string
			for _, f := range v.Steps[0].Findings[wire.PhaseVerify] {
				found = append(found, f.Text)
			}
			for _, says := range []string{"the charts are of version 0.6.4", "participant (by participantAddress in sv-values.yaml, participantAddress in scan-values.yaml, participantAddress in sv-validator-values.yaml)",
				"global-domain-0 (by synchronizers.current.sequencerAddress in sv-values.yaml)", "there is no record of the node"} {
				if !slices.ContainsFunc(found, func(text string) bool { return strings.Contains(text, says) }) {
					t.Errorf("not said: %s\n%s", says, strings.Join(found, "\n"))
				}
			}
			stored, err := helm.In(r.cluster(), namespace).InForce(t.Context())
			if err != nil || len(stored) < 10 {
				t.Fatalf("%d releases, %v", len(stored), err)
			}
			for _, s := range stored {
				if !s.HasChart() || !strings.Contains(s.Description, "installed from saved values") {
					t.Errorf("%s: chart %v, %q", s.Name, s.HasChart(), s.Description)
				}
			}
		})
	}
	if diff := cmp.Diff(worlds["restore-lost-cluster"], worlds["restore-lost-values"]); diff != "" {
		t.Errorf("from values the world differs (-record +values):\n%s", diff)
	}
}

// Values that are changed while the run goes on are noticed before anything else is made of them.
func TestLostValuesThatChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, lostRecordToo())
		good := r.player()
		v, _, _ := r.play(t.Context(), 0, func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
			if q.Name == "restore-lost/databases.confirm" {
				if err := os.WriteFile(filepath.Join(r.lost.Hint, "postgres-values-apps.yaml"), []byte("db: {volumeSize: 1Gi, volumeStorageClass: standard-rwo}\n"), 0o600); err != nil {
					t.Error(err)
				}
			}
			if q.Name == "restore-lost/databases.remedy" {
				return wire.Answer{}, false
			}
			return good(ctx, v, q)
		})
		if !strings.Contains(lines(v), "they do not make what was read and shown") {
			t.Error(lines(v))
		}
		workloads, err := r.cluster().Workloads(t.Context(), namespace)
		if err != nil || len(workloads) != 0 {
			t.Errorf("%d workloads, %v", len(workloads), err)
		}
	})
}

// A dry run renders for real: it shows every object that would be made, and the command that a person could type, and makes none.
func TestLostValuesInADryRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, lostRecordToo())
		r.acting = wire.DryRun
		v, _, _ := r.play(t.Context(), 0, r.player())
		must(t, v, wire.Rehearsed)
		shown := map[string]wire.Preview{}
		for _, s := range v.Steps {
			for _, a := range s.Actions {
				shown[a.Preview.Title] = a.Preview
			}
		}
		p := shown["install release validator (splice-validator 0.6.4)"]
		if !strings.Contains(p.After, "objects as rendered, and Helm's record of it:") || !strings.Contains(p.After, "Deployment/validator-app") {
			t.Errorf("shown: %+v", p)
		}
		values, charts := r.lost.Hint, r.lost.ChartsHint
		if want := "install validator " + charts + "/splice-validator -f " + values + "/validator-values.yaml -f " + values + "/sv-validator-values.yaml -f " + values + "/ui-config-values.yaml"; len(p.Commands) != 1 || !strings.Contains(p.Commands[0], want) {
			t.Errorf("%v, want %s", p.Commands, want)
		}
		if writes := sent(r); len(writes) != 2 || writes[0].Name != lostKey || writes[1].Resource != "secrets" { // the operator's own: the Secret is made anew
			t.Errorf("a dry run sent %+v", writes)
		}
	})
}
