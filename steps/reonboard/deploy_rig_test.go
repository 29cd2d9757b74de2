package reonboard

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"canton.example/svrescue/internal/pipes"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	"k8s.io/utils/clock"
)

// deployRig is a simulated cluster in the bubble of a test, with what the deploying steps may see of it.
type deployRig struct {
	t     *testing.T
	sim   *sim.Server
	world steps.World
	files memory
	apps  *talkers
	data  servers
	facts Facts
}

// servers are the names of the databases by their server.
type servers map[string][]string

// deployDatabases answers for PostgreSQL servers.
type deployDatabases struct {
	steps.DatabaseReader // nil: nothing but Databases is asked
	have                 servers
}

func (d deployDatabases) Databases(_ context.Context, s postgres.Server) ([]postgres.Stored, string, error) {
	var all []postgres.Stored
	for _, name := range d.have[s.String()] {
		all = append(all, postgres.Stored{Name: name})
	}
	return all, "14.1", nil
}

// classYAML is a storage class, and nothing else is there.
const classYAML = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: csi.example
volumeBindingMode: Immediate
reclaimPolicy: Delete
`

// newDeployRig serves a cluster with these objects. Call it inside a bubble.
func newDeployRig(t *testing.T, objects string) *deployRig {
	t.Helper()
	server := sim.New(sim.Options{Clock: clock.RealClock{}, Seed: 1, Users: map[string]sim.User{"token": {Name: "operator", Admin: true}}})
	if err := server.LoadYAML([]byte(classYAML + "---\n" + objects)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	l := pipes.Listen()
	web := &http.Server{Handler: server}
	ended := make(chan struct{})
	go func() { server.Run(ctx); close(ended) }()
	go web.Serve(l)
	t.Cleanup(func() { stop(); <-ended; web.Close() })
	config := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(config, sim.Kubeconfig("http://127.0.0.1:1", "token", nil, "sv"), 0o600); err != nil {
		t.Fatal(err)
	}
	cluster, err := kube.Connect(kube.Target{Kubeconfig: config}, kube.Options{Clock: clock.RealClock{}, Dial: l.Dial, QPS: 10000, Burst: 10000})
	if err != nil {
		t.Fatal(err)
	}
	r := &deployRig{t: t, sim: server, files: memory{}, apps: &talkers{answers: map[string]string{}}, data: servers{}}
	r.world = steps.World{Kube: cluster, Clock: clock.RealClock{}, Files: r.files, Apps: r.apps, Databases: deployDatabases{have: r.data}}
	return r
}

// hands may do what the action's references cover.
func (r *deployRig) hands(a steps.Action, dry bool) steps.Hands {
	var accesses []kube.Access
	var files []string
	for _, ref := range a.Refs() {
		if ref.Kube != nil {
			accesses = append(accesses, *ref.Kube)
		} else {
			files = append(files, ref.File)
		}
	}
	return steps.Hands{World: r.world, Kube: r.world.Kube.Hands(accesses, dry), Files: only{r.files, files}}
}

// do sends an action as the engine would, and proves it by its probe.
func (r *deployRig) do(a steps.Action) error {
	r.t.Helper()
	if err := a.Do(r.t.Context(), r.hands(a, false), func(wire.Progress) {}); err != nil {
		return err
	}
	if state, evidence, err := a.Probe(r.t.Context(), r.world); err != nil || state != wire.ActionDone {
		r.t.Fatalf("%s: after it was sent its probe says %q %v, %v", a.Key(), state, evidence, err)
	}
	return nil
}

// answer gives the answers to the questions of a step, until there is none.
func (r *deployRig) answer(s steps.Step[Facts], answers map[string]string) {
	r.t.Helper()
	for range 40 {
		questions, err := s.Inputs(r.t.Context(), r.world, r.facts)
		if err != nil {
			r.t.Fatal(err)
		}
		if len(questions) == 0 {
			return
		}
		q := questions[0]
		value, ok := answers[q.Name]
		if !ok {
			value = q.Default
		}
		if value == "" {
			r.t.Fatalf("%s has no answer and no default", q.Name)
		}
		if !slices.ContainsFunc(s.Asks, func(a steps.Ask) bool { return a.Name == q.Name && a.Kind == q.Kind }) {
			r.t.Errorf("%s is asked and not declared", q.Name)
		}
		if err := s.Take(&r.facts, q.Name, value); err != nil {
			r.t.Fatalf("%s: %v", q.Name, err)
		}
	}
	r.t.Fatal("the questions never end")
}

// carry sends what a step plans, and proves it. The facts go through JSON, as between processes.
func (r *deployRig) carry(s steps.Step[Facts]) ([]wire.Finding, error) {
	r.t.Helper()
	r.journal()
	if s.Plan != nil {
		actions, err := s.Plan(r.facts)
		if err != nil {
			return nil, err
		}
		for _, a := range actions {
			if err := r.do(a); err != nil {
				return nil, err
			}
		}
	}
	found, err := s.Verify(r.t.Context(), r.world, &r.facts)
	r.journal()
	return found, err
}

func (r *deployRig) journal() {
	r.t.Helper()
	data, err := json.Marshal(r.facts)
	if err != nil {
		r.t.Fatal(err)
	}
	if strings.Contains(string(data), canarySecret) {
		r.t.Error("a secret is in the facts")
	}
	r.facts = Facts{}
	if err := json.Unmarshal(data, &r.facts); err != nil {
		r.t.Fatal(err)
	}
}

// secret makes a Secret as an operator would.
func (r *deployRig) secret(ns, name string, keys ...string) {
	r.t.Helper()
	text := "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + ", namespace: " + ns + "}\nstringData:\n"
	for _, k := range keys {
		text += "  " + k + ": " + canarySecret + "\n"
	}
	if err := r.sim.LoadYAML([]byte(text)); err != nil {
		r.t.Fatal(err)
	}
}

// canarySecret is in every Secret, and nowhere else.
const canarySecret = "canary-1f0a9Q"

// identitiesInRun puts identities into the run.
func (r *deployRig) identitiesInRun() {
	data := []byte(`{"id":"PAR::Acme-SV::1220aa","keys":["` + canarySecret + `"],"authorizedStoreSnapshot":""}`)
	sum := sha256.Sum256(data)
	r.files[IdentitiesFile] = data
	r.facts.Identities = &Identities{Participant: "PAR::Acme-SV::1220aa", SHA256: hex.EncodeToString(sum[:])}
}

// memory are the artifacts of a run.
type memory map[string][]byte

func (m memory) Read(name string) ([]byte, error) {
	if data, ok := m[name]; ok {
		return data, nil
	}
	return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

func (m memory) Open(name string) (io.ReadCloser, error) {
	data, err := m.Read(name)
	return io.NopCloser(bytes.NewReader(data)), err
}

func (m memory) Room() (int64, error) { return 1 << 40, nil }

// only writes what references name.
type only struct {
	memory
	names []string
}

func (o only) Write(name string, data []byte) error {
	if !slices.ContainsFunc(o.names, func(n string) bool { return n == name || strings.HasSuffix(n, "/") && strings.HasPrefix(name, n) }) {
		return errors.New("not sent: " + name)
	}
	o.memory[name] = data
	return nil
}

func (o only) Create(name string, content func(io.Writer) error) error {
	var b bytes.Buffer
	if err := content(&b); err != nil {
		return err
	}
	return o.Write(name, b.Bytes())
}

// talkers answer for apps: by the name of a peer's host, or of an app, and the path. An app without answers is away.
type talkers struct {
	mu      sync.Mutex
	answers map[string]string
}

func (a *talkers) set(at, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answers[at] = text
}

func (a *talkers) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.answers)
}

func (a *talkers) over(name string) http.RoundTripper {
	return roundTrip(func(q *http.Request) (*http.Response, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		body, ok := a.answers[name+" "+q.URL.Path]
		if !ok {
			body, ok = a.answers["* "+q.URL.Path]
		}
		code := http.StatusOK
		if !ok {
			code, body = http.StatusServiceUnavailable, `{"error":"away"}`
		}
		return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: q}, nil
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }

func (a *talkers) settings(name string) svapp.Settings {
	return svapp.Settings{Way: svapp.Way{Name: name, Base: "https://" + name, Through: a.over(name)}, Timeout: time.Second}
}

func (a *talkers) Scan(_ context.Context, address string, ask func(*svapp.Scan) error) error {
	s, err := svapp.NewScan(a.settings(strings.TrimPrefix(address, "https://")))
	if err != nil {
		return err
	}
	return ask(s)
}

func (a *talkers) SV(_ context.Context, app steps.App, ask func(*svapp.SV) error) error {
	s, err := svapp.NewSV(a.settings(app.Namespace + ".sv-app"))
	if err != nil {
		return err
	}
	return ask(s)
}

func (a *talkers) Validator(_ context.Context, app steps.App, ask func(*svapp.Validator) error) error {
	set := a.settings(app.Namespace + ".validator-app")
	if app.Login != "" {
		tokens, err := svapp.TokenFrom("the test", strings.NewReader("a-token"))
		if err != nil {
			return err
		}
		set.Tokens = tokens
	}
	v, err := svapp.NewValidator(set)
	if err != nil {
		return err
	}
	return ask(v)
}

func (a *talkers) Token(context.Context, steps.App) (svapp.Token, error) { return svapp.Token{}, nil }

// dsoJSON is what a scan says of the DSO: the SVs and the offboarded, each NAME PARTY PARTICIPANT.
func dsoJSON(svs, offboarded [][3]string) string {
	list := func(members [][3]string) []any {
		all := []any{}
		for _, m := range members {
			all = append(all, []any{m[1], map[string]any{"name": m[0], "participantId": m[2]}})
		}
		return all
	}
	data, _ := json.Marshal(map[string]any{"sv_user": "u", "sv_party_id": "x::1220", "dso_party_id": "DSO::1220dd", "voting_threshold": 2,
		"latest_mining_round": map[string]any{"contract": map[string]any{"contract_id": "r", "payload": map[string]any{}}}, "sv_node_states": []any{},
		"dso_rules": map[string]any{"contract": map[string]any{"contract_id": "d", "payload": map[string]any{"svs": list(svs), "offboardedSvs": list(offboarded)}}}})
	return string(data)
}

// chartsAt lays stand-in charts into a folder: they have the names and the objects of the documentation. Nothing of them is from Splice.
func chartsAt(t *testing.T, version string, names ...string) string {
	t.Helper()
	folder := t.TempDir()
	for _, name := range names {
		for file, text := range map[string]string{"Chart.yaml": "apiVersion: v2\nname: " + name + "\nversion: " + version + "\nappVersion: " + version + "\n", "templates/all.yaml": standIns[name]} {
			path := filepath.Join(folder, name, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return folder
}

const standInApp = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: {{ .Release.Namespace }}, labels: {app: %[1]s}}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers:
      - name: %[2]s
        image: i
        env:
        - {name: PGPASSWORD, valueFrom: {secretKeyRef: {name: {{ .Values.persistence.secretName }}, key: postgresPassword}}}
%[3]s
`

