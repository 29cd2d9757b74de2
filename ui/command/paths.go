package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"canton.example/svrescue/assets"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/engine/lease"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/network/rollforward"
	"canton.example/svrescue/steps/reach"
	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/steps/reonboard"
	"canton.example/svrescue/steps/restore"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// parkAfter is how long a question waits without a viewer, in the time of a person, before the run parks.
const parkAfter = 30 * time.Minute

// machine is an engine.Machine of any path.
type machine interface {
	Open() error
	Run(context.Context) error
	Say(context.Context, wire.Message) error
	View() wire.View
	Bound() *wire.Bound
}

// pathInfo is a path as the command line knows it.
type pathInfo struct {
	Name, Title string
	Steps       []wire.StepInfo
	Asks        map[string][]steps.Ask
	May         map[string][]engine.MayAsk // questions of the engine, by step
}

// paths are all paths, in the order in which they are listed.
func paths() []pathInfo {
	return []pathInfo{infoOf(restore.New()), infoOf(restore.Lost()), infoOf(reonboard.New()), infoOf(network.New()), infoOf(network.CleanUp()), infoOf(rollforward.New()), infoOf(restore.Release())}
}

func infoOf[F any](p steps.Path[F]) pathInfo {
	info := pathInfo{Name: p.Name, Title: p.Title, Asks: map[string][]steps.Ask{}, May: map[string][]engine.MayAsk{}}
	for _, s := range p.Steps {
		info.Steps = append(info.Steps, wire.StepInfo{ID: s.ID, Title: s.Title, Summary: s.Summary, Effect: s.Effect, Why: assets.Prose(s.ID), Undo: s.CanUndo()})
		info.Asks[s.ID], info.May[s.ID] = s.Asks, engine.MayAskOf(s)
	}
	return info
}

func findPath(name string) (pathInfo, error) {
	var names []string
	for _, p := range paths() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return pathInfo{}, usage("there is no path %q; there are: %s", name, strings.Join(names, ", "))
}

// clockOf is the clock of a run: the real one, or that of its simulated world.
func clockOf(spec runs.Spec, wall clock.WithTicker) clock.WithTicker {
	if spec.World != wire.Simulated {
		return wall
	}
	return rehearsal.Clock{Real: wall, Origin: spec.Origin, SimOrigin: spec.SimOrigin, Speed: spec.Speed}
}

// connect reaches the cluster of a run.
func connect(spec runs.Spec, clk clock.PassiveClock) (*kube.Cluster, error) {
	o := kube.Options{Clock: clk, UserAgent: "svrescue/" + Version()}
	if spec.World == wire.Simulated {
		o.QPS, o.Burst = 2000, 4000
	}
	return kube.Connect(kube.Target{Kubeconfig: spec.Kubeconfig, Context: spec.Context, Namespace: spec.Namespace}, o)
}

