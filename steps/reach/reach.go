// Package reach finds the way to what runs beside the Kubernetes API: database servers in pods or outside the cluster, and pods that
// answer over HTTP. Each way is opened with hands that are allowed that one thing, and what changes a server passes only where the
// references of the running action cover it.
package reach

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/client"
	"k8s.io/utils/clock"
)

// Cluster is what is looked up in a cluster; *kube.Cluster has it.
type Cluster interface {
	Pods(ctx context.Context, namespace, selector string) ([]kube.Pod, error)
	SecretValue(ctx context.Context, namespace, name, key string) (secret.String, bool, error)
	Hands(allowed []kube.Access, dryRun bool) *kube.Hands
}

// Inside opens commands and ports of pods; *kube.Hands has it.
type Inside interface {
	Exec(ctx context.Context, spec kube.ExecSpec, stdin io.Reader, stdout, stderr io.Writer) error
	Tunnel(ctx context.Context, namespace, pod string, port int) (net.Conn, error)
}

// Options of New.
type Options struct {
	Cluster Cluster
	Clock   clock.WithTicker
	// Run is the run whose pod, if there is one, reaches servers that only the cluster reaches: it has the label ClientLabel=Run.
	Run string
	// Inside makes the hands for one way; nil: those of the cluster.
	Inside func(allowed []kube.Access) Inside
	// Dial connects from this machine to a server outside the cluster; nil: the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// ClientLabel is the label of the pod through which a run reaches servers outside the cluster; its value is the run.
const ClientLabel = "svrescue/client"

// Databases reads database servers. It is safe for concurrent use.
type Databases struct {
	options Options

	mu      sync.Mutex
	through map[string]bool // servers that this machine does not reach, but a pod does
}

var _ steps.DatabaseReader = (*Databases)(nil)

// NewDatabases makes a reader. It sends nothing.
func NewDatabases(o Options) *Databases {
	if o.Inside == nil {
		o.Inside = func(allowed []kube.Access) Inside { return o.Cluster.Hands(allowed, false) }
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: directTime}).DialContext
	}
	return &Databases{options: o, through: map[string]bool{}}
}

// directTime is how long a server outside the cluster may take to answer this machine: where a firewall drops what is sent, there is
// another way to try.
const directTime = 5 * time.Second

// Position is how far a database has got.
func (d *Databases) Position(ctx context.Context, of postgres.Database) (postgres.Position, error) {
	conn, err := d.open(ctx, of.Server, of.Name)
	if client.KindOf(err) == client.Missing {
		return postgres.Position{Role: of.Role, Name: of.Name, From: "database", Why: "the server has no database " + of.Name}, nil
	}
	if err != nil {
		return postgres.Position{}, err
	}
	defer conn.Close()
	return conn.Position(ctx, of)
}

// Empty says whether a database is as it was made, without any table.
func (d *Databases) Empty(ctx context.Context, of postgres.Database) (bool, error) {
	conn, err := d.open(ctx, of.Server, of.Name)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	return conn.Empty(ctx)
}

// Databases lists what a server has, and its version.
func (d *Databases) Databases(ctx context.Context, s postgres.Server) ([]postgres.Stored, string, error) {
	conn, err := d.open(ctx, s, s.Admin)
	if err != nil {
		return nil, "", err
	}
	defer conn.Close()
	return conn.Databases(ctx)
}

// Free is how much room the volume of a server in a pod has left.
func (d *Databases) Free(ctx context.Context, s postgres.Server) (int64, error) {
	if s.Managed() {
		return 0, &steps.Problem{Tried: "look how much room " + s.String() + " has left", Seen: "the server is outside the cluster", Next: "Look at it where it is managed"}
	}
	pod, err := d.pod(ctx, s)
	if err != nil {
		return 0, err
	}
	return d.options.free(ctx, "look how much room "+s.String()+" has left", s.Namespace, pod, s.Container, "")
}

// Free is how much room a folder of a container has left.
func (p *Pods) Free(ctx context.Context, namespace, pod, container, folder string) (int64, error) {
	return p.options.free(ctx, "look how much room "+folder+" in pod "+namespace+"/"+pod+" has left", namespace, pod, container, folder)
}

