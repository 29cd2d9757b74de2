package evidence

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/reach"
	"canton.example/svrescue/steps/triage"
	"k8s.io/apimachinery/pkg/labels"
)

// look is what the sources share: each list is asked for once, by whoever needs it first.
type look struct {
	Options
	workloads func() ([]kube.Workload, error)
	pods      func() ([]kube.Pod, error)
	claims    func() ([]kube.Claim, error)
	volumes   func() ([]kube.Volume, error)
	releases  func() ([]release.Release, error)
	node      func() (node.Node, error)
	parts     func() (node.Node, error)         // what runs, as the workloads alone tell: sooner, and without the number of the synchronizer
	secrets   func() ([]kube.SecretName, error) // names, and nothing of what they hold
	runs      func() ([]backup.Set, error)
	accounts  func() (postgres.Accounts, error)

	mu      sync.Mutex
	servers map[string]func() ([]postgres.Stored, error)

	databases *reach.Databases
	web       *reach.Web
	ask       *reach.Pods
}

// listLimit is how long one list may take.
const listLimit = 15 * time.Second

func newLook(ctx context.Context, o Options) *look {
	l := &look{Options: o, servers: map[string]func() ([]postgres.Stored, error){}}
	l.workloads = once(ctx, func(ctx context.Context) ([]kube.Workload, error) { return o.Cluster.Workloads(ctx, o.Namespace) })
	l.pods = once(ctx, func(ctx context.Context) ([]kube.Pod, error) { return o.Cluster.Pods(ctx, o.Namespace, "") })
	l.claims = once(ctx, func(ctx context.Context) ([]kube.Claim, error) { return o.Cluster.Claims(ctx, o.Namespace) })
	l.volumes = once(ctx, o.Cluster.Volumes)
	l.releases = once(ctx, func(ctx context.Context) ([]release.Release, error) {
		return release.In(named{o.Cluster, l.secrets}, o.Namespace).List(ctx)
	})
	l.secrets = once(ctx, func(ctx context.Context) ([]kube.SecretName, error) { return o.Cluster.Secrets(ctx, o.Namespace, "") })
	l.node = shared(l.discover)
	l.parts = shared(func() (node.Node, error) {
		workloads, err := l.workloads()
		if err != nil {
			return node.Node{}, err
		}
		n, err := node.Discover(node.Seen{Namespace: o.Namespace, Context: o.Context, Workloads: workloads})
		n.Serial = "" // the values tell which synchronizer is current
		if ambiguous := (*node.Ambiguous)(nil); errors.As(err, &ambiguous) {
			err = nil
		}
		return n, err
	})
	l.runs, l.accounts = once(ctx, l.askRuns), once(ctx, l.askAccounts)
	seen := reach.Options{Cluster: &memo{Cluster: o.Cluster, look: l, values: map[string]func() (secret.String, bool, error){}, ctx: ctx}, Clock: o.Clock, Inside: o.Inside, Dial: o.Dial}
	l.databases, l.web, l.ask = reach.NewDatabases(seen), reach.NewWeb(seen, o.Out), reach.NewPods(seen)
	return l
}

// stored are the databases of a server, which is asked once.
func (l *look) stored(ctx context.Context, s postgres.Server) ([]postgres.Stored, error) {
	l.mu.Lock()
	read := l.servers[s.String()]
	if read == nil {
		read = shared(func() ([]postgres.Stored, error) {
			stored, _, err := l.databases.Databases(ctx, s)
			return stored, err
		})
		l.servers[s.String()] = read
	}
	l.mu.Unlock()
	return read()
}

// once reads at the first call, within a time of its own; every call answers what that one read, and waits for it.
func once[T any](ctx context.Context, read func(context.Context) (T, error)) func() (T, error) {
	return shared(func() (T, error) {
		ctx, cancel := context.WithTimeout(ctx, listLimit)
		defer cancel()
		return read(ctx)
	})
}

// shared is sync.OnceValues whose callers wait on a channel and not on a lock: a test's time goes on while they do.
func shared[T any](read func() (T, error)) func() (T, error) {
	var begin sync.Once
	var value T
	var err error
	done := make(chan struct{})
	return func() (T, error) {
		begin.Do(func() {
			go func() {
				defer close(done)
				value, err = read()
			}()
		})
		<-done
		return value, err
	}
}

