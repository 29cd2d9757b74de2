package network

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
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"canton.example/svrescue/internal/pipes"
	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/kube/upload"
	"canton.example/svrescue/kube/upload/podfiles"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reach"
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
	pods   *fakePods
	apps   *fakeApps
	data   *fakeDatabases // nil: no server is reached
	stood  time.Time      // when the network ended
	disk   *podfiles.Disk // the SV app's claim
	acting wire.Acting    // empty: live
}

// newRig makes a world; release is that of the charts.
func newRig(t *testing.T, release string) *rig {
	t.Helper()
	now := time.Now().UTC()
	r := &rig{t: t, files: &memory{files: map[string][]byte{}, room: 50 << 30}, stood: now.Add(-lastBlock)}
	r.disk = podfiles.New("/domain-upgrade-dump")
	r.sim = sim.New(sim.Options{Clock: clock.RealClock{}, Seed: 1, Users: map[string]sim.User{"token": {Name: "operator", Admin: true}}, Inside: inside{r.disk}})
	o := sim.NodeOptions{Namespace: "sv", SVName: ownName, Network: "MainNet", Release: release, MigrationID: 3, SerialID: -1, ParticipantSuffix: true, Start: now}
	s, err := o.Scenario()
	if err != nil {
		t.Fatal(err)
	}
	s.Objects += helmRecord(t, "sv", "splice-sv-node", release, map[string]any{"onboardingName": ownName}) +
		helmRecord(t, "comet", "splice-cometbft", release, map[string]any{"genesis": map[string]any{"chainId": "MainNet-3"}}) + "\n---\n"
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
	reached := func() (time.Time, time.Time, int) { return r.stood, r.stood.Add(-24 * time.Hour), 0 }
	app := func(base string) http.Handler {
		return appsim.App{Base: base, ID: "x", Version: release, Uptime: func() time.Duration { return time.Hour }, NotReady: func() string { return "" }, Network: r.network}.Handler()
	}
	r.pods = &fakePods{handlers: map[string]http.Handler{
		"sv-app:5014":                    app(appsim.SV),
		"scan-app:5012":                  app(appsim.Scan),
		"global-domain-3-cometbft:26657": appsim.Comet{Network: "MainNet-3", Peers: 3, Lag: appsim.Lag{Floor: time.Nanosecond}, Times: reached}.Handler(),
		"global-domain-3-mediator:10013": appsim.Metrics{Part: "mediator", Lag: appsim.Lag{Floor: time.Nanosecond}, Times: reached}.Handler(),
		"participant-3:10013":            appsim.Metrics{Part: "participant", Lag: appsim.Lag{Floor: time.Nanosecond}, Times: reached}.Handler(),
	}}
	r.apps = &fakeApps{dump: dumpOf(ownName, ownPrint), network: r.network, release: release, snapshots: &appsim.Snapshots{Generation: appsim.Y, Clean: r.stood, LedgerEnd: r.stood,
		PrunedTo: r.stood.Add(-72 * time.Hour), Every: time.Hour, MigrationID: 3, Genesis: 3000, ACS: 100_000, Party: ownParty, Takes: 3 * time.Minute, Clock: clock.RealClock{}}}
	r.world = steps.World{Kube: cluster, Clock: clock.RealClock{}, Pods: r.pods, Apps: r.apps, Files: r.files, Volumes: reach.NewVolumes(cluster)}
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

// dumpOf is an identities dump as the SV app of that party answers it.
func dumpOf(name, print string) string {
	key := base64.StdEncoding.EncodeToString([]byte("private"))
	node := func(id string) map[string]any {
		return map[string]any{"id": id, "keys": []any{map[string]any{"keyPair": key, "name": "namespace"}, map[string]any{"keyPair": key, "name": "signing"}, map[string]any{"keyPair": key, "name": "encryption"}},
			"authorizedStoreSnapshot": key, "version": "0.5.10"}
	}
	text, _ := json.Marshal(map[string]any{"identities": map[string]any{"sv_party_id": name + "::" + print, "dso_party_id": dsoParty, "domain_alias": "global",
		"domain_id": "global-domain::1220dddddddddddd", "participant": node("PAR::" + name + "::" + print), "sequencer": node("SEQ::sv::" + print), "mediator": node("MED::sv::" + print)}})
	return string(text)
}

// hands may do what the action's references cover.
func (r *rig) hands(a steps.Action) steps.Hands { return r.handsFor(a.Refs(), false) }

func (r *rig) handsFor(refs []steps.Ref, dry bool) steps.Hands {
	var accesses []kube.Access
	for _, ref := range refs {
		if ref.Kube != nil {
			accesses = append(accesses, *ref.Kube)
		}
	}
	return steps.Hands{World: r.world, Kube: r.world.Kube.Hands(accesses, dry), Files: r.files.only(refs)}
}

// inside are the pods of the rig: all of them that mount the SV app's claim have its disk.
type inside struct{ disk *podfiles.Disk }

func (i inside) Exec(ctx context.Context, in sim.Pod, command []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	if _, _, ours := upload.Recognise(command); !ours || in.Claims["/domain-upgrade-dump"] == "" {
		return 0, fmt.Errorf("no such command in pod %s", in.Name)
	}
	code, _ := i.disk.Exec(ctx, command, stdin, stdout, stderr)
	return code, nil
}

func (inside) Dial(context.Context, sim.Pod, int) (net.Conn, error) {
	return nil, errors.New("connection refused")
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
	if err != nil {
		return nil, err
	}
	return opened{bytes.NewReader(data), name}, nil
}

// opened is an artifact that is read.
type opened struct {
	*bytes.Reader
	name string
}

func (o opened) Close() error               { return nil }
func (o opened) Name() string               { return o.name }
func (o opened) Stat() (fs.FileInfo, error) { return fileInfo{o}, nil }

type fileInfo struct{ opened }

func (f fileInfo) Name() string        { return f.name }
func (fileInfo) Mode() fs.FileMode     { return 0o600 }
func (fileInfo) ModTime() time.Time    { return time.Time{} }
func (fileInfo) IsDir() bool           { return false }
func (fileInfo) Sys() any              { return nil }
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
		return nil, fmt.Errorf("%s answers %d", path, w.Code)
	}
	return w.Body.Bytes(), nil
}