var standIns = map[string]string{
	"splice-postgres": `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}, labels: {app: {{ .Release.Name }}}}
spec:
  replicas: 1
  serviceName: {{ .Release.Name }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      containers:
      - name: {{ .Release.Name }}
        image: postgres:14
        env:
        - {name: POSTGRES_PASSWORD, valueFrom: {secretKeyRef: {name: {{ .Values.persistence.secretName }}, key: postgresPassword}}}
        volumeMounts: [{name: pg-data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: pg-data}
    spec: {accessModes: [ReadWriteOnce], storageClassName: {{ .Values.db.volumeStorageClass }}, resources: {requests: {storage: {{ .Values.db.volumeSize }}}}}
`,
	"splice-participant": fmt.Sprintf(standInApp, "{{ .Release.Name }}", "participant", `        - {name: CANTON_PARTICIPANT_POSTGRES_DB, value: {{ .Values.persistence.databaseName }}}
        - {name: CANTON_PARTICIPANT_ADMIN_USER_NAME, valueFrom: {secretKeyRef: {name: {{ .Values.participantAdminUserNameFrom.secretKeyRef.name }}, key: ledger-api-user}}}`),
	"splice-validator": fmt.Sprintf(standInApp, "validator-app", "validator-app", `        - {name: SPLICE_APP_VALIDATOR_PARTICIPANT_IDENTIFIER, value: {{ .Values.nodeIdentifier | quote }}}
        - {name: SPLICE_APP_VALIDATOR_PARTY_HINT, value: {{ .Values.validatorPartyHint | quote }}}
        - {name: CLIENT, valueFrom: {secretKeyRef: {name: splice-app-validator-ledger-api-auth, key: client-id}}}
{{- with .Values.participantIdentitiesDumpImport }}
        volumeMounts: [{name: dump, mountPath: /participant-bootstrapping-dump}]
      volumes: [{name: dump, secret: {secretName: {{ .secretName }}}}]
{{- end }}`),
}