func (o Options) free(ctx context.Context, tried, namespace, pod, container, folder string) (int64, error) {
	var out, said tail
	err := o.Inside(kube.AccessExec(namespace, pod)).Exec(ctx,
		kube.ExecSpec{Namespace: namespace, Pod: pod, Container: container, Command: postgres.Free(folder).Argv}, nil, &out, &said)
	if exit := (*kube.ExitError)(nil); errors.As(err, &exit) {
		return 0, &steps.Problem{Tried: tried, Seen: "df said: " + strings.Join(said.lines(), "; "), Next: "Look at the volume yourself", Err: err}
	}
	if err != nil {
		return 0, err
	}
	free, err := postgres.ParseFree(string(out.text))
	if err != nil {
		return 0, &steps.Problem{Tried: tried, Seen: err.Error(), Next: "Look at the volume yourself", Err: err}
	}
	return free, nil
}

// Rights are what the server's user may do.
func (d *Databases) Rights(ctx context.Context, s postgres.Server) (postgres.Rights, error) {
	conn, err := d.open(ctx, s, s.Admin)
	if err != nil {
		return postgres.Rights{}, err
	}
	defer conn.Close()
	return conn.Rights(ctx)
}

// Programs is the major version of pg_restore in the pod of a server or, for one outside the cluster, in the run's own pod.
func (d *Databases) Programs(ctx context.Context, s postgres.Server) (int, error) {
	tried := "look which programs load dumps into " + s.String()
	spec := kube.ExecSpec{Namespace: s.Namespace, Container: s.Container, Command: postgres.ClientVersion().Argv}
	var err error
	if s.Managed() {
		spec.Container = ""
		if spec.Pod, err = d.clientPod(ctx, s); err == nil && spec.Pod == "" {
			err = &steps.Problem{Tried: tried, Seen: "there is no pod of this run that reaches the server", Next: "Let the run make it"}
		}
	} else {
		spec.Pod, err = d.pod(ctx, s)
	}
	if err != nil {
		return 0, err
	}
	var out, said tail
	err = d.options.Inside(kube.AccessExec(s.Namespace, spec.Pod)).Exec(ctx, spec, nil, &out, &said)
	version := postgres.ParseVersion(string(out.text))
	if exit := (*kube.ExitError)(nil); errors.As(err, &exit) || err == nil && version == 0 {
		return 0, &steps.Problem{Tried: tried, Seen: "the image of pod " + spec.Pod + " has no pg_restore", Next: "Name an image that has psql and pg_restore", Err: err}
	}
	return version, err
}

// open logs in to a database of a server.
func (d *Databases) open(ctx context.Context, s postgres.Server, database string) (*client.Conn, error) {
	password, err := d.password(ctx, s)
	if err != nil {
		return nil, err
	}
	settings := client.Settings{Server: s.String(), Host: s.Host, Port: s.Port, User: s.User, Password: password, Database: database, Clock: d.options.Clock}
	if s.Managed() {
		return d.managed(ctx, s, settings)
	}
	pod, err := d.pod(ctx, s)
	if err != nil {
		return nil, err
	}
	settings.Tunnel = true
	settings.Dial = func(ctx context.Context) (net.Conn, error) {
		return d.options.Inside(kube.AccessTunnel(s.Namespace, pod)).Tunnel(ctx, s.Namespace, pod, s.Port)
	}
	return d.connect(ctx, settings)
}

// tries and between bound how often a login is tried again whose tunnel broke before anything was asked: one bad moment of a connection says
// nothing of the server.
const (
	tries   = 3
	between = time.Second
)

func (d *Databases) connect(ctx context.Context, settings client.Settings) (*client.Conn, error) {
	for i := 1; ; i++ {
		conn, err := client.Connect(ctx, settings)
		if kind := client.KindOf(err); i == tries || kind != client.Unreachable && kind != client.Lost {
			return conn, err
		}
		timer := d.options.Clock.NewTimer(between)
		select {
		case <-ctx.Done():
			timer.Stop()
			return conn, err
		case <-timer.C():
		}
	}
}