// fakeApps are the SV app, with its dump, and the scans of the others.
type fakeApps struct {
	dump    string
	fail    error // of the SV app
	network func() appsim.Network
	silent  bool // the scans of the others do not answer

	release   string
	snapshots *appsim.Snapshots
	parts     map[string]error // of sequencer and mediator
	chain     string           // ID of the one that the SV app works with
}

func (a *fakeApps) Scan(_ context.Context, address string, ask func(*svapp.Scan) error) error {
	if a.silent {
		return errors.New("no route to " + address)
	}
	h := appsim.App{Base: appsim.Scan, Network: a.network, NotReady: func() string { return "" }}.Handler()
	scan, err := svapp.NewScan(svapp.Settings{Way: svapp.Way{Name: "test", Base: "http://scan", Through: handlerWay{h}, Private: true}})
	if err != nil {
		return err
	}
	return ask(scan)
}

func (a *fakeApps) SV(_ context.Context, _ steps.App, ask func(*svapp.SV) error) error {
	if a.fail != nil {
		return a.fail
	}
	sv := appsim.App{Base: appsim.SV, ID: ownName, Version: a.release, Snapshots: a.snapshots, Uptime: func() time.Duration { return time.Hour }, NotReady: func() string { return "" },
		Part:     func(_ context.Context, name string) error { return a.parts[name] },
		CometBFT: func(context.Context) (appsim.CometBFT, error) { return appsim.CometBFT{ID: "ab"}, nil },
		Chain:    appsim.Comet{Network: a.chain, Lag: appsim.Lag{Floor: time.Nanosecond}, Times: func() (time.Time, time.Time, int) { return time.Now(), time.Now().Add(-time.Hour), 0 }}.Result}.Handler()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/identities-dump") {
			sv.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, a.dump)
	})
	app, err := svapp.NewSV(svapp.Settings{Way: svapp.Way{Name: "test", Base: "http://sv", Through: handlerWay{h}, Private: true}, Tokens: fixedToken{}})
	if err != nil {
		return err
	}
	return ask(app)
}

func (a *fakeApps) Validator(context.Context, steps.App, func(*svapp.Validator) error) error {
	return errors.New("not asked here")
}
func (a *fakeApps) Token(context.Context, steps.App) (svapp.Token, error) {
	return svapp.Token{}, a.fail
}

type handlerWay struct{ http.Handler }

func (h handlerWay) RoundTrip(r *http.Request) (*http.Response, error) {
	if t := httptrace.ContextClientTrace(r.Context()); t != nil && t.WroteHeaders != nil {
		t.WroteHeaders()
	}
	w := httptest.NewRecorder()
	cut := func() (cut bool) {
		defer func() { cut = recover() != nil }()
		h.ServeHTTP(w, r)
		return false
	}()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	back := w.Result()
	if cut { // the connection was dropped
		back.Body = io.NopCloser(io.MultiReader(back.Body, iotest.ErrReader(io.ErrUnexpectedEOF)))
	}
	return back, nil
}

type fixedToken struct{}

func (fixedToken) Token(context.Context, time.Duration) (svapp.Token, error) {
	return svapp.Token{Value: secret.New("x.y.z")}, nil
}

// helmRecord is a release record of Helm's.
func helmRecord(t *testing.T, name, chart, version string, values map[string]any) string {
	t.Helper()
	return helmMade(t, name, chart, version, values, "")
}

// helmMade is a release record of Helm's with the objects that the release has made.
func helmMade(t *testing.T, name, chart, version string, values map[string]any, manifest string) string {
	t.Helper()
	return helmApplied(t, name, chart, version, values, manifest, "csa")
}

// helmApplied is such a record, of a release that is applied on the client's side (csa) or the server's (ssa).
func helmApplied(t *testing.T, name, chart, version string, values map[string]any, manifest, method string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"name": name, "namespace": "sv", "version": 1, "config": values, "manifest": manifest, "info": map[string]any{"status": "deployed"}, "apply_method": method,
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

func marshal(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
