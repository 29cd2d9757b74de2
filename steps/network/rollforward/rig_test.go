package rollforward

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/internal/pipes"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	appsim "canton.example/svrescue/svapp/sim"
	"k8s.io/utils/clock"
)

const (
	ownName  = "Acme-SV"
	ownPrint = "1220aaaaaaaaaaaa"
	ownParty = ownName + "::" + ownPrint
	dsoParty = "DSO::1220dddddddddddd"
)

// lastBlock is how long before the beginning of a test the chain has made its last block.
const lastBlock = 2 * time.Hour

// rig is a simulated cluster with a node whose network stands still, in the bubble of a test.
type rig struct {
	t      *testing.T
	sim    *sim.Server
	world  steps.World
	files  *memory
	charts string // folder with the stand-in charts
	pods   *fakePods
	apps   *fakeApps
	stood  time.Time      // when the network ended
	tells  map[string]any // what scans answer of upgrades, by path
}

// telling answers some paths, and leaves others to another handler; nil: as one that is absent.
func telling(tells map[string]any, other http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := tells[r.URL.Path]
		if !ok {
			other.ServeHTTP(w, r)
			return
		}
		if body == nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(body)
	})
}

// newRig makes a world; release is that of the charts.
func newRig(t *testing.T, release string) *rig { return newRigOf(t, release, false) }

// newRigOf makes a world; bare has no node in it.
func newRigOf(t *testing.T, release string, bare bool) *rig {
	t.Helper()
	now := time.Now().UTC()
	r := &rig{t: t, files: &memory{files: map[string][]byte{}, room: 50 << 30}, stood: now.Add(-lastBlock)}
	r.sim = sim.New(sim.Options{Clock: clock.RealClock{}, Seed: 1, Users: map[string]sim.User{"token": {Name: "operator", Admin: true}}})
	o := sim.NodeOptions{Namespace: "sv", SVName: ownName, Network: "MainNet", Release: release, MigrationID: 3, SerialID: 4, Start: now}
	s, err := o.Scenario()
	if err != nil {
		t.Fatal(err)
	}
	s.Objects += helmRecord(t, "sv", "splice-sv-node", release, map[string]any{"onboardingName": ownName}) +
		helmRecord(t, "comet", "splice-cometbft", release, map[string]any{"genesis": map[string]any{"chainId": "MainNet-4"}}) + "\n---\n"
	if bare {
		s = sim.Scenario{Objects: `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"sv"}}`}
	}
	if err := r.sim.LoadScenario(s); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	l := pipes.Listen()
	web := &http.Server{Handler: r.sim}
	ended := make(chan struct{})
	go func() { r.sim.Run(ctx); close(ended) }()
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
	r.tells = map[string]any{"/api/scan/v0/lsu": map[string]any{}, "/api/scan/v0/roll-forward-lsu": map[string]any{}, "/api/scan/v0/active-synchronizer-serial": map[string]any{"serial": 4}}
	reached := func() (time.Time, time.Time, int) { return r.stood, r.stood.Add(-24 * time.Hour), 0 }
	app := func(base string) http.Handler {
		return appsim.App{Base: base, ID: "x", Version: release, Uptime: func() time.Duration { return time.Hour }, NotReady: func() string { return "" }, Network: r.network}.Handler()
	}
	r.pods = &fakePods{handlers: map[string]http.Handler{
		"sv-app:5014":                    app(appsim.SV),
		"scan-app:5012":                  telling(r.tells, app(appsim.Scan)),
		"global-domain-4-cometbft:26657": appsim.Comet{Network: "MainNet-4", Peers: 3, Lag: appsim.Lag{Floor: time.Nanosecond}, Times: reached}.Handler(),
		"global-domain-4-mediator:10013": appsim.Metrics{Part: "mediator", Lag: appsim.Lag{Floor: time.Nanosecond}, Times: reached}.Handler(),
		"participant:10013":              appsim.Metrics{Part: "participant", Lag: appsim.Lag{Floor: time.Nanosecond}, Times: reached}.Handler(),
	}}
	r.apps = &fakeApps{network: r.network, tells: r.tells}
	r.world = steps.World{Kube: cluster, Clock: clock.RealClock{}, Pods: r.pods, Apps: r.apps, Files: r.files}
	return r
}

// network is what all scans know: it stands still since the chain does.
func (r *rig) network() appsim.Network {
	n := appsim.Network{DSO: dsoParty, Synchronizer: "global-domain::1220dddddddddddd", MigrationID: 3, Threshold: 3, Round: 100, RoundAt: r.stood,
		SVs: []appsim.Member{{Name: ownName, Party: ownParty, Participant: "PAR::" + ownParty, ScanURL: "http://scan.acme.example"}}}
	for _, name := range []string{"Beta-SV", "Gamma-SV", "Delta-SV"} {
		n.SVs = append(n.SVs, appsim.Member{Name: name, Party: name + "::1220" + fmt.Sprintf("%x", name), ScanURL: "http://scan." + name + ".example"})
	}
	return n
}