// managed logs in to a server outside the cluster: from this machine, or else through the pod that the run has made for it.
func (d *Databases) managed(ctx context.Context, s postgres.Server, settings client.Settings) (*client.Conn, error) {
	if err := postgres.CheckHost(s.Host, s.Port); err != nil {
		return nil, &steps.Problem{Tried: "connect to " + s.String(), Seen: err.Error(), Next: "Look at how the components are configured", Err: err}
	}
	d.mu.Lock()
	through := d.through[s.String()]
	d.mu.Unlock()
	var direct error
	if !through {
		settings.Dial = func(ctx context.Context) (net.Conn, error) {
			within, cancel := context.WithTimeout(ctx, directTime)
			defer cancel()
			return d.options.Dial(within, "tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
		}
		conn, err := client.Connect(ctx, settings)
		if client.KindOf(err) != client.Unreachable {
			return conn, err
		}
		direct = err
	}
	pod, err := d.clientPod(ctx, s)
	if err != nil {
		return nil, err
	}
	if pod == "" {
		if direct == nil {
			direct = &client.Error{Kind: client.Unreachable, Tried: "connect to " + s.String(), Seen: "this machine does not reach it, and the pod that did is gone"}
		}
		if e := (*client.Error)(nil); errors.As(direct, &e) {
			e.Next = "Let this machine reach the server, or let the run make a pod in namespace " + s.Namespace + " that does"
		}
		return nil, direct
	}
	settings.Dial = func(context.Context) (net.Conn, error) { return d.relay(s, pod) }
	conn, err := client.Connect(ctx, settings)
	if err == nil {
		d.mu.Lock()
		d.through[s.String()] = true
		d.mu.Unlock()
	}
	return conn, err
}

func (d *Databases) password(ctx context.Context, s postgres.Server) (secret.String, error) {
	if s.Secret == "" {
		return secret.String{}, &steps.Problem{Tried: "log in to " + s.String(), Seen: "it is not known which secret holds the password of " + s.User,
			Next: "Name the secret and its key"}
	}
	value, found, err := d.options.Cluster.SecretValue(ctx, s.Namespace, s.Secret, s.Key)
	switch {
	case err != nil:
		return value, err
	case !found:
		return value, &steps.Problem{Tried: "log in to " + s.String(), Seen: "secret " + s.Namespace + "/" + s.Secret + " is not there or has no key " + s.Key,
			Next: "Put the password of " + s.User + " there"}
	}
	return value, nil
}

// pod is the ready pod of the server's stateful set.
func (d *Databases) pod(ctx context.Context, s postgres.Server) (string, error) {
	pods, err := d.options.Cluster.Pods(ctx, s.Namespace, s.Selector)
	if err != nil {
		return "", err
	}
	pods = slices.DeleteFunc(pods, func(p kube.Pod) bool {
		number, ours := strings.CutPrefix(p.Name, s.Workload+"-")
		_, err := strconv.ParseUint(number, 10, 31)
		return !ours || err != nil
	})
	return ready(pods, "reach "+s.Workload+" in namespace "+s.Namespace)
}

// ready is the first pod that is ready; none is an error that says how the others are.
func ready(pods []kube.Pod, tried string) (string, error) {
	e := &client.Error{Kind: client.Unreachable, Tried: tried, Seen: "it has no pod", Next: "Start it, or find out why it does not start"}
	for i, p := range pods {
		if p.Ready && p.Deleting == nil {
			return p.Name, nil
		}
		if i == 0 {
			e.Seen = "pod " + p.Name + " is not ready (" + p.Phase + ")"
		}
		if p.Deleting != nil {
			e.Seen = "pod " + p.Name + " is being deleted"
		}
	}
	return "", e
}

// clientPod is the pod through which the run reaches servers outside the cluster; empty where there is none that is ready.
func (d *Databases) clientPod(ctx context.Context, s postgres.Server) (string, error) {
	if d.options.Run == "" {
		return "", nil
	}
	pods, err := d.options.Cluster.Pods(ctx, s.Namespace, ClientLabel+"="+d.options.Run)
	if err != nil {
		return "", err
	}
	name, _ := ready(pods, "")
	return name, nil
}