// newMachine wires real clients into the path of the spec.
func newMachine(spec runs.Spec, folder string, files reach.Artifacts, wall clock.WithTicker, boot func() time.Duration, j lease.Journal, past []wire.Event, hashes []string, operator, host string, k known) (machine, *engine.Hub, error) {
	clk := clockOf(spec, wall)
	if spec.World == wire.Simulated { // the time of its world stands still in no suspend either
		boot = func() time.Duration { return clk.Since(spec.SimOrigin) }
	}
	where := kube.Where{Context: spec.Context, Kubeconfig: spec.Kubeconfig}
	var cluster *kube.Cluster
	if spec.Acting != wire.Checklist { // which needs none: the operator looks and acts
		var err error
		if cluster, err = connect(spec, clk); err != nil {
			return nil, nil, err
		}
		where.Context = cluster.Target().Context
		k.web.Namespaces = []string{spec.Namespace, cluster.Target().Namespace}
	}
	w := wiring{spec: spec, folder: folder, files: files, clock: clk, wall: wall, boot: boot, journal: j, past: past, hashes: hashes, operator: operator, host: host, cluster: cluster, known: k}
	switch spec.Path {
	case "restore":
		return build(w, bind(restore.New(), bindRestore), restore.Facts{Wanted: spec.Namespace, Run: spec.ID, Where: where, DumpHint: dumpsOf(spec, folder)})
	case "restore-lost":
		return build(w, bind(restore.Lost(), bindRestore), restore.Facts{Wanted: spec.Namespace, Run: spec.ID, Where: where, DumpHint: dumpsOf(spec, folder), Lost: lostOf(spec, folder)})
	case "reonboard":
		return build(w, bind(reonboard.New(), bindReonboard), reonboard.Facts{Wanted: spec.Namespace, Run: spec.ID, Where: where, Hints: hintsOf(spec, folder, k.hints)})
	case "network":
		return build(w, bind(network.New(), bindNetwork), network.Facts{Wanted: spec.Namespace, Run: spec.ID, Where: where, Hints: callHintsOf(spec, folder, k.call)})
	case network.CleanUpPath:
		return build(w, bind(network.CleanUp(), bindNetwork), network.Facts{Wanted: spec.Namespace, Run: spec.ID, Where: where, Hints: callHintsOf(spec, folder, k.call)})
	case "network-roll-forward":
		return build(w, bind(rollforward.New(), bindRollForward), rollforward.Facts{Wanted: spec.Namespace, Run: spec.ID, Where: where, ChartsHint: cmp.Or(spec.Charts, callHintsOf(spec, folder, k.call).Charts),
			Hints: network.Hints{Scans: hintsOf(spec, folder, k.hints).Scans}})
	case "release-old-volumes":
		return build(w, bind(restore.Release(), bindRelease), restore.ReleaseFacts{Wanted: spec.Namespace, Where: where, Run: spec.ID,
			Subject: wire.Subject{Namespace: spec.Namespace, Cluster: where.Context}})
	}
	return nil, nil, fmt.Errorf("there is no path %q", spec.Path)
}

type wiring struct {
	spec           runs.Spec
	folder         string
	files          reach.Artifacts
	clock, wall    clock.WithTicker // of the run's world, and of this machine
	boot           func() time.Duration
	journal        lease.Journal
	past           []wire.Event
	hashes         []string // of the past's records
	operator, host string
	cluster        *kube.Cluster
	known          known
}

// altered reads how the journal that a run is taken up from differs from the one that the Lease mirrors.
func (w wiring) altered(ctx context.Context, namespace string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, reaching)
	defer cancel()
	l, found, err := w.cluster.Lease(ctx, namespace)
	if err != nil || !found {
		return "", err
	}
	return lease.Compare(l, w.spec.ID, w.hashes).Altered, nil
}

func build[F any](w wiring, path steps.Path[F], facts F) (machine, *engine.Hub, error) {
	var holding engine.Lease
	var held func() error
	var altered func(context.Context, string) (string, error)
	if w.spec.Acting == wire.Live {
		keeper := lease.New(lease.Options{Store: lease.On(w.cluster), Clock: w.clock, Boot: w.boot, Speed: w.spec.Speed,
			Self: lease.Self{Operator: w.operator, Host: w.host, Run: w.spec.ID}})
		holding, held, w.journal = keeper, keeper.Held, keeper.Mirroring(w.journal)
		altered = w.altered
	}
	world, hands := reach.Wire(w.cluster, w.files, w.clock, w.spec.ID, outside(w.spec), held, w.known.web)
	park := parkAfter
	if w.spec.Speed > 0 {
		park = time.Duration(float64(park) * w.spec.Speed)
	}
	m, err := engine.New(engine.Config[F]{
		Path: path, Facts: facts, World: world, Journal: w.journal, Past: w.past, Clock: w.clock, Wall: w.wall, Operator: w.operator, Host: w.host, ParkAfter: park,
		Run: wire.Run{ID: w.spec.ID, Binary: Version(), World: w.spec.World, Acting: w.spec.Acting, Scenario: w.spec.Scenario,
			Operator: w.spec.Operator, Host: w.spec.Host, Folder: w.folder, Started: w.clock.Now().UTC(),
			Speed: w.spec.Speed, Origin: w.spec.Origin, SimOrigin: w.spec.SimOrigin, Steps: infoOf(path).Steps},
		Hands: hands, Lease: holding, Altered: altered, Patience: engine.Patience{Jitter: rand.Float64},
	})
	if err != nil {
		return nil, nil, err
	}
	return m, m.Hub, nil
}

