// Package evidence reads what triage goes by: of the cluster, the node's pods, volumes, databases and apps, of other SVs' scans, of backups
// and of what lies about. It only reads. Each source is a part of its own with a deadline of its own, all are asked at the same time, and each
// delivers what it found as soon as it knows it. What could not be read says why; nothing that cannot be reached is called down.
//
// A cluster is asked in lists, not thing by thing: its size does not change how often. Connections into pods (databases, apps, the chain) are
// requests to the API server as well.
package evidence

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reach"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/svapp"
	"k8s.io/utils/clock"
)

// Cluster is what is read of one; *kube.Cluster has it.
type Cluster interface {
	Skew() (by time.Duration, known bool)
	Workloads(ctx context.Context, ns string) ([]kube.Workload, error)
	Pods(ctx context.Context, ns, selector string) ([]kube.Pod, error)
	Events(ctx context.Context, ns, kind, name string) ([]kube.Event, error)
	Logs(ctx context.Context, ns, pod string, o kube.LogOptions) (string, error)
	Claims(ctx context.Context, ns string) ([]kube.Claim, error)
	Lease(ctx context.Context, ns string) (kube.Lease, bool, error)
	Volumes(ctx context.Context) ([]kube.Volume, error)
	Snapshots(ctx context.Context, ns string) ([]kube.Snapshot, error)
	SnapshotContents(ctx context.Context) ([]kube.SnapshotContent, error)
	Secrets(ctx context.Context, ns, selector string) ([]kube.SecretName, error)
	SecretKeys(ctx context.Context, ns, name string) ([]string, bool, error)
	SecretValue(ctx context.Context, ns, name, key string) (secret.String, bool, error)
	Hands(allowed []kube.Access, dryRun bool) *kube.Hands
}

var _ Cluster = (*kube.Cluster)(nil)

