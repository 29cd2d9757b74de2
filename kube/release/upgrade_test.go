package release

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/release/common"

	"canton.example/svrescue/kube"
)

// The chart of a stand-in with what an upgrade can do to an object: change it, make it, remove it, leave it, merge it by name.
const upChart = `apiVersion: v2
name: splice-sv-node
version: 0.6.1
`

const upTemplate = `apiVersion: v1
kind: Service
metadata: {name: sv-app}
spec: {selector: {app: sv-app}, ports: [{name: http, port: 5014}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: sv-app, labels: {app: sv-app}}
spec:
{{- if .Values.replicas }}
  replicas: {{ .Values.replicas }}
{{- end }}
  selector: {matchLabels: {app: sv-app}}
  template:
    metadata: {labels: {app: sv-app}}
    spec:
      containers:
      - name: sv-app
        image: sv
        env:
        - {name: MIGRATION_ID, value: {{ .Values.migration.id | quote }}}
        - {name: PGPASSWORD, valueFrom: {secretKeyRef: {name: apps-pg-secret, key: postgresPassword}}}
{{- if .Values.migration.migrating }}
        - {name: ADDITIONAL_CONFIG_SV_ONBOARDING, value: domain-migration}
{{- else }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: old-only}
data: {k: v}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: old-data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
{{- end }}
{{- if .Values.migration.migrating }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: new-only}
data: {k: {{ .Values.password | quote }}}
{{- end }}
`

const upValues = "migration: {id: \"3\"}\nreplicas: 1\npassword: hunter2\n"

