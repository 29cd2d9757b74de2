package rehearsal

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/svapp"
	"k8s.io/utils/clock"
)

// crowded is a healthy node whose namespace has many other pods and events.
func crowded(pods, events int) Scenario {
	s := nothingWrong().Scenario
	before := s.World
	s.World = func(now time.Time) (sim.Scenario, error) {
		w, err := before(now)
		var docs strings.Builder
		fmt.Fprintf(&docs, "\n---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: crowd, namespace: %s}, spec: {replicas: %d, selector: {matchLabels: {app: crowd}}, "+
			"template: {metadata: {labels: {app: crowd}}, spec: {containers: [{name: one, image: busybox}]}}}}\n", namespace, pods)
		at := now.Add(-time.Minute).UTC().Format(time.RFC3339)
		for i := range events {
			fmt.Fprintf(&docs, "---\n{apiVersion: v1, kind: Event, metadata: {name: event-%d, namespace: %s}, involvedObject: {kind: Pod, namespace: %s, name: crowd-%d}, type: Warning, "+
				"reason: BackOff, message: Back-off restarting failed container, firstTimestamp: %q, lastTimestamp: %q, count: 3}\n", i, namespace, namespace, i%pods, at, at)
		}
		w.Objects += docs.String()
		return w, err
	}
	return s
}

// requests counts what is asked of a world, by kind.
type requests struct {
	mu       sync.Mutex
	of       map[string]int
	lists    int // and single reads
	openings int // connections into pods of this node
	relays   int // connections to other SVs, by a command in a pod
}

func (c *requests) counted(world http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		c.of[r.Method+" "+r.URL.Path]++
		switch {
		case strings.HasSuffix(r.URL.Path, "/exec") && strings.Contains(r.URL.RawQuery, "dev%2Ftcp"):
			c.relays++
		case strings.HasSuffix(r.URL.Path, "/exec"), strings.HasSuffix(r.URL.Path, "/portforward"):
			c.openings++
		default:
			c.lists++
		}
		c.mu.Unlock()
		world.ServeHTTP(w, r)
	})
}

// The size of a cluster does not change how often it is asked: 300 more pods and 5,000 events cost no request, and no more than 40 are sent. The
// scans of other SVs come on top where they can only be asked from a pod, one connection each.
func TestTriageAsksInLists(t *testing.T) {
	counts := map[string]int{}
	for _, c := range []struct {
		name         string
		pods, events int
	}{{"small", 1, 1}, {"large", 300, 5000}} {
		synctest.Test(t, func(t *testing.T) {
			count := &requests{of: map[string]int{}}
			r := newRigBehind(t, crowded(c.pods, c.events), count.counted)
			time.Sleep(Develops)
			first, last, _ := look(t, r, triage.Answers{})
			if first.Situation != triage.Healthy || last.Situation != triage.Healthy {
				t.Errorf("%s: %s after five seconds, %s at the end\n%s", c.name, first.Situation, last.Situation, written(last))
			}
			counts[c.name] = count.lists + count.openings
			t.Logf("%s: %d reads, %d connections into pods, %d to other SVs", c.name, count.lists, count.openings, count.relays)
			if count.relays != others {
				t.Errorf("%s: %d connections to %d other SVs", c.name, count.relays, others)
			}
			if t.Failed() || count.lists+count.openings > 40 {
				t.Errorf("%s: %d requests: %v", c.name, count.lists+count.openings, count.of)
			}
		})
	}
	if counts["large"] != counts["small"] {
		t.Errorf("%d requests in a large cluster, %d in a small one", counts["large"], counts["small"])
	}
}

// A server that takes connections and does not answer leaves a verdict that says so, in time, and no guess.
func TestTriageOfAServerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := nothingWrong()
		hung := make(chan struct{})
		t.Cleanup(func() { close(hung) })
		r := newRigBehind(t, i.Scenario, func(http.Handler) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hung })
		})
		began := time.Now()
		_, last, _ := look(t, r, triage.Answers{})
		if last.Situation != triage.Unclear || last.ExitCode() != 6 || last.Recommended() != "" {
			t.Errorf("%s, exit code %d, recommended %q", last.Situation, last.ExitCode(), last.Recommended())
		}
		for _, item := range last.Evidence {
			// What is answered from here, without the cluster: that no folder was named, and what the operator says.
			if item.Verdict != triage.NotDetermined {
				t.Errorf("%s is %s: %s", item.ID, item.Verdict, item.Detail)
			}
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

// Over a way on which every request takes three seconds something is said after five, without a guess, and the end is as over a fast one.
func TestTriageOverASlowWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := false
		r := newRigBehind(t, nothingWrong().Scenario, func(world http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				if slow {
					time.Sleep(3 * time.Second)
				}
				world.ServeHTTP(w, q)
			})
		})
		time.Sleep(Develops)
		slow = true
		began := time.Now()
		first, last, _ := look(t, r, triage.Answers{})
		if item, _ := first.Item("components"); item.Verdict != triage.Holds || first.Recommended() != "" {
			t.Errorf("after five seconds: %s, recommended %q, components %s", first.Situation, first.Recommended(), item.Detail)
		}
		if last.Situation != triage.Healthy {
			t.Errorf("at the end, after %s: %s", time.Since(began), written(last))
		}
	})
}

// A connection into one pod that is opened and never answers costs what that pod knows, and nothing else.
func TestTriageOfAPodThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := make(chan struct{})
		t.Cleanup(func() { close(hung) })
		r := newRigBehind(t, nothingWrong().Scenario, func(world http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				if strings.Contains(q.URL.Path, "/pods/participant-pg-0/") {
					<-hung
				}
				world.ServeHTTP(w, q)
			})
		})
		time.Sleep(Develops)
		began := time.Now()
		first, last, e := look(t, r, triage.Answers{})
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it took %s", took)
		}
		for _, id := range []string{"components", "pods", "chain", "apps", "network"} {
			for when, said := range map[string]triage.Result{"after five seconds": first, "at the end": last} {
				if item, _ := said.Item(id); item.Verdict != triage.Holds {
					t.Errorf("%s, %s is %s: %s", when, id, item.Verdict, item.Detail)
				}
			}
		}
		if last.Situation != triage.Unclear || last.ExitCode() != 6 || len(e.Databases.All) != 6 {
			t.Errorf("%s, exit code %d, %d databases", last.Situation, last.ExitCode(), len(e.Databases.All))
		}
		if item, _ := last.Item("databases"); item.Verdict != triage.NotDetermined || !strings.Contains(item.Detail, "participant_0") || strings.Contains(item.Detail, "sequencer_0") {
			t.Errorf("databases are %s: %s", item.Verdict, item.Detail)
		}
	})
}

// What the wait ends in the middle of is not known, and the rest stands.
func TestTriageThatIsCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := lostNetwork() // whose chain has to be watched for half a minute
		r := newRig(t, i.Scenario)
		var e triage.Evidence
		e.Answers = i.Answers
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		evidence.Gather(ctx, evidence.Options{Cluster: r.cluster(), Namespace: namespace, Clock: clock.RealClock{}, Out: svapp.Out{Dial: outside}, Dial: outside}, func(p evidence.Piece) { p.Set(&e) })
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("it took %s", took)
		}
		got := triage.Judge(e, time.Now())
		if got.Path(triage.Network).Verdict == triage.Recommended {
			t.Error("a network recovery is recommended for a chain that was not watched")
		}
		if len(e.Databases.All) != 6 {
			t.Errorf("the databases are %+v", e.Databases)
		}
	})
}
