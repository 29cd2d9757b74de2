package kube

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	snapshots "github.com/kubernetes-csi/external-snapshotter/client/v8/clientset/versioned"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/clock"
)

// Target says which cluster, and where in it.
type Target struct {
	// Kubeconfig is one file, or several joined by the system's list separator as in $KUBECONFIG. Empty means what kubectl would use:
	// $KUBECONFIG, else ~/.kube/config, else the account of the pod the program runs in.
	Kubeconfig string `json:"kubeconfig,omitempty"`
	Context    string `json:"context,omitempty"`   // empty: the current context of the kubeconfig
	Namespace  string `json:"namespace,omitempty"` // empty: the namespace of the context, else "default"
}

// Options are what the main program knows and this package must not ask for itself.
type Options struct {
	Clock     clock.PassiveClock // nil: the real clock; one with timers (clock.WithTicker) drives those of streams too
	UserAgent string             // such as "svrescue/1.0.0"; it is what the cluster's audit log shows
	Timeout   time.Duration      // of each request; 0: 30 s
	QPS       float32            // sustained requests per second; 0: 50 (client-go's own default of 5 makes triage slow)
	Burst     int                // 0: 100
	// Dial opens the connection to the API server; nil: the network. Tests serve a handler over net.Pipe with it.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Cluster is the reading side. It is safe for concurrent use.
type Cluster struct {
	target  Target
	server  string
	clock   clock.PassiveClock
	timers  clock.WithTicker
	config  atomic.Pointer[rest.Config] // without a guard; never given to a client as it is. LogIn replaces it
	named   Target                      // as it was asked for, with the context that it was
	date    atomic.Pointer[dated]
	refused atomic.Uint64
	clients
}

// clients talk through one guard.
type clients struct {
	kube *groups
	snap *snapshots.Clientset
	rest func() *rest.Config // as it is now
}

// Connect reads the kubeconfig and prepares the clients. It sends nothing: Reach is the first question to the cluster.
// Its errors are of kind Setup.
func Connect(t Target, o Options) (*Cluster, error) {
	named := t
	config, t, err := load(t)
	if err != nil {
		return nil, err
	}
	named.Context = t.Context // whatever becomes the current one later
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	config.QPS, config.Burst, config.Timeout, config.UserAgent = o.QPS, o.Burst, o.Timeout, o.UserAgent
	if config.QPS == 0 {
		config.QPS = 50
	}
	if config.Burst == 0 {
		config.Burst = 100
	}
	if config.Timeout == 0 {
		config.Timeout = 30 * time.Second
	}
	if config.UserAgent == "" {
		config.UserAgent = "svrescue"
	}
	if o.Dial != nil {
		config.Dial = o.Dial
	}
	// Typed clients would send protobuf, in which the guard cannot find the name of a new object.
	config.ContentType, config.AcceptContentTypes = "application/json", "application/json"
	config.WarningHandler = rest.NoWarnings{}
	noTerminal(config)
	c := &Cluster{target: t, named: named, server: config.Host, clock: o.Clock, timers: clock.RealClock{}}
	c.config.Store(config)
	if timers, ok := o.Clock.(clock.WithTicker); ok {
		c.timers = timers
	}
	c.clients, err = c.guarded(nil, nil, false)
	if err != nil {
		return nil, setup("use the cluster of context "+t.Context, err.Error(), "check the kubeconfig")
	}
	return c, nil
}

// Target is where the cluster was found: kubeconfig, context and namespace as resolved.
func (c *Cluster) Target() Target { return c.target }

// Server is the address of the API server.
func (c *Cluster) Server() string { return c.server }

// Hands is the writing side: it writes only what allowed covers. With dryRun every write becomes one that the server tries and forgets.
// Reading through it is always possible. It is safe for concurrent use.
func (c *Cluster) Hands(allowed []Access, dryRun bool) *Hands {
	return c.HandsWhile(nil, allowed, dryRun)
}

// HandsWhile are Hands that ask held before each write that is no trial, and send nothing while it answers an error.
func (c *Cluster) HandsWhile(held func() error, allowed []Access, dryRun bool) *Hands {
	h := &Hands{cluster: c, allowed: slices.Clone(allowed), dryRun: dryRun}
	h.clients, h.err = c.guarded(held, h.allowed, dryRun)
	return h
}

func (c *Cluster) guarded(held func() error, allowed []Access, dryRun bool) (clients, error) {
	config := rest.CopyConfig(c.config.Load())
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return clients{}, err
	}
	behind := func(config *rest.Config) *rest.Config {
		config = rest.CopyConfig(config)
		config.Wrap(func(rt http.RoundTripper) http.RoundTripper {
			return &guard{
				next: rt, scheme: base.Scheme, host: base.Host, prefix: strings.TrimSuffix(base.Path, "/"),
				allowed: allowed, dryRun: dryRun, held: held, clock: c.clock, date: &c.date, refused: &c.refused,
			}
		})
		return config
	}
	r := &renewed{config: &c.config, behind: behind, refused: &c.refused}
	if _, err := r.transport(); err != nil {
		return clients{}, err
	}
	h := &http.Client{Transport: r, Timeout: config.Timeout}
	k, err := groupsOf(config, h)
	if err != nil {
		return clients{}, err
	}
	s, err := snapshots.NewForConfigAndClient(config, h)
	if err != nil {
		return clients{}, err
	}
	return clients{kube: k, snap: s, rest: func() *rest.Config { return behind(c.config.Load()) }}, nil
}