// rendered is the stand-in with values, as an installation or as an upgrade.
func standIn(t *testing.T, revision int, values string) Stored {
	t.Helper()
	c := chartOf(t, map[string]string{"Chart.yaml": upChart, "templates/all.yaml": upTemplate})
	v := valuesOf(t, values)
	r, err := c.Render(t.Context(), "sv", "sv", v, cluster)
	if revision > 1 {
		r, err = c.RenderUpgrade(t.Context(), "sv", "sv", revision, v, cluster)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r.Stored
}

// running is a cluster in which the stand-in was installed, at migration ID 3.
func running(t *testing.T, ends func(*http.Request) cut) *kube.Cluster {
	t.Helper()
	open := false
	c := place(t, func(r *http.Request) cut {
		if ends == nil || !open {
			return never
		}
		return ends(r)
	})
	s := standIn(t, 1, upValues)
	i := installation(t, c, s)
	i.Mark = "somebody"
	if err := i.Do(t.Context(), c, c.Hands(i.AccessInstall(), false), s, at, quietly); err != nil {
		t.Fatal(err)
	}
	open = true
	return c
}

const migrating = "migration: {id: \"4\", migrating: true}\nreplicas: 1\npassword: hunter3\n"

func upgrade(t *testing.T, c *kube.Cluster, now Stored) Upgrade {
	t.Helper()
	was, ok, err := In(c, "sv").At(t.Context(), "sv", 1)
	if err != nil || !ok {
		t.Fatal(err)
	}
	all, err := Compare(t.Context(), c, was, now)
	if err != nil {
		t.Fatal(err)
	}
	u := Upgrade{Name: "sv", Namespace: "sv", From: 1, Newest: 1, Mark: "svrescue run r-1:", What: "migration ID 4"}
	for _, d := range all {
		u.Parts = append(u.Parts, d.Touched)
	}
	return u
}

// history are the revisions with their states, such as "1 superseded, 2 deployed".
func history(t *testing.T, c *kube.Cluster) string {
	t.Helper()
	all, err := In(c, "sv").history(t.Context(), "sv")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range all {
		s, err := In(c, "sv").open(t.Context(), e)
		if err != nil || s.Status != e.status.String() {
			t.Fatalf("revision %d: label %s, record %s, %v", e.revision, e.status, s.Status, err)
		}
		lines = append(lines, fmt.Sprintf("%d %s", e.revision, e.status))
	}
	return strings.Join(lines, ", ")
}

// world is what the objects of the release are.
func world(t *testing.T, c *kube.Cluster) string {
	t.Helper()
	var all []string
	for _, kind := range []struct {
		p     kube.Place
		names []string
	}{
		{kube.Place{Version: "v1", Resource: "services", Namespaced: true}, []string{"sv-app"}},
		{kube.Place{Version: "v1", Resource: "configmaps", Namespaced: true}, []string{"new-only", "old-only"}},
		{kube.Place{Version: "v1", Resource: "persistentvolumeclaims", Namespaced: true}, []string{"old-data"}},
	} {
		for _, name := range kind.names {
			if m, ok, err := c.Find(t.Context(), kind.p, "sv", name); err != nil {
				t.Fatal(err)
			} else if ok && Owned(m, "sv", "sv") {
				all = append(all, kind.p.Resource+"/"+name)
			}
		}
	}
	w, ok, err := c.Workload(t.Context(), kube.Deployment, "sv", "sv-app")
	if err != nil || !ok {
		t.Fatalf("%v, %v", ok, err)
	}
	for _, e := range w.Containers[0].Env {
		all = append(all, e.Name+"="+e.Value+e.From)
	}
	return fmt.Sprintf("%s replicas=%d", strings.Join(all, " "), w.Replicas)
}

const (
	asBefore = "services/sv-app configmaps/old-only persistentvolumeclaims/old-data MIGRATION_ID=3 PGPASSWORD=secret apps-pg-secret/postgresPassword replicas=1"
	asAfter  = "services/sv-app configmaps/new-only persistentvolumeclaims/old-data MIGRATION_ID=4 PGPASSWORD=secret apps-pg-secret/postgresPassword ADDITIONAL_CONFIG_SV_ONBOARDING=domain-migration replicas=1"
)

func TestUpgrade(t *testing.T) {
	c := running(t, nil)
	if w := world(t, c); w != asBefore {
		t.Fatal(w)
	}
	now := standIn(t, 2, migrating)
	u := upgrade(t, c, now)
	var parts []string
	for _, p := range u.Parts {
		parts = append(parts, fmt.Sprintf("%s %s", p.Verb, p))
	}
	if want := []string{"make ConfigMap/new-only", "change Deployment/sv-app", "leave PersistentVolumeClaim/old-data", "remove ConfigMap/old-only"}; !slices.Equal(parts, want) {
		slices.Sort(parts)
		slices.Sort(want)
		if !slices.Equal(parts, want) {
			t.Fatalf("%v", parts)
		}
	}
	if n, err := u.Try(t.Context(), c, c.Hands(u.AccessUpgrade(), true), now); err != nil || n != 4 {
		t.Fatalf("tried %d: %v", n, err)
	}
	if h, w := history(t, c), world(t, c); h != "1 deployed" || w != asBefore {
		t.Fatalf("a trial left %s and %s", h, w)
	}
	do, back := c.Hands(u.AccessUpgrade(), false), c.Hands(u.AccessBack(), false)
	for try := range tries {
		if err := u.Do(t.Context(), c, do, now, at, quietly); err != nil {
			t.Fatal(err)
		}
		if state, err := u.Look(t.Context(), c); err != nil || !state.Done() || state.Revision != 2+2*try {
			t.Fatalf("%+v, %v", state, err)
		}
		if w := world(t, c); w != asAfter {
			t.Fatal(w)
		}
		if err := u.Do(t.Context(), c, do, now, at, quietly); err != nil { // it is done, and stays
			t.Fatal(err)
		}
		if err := u.Back(t.Context(), c, back, at, quietly); err != nil {
			t.Fatal(err)
		}
		if w := world(t, c); w != asBefore {
			t.Fatal(w)
		}
		if err := u.Back(t.Context(), c, back, at, quietly); err != nil {
			t.Fatal(err)
		}
	}
	if h := history(t, c); h != "1 superseded, 2 superseded, 3 superseded, 4 superseded, 5 superseded, 6 superseded, 7 deployed" {
		t.Fatal(h)
	}
	var taken *Taken
	if err := u.Do(t.Context(), c, do, now, at, quietly); !errors.As(err, &taken) {
		t.Fatalf("a fourth time: %v", err)
	}
	last, ok, err := In(c, "sv").At(t.Context(), "sv", 7)
	if err != nil || !ok || last.rls.Info.RollbackRevision != 1 || last.Description != "svrescue run r-1: rolled back to 1" || last.Settings().Text("password") != "hunter2" {
		t.Errorf("%+v, %v", last, err)
	}
}

// TestUpgradeAgain ends the connection at every write, before and after it took effect, and goes on; so for the upgrade, and for taking
// it back from wherever it ended.
func TestUpgradeAgain(t *testing.T) {
	for point := 1; ; point++ {
		reached := false
		for _, how := range []cut{unheard, unanswered} {
			for _, then := range []string{"go on", "back", "cut back"} {
				writes, cutAt := 0, point
				if then == "cut back" {
					cutAt = 0
				}
				c := running(t, func(r *http.Request) cut {
					if r.Method == http.MethodGet {
						return never
					}
					if writes++; writes == cutAt {
						return how
					}
					return never
				})
				now := standIn(t, 2, migrating)
				u := upgrade(t, c, now)
				do, back := c.Hands(u.AccessUpgrade(), false), c.Hands(u.AccessBack(), false)
				name := fmt.Sprintf("write %d, %v, %s", point, how, then)
				err := u.Do(t.Context(), c, do, now, at, quietly)
				if then == "cut back" {
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					writes, cutAt = 0, point
					err = u.Back(t.Context(), c, back, at, quietly)
				}
				if err == nil {
					continue
				}
				reached = true
				if list, err := In(c, "sv").List(t.Context()); err != nil || list[0].Deployed == 0 {
					t.Fatalf("%s: no revision is in force: %s", name, history(t, c))
				}
				want := asBefore
				if then == "go on" {
					want, err = asAfter, u.Do(t.Context(), c, do, now, at, quietly)
				} else {
					err = u.Back(t.Context(), c, back, at, quietly)
				}
				if w := world(t, c); err != nil || w != want {
					t.Fatalf("%s: %v, %s", name, err, w)
				}
				h := history(t, c)
				if n := strings.Count(h, string(common.StatusDeployed)); n != 1 || !strings.HasSuffix(h, "deployed") || strings.Contains(h, "pending") {
					t.Fatalf("%s: %s", name, h)
				}
				// And once more, as an operator may.
				if err := u.Do(t.Context(), c, do, now, at, quietly); err != nil || world(t, c) != asAfter {
					t.Fatalf("%s, and again: %v", name, err)
				}
			}
		}
		if !reached {
			if point < 7 {
				t.Fatalf("there were %d writes only", point-1)
			}
			return
		}
	}
}

// TestUpgradeKeepsWhatOthersSet: what the chart does not speak of stays; what it speaks of comes back, and is told before.
func TestUpgradeKeepsWhatOthersSet(t *testing.T) {
	deployments := kube.Place{Group: "apps", Version: "v1", Resource: "deployments", Namespaced: true}
	scale := func(t *testing.T, c *kube.Cluster, n int32) {
		t.Helper()
		w, _, err := c.Workload(t.Context(), kube.Deployment, "sv", "sv-app")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Hands(kube.AccessScale(w.Ref()), false).Scale(t.Context(), w.Ref(), w.Replicas, n, ""); err != nil {
			t.Fatal(err)
		}
	}
	c := running(t, nil)
	scale(t, c, 0)
	now := standIn(t, 2, strings.Replace(migrating, "replicas: 1", "replicas: 0", 1)) // the chart no longer speaks of replicas
	u := upgrade(t, c, now)
	if err := u.Do(t.Context(), c, c.Hands(u.AccessUpgrade(), false), now, at, quietly); err != nil {
		t.Fatal(err)
	}
	// Helm takes away what was rendered before, and the server puts its own value there.
	live, _, _, err := c.Live(t.Context(), deployments, "sv", "sv-app")
	if err != nil {
		t.Fatal(err)
	}
	if n := live.Content()["spec"].(map[string]any)["replicas"]; n != int64(1) {
		t.Errorf("replicas %v", n)
	}
	c = running(t, nil)
	scale(t, c, 0)
	now = standIn(t, 2, migrating)
	was, _, err := In(c, "sv").At(t.Context(), "sv", 1)
	if err != nil {
		t.Fatal(err)
	}
	all, err := Compare(t.Context(), c, was, now)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(d Difference) bool { return d.Kind == "Deployment" })
	if i < 0 || all[i].Live["spec"].(map[string]any)["replicas"] != int64(0) || all[i].After["spec"].(map[string]any)["replicas"] != int64(1) {
		t.Errorf("%+v", all)
	}
}