// Options say where to look.
type Options struct {
	Cluster   Cluster
	Context   string // name of the cluster, for people
	Namespace string
	Clock     clock.WithTicker
	// Out is how this machine gets to hosts of the network.
	Out svapp.Out
	// Scans are public addresses of scans that are asked for the list of the others where this node's own cannot be.
	Scans []string
	// Dumps and Identities are folders, or files, of the operator; Record is the folder of the node's record. All may be empty.
	Dumps, Identities []string
	Record            string
	UserAgent         string
	// Hosts are the public addresses of the node's own apps, and Audiences those that their APIs want; what is not there is not known.
	Hosts     map[svapp.App]string
	Audiences map[svapp.App]string
	// Logins gets tokens; nil: nothing that needs one is asked. AppSecret is the Secret that the SV app keeps its client in; empty: the documented one.
	Logins    *svapp.Logins
	AppSecret string
	// Inside and Dial are those of reach.Options; nil: the cluster, and the network.
	Inside func(allowed []kube.Access) reach.Inside
	Dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

// PieceOf is a part of the evidence that has arrived.
type PieceOf[E any] struct {
	Source string // which part it is, such as "databases"
	Last   bool   // nothing more comes from this source
	Set    func(*E)
}

// Piece is a part of what triage goes by.
type Piece = PieceOf[triage.Evidence]

// Sources are the names of the sources, in the order in which they are shown.
func Sources() []string {
	var names []string
	for _, s := range sources() {
		names = append(names, s.name)
	}
	return names
}

// sourceOf reads one part. It returns when it has nothing more to deliver; what it delivered before stays. An error says why its part is not
// known, and failed puts that in.
type sourceOf[E any] struct {
	name   string
	within time.Duration
	read   func(context.Context, *look, func(func(*E))) error
	failed func(*E, triage.Reading)
}

type source = sourceOf[triage.Evidence]

// limit is the deadline of a source whose answer usually takes moments; slow is that of one that watches, or asks many.
const (
	limit = 20 * time.Second
	slow  = 55 * time.Second
)

func sources() []source {
	return []source{
		{"cluster", limit, readCluster, func(e *triage.Evidence, r triage.Reading) { e.Cluster.Reading = r }},
		{"pods", limit, readPods, func(e *triage.Evidence, r triage.Reading) { e.Pods.Reading = r }},
		{"storage", limit, readStorage, func(e *triage.Evidence, r triage.Reading) { e.Storage.Reading = r }},
		{"leftover volumes", limit, leftoverVolumes, func(e *triage.Evidence, r triage.Reading) { e.Leftovers.Volumes.Reading = r }},
		{"leftover claims", limit, leftoverClaims, func(e *triage.Evidence, r triage.Reading) { e.Leftovers.Claims.Reading = r }},
		{"secrets", limit, readSecrets, func(e *triage.Evidence, r triage.Reading) { e.Leftovers.Secrets.Reading, e.Identities.Reading = r, r }},
		{"databases", slow, readDatabases, func(e *triage.Evidence, r triage.Reading) { e.Databases.Reading = r }},
		{"chain", slow, readChain, func(e *triage.Evidence, r triage.Reading) { e.Chain.Reading = r }},
		{"apps", slow, readApps, func(e *triage.Evidence, r triage.Reading) { e.Apps.Reading = r }},
		{"lag", slow, readLags, func(*triage.Evidence, triage.Reading) {}},
		{"network", slow, readNetwork, func(e *triage.Evidence, r triage.Reading) { e.Peers.Reading = r }},
		{"snapshots", limit, readSnapshots, func(e *triage.Evidence, r triage.Reading) { e.Backups.Snapshots.Reading = r }},
		{"dumps", slow, readDumps, func(e *triage.Evidence, r triage.Reading) { e.Backups.Dumps.Reading = r }},
		{"managed backups", limit, readManaged, func(e *triage.Evidence, r triage.Reading) { e.Backups.Managed.Reading = r }},
		{"configuration", limit, readConfiguration, func(e *triage.Evidence, r triage.Reading) { e.KMS.Reading, e.Pruning.Reading = r, r }},
		{"lease", limit, readHold, func(e *triage.Evidence, r triage.Reading) { e.Hold.Reading = r }},
		{"record", limit, readRecord, func(e *triage.Evidence, r triage.Reading) { e.Record.Reading = r }},
	}
}

// Gather asks all sources and hands over what they find, one piece at a time. It returns when the last source is done, or soon after ctx
// ends; a source that had no answer by then is not known.
func Gather(ctx context.Context, o Options, deliver func(Piece)) {
	gather(ctx, newLook(ctx, o), sources(), deliver)
}

func gather[E any](ctx context.Context, l *look, sources []sourceOf[E], deliver func(PieceOf[E])) {
	var turn sync.Mutex
	over, heard := false, map[string]bool{}
	began := l.Clock.Now()
	hand := func(p PieceOf[E]) {
		turn.Lock()
		defer turn.Unlock()
		if !over {
			heard[p.Source] = true
			deliver(p)
		}
	}
	var all sync.WaitGroup
	for _, s := range sources {
		all.Go(func() {
			own, cancel := context.WithTimeout(ctx, s.within)
			defer cancel()
			err := s.read(own, l, func(set func(*E)) { hand(PieceOf[E]{Source: s.name, Set: set}) })
			last := PieceOf[E]{Source: s.name, Last: true, Set: func(*E) {}}
			if err != nil {
				r := triage.Reading{Source: l.where(s.name), At: l.Clock.Now(), Problem: problem(own, s.within, err)}
				last.Set = func(e *E) { s.failed(e, r) }
			}
			hand(last)
		})
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	turn.Lock()
	defer turn.Unlock()
	over = true
	for _, s := range sources {
		if !heard[s.name] {
			r := triage.Reading{Source: l.where(s.name), At: l.Clock.Now(), Problem: "no answer in " + l.Clock.Since(began).Round(time.Second).String()}
			deliver(PieceOf[E]{Source: s.name, Last: true, Set: func(e *E) { s.failed(e, r) }})
		}
	}
}

// problem is an error as a part of a sentence: what was seen, and of what was tried as much as is needed to know of what.
func problem(ctx context.Context, within time.Duration, err error) string {
	var app *svapp.Error
	if errors.As(err, &app) {
		return plain.Cut(innermost(app.Seen), 200)
	}
	f := steps.FailureOf("", err)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && f.Tried == "" {
		return "no answer in " + within.String()
	}
	if f.Tried != "" {
		f.Seen = "tried to " + f.Tried + ", and saw: " + f.Seen
	}
	return plain.Cut(plain.Line(f.Seen), 240)
}

// innermost is what was seen in a sentence that tells of another's: "tried to A, saw: B; next: C" is B.
func innermost(seen string) string {
	seen = plain.Line(seen)
	if _, last, nested := strings.Cut(seen, ", saw: "); nested {
		seen, _, _ = strings.Cut(last, "; next: ")
	}
	return seen
}