func load(t Target) (*rest.Config, Target, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	explicit := strings.Join(rules.Precedence, " or ")
	if t.Kubeconfig != "" {
		files := strings.Split(t.Kubeconfig, string(os.PathListSeparator))
		for _, f := range files {
			if _, err := os.Stat(f); err != nil && len(files) == 1 {
				why := "no kubeconfig found at " + f
				if !errors.Is(err, os.ErrNotExist) {
					why = "the kubeconfig at " + f + " cannot be read: " + err.Error()
				}
				return nil, t, setup("read the kubeconfig", why, "name the right file with --kubeconfig or $KUBECONFIG")
			}
		}
		rules = &clientcmd.ClientConfigLoadingRules{Precedence: files}
		explicit = t.Kubeconfig
	}
	raw, err := rules.Load()
	if err != nil {
		return nil, t, setup("read the kubeconfig", "the kubeconfig at "+explicit+" is not one: "+err.Error(), "repair the file or name another")
	}
	overrides := &clientcmd.ConfigOverrides{CurrentContext: t.Context}
	if t.Namespace != "" {
		overrides.Context.Namespace = t.Namespace
	}
	if len(raw.Contexts) == 0 && len(raw.Clusters) == 0 && t.Context == "" && t.Kubeconfig == "" {
		return inPod(t, explicit)
	}
	if t.Context == "" {
		t.Context = raw.CurrentContext
	}
	if err := hasContext(raw, t.Context, explicit); err != nil {
		return nil, t, err
	}
	client := clientcmd.NewNonInteractiveClientConfig(*raw, t.Context, overrides, rules)
	config, err := client.ClientConfig()
	if err != nil {
		return nil, t, setup("use context "+t.Context, err.Error(), "check this context's cluster and user in "+explicit)
	}
	if user := raw.AuthInfos[raw.Contexts[t.Context].AuthInfo]; user != nil && config.BearerToken == "" && loopback(config.Host) {
		// client-go sends no token without TLS. On the loopback interface, where a rehearsal's server is, nobody else can read it.
		config.BearerToken, config.BearerTokenFile = user.Token, user.TokenFile
	}
	if t.Namespace, _, err = client.Namespace(); err != nil {
		return nil, t, setup("use context "+t.Context, err.Error(), "name the namespace")
	}
	return config, t, nil
}

// loopback says whether a server's address is plain HTTP on this machine, by number: a name could lead elsewhere.
func loopback(server string) bool {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback()
}

// inPod uses the account that a pod is given, as kubectl does when there is no kubeconfig at all.
func inPod(t Target, looked string) (*rest.Config, Target, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, t, setup("read the kubeconfig", "no kubeconfig found at "+looked, "name the right file with --kubeconfig or $KUBECONFIG")
	}
	if t.Namespace == "" {
		t.Namespace = "default"
		if b, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/namespace"); err == nil {
			t.Namespace = strings.TrimSpace(string(b))
		}
	}
	return config, t, nil
}

func hasContext(raw *clientcmdapi.Config, name, where string) error {
	if _, ok := raw.Contexts[name]; ok {
		return nil
	}
	has := "it has none"
	if names := slices.Sorted(maps.Keys(raw.Contexts)); len(names) > 0 {
		has = "it has " + strings.Join(names, ", ")
	}
	if name == "" {
		return setup("choose a context", "the kubeconfig at "+where+" has no current context; "+has, "name one with --context")
	}
	return setup("use context "+name, fmt.Sprintf("context %s is not in the kubeconfig at %s; %s", name, where, has), "name one of these with --context")
}

func setup(tried, seen, next string) *Error {
	return &Error{Kind: Setup, Tried: clean(tried, 200), Seen: clean(seen, maxSeen), Next: next}
}