// discover puts the node together. Volumes and the records of Helm make it richer; without the right to read them it is told all the same.
// Where several synchronizers run and nothing tells which is current, the node has no serial.
func (l *look) discover() (node.Node, error) {
	var s node.Seen
	var errs [4]error
	var all sync.WaitGroup
	all.Go(func() { s.Workloads, errs[0] = l.workloads() })
	all.Go(func() { s.Claims, errs[1] = l.claims() })
	all.Go(func() { s.Volumes, errs[2] = l.volumes() })
	all.Go(func() { s.Releases, errs[3] = l.releases() })
	all.Wait()
	s.Namespace, s.Context = l.Namespace, l.Context
	if err := errors.Join(errs[0]); err != nil {
		return node.Node{}, err
	}
	n, err := node.Discover(s)
	if ambiguous := (*node.Ambiguous)(nil); errors.As(err, &ambiguous) {
		err = nil
	}
	return n, err
}

// world is what the lags of components are read through.
func (l *look) world() steps.World {
	return steps.World{Pods: l.ask, Clock: l.Clock}
}

// where names a source for people.
func (l *look) where(source string) string {
	switch source {
	case "cluster":
		return "workloads of namespace " + l.Namespace
	case "pods":
		return "events and last log lines of namespace " + l.Namespace
	case "storage", "leftover claims":
		return "claims of namespace " + l.Namespace
	case "leftover volumes":
		return "volumes of the cluster"
	case "lease":
		return "the Lease of namespace " + l.Namespace
	case "secrets":
		return "secrets of namespace " + l.Namespace
	case "databases":
		return "the database servers of the node"
	case "chain":
		return "CometBFT of this node"
	case "apps":
		return "the SV app"
	case "network":
		return "the scans of the other SVs"
	case "snapshots":
		return "VolumeSnapshots of namespace " + l.Namespace
	case "configuration":
		return "the values of Helm"
	}
	return source
}

func (l *look) reading(source string) triage.Reading {
	return triage.Reading{Source: l.where(source), At: l.Clock.Now()}
}

// running are the pods of a component, the ready ones first; those that are ending or have ended are left out.
func (l *look) running(c node.Component) ([]kube.Pod, error) {
	pods, err := l.of(c)
	return reach.Running(pods), err
}

// of are the pods of a component.
func (l *look) of(c node.Component) ([]kube.Pod, error) {
	pods, err := l.pods()
	if err != nil {
		return nil, err
	}
	return selected(pods, c.Selector)
}

func selected(pods []kube.Pod, selector string) ([]kube.Pod, error) {
	s, err := labels.Parse(selector)
	if err != nil {
		return nil, err
	}
	var found []kube.Pod
	for _, p := range pods {
		if s.Matches(labels.Set(p.Labels)) {
			found = append(found, p)
		}
	}
	return found, nil
}

// named is the cluster for those who list secrets of the namespace by a label: from the one list of all of them.
type named struct {
	Cluster
	all func() ([]kube.SecretName, error)
}

func (n named) Secrets(_ context.Context, _, selector string) ([]kube.SecretName, error) {
	s, err := labels.Parse(selector)
	if err != nil {
		return nil, err
	}
	all, err := n.all()
	return slices.DeleteFunc(slices.Clone(all), func(name kube.SecretName) bool { return !s.Matches(labels.Set(name.Labels)) }), err
}

// memo is the cluster for those who reach into pods: the pods that were listed, and each secret's value asked for once.
type memo struct {
	Cluster
	look *look
	ctx  context.Context

	mu     sync.Mutex
	values map[string]func() (secret.String, bool, error)
}

func (o *memo) Pods(ctx context.Context, ns, selector string) ([]kube.Pod, error) {
	if ns != o.look.Namespace {
		return o.Cluster.Pods(ctx, ns, selector)
	}
	pods, err := o.look.pods()
	if err != nil {
		return nil, err
	}
	return selected(pods, selector)
}

func (o *memo) SecretValue(_ context.Context, ns, name, key string) (secret.String, bool, error) {
	id := ns + "/" + name + "/" + key
	o.mu.Lock()
	if o.values[id] == nil {
		type found struct {
			value secret.String
			is    bool
		}
		read := once(o.ctx, func(ctx context.Context) (found, error) {
			v, is, err := o.Cluster.SecretValue(ctx, ns, name, key)
			return found{v, is}, err
		})
		o.values[id] = func() (secret.String, bool, error) { f, err := read(); return f.value, f.is, err }
	}
	value := o.values[id]
	o.mu.Unlock()
	return value()
}