func TestUpgradeRefuses(t *testing.T) {
	now := func(t *testing.T) Stored { return standIn(t, 2, migrating) }
	taken := func(t *testing.T, c *kube.Cluster, u Upgrade, what string) {
		t.Helper()
		before := world(t, c)
		var taken *Taken
		if _, err := u.Try(t.Context(), c, c.Hands(u.AccessUpgrade(), true), now(t)); !errors.As(err, &taken) || !strings.Contains(err.Error(), what) {
			t.Errorf("trial: %v", err)
		}
		if err := u.Do(t.Context(), c, c.Hands(u.AccessUpgrade(), false), now(t), at, quietly); !errors.As(err, &taken) || !strings.Contains(err.Error(), what) {
			t.Errorf("do: %v", err)
		}
		if w := world(t, c); w != before {
			t.Errorf("it was touched: %s", w)
		}
	}
	theirs := func(t *testing.T, c *kube.Cluster, from int, values string) {
		t.Helper()
		s := standIn(t, from+1, values)
		was, _, err := In(c, "sv").At(t.Context(), "sv", from)
		if err != nil {
			t.Fatal(err)
		}
		all, err := Compare(t.Context(), c, was, s)
		if err != nil {
			t.Fatal(err)
		}
		u := Upgrade{Name: "sv", Namespace: "sv", From: from, Newest: from, Mark: "somebody"}
		for _, d := range all {
			u.Parts = append(u.Parts, d.Touched)
		}
		if err := u.Do(t.Context(), c, c.Hands(u.AccessUpgrade(), false), s, at, quietly); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("somebody upgraded in between", func(t *testing.T) {
		c := running(t, nil)
		u := upgrade(t, c, now(t))
		theirs(t, c, 1, upValues+"more: 1\n")
		taken(t, c, u, "somebody else has changed release sv since it was shown: revision 2 is deployed")
	})
	t.Run("somebody upgraded afterwards", func(t *testing.T) {
		c := running(t, nil)
		u := upgrade(t, c, now(t))
		if err := u.Do(t.Context(), c, c.Hands(u.AccessUpgrade(), false), now(t), at, quietly); err != nil {
			t.Fatal(err)
		}
		theirs(t, c, 2, strings.Replace(migrating, "hunter3", "hunter4", 1))
		state, err := u.Look(t.Context(), c)
		if err != nil || !state.Done() || state.Taken == "" {
			t.Fatalf("%+v, %v", state, err)
		}
		var taken *Taken
		if err := u.Back(t.Context(), c, c.Hands(u.AccessBack(), false), at, quietly); !errors.As(err, &taken) {
			t.Errorf("it was taken back over somebody else's: %v", err)
		}
	})
	t.Run("somebody upgrades while it is done", func(t *testing.T) {
		// Their record has the name that ours is to have: only one of the two can make it.
		var c *kube.Cluster
		writes := 0
		c = running(t, func(r *http.Request) cut {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/secrets") {
				if writes++; writes == 1 {
					writes = 100
					theirs(t, c, 1, upValues+"more: 1\n")
				}
			}
			return never
		})
		u := upgrade(t, c, now(t))
		var taken *Taken
		if err := u.Do(t.Context(), c, c.Hands(u.AccessUpgrade(), false), now(t), at, quietly); !errors.As(err, &taken) || world(t, c) != asBefore {
			t.Errorf("%v, %s", err, world(t, c))
		}
	})
	t.Run("an object of another release", func(t *testing.T) {
		c := running(t, nil)
		u := upgrade(t, c, now(t))
		labels, annotations := Marks("scan", "sv")
		other, err := kube.Objects([]byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"new-only","namespace":"sv"}}`))
		if err != nil {
			t.Fatal(err)
		}
		p := u.Parts[slices.IndexFunc(u.Parts, func(p Touched) bool { return p.Name == "new-only" })]
		if err := c.Hands(u.AccessUpgrade(), false).Create(t.Context(), p.Place, other[0].Marked("sv", labels, annotations), "x"); err != nil {
			t.Fatal(err)
		}
		var taken *Taken
		if err := u.Do(t.Context(), c, c.Hands(u.AccessUpgrade(), false), now(t), at, quietly); !errors.As(err, &taken) || !strings.Contains(err.Error(), "of release scan") {
			t.Errorf("%v", err)
		}
		if _, err := Compare(t.Context(), c, standIn(t, 1, upValues), now(t)); !errors.As(err, &taken) {
			t.Errorf("%v", err)
		}
	})
	t.Run("what was not shown", func(t *testing.T) {
		c := running(t, nil)
		u := upgrade(t, c, now(t))
		u.Parts = slices.DeleteFunc(u.Parts, func(p Touched) bool { return p.Kind == "Deployment" })
		if err := u.Do(t.Context(), c, c.Hands(u.AccessUpgrade(), false), now(t), at, quietly); err == nil || history(t, c) != "1 deployed" {
			t.Errorf("%v, %s", err, history(t, c))
		}
	})
	t.Run("applied on the server's side", func(t *testing.T) {
		c := running(t, nil)
		u := upgrade(t, c, now(t))
		s := standIn(t, 1, upValues)
		if err := Upgradable(s); err != nil {
			t.Error(err)
		}
		s.rls.ApplyMethod, s.rls.Version = "ssa", 1
		s.rls.SetStatus(common.StatusDeployed, "Install complete")
		record := []kube.Access{secrets.Access("update", "sv", recordOf("sv", 1))}
		if err := newBook(t.Context(), c, c.Hands(record, false), "sv", "sv").update(s.rls); err != nil {
			t.Fatal(err)
		}
		var unusable *Unusable
		if err := u.Do(t.Context(), c, c.Hands(u.AccessUpgrade(), false), now(t), at, quietly); !errors.As(err, &unusable) || world(t, c) != asBefore || history(t, c) != "1 deployed" {
			t.Errorf("%v", err)
		}
	})
}

func TestPending(t *testing.T) {
	cuts := 0
	c := running(t, func(r *http.Request) cut {
		if r.Method != http.MethodPatch {
			return never
		}
		cuts++
		return unheard
	})
	now := standIn(t, 2, migrating)
	u := upgrade(t, c, now)
	u.Mark = "theirs"
	if err := u.Do(t.Context(), c, c.Hands(u.AccessUpgrade(), false), now, at, quietly); err == nil || cuts != 1 {
		t.Fatal(err, cuts)
	}
	list, err := In(c, "sv").Pending(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	p := list[0]
	if p.Name != "sv" || p.Revision != 2 || p.Status != "pending-upgrade" || !p.Since.Equal(at) || p.Deployed != 1 || p.Description != "theirs upgrading for migration ID 4" {
		t.Errorf("%+v", p)
	}
	ours := upgrade(t, c, now)
	ours.Newest = 2
	var taken *Taken
	if err := ours.Do(t.Context(), c, c.Hands(ours.AccessUpgrade(), false), now, at, quietly); !errors.As(err, &taken) || !strings.Contains(err.Error(), "pending-upgrade") {
		t.Errorf("over one that is pending: %v", err)
	}
	for range 2 {
		if err := p.Fail(t.Context(), c, c.Hands(p.AccessFail(), false), "svrescue run r-1:"); err != nil {
			t.Fatal(err)
		}
		if h := history(t, c); h != "1 deployed, 2 failed" {
			t.Fatal(h)
		}
	}
	if list, err := In(c, "sv").Pending(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	moved := p
	moved.Revision = 1
	if err := moved.Fail(t.Context(), c, c.Hands(moved.AccessFail(), false), "x"); !errors.As(err, &taken) {
		t.Errorf("an older one: %v", err)
	}
}
