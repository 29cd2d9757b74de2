package rehearsal

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	helm "canton.example/svrescue/kube/release"
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
		if !strings.Contains(asked, "Secret splice-app-sv-key has no key private") || !strings.Contains(asked, "--from-literal=private=…") {
			t.Errorf("the missing key was asked for by: %s", asked)
		}
	})
}

// TestLostKillMatrix kills the process of a run at a point, inside a write too, lets a new one go on, and compares the worlds.
func TestLostKillMatrix(t *testing.T) {
	run := func(t *testing.T, r *rig, hook int) (wire.View, int, bool) {
		return r.play(t.Context(), hook, r.player())
	}
	var want any
	points, writes := 0, 0
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, lostCluster())
		v, n, _ := run(t, r, 0)
		must(t, v, wire.Recovered)
		points, writes, want = n, r.wire.count, installedWorld(t, r)
	})
	total, step := points+writes, 1
	if !*soak {
		step = total / 16
	}
	for at := 1; at <= total; at += step {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, lostCluster())
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
	return world
}
