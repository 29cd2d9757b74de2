package release

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2"
	status "helm.sh/helm/v4/pkg/release/common"
	rspb "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"

	"k8s.io/utils/clock"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
)

const made = `---
# Source: splice-scan/templates/claim.yaml
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: scan-data
  annotations: {helm.sh/resource-policy: keep}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Service
metadata: {name: scan-app}
spec: {selector: {app: scan-app}, ports: [{name: http, port: 5012}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: scan-app, labels: {app: scan-app}}
spec:
  replicas: 1
  selector: {matchLabels: {app: scan-app}}
  template:
    metadata: {labels: {app: scan-app}}
    spec:
      containers:
      - name: scan-app
        image: scan
        env:
        - {name: PGPASSWORD, valueFrom: {secretKeyRef: {name: apps-pg-secret, key: postgresPassword}}}
`

// scan is what Helm keeps of a release of revision 7, written by Helm's own driver.
func scan(t *testing.T) Stored {
	t.Helper()
	s := &store{t: t}
	err := driver.NewSecrets(s).Create("k", &rspb.Release{Name: "scan", Version: 7, Namespace: "sv", Manifest: made,
		Config: map[string]any{"password": "hunter2"},
		Chart: &v2.Chart{Metadata: &v2.Metadata{Name: "splice-scan", Version: "0.6.4", AppVersion: "0.6.4"},
			Templates: []*common.File{{Name: "templates/x.yaml", Data: []byte("x")}}},
		Hooks: []*rspb.Hook{{Name: "migrate", Kind: "Job", Events: []rspb.HookEvent{rspb.HookPreInstall}}},
		Info:  &rspb.Info{Status: status.StatusDeployed, Description: "Upgrade complete"}})
	if err != nil {
		t.Fatal(err)
	}
	stored, err := Decode(secret.New(string(s.kept[0].Data["release"])))
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// Where a connection ends.
type cut int

const (
	never cut = iota
	unheard
	unanswered // the request took effect
)

// place is a simulated cluster with an empty namespace sv; ends is asked about every request.
func place(t *testing.T, ends func(*http.Request) cut) *kube.Cluster {
	t.Helper()
	world := sim.New(sim.Options{Clock: clock.RealClock{}})
	if err := world.LoadYAML([]byte(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"sv"}}`)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		end := never
		if ends != nil {
			end = ends(r)
		}
		switch end {
		case unheard:
			panic(http.ErrAbortHandler)
		case unanswered:
			world.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		world.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	config := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(config, sim.Kubeconfig(server.URL, "admin", nil, "sv"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := kube.Connect(kube.Target{Kubeconfig: config}, kube.Options{QPS: 1000, Burst: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func installation(t *testing.T, c *kube.Cluster, s Stored) Installation {
	t.Helper()
	parts, err := s.Rendered(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return Installation{Name: s.Name, Namespace: s.Namespace, Parts: parts, Mark: "svrescue run r-1:"}
}

func quietly(int, string) {}

var at = time.Date(2026, 5, 1, 3, 0, 0, 0, time.UTC)

func TestStored(t *testing.T) {
	s := scan(t)
	if s.Name != "scan" || s.Revision != 7 || s.Chart != "splice-scan" || !s.HasChart() || s.Values.Reveal() != "password: hunter2\n" {
		t.Errorf("%+v", s)
	}
	if h := s.Hooks(); len(h) != 1 || h[0] != "Job/migrate (pre-install)" {
		t.Errorf("%v", h)
	}
	for _, text := range []string{"", "!!", "aGVsbG8="} {
		if _, err := Decode(secret.New(text)); err == nil || strings.Contains(err.Error(), "hello") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestInstall(t *testing.T) {
	c, s := place(t, nil), scan(t)
	i := installation(t, c, s)
	if len(i.Parts) != 3 || i.Parts[2].Access("create", "sv", "scan-app").String() != "create deployments.apps sv/scan-app" || !i.Parts[0].Keep {
		t.Fatalf("%+v", i.Parts)
	}
	if n, err := i.Try(t.Context(), c, c.Hands(i.AccessInstall(), true), s); err != nil || n != 3 {
		t.Fatalf("tried %d: %v", n, err)
	}
	if state, err := i.Look(t.Context(), c); err != nil || len(state.There) != 0 || state.Record != "" {
		t.Fatalf("a trial left %+v, %v", state, err)
	}
	if err := i.Do(t.Context(), c, c.Hands(i.AccessInstall(), false), s, at, quietly); err != nil {
		t.Fatal(err)
	}
	if state, err := i.Look(t.Context(), c); err != nil || !state.Done() {
		t.Fatalf("%+v, %v", state, err)
	}
	list, err := In(c, "sv").List(t.Context())
	if err != nil || len(list) != 1 || list[0].Revision != 1 || list[0].Deployed != 1 || list[0].Values.Reveal() != "password: hunter2\n" || !list[0].Updated.Equal(at) {
		t.Fatalf("%+v, %v", list, err)
	}
	w, ok, err := c.Workload(t.Context(), kube.Deployment, "sv", "scan-app")
	if err != nil || !ok || !Owned(w.Meta, "scan", "sv") {
		t.Errorf("%+v, %v", w, err)
	}
	if err := i.Undo(t.Context(), c, c.Hands(i.AccessUninstall(), false), quietly); err != nil {
		t.Fatal(err)
	}
	state, err := i.Look(t.Context(), c)
	if err != nil || state.Record != "" || !slices.Equal(state.There, []string{"PersistentVolumeClaim/scan-data"}) {
		t.Errorf("after the undo: %+v, %v", state, err)
	}
}

// TestInstallAgain ends the connection at every write, before and after it took effect, and installs again.
func TestInstallAgain(t *testing.T) {
	for point := 1; point <= 5; point++ {
		for _, how := range []cut{unheard, unanswered} {
			writes := 0
			c := place(t, func(r *http.Request) cut {
				if r.Method == http.MethodGet {
					return never
				}
				if writes++; writes == point {
					return how
				}
				return never
			})
			s := scan(t)
			i := installation(t, c, s)
			if err := i.Do(t.Context(), c, c.Hands(i.AccessInstall(), false), s, at, quietly); err == nil {
				t.Fatalf("cut at write %d was not noticed", point)
			}
			state, err := i.Look(t.Context(), c)
			if err != nil || state.Done() != (point == 5 && how == unanswered) {
				t.Fatalf("cut at write %d: %+v, %v", point, state, err)
			}
			if err := i.Do(t.Context(), c, c.Hands(i.AccessInstall(), false), s, at, quietly); err != nil {
				t.Fatalf("cut at write %d: %v", point, err)
			}
			if state, err := i.Look(t.Context(), c); err != nil || !state.Done() {
				t.Errorf("cut at write %d: %+v, %v", point, state, err)
			}
		}
	}
}

func TestInstallRefuses(t *testing.T) {
	s := scan(t)
	t.Run("an object of somebody else", func(t *testing.T) {
		c := place(t, nil)
		i := installation(t, c, s)
		other, err := kube.Objects([]byte(`{"apiVersion":"v1","kind":"Service","metadata":{"name":"scan-app","namespace":"sv"},"spec":{"ports":[{"port":1}]}}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Hands(i.AccessInstall(), false).Create(t.Context(), i.Parts[1].Place, other[0], "somebody"); err != nil {
			t.Fatal(err)
		}
		refused(t, i, c, s, "Service/scan-app")
	})
	t.Run("a release of another run", func(t *testing.T) {
		c := place(t, nil)
		other := installation(t, c, s)
		other.Mark = "svrescue run r-0:"
		if err := other.Do(t.Context(), c, c.Hands(other.AccessInstall(), false), s, at, quietly); err != nil {
			t.Fatal(err)
		}
		refused(t, installation(t, c, s), c, s, "a release scan is there already")
	})
	t.Run("what was not shown", func(t *testing.T) {
		c := place(t, nil)
		i := installation(t, c, s)
		i.Parts = i.Parts[:2]
		if err := i.Do(t.Context(), c, c.Hands(i.AccessInstall(), false), s, at, quietly); err == nil {
			t.Error("a release with an object that was not shown was installed")
		}
		i = installation(t, c, s)
		access := slices.DeleteFunc(i.AccessInstall(), func(a kube.Access) bool { return a.Resource == "deployments" })
		err := i.Do(t.Context(), c, c.Hands(access, false), s, at, quietly)
		if kube.KindOf(err) != kube.Refused {
			t.Errorf("the guard let the deployment pass: %v", err)
		}
	})
}

func refused(t *testing.T, i Installation, c *kube.Cluster, s Stored, what string) {
	t.Helper()
	var taken *Taken
	for name, do := range map[string]func() error{
		"trial": func() error { _, err := i.Try(t.Context(), c, c.Hands(i.AccessInstall(), true), s); return err },
		"do": func() error {
			return i.Do(context.WithoutCancel(t.Context()), c, c.Hands(i.AccessInstall(), false), s, at, quietly)
		},
	} {
		if err := do(); !errors.As(err, &taken) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
