package releases

import (
	"context"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

const svTemplate = `apiVersion: v1
kind: Service
metadata: {name: sv-app}
spec: {selector: {app: sv-app}, ports: [{name: http, port: 5014}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: sv-app, labels: {app: sv-app}}
spec:
  replicas: 1
  selector: {matchLabels: {app: sv-app}}
  template:
    metadata: {labels: {app: sv-app}}
    spec:
      containers:
      - name: sv-app
        image: sv
        env:
        - {name: MIGRATION_ID, value: {{ .Values.migration.id | quote }}}
        - {name: DB_PASSWORD, value: {{ .Values.password | quote }}}
        - {name: PGPASSWORD, valueFrom: {secretKeyRef: {name: apps-pg-secret, key: postgresPassword}}}
        {{- with .Values.additionalEnvVars }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- if .Values.migration.migrating }}
        - name: ADDITIONAL_CONFIG_SV_ONBOARDING
          value: canton.sv-apps.sv.onboarding.type = domain-migration
        {{- end }}
`

const domainTemplate = `apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}-sequencer, labels: {app: {{ .Release.Name }}-sequencer}}
spec:
  replicas: 1
  selector: {matchLabels: {app: {{ .Release.Name }}-sequencer}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}-sequencer}}
    spec:
      containers:
      - name: sequencer
        image: {{ .Values.image | quote }}
        env:
        - {name: DATABASE, value: {{ .Values.sequencer.persistence.databaseName | quote }}}
        - {name: RETAIN, value: {{ .Values.retain | quote }}}
---
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}-sequencer}
spec: {selector: {app: {{ .Release.Name }}-sequencer}, ports: [{name: public, port: 5008}]}
`

const (
	svValues     = "migration: {id: \"3\"}\npassword: hunter2\nadditionalEnvVars: [{name: MINE, value: kept}]\nextra: {of: another file}\n"
	domainValues = "sequencer: {persistence: {databaseName: sequencer_3}}\nimage: sequencer\nretain: 5040000\n"
)

// rig is a cluster in which sv and global-domain-3 were installed by somebody, of charts that lie in a folder.
type rig struct {
	*testing.T
	world  steps.World
	charts string
	files  *memory
	// answers is asked before each write; true: the connection ends, and after tells whether the request took effect.
	ends func(*http.Request) (cut, after bool)
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, charts: t.TempDir(), files: &memory{files: map[string][]byte{}}}
	server := sim.New(sim.Options{Clock: clock.RealClock{}})
	if err := server.LoadYAML([]byte(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"sv"}}`)); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if r.ends != nil && q.Method != http.MethodGet {
			if cut, after := r.ends(q); cut {
				if after {
					server.ServeHTTP(httptest.NewRecorder(), q)
				}
				panic(http.ErrAbortHandler)
			}
		}
		server.ServeHTTP(w, q)
	}))
	t.Cleanup(web.Close)
	config := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(config, sim.Kubeconfig(web.URL, "admin", nil, "sv"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := kube.Connect(kube.Target{Kubeconfig: config}, kube.Options{QPS: 1000, Burst: 1000})
	if err != nil {
		t.Fatal(err)
	}
	r.world = steps.World{Kube: c, Clock: clock.RealClock{}, Files: r.files}
	r.chart("splice-sv-node", "0.6.1", svTemplate)
	r.chart("splice-global-domain", "0.6.1", domainTemplate)
	r.install("sv", "splice-sv-node", svValues)
	r.install("global-domain-3", "splice-global-domain", domainValues)
	return r
}

func (r *rig) chart(name, version, template string) {
	r.Helper()
	for file, text := range map[string]string{"Chart.yaml": "apiVersion: v2\nname: " + name + "\nversion: " + version + "\n", "templates/all.yaml": template} {
		path := filepath.Join(r.charts, name+"-"+version, file)
		r.ok(os.MkdirAll(filepath.Dir(path), 0o700))
		r.ok(os.WriteFile(path, []byte(text), 0o600))
	}
}

func (r *rig) install(name, chart, values string) {
	r.Helper()
	have, err := release.Charts(r.charts)
	r.ok(err)
	c, err := charts.Pick(have, "0.6.1", chart)
	r.ok(err)
	v, err := release.ReadValues([]byte(values))
	r.ok(err)
	offers, err := r.world.Kube.Offers(r.Context())
	r.ok(err)
	s, err := c.Render(r.Context(), name, "sv", v, offers)
	r.ok(err)
	parts, err := s.Rendered(r.Context(), r.world.Kube)
	r.ok(err)
	i := release.Installation{Name: name, Namespace: "sv", Parts: parts, Mark: "somebody"}
	r.ok(i.Do(r.Context(), r.world.Kube, r.world.Kube.Hands(i.AccessInstall(), false), s.Stored, time.Now(), func(int, string) {}))
}

func (r *rig) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) running(name string) Running {
	r.Helper()
	all, err := InForce(r.Context(), r.world, "sv")
	r.ok(err)
	x, err := Named(all, name)
	r.ok(err)
	return x
}

func (r *rig) derive(want Want) Derived {
	r.Helper()
	d, err := Derive(r.Context(), r.world, r.running(want.Release), want)
	r.ok(err)
	return d
}

// hands are what the engine gives an action: its references bound what they may do.
func (r *rig) hands(a steps.Action, dry bool) steps.Hands {
	var allowed []kube.Access
	for _, ref := range a.Refs() {
		if ref.Kube != nil {
			allowed = append(allowed, *ref.Kube)
		}
	}
	return steps.Hands{World: r.world, Kube: r.world.Kube.Hands(allowed, dry), Files: r.files}
}

func (r *rig) do(a steps.Action) error {
	return a.Do(context.WithoutCancel(r.Context()), r.hands(a, false), func(wire.Progress) {})
}

func (r *rig) state(a steps.Action) wire.ActionState {
	r.Helper()
	s, _, err := a.Probe(r.Context(), r.world)
	r.ok(err)
	return s
}

// env are the variables of a Deployment's first container: "MIGRATION_ID=3 ...".
func (r *rig) env(name string) string {
	r.Helper()
	w, ok, err := r.world.Kube.Workload(r.Context(), kube.Deployment, "sv", name)
	r.ok(err)
	if !ok {
		return "not there"
	}
	var all []string
	for _, e := range w.Containers[0].Env {
		all = append(all, e.Name+"="+e.Value+e.From)
	}
	return strings.Join(all, " ")
}

// memory are the artifacts of a run.
type memory struct {
	sync.Mutex
	files map[string][]byte
}

func (m *memory) Read(name string) ([]byte, error) {
	m.Lock()
	defer m.Unlock()
	if data, ok := m.files[name]; ok {
		return data, nil
	}
	return nil, fs.ErrNotExist
}

func (m *memory) Write(name string, data []byte) error {
	m.Lock()
	defer m.Unlock()
	m.files[name] = data
	return nil
}

func (m *memory) Open(string) (io.ReadCloser, error)         { return nil, fs.ErrNotExist }
func (m *memory) Room() (int64, error)                       { return 1 << 30, nil }
func (m *memory) Create(string, func(io.Writer) error) error { return fs.ErrInvalid }
