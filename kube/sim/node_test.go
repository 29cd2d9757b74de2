package sim

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

func nodeScenario(t *testing.T) Scenario {
	t.Helper()
	sc, err := NodeOptions{MigrationID: 1, SerialID: 2, Successor: true, Start: time.Now(), Exporters: true,
		Runs: []Backup{{ID: "R1", Age: 26 * time.Hour}, {ID: "R2", Age: 2 * time.Hour, WrongOrder: true, NotReady: []string{"pg-data-mediator-pg-0"}}}}.Scenario()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(sc) // it must survive the way to another process
	if err != nil {
		t.Fatal(err)
	}
	var out Scenario
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNodeRunsFromTheStart(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		if err := s.LoadScenario(nodeScenario(t)); err != nil {
			t.Fatal(err)
		}
		c := client(t, cfg)
		l, err := c.AppsV1().Deployments("sv").List(bg, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range l.Items {
			want := int32(1)
			if strings.HasPrefix(d.Name, "global-domain-3") {
				want = 0
			}
			if d.Status.ReadyReplicas != want || d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
				t.Errorf("%s: %d ready, want %d", d.Name, d.Status.ReadyReplicas, want)
			}
			if time.Since(d.CreationTimestamp.Time) < 29*24*time.Hour {
				t.Errorf("%s: created %v", d.Name, d.CreationTimestamp)
			}
			if d.Labels["helm.sh/chart"] == "" || d.Labels["app"] != d.Name {
				t.Errorf("%s: labels %v", d.Name, d.Labels)
			}
		}
		if len(l.Items) != 19 {
			t.Errorf("%d deployments", len(l.Items))
		}
		pods, err := c.CoreV1().Pods("sv").List(bg, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pods.Items {
			if !podReady(&p) || time.Since(p.CreationTimestamp.Time) < 29*24*time.Hour {
				t.Errorf("%s: %s, created %v", p.Name, p.Status.Phase, p.CreationTimestamp)
			}
		}
		if text, ok := s.ContentOf("sv", "pg-data-apps-pg-0"); !ok || !strings.HasPrefix(text, "data as of ") {
			t.Errorf("content %q %v", text, ok)
		}
		for name, ready := range map[string]bool{"pg-data-mediator-pg-0-r1": true, "pg-data-mediator-pg-0-r2": false} {
			o := s.store.get(rSnapshot, "sv", name)
			if got, _ := o.Object["status"].(map[string]any)["readyToUse"].(bool); got != ready {
				t.Errorf("%s: ready %v", name, got)
			}
		}
		for run, right := range map[string]bool{"r1": true, "r2": false} {
			apps, part := s.taken("pg-data-apps-pg-0-"+run), s.taken("pg-data-participant-pg-0-"+run)
			if apps.Before(part) != right {
				t.Errorf("%s: apps at %v, participant at %v", run, apps, part)
			}
		}
	})
}

func (s *Server) taken(name string) time.Time {
	st := s.store.get(rSnapshot, "sv", name).Object["status"].(map[string]any)
	t, _ := time.Parse(time.RFC3339, st["creationTime"].(string))
	return t
}

