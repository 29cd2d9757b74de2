package reonboard

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
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	svsim "canton.example/svrescue/svapp/sim"
	"k8s.io/utils/clock"
)

const (
	lostParty = "Acme-SV::1220aa"
	dsoOfTest = "DSO::1220dd"
)

// scans is a network of other SVs, as AppReader reaches it. Each may know another state of it, or not answer.
type scans struct {
	mu       sync.Mutex
	state    svsim.Network            // what the ledger says
	stale    map[string]svsim.Network // what some still say
	down     map[string]bool          // who does not answer
	handlers map[string]http.Handler
}

func member(name, party string) svsim.Member {
	return svsim.Member{Name: name, Party: party, Participant: "PAR::" + name + "::" + svapp.Namespace(party), Weight: 10000, ScanURL: "https://scan." + strings.ToLower(name) + ".example"}
}

// newScans has five other SVs, of which four must vote for something.
func newScans(party string) *scans {
	n := svsim.Network{DSO: dsoOfTest, Synchronizer: "global-domain::1220dd", MigrationID: 3, Threshold: 4, Round: 7, SVs: []svsim.Member{member("Acme-SV", party)}}
	for i := range 5 {
		m := member(fmt.Sprintf("SV-%d", i+1), fmt.Sprintf("SV-%d::1220b%d", i+1, i+1))
		m.SequencerURL, m.SequencerID = "https://seq."+m.Name+".example", "SEQ::"+m.Name+"::1220"
		n.SVs = append(n.SVs, m)
	}
	return &scans{state: n, stale: map[string]svsim.Network{}, down: map[string]bool{}, handlers: map[string]http.Handler{}}
}

func (s *scans) url(i int) string { return fmt.Sprintf("https://scan.sv-%d.example", i) }

// peers are the other SVs.
func (s *scans) peers() []Peer {
	var all []Peer
	for _, m := range s.state.SVs {
		if strings.HasPrefix(m.Name, "SV-") {
			all = append(all, Peer{SV: m.Name, URL: m.ScanURL, Party: m.Party})
		}
	}
	return all
}

// change changes what the ledger says.
func (s *scans) change(change func(*svsim.Network)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.state
	n.SVs, n.Offboarded, n.Votes, n.Results = slices.Clone(n.SVs), slices.Clone(n.Offboarded), slices.Clone(n.Votes), slices.Clone(n.Results)
	change(&n)
	s.state = n
}

// offboard carries an offboarding out.
func offboard(party string) func(*svsim.Network) {
	return func(n *svsim.Network) {
		for i, m := range n.SVs {
			if m.Party == party {
				n.SVs, n.Offboarded = slices.Delete(n.SVs, i, i+1), append(n.Offboarded, m)
				return
			}
		}
	}
}

func (s *scans) Scan(_ context.Context, address string, ask func(*svapp.Scan) error) error {
	s.mu.Lock()
	name, down := "", s.down[address]
	for i := range 9 {
		if address == s.url(i) {
			name = fmt.Sprintf("SV-%d", i)
		}
	}
	if address == "https://scan.acme-sv.example" {
		name = "Acme-SV"
	}
	s.mu.Unlock()
	if name == "" || down {
		return &svapp.Error{Kind: svapp.Unreachable, Tried: "reach the scan", Seen: "no connection to " + address}
	}
	scan, err := svapp.NewScan(svapp.Settings{Way: svapp.Way{Name: "test", Base: address, Through: bankTransport{s.handler(name)}}})
	if err != nil {
		return err
	}
	return ask(scan)
}

// handler is the scan of an SV, made once.
func (s *scans) handler(name string) http.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handlers[name] == nil {
		app := svsim.App{Base: svsim.Scan, ID: name, Version: "0.6.4", Uptime: func() time.Duration { return 0 }, NotReady: func() string { return "" }, Network: func() svsim.Network {
			s.mu.Lock()
			defer s.mu.Unlock()
			if old, is := s.stale[name]; is {
				return old
			}
			return s.state
		}}
		s.handlers[name] = app.Handler()
	}
	return s.handlers[name]
}

var errNotHere = errors.New("no such app in this test")

func (s *scans) SV(context.Context, steps.App, func(*svapp.SV) error) error { return errNotHere }
func (s *scans) Validator(context.Context, steps.App, func(*svapp.Validator) error) error {
	return errNotHere
}
func (s *scans) Token(context.Context, steps.App) (svapp.Token, error) {
	return svapp.Token{}, errNotHere
}

// kept are the artifacts of a run.
type kept map[string][]byte

func (k kept) Read(name string) ([]byte, error) {
	if data, is := k[name]; is {
		return bytes.Clone(data), nil
	}
	return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}

func (k kept) Write(name string, data []byte) error {
	k[name] = bytes.Clone(data)
	return nil
}

func (k kept) Open(name string) (io.ReadCloser, error) {
	data, err := k.Read(name)
	return io.NopCloser(bytes.NewReader(data)), err
}

func (k kept) Create(name string, content func(io.Writer) error) error {
	var b bytes.Buffer
	if err := content(&b); err != nil {
		return err
	}
	return k.Write(name, b.Bytes())
}

func (k kept) Room() (int64, error) { return 1 << 40, nil }

// lostWorld is a simulated cluster with the scans of others, and what a step may see of both.
type lostWorld struct {
	t     *testing.T
	scans *scans
	files kept
	world steps.World
	facts Facts
	sim   *sim.Server
}