// memory are artifacts in memory.
type memory struct {
	files map[string][]byte
	room  int64
}

func (m *memory) Read(name string) ([]byte, error) {
	if data, ok := m.files[name]; ok {
		return slices.Clone(data), nil
	}
	return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}
func (m *memory) Open(name string) (io.ReadCloser, error) {
	data, err := m.Read(name)
	return io.NopCloser(bytes.NewReader(data)), err
}
func (m *memory) Room() (int64, error) { return m.room, nil }

func (m *memory) only(refs []steps.Ref) steps.FileWriter { return guarded{m, refs} }

type guarded struct {
	*memory
	refs []steps.Ref
}

func (g guarded) Write(name string, data []byte) error {
	return g.Create(name, func(to io.Writer) error { _, err := to.Write(data); return err })
}

func (g guarded) Create(name string, content func(io.Writer) error) error {
	if !slices.ContainsFunc(g.refs, func(r steps.Ref) bool {
		return r.File == name || strings.HasSuffix(r.File, "/") && strings.HasPrefix(name, r.File)
	}) {
		return fmt.Errorf("%s was not shown", name)
	}
	var b bytes.Buffer
	if err := content(&b); err != nil {
		return err
	}
	g.files[name] = b.Bytes()
	return nil
}

// fakePods answer by "NAME:PORT" of the selector app=NAME.
type fakePods struct{ handlers map[string]http.Handler }

func (p *fakePods) Get(_ context.Context, _, selector string, port int, path string) ([]byte, error) {
	h := p.handlers[fmt.Sprintf("%s:%d", strings.TrimPrefix(selector, "app="), port)]
	if h == nil {
		return nil, errors.New("no pod is ready")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if w.Code != http.StatusOK {
		return nil, fmt.Errorf("%s: %w", path, steps.Answered(w.Code))
	}
	return w.Body.Bytes(), nil
}

// fakeApps are the scans of the others.
type fakeApps struct {
	network func() appsim.Network
	silent  bool           // the scans of the others do not answer
	tells   map[string]any // what they answer of upgrades, by path
}

func (a *fakeApps) Scan(_ context.Context, address string, ask func(*svapp.Scan) error) error {
	if a.silent {
		return errors.New("no route to " + address)
	}
	h := telling(a.tells, appsim.App{Base: appsim.Scan, Network: a.network, NotReady: func() string { return "" }}.Handler())
	scan, err := svapp.NewScan(svapp.Settings{Way: svapp.Way{Name: "test", Base: "http://scan", Through: handlerWay{h}, Private: true}})
	if err != nil {
		return err
	}
	return ask(scan)
}

func (a *fakeApps) SV(context.Context, steps.App, func(*svapp.SV) error) error {
	return errors.New("not asked here")
}

func (a *fakeApps) Validator(context.Context, steps.App, func(*svapp.Validator) error) error {
	return errors.New("not asked here")
}
func (a *fakeApps) Token(context.Context, steps.App) (svapp.Token, error) {
	return svapp.Token{}, errors.New("not asked here")
}

type handlerWay struct{ http.Handler }

func (h handlerWay) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// helmRecord is a release record of Helm's.
func helmRecord(t *testing.T, name, chart, version string, values map[string]any) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"name": name, "namespace": "sv", "version": 1, "config": values, "info": map[string]any{"status": "deployed"},
		"chart": map[string]any{"metadata": map[string]any{"name": chart, "version": version, "apiVersion": "v2"}}})
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(body); err != nil {
		t.Fatal(err)
	}
	zip.Close()
	inner := base64.StdEncoding.EncodeToString(packed.Bytes())
	return fmt.Sprintf("\n---\napiVersion: v1\nkind: Secret\ntype: helm.sh/release.v1\nmetadata:\n  name: sh.helm.release.v1.%s.v1\n  namespace: sv\n"+
		"  labels: {owner: helm, name: %s, status: deployed, version: \"1\"}\ndata: {release: %s}\n", name, name, base64.StdEncoding.EncodeToString([]byte(inner)))
}

// said are the findings as "verdict id".
func said(found []wire.Finding) string {
	var all []string
	for _, f := range found {
		all = append(all, string(f.Verdict)+" "+f.ID)
	}
	return strings.Join(all, ", ")
}

func find(t *testing.T, found []wire.Finding, id string) wire.Finding {
	t.Helper()
	i := slices.IndexFunc(found, func(f wire.Finding) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("no finding %q: %s", id, said(found))
	}
	return found[i]
}