// TestDamageAndRestore tells the story that the product is about: a damaged volume, the workload down, the claim made anew
// from the snapshot, the workload well again on the data of then.
func TestDamageAndRestore(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		if err := s.LoadScenario(nodeScenario(t)); err != nil {
			t.Fatal(err)
		}
		c := client(t, cfg)
		const claim = "global-domain-2-cometbft-cometbft-data"
		if err := s.SetContent("sv", claim, "damaged: manifest lost"); err != nil {
			t.Fatal(err)
		}
		comet := func() *corev1.Pod {
			l, err := c.CoreV1().Pods("sv").List(bg, metav1.ListOptions{LabelSelector: "app=global-domain-2-cometbft"})
			if err != nil || len(l.Items) != 1 {
				return nil
			}
			return &l.Items[0]
		}
		until(t, "crash loop", 5*time.Minute, func() bool {
			p := comet()
			return p != nil && p.Status.ContainerStatuses[0].State.Waiting != nil && p.Status.ContainerStatuses[0].RestartCount >= 3
		})
		log, err := c.CoreV1().Pods("sv").GetLogs(comet().Name, &corev1.PodLogOptions{Previous: true}).DoRaw(bg)
		if err != nil || !strings.Contains(string(log), "damaged: manifest lost") {
			t.Errorf("log %q, %v", log, err)
		}
		scale := func(n int32) {
			sc, err := c.AppsV1().Deployments("sv").GetScale(bg, "global-domain-2-cometbft", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			sc.Spec.Replicas = n
			if _, err = c.AppsV1().Deployments("sv").UpdateScale(bg, "global-domain-2-cometbft", sc, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		scale(0)
		until(t, "pods gone", time.Minute, func() bool { return comet() == nil })
		old, err := c.CoreV1().PersistentVolumeClaims("sv").Get(bg, claim, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.CoreV1().PersistentVolumeClaims("sv").Delete(bg, claim, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		group := "snapshot.storage.k8s.io"
		fresh := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: claim}, Spec: *old.Spec.DeepCopy()}
		fresh.Spec.VolumeName = ""
		fresh.Spec.DataSource = &corev1.TypedLocalObjectReference{APIGroup: &group, Kind: "VolumeSnapshot", Name: claim + "-r1"}
		fresh.Spec.DataSourceRef = nil
		until(t, "claim gone", time.Minute, func() bool {
			_, err := c.CoreV1().PersistentVolumeClaims("sv").Get(bg, claim, metav1.GetOptions{})
			return err != nil
		})
		begun := time.Now()
		if _, err := c.CoreV1().PersistentVolumeClaims("sv").Create(bg, fresh, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		until(t, "restored", time.Hour, func() bool {
			x, _ := c.CoreV1().PersistentVolumeClaims("sv").Get(bg, claim, metav1.GetOptions{})
			return x.Status.Phase == corev1.ClaimBound
		})
		if d := time.Since(begun); d < 20*time.Second || d > 25*time.Second { // 20 GiB at 1 GiB/s, and 1 s for the volume
			t.Errorf("restored in %v", d)
		}
		scale(1)
		until(t, "ready again", time.Minute, func() bool { p := comet(); return p != nil && podReady(p) })
		want, _ := s.SnapshotContentOf("sv", claim+"-r1")
		if got, _ := s.ContentOf("sv", claim); got != want || got == "" {
			t.Errorf("content %q, want %q", got, want)
		}
		var verbs []string
		for _, w := range s.Writes() {
			verbs = append(verbs, w.Verb+" "+w.Resource+" "+w.Name)
		}
		if got := strings.Join(verbs, "; "); got != "update deployments/scale global-domain-2-cometbft; delete persistentvolumeclaims "+claim+
			"; create persistentvolumeclaims ; update deployments/scale global-domain-2-cometbft" {
			t.Errorf("writes: %s", got)
		}
	})
}

func TestWorldsAreEqual(t *testing.T) {
	world := func(seed uint64, wait time.Duration) (out string) {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(wait)
			s := New(Options{Clock: clock.RealClock{}, Seed: seed})
			sc := nodeScenario(t)
			for k := range sc.Contents {
				sc.Contents[k] = "the data"
			}
			for i := range sc.Backups {
				sc.Backups[i].Text = "the data"
			}
			if err := s.LoadScenario(sc); err != nil {
				t.Fatal(err)
			}
			b, err := json.MarshalIndent(s.World(), "", " ")
			if err != nil {
				t.Fatal(err)
			}
			out = string(b)
		})
		return
	}
	a, b := world(1, 0), world(2, 90*time.Minute)
	if a != b {
		x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
		for i := range x {
			if i >= len(y) || x[i] != y[i] {
				t.Fatalf("line %d:\n%s\n%s", i, x[i], y[i])
			}
		}
	}
	if len(a) < 10000 || strings.Contains(a, "resourceVersion") {
		t.Error("the world is not what it should be")
	}
}