func init() {
	app := func(name string) string {
		return fmt.Sprintf(standInApp, name, "main", "        - {name: NOTHING, value: nothing}")
	}
	standIns["splice-cometbft"] = strings.Replace(strings.Replace(app("{{ .Values.node.identifier }}"), "{{ .Values.persistence.secretName }}", "{{ .Values.node.keysSecret }}", 1), "key: postgresPassword", "key: node_key.json", 1) +
		"---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: {{ .Values.node.identifier }}-cometbft-data, annotations: {helm.sh/resource-policy: keep, sync: {{ .Values.stateSync.enable | quote }}}}\nspec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 1Gi}}}\n"
	standIns["splice-global-domain"] = app("{{ .Release.Name }}-sequencer") + "---" + app("{{ .Release.Name }}-mediator")
	standIns["splice-sv-node"] = strings.Replace(app("sv-app"), "name: NOTHING, value: nothing", `name: IMPORT, value: {{ .Values.participantIdentitiesDumpImport | toJson | quote }}`, 1)
	standIns["splice-scan"] = app("scan-app")
}

// verdictOf is that of a finding, and its text.
func verdictOf(t *testing.T, found []wire.Finding, id string) (wire.Verdict, string) {
	t.Helper()
	i := slices.IndexFunc(found, func(f wire.Finding) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("no finding %q in %v", id, found)
	}
	return found[i].Verdict, found[i].Text
}

// packedChart is a stand-in chart as `helm pull` leaves it.
func packedChart(t *testing.T, name, version string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for _, file := range [][2]string{{"Chart.yaml", "apiVersion: v2\nname: " + name + "\nversion: " + version + "\nappVersion: " + version + "\n"}, {"templates/all.yaml", standIns[name]}} {
		if err := w.WriteHeader(&tar.Header{Name: name + "/" + file[0], Mode: 0o600, Size: int64(len(file[1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(file[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