// newLostWorld has the nodes in a cluster; call it inside a bubble if there are any.
func newLostWorld(t *testing.T, party string, nodes ...sim.NodeOptions) *lostWorld {
	t.Helper()
	l := &lostWorld{t: t, scans: newScans(party), files: kept{}}
	l.world = steps.World{Clock: clock.RealClock{}, Apps: l.scans, Files: l.files}
	l.facts = Facts{Run: "r-20260131-1400-ab12", Where: kube.Where{Context: "test"}, Peers: l.scans.peers(),
		Old: Old{SV: "Acme-SV", Party: party, Participant: "PAR::Acme-SV::" + svapp.Namespace(party), DSO: dsoOfTest, Synchronizer: "global-domain::1220dd", Network: "testnet", MigrationID: 3}}
	if len(nodes) > 0 {
		l.cluster(nodes)
	}
	return l
}

func (l *lostWorld) cluster(nodes []sim.NodeOptions) {
	t := l.t
	t.Helper()
	l.sim = sim.New(sim.Options{Clock: clock.RealClock{}, Seed: 1, Users: map[string]sim.User{"token": {Name: "operator", Admin: true}}})
	var all sim.Scenario
	for i, o := range nodes {
		o.Start, o.NoClasses = time.Now(), i > 0
		s, err := o.Scenario()
		if err != nil {
			t.Fatal(err)
		}
		all.Objects += s.Objects +
			helmRelease(t, o, "sv", "splice-sv-node", map[string]any{"onboardingName": o.SVName, "joinWithKeyOnboarding": map[string]any{"sponsorScanUrl": "https://scan.sv-1.example"}}) +
			helmRelease(t, o, "comet", "splice-cometbft", map[string]any{"genesis": map[string]any{"chainId": o.Network + "-0"}}) + "\n---\n"
	}
	if err := l.sim.LoadScenario(all); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	line := pipes.Listen()
	web := &http.Server{Handler: l.sim}
	ended := make(chan struct{})
	go func() { l.sim.Run(ctx); close(ended) }()
	go web.Serve(line)
	t.Cleanup(func() { stop(); <-ended; web.Close() })
	config := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(config, sim.Kubeconfig("http://127.0.0.1:1", "token", nil, nodes[0].Namespace), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if l.world.Kube, err = kube.Connect(kube.Target{Kubeconfig: config}, kube.Options{Clock: clock.RealClock{}, Dial: line.Dial, QPS: 10000, Burst: 10000}); err != nil {
		t.Fatal(err)
	}
	l.facts.Old.Namespace = nodes[0].Namespace
	if _, err := whatIsLeft(t.Context(), l.world, &l.facts); err != nil {
		t.Fatal(err)
	}
}

// do sends an action as the engine would, and proves it by its probe.
func (l *lostWorld) do(a steps.Action) error {
	l.t.Helper()
	var accesses []kube.Access
	for _, ref := range a.Refs() {
		if ref.Kube != nil {
			accesses = append(accesses, *ref.Kube)
		}
	}
	hands := steps.Hands{World: l.world, Files: l.files}
	if l.world.Kube != nil {
		hands.Kube = l.world.Kube.Hands(accesses, false)
	}
	if err := a.Do(l.t.Context(), hands, func(wire.Progress) {}); err != nil {
		return err
	}
	if state, _, err := a.Probe(l.t.Context(), l.world); err != nil || state != wire.ActionDone {
		l.t.Fatalf("%s: after it was sent its probe says %q, %v", a.Key(), state, err)
	}
	return nil
}

// send sends all of a plan.
func (l *lostWorld) send(actions []steps.Action, err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
	for _, a := range actions {
		if err := l.do(a); err != nil {
			l.t.Fatalf("%s: %v", a.Key(), err)
		}
	}
}

// proves is the verification of a step as "verdict id".
func (l *lostWorld) proves(s steps.Step[Facts]) string {
	l.t.Helper()
	found, err := s.Verify(l.t.Context(), l.world, &l.facts)
	if err != nil {
		l.t.Fatal(err)
	}
	return verdictsOf(found)
}

// journaled are the facts as a worker finds them that takes the run up.
func (l *lostWorld) journaled() string {
	l.t.Helper()
	data, err := json.Marshal(l.facts)
	if err != nil {
		l.t.Fatal(err)
	}
	l.facts = Facts{}
	if err := json.Unmarshal(data, &l.facts); err != nil {
		l.t.Fatal(err)
	}
	return string(data)
}

func verdictsOf(found []wire.Finding) string {
	var all []string
	for _, f := range found {
		all = append(all, string(f.Verdict)+" "+f.ID)
	}
	return strings.Join(all, ", ")
}

func findingOf(t *testing.T, found []wire.Finding, id string) wire.Finding {
	t.Helper()
	i := slices.IndexFunc(found, func(f wire.Finding) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("no finding %q: %s", id, verdictsOf(found))
	}
	return found[i]
}

// helmRelease is a release record of Helm's.
func helmRelease(t *testing.T, o sim.NodeOptions, name, chart string, values map[string]any) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"name": name, "namespace": o.Namespace, "version": 1, "config": values, "info": map[string]any{"status": "deployed"},
		"chart": map[string]any{"metadata": map[string]any{"name": chart, "version": "0.6.4", "apiVersion": "v2"}}})
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
	return fmt.Sprintf("\n---\napiVersion: v1\nkind: Secret\ntype: helm.sh/release.v1\nmetadata:\n  name: sh.helm.release.v1.%s.v1\n  namespace: %s\n"+
		"  labels: {owner: helm, name: %s, status: deployed, version: \"1\"}\ndata: {release: %s}\n", name, o.Namespace, name, base64.StdEncoding.EncodeToString([]byte(inner)))
}