// dumpsOf is the folder with dump files that is proposed: the one that was named, or that of a rehearsal.
func dumpsOf(spec runs.Spec, folder string) string {
	if spec.World != wire.Simulated || spec.Dumps != "" {
		return spec.Dumps
	}
	laid := filepath.Join(runs.Folder{Path: folder}.World(), rehearsal.DumpFolder)
	if _, err := os.Stat(laid); err != nil {
		return "" // this scenario has none
	}
	return laid
}

// lostOf is what is proposed of a lost node: the folders that were named, or those of a rehearsal.
func lostOf(spec runs.Spec, folder string) *restore.LostNode {
	l := &restore.LostNode{Hint: cmp.Or(spec.Record, spec.Values), ChartsHint: spec.Charts}
	if spec.World != wire.Simulated || l.Hint != "" {
		return l
	}
	world := runs.Folder{Path: folder}.World()
	l.Hint = filepath.Join(world, rehearsal.RecordFolder)
	if _, err := os.Stat(l.Hint); err != nil { // this scenario has none
		l.Hint, l.ChartsHint = filepath.Join(world, rehearsal.ValuesFolder), filepath.Join(world, rehearsal.ChartsFolder)
	}
	return l
}

// hintsOf is what is proposed of a node that is to be replaced: what this machine's configuration says, and the folders that were named, or those of
// a rehearsal.
func hintsOf(spec runs.Spec, folder string, known reonboard.Hints) reonboard.Hints {
	h := known
	if len(spec.Identities) > 0 {
		h.Identities = spec.Identities
	}
	if len(spec.Scans) > 0 {
		h.Scans = spec.Scans
	}
	h.Values, h.Charts, h.Hosts.Validator = spec.Values, spec.Charts, spec.Wallet
	if spec.World != wire.Simulated {
		return h
	}
	laid := rehearsal.HintsIn(runs.Folder{Path: folder}.World())
	laid.Values, laid.Charts = cmp.Or(spec.Values, laid.Values), cmp.Or(spec.Charts, laid.Charts)
	return laid
}

// callHintsOf is what is proposed of a network that is recovered: what this machine's configuration says, or the files of a rehearsal.
func callHintsOf(spec runs.Spec, folder string, known network.Hints) network.Hints {
	if spec.World == wire.Simulated {
		return rehearsal.NetworkHintsIn(runs.Folder{Path: folder}.World())
	}
	h := known
	if len(spec.Identities) > 0 {
		h.Identities = spec.Identities
	}
	if len(spec.Scans) > 0 {
		h.Scans = spec.Scans
	}
	return h
}

// outside is how servers outside the cluster are reached from this machine: a rehearsal touches none.
func outside(spec runs.Spec) func(ctx context.Context, network, address string) (net.Conn, error) {
	if spec.World != wire.Simulated {
		return nil
	}
	return func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("the rehearsal network has no way to it from here")
	}
}

// quietLogs sends what client-go logs to out instead of the terminal. What libraries print by the package log is thrown away: Helm's
// prints values there, where they do not fit a chart.
func quietLogs(out io.Writer) {
	log.SetOutput(io.Discard)
	kube.Logging(slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelWarn})))
}

// kubeconfig is the kubeconfig, or the list of them, that was named, with absolute paths, since the worker runs elsewhere.
// Empty: none was named, and kubectl's default is meant.
func (p *program) kubeconfig() string {
	files := filepath.SplitList(cmp.Or(p.config.Kubeconfig, p.Env("KUBECONFIG")))
	for i, file := range files {
		if abs, err := filepath.Abs(file); err == nil && file != "" {
			files[i] = abs
		}
	}
	return strings.Join(files, string(filepath.ListSeparator))
}
