package reach

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/svapp"
)

// AppCluster is what is looked up of the pods of apps; *kube.Cluster has it.
type AppCluster interface {
	Cluster
	Workload(ctx context.Context, kind, ns, name string) (kube.Workload, bool, error)
	NamespacesWith(ctx context.Context, selector string) ([]string, error)
}

var _ AppCluster = (*kube.Cluster)(nil)

// AppOptions say how apps are reached.
type AppOptions struct {
	// Out is how this machine gets to hosts of the network. In a rehearsal its Dial leads nowhere: what is asked leaves from pods alone.
	Out       svapp.Out
	UserAgent string
	// Namespaces are those in which a pod is looked for that sends to scans; those of the apps that were asked come to them.
	Namespaces []string
	Keys       KeyOptions
}

// Apps asks the apps of Splice. It is safe for concurrent use.
type Apps struct {
	AppOptions
	options Options
	cluster AppCluster
	web     *Web
	keys    *Keyring

	mu         sync.Mutex
	namespaces []string
	through    map[string]Sender // scans that this machine does not reach, but a pod does
}

var _ steps.AppReader = (*Apps)(nil)

// NewApps makes a reader. It sends nothing.
func NewApps(o Options, cluster AppCluster, a AppOptions) *Apps {
	o.Cluster = cluster
	o = NewDatabases(o).options
	return &Apps{AppOptions: a, options: o, cluster: cluster, web: NewWeb(o, a.Out), keys: NewKeyring(o, a.Keys), through: map[string]Sender{}}
}

// Keys is the keyring of the reader.
func (a *Apps) Keys() *Keyring { return a.keys }

const (
	tryWay   = 8 * time.Second // for each way to an app, to see whether it leads there
	mostPods = 3               // that are tried as senders, one for each namespace
)

func (a *Apps) settings(way svapp.Way) svapp.Settings {
	return svapp.Settings{Way: way, Clock: a.options.Clock, UserAgent: a.UserAgent}
}

func (a *Apps) choose(ctx context.Context, app svapp.App, ways ...svapp.Way) (way svapp.Way, direct, err error) {
	s := a.settings(svapp.Way{})
	s.Timeout = tryWay
	way, _, direct, err = Choose(ctx, app, ways, s)
	return way, direct, err
}

// Scan asks another SV's scan: from this machine or, where it is not let in, from a pod of the run, else from one of the namespaces that the run
// knows, else from a Canton node of another namespace of the cluster.
func (a *Apps) Scan(ctx context.Context, address string, ask func(*svapp.Scan) error) error {
	way, err := a.outward(ctx, address)
	if err != nil {
		return err
	}
	defer way.Close()
	scan, err := svapp.NewScan(a.settings(way))
	if err != nil {
		return err
	}
	return ask(scan)
}

// outward is the way to a scan by its public address.
func (a *Apps) outward(ctx context.Context, address string) (svapp.Way, error) {
	a.mu.Lock()
	known, has := a.through[address]
	a.mu.Unlock()
	if has {
		if way, err := a.from(ctx, known, address); err == nil {
			return way, nil
		}
	}
	host, err := a.Out.Public(address)
	if err != nil {
		return host, err
	}
	way, _, direct := a.choose(ctx, svapp.ScanApp, host)
	if direct == nil || ctx.Err() != nil || svapp.KindOf(direct) == svapp.Setup {
		return way, direct
	}
	var last error
	senders, unseen := a.senders(ctx)
	for _, s := range senders {
		way, err := a.from(ctx, s, address)
		if err == nil {
			a.mu.Lock()
			a.through[address] = s
			a.mu.Unlock()
			return way, nil
		}
		last = err
		if ctx.Err() != nil {
			break
		}
	}
	return svapp.Way{}, outwardRefused(direct, last, unseen)
}

// outwardRefused is why a scan is not reached: from here, and from the pod that was tried last.
func outwardRefused(direct, fromPod, unseen error) error {
	e := (*svapp.Error)(nil)
	if !errors.As(direct, &e) {
		return direct
	}
	told := *e
	switch pod := (*svapp.Error)(nil); {
	case errors.As(fromPod, &pod):
		told.Seen += "; and from the cluster: " + pod.Seen
	case fromPod == nil && unseen != nil:
		told.Seen += "; and no pod could be looked for to ask from: " + steps.FailureOf("", unseen).Seen
	case fromPod == nil:
		told.Seen += "; and there is no pod of a node from which it could be asked"
	}
	return &told
}

func (a *Apps) from(ctx context.Context, s Sender, address string) (svapp.Way, error) {
	way, err := a.web.FromPod(s.Namespace, s.Pod, s.Container, address, false)
	if err != nil {
		return way, err
	}
	way, _, err = a.choose(ctx, svapp.ScanApp, way)
	return way, err
}

// senders are pods from which scans may be asked, one for each namespace. The error says why there are none, where that is not known.
func (a *Apps) senders(ctx context.Context) (found []Sender, err error) {
	a.mu.Lock()
	namespaces := append(slices.Clone(a.Namespaces), a.namespaces...)
	a.mu.Unlock()
	var asked []string
	look := func(ns string) {
		if ns == "" || slices.Contains(asked, ns) || len(found) >= mostPods {
			return
		}
		asked = append(asked, ns)
		pods, failed := a.cluster.Pods(ctx, ns, "")
		if failed != nil {
			err = cmp.Or(err, failed)
			return
		}
		if own := Running(slices.DeleteFunc(slices.Clone(pods), func(p kube.Pod) bool { return a.options.Run == "" || p.Labels[ClientLabel] != a.options.Run })); len(own) > 0 {
			if s, can := SenderIn(own[0]); can {
				found = append(found, s)
				return
			}
		}
		if s, has := SenderOf(pods, ""); has {
			found = append(found, s)
		}
	}
	for _, ns := range namespaces {
		look(ns)
	}
	if len(found) > 0 {
		return found, nil
	}
	others, failed := a.cluster.NamespacesWith(ctx, "helm.sh/chart")
	if failed != nil {
		return nil, cmp.Or(err, failed)
	}
	for _, ns := range others {
		look(ns)
	}
	return found, err
}

// met remembers a namespace that the run works in.
func (a *Apps) met(ns string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ns != "" && !slices.Contains(a.namespaces, ns) {
		a.namespaces = append(a.namespaces, ns)
	}
}

// SV asks an SV app of a deployment.
func (a *Apps) SV(ctx context.Context, app steps.App, ask func(*svapp.SV) error) error {
	return a.with(ctx, app, svapp.SVApp, func(s svapp.Settings) error {
		sv, err := svapp.NewSV(s)
		if err != nil {
			return err
		}
		return ask(sv)
	})
}

// Validator asks a validator app and its wallet.
func (a *Apps) Validator(ctx context.Context, app steps.App, ask func(*svapp.Validator) error) error {
	return a.with(ctx, app, svapp.ValidatorApp, func(s svapp.Settings) error {
		v, err := svapp.NewValidator(s)
		if err != nil {
			return err
		}
		return ask(v)
	})
}

// Token says whom the app's login stands for. It asks no app, and the provider only where there is no token that is good still.
func (a *Apps) Token(ctx context.Context, app steps.App) (svapp.Token, error) {
	tokens, err := a.keys.Tokens(ctx, app)
	if err != nil {
		return svapp.Token{}, err
	}
	t, err := tokens.Token(ctx, goodFor)
	t.Value = secret.String{}
	return t, err
}

// with takes a way to an app for as long as do lasts.
func (a *Apps) with(ctx context.Context, app steps.App, kind svapp.App, do func(svapp.Settings) error) error {
	if app.Kind != kind {
		return &svapp.Error{Kind: svapp.Setup, Tried: "ask " + app.Name, Seen: "it is " + app.Kind.String() + ", and was asked as " + kind.String(), Next: "report this as a defect of the program"}
	}
	way, err := a.inward(ctx, app)
	if err != nil {
		return err
	}
	defer way.Close()
	s := a.settings(way)
	s.Tokens, s.Audience = &later{a.keys, app}, a.keys.audience(app)
	return do(s)
}

// later finds out what to log in with when a token is needed, since many questions need none.
type later struct {
	keys *Keyring
	app  steps.App
}

func (l *later) Token(ctx context.Context, good time.Duration) (svapp.Token, error) {
	tokens, err := l.keys.Tokens(ctx, l.app)
	if err != nil {
		return svapp.Token{}, err
	}
	return tokens.Token(ctx, good)
}

// Renew answers another token than the one that was refused, where the login gives one.
func (l *later) Renew(ctx context.Context, refused svapp.Token) (svapp.Token, error) {
	tokens, err := l.keys.Tokens(ctx, l.app)
	if err != nil {
		return svapp.Token{}, err
	}
	return svapp.Renew(ctx, tokens, refused)
}

// inward is the best way to an app of a deployment: a tunnel to its pod, a request from another pod, or its public host.
func (a *Apps) inward(ctx context.Context, app steps.App) (svapp.Way, error) {
	ways, none := a.within(ctx, app)
	if app.Host != "" {
		host, err := a.Out.Public(app.Host)
		if err != nil && len(ways) == 0 {
			return host, err
		}
		if err == nil {
			ways = append(ways, host)
		}
	}
	if len(ways) == 0 {
		return svapp.Way{}, none
	}
	way, direct, _ := a.choose(ctx, app.Kind, ways...)
	return way, direct
}

// within are the ways through the cluster; the error says why there are none.
func (a *Apps) within(ctx context.Context, app steps.App) ([]svapp.Way, error) {
	tried := "reach " + app.Name
	if app.Namespace == "" || app.Workload == "" {
		return nil, &svapp.Error{Kind: svapp.Setup, Tried: tried, Seen: "neither its deployment nor its public address is known", Next: "name one of them"}
	}
	at := "deployment " + app.Workload + " in namespace " + app.Namespace
	workload, found, err := a.cluster.Workload(ctx, kube.Deployment, app.Namespace, app.Workload)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, &svapp.Error{Kind: svapp.Unreachable, Tried: tried, Seen: at + " is not there", Next: "look whether it was installed, and in which namespace"}
	}
	a.met(app.Namespace)
	pods, err := a.cluster.Pods(ctx, app.Namespace, workload.Selector)
	if err != nil {
		return nil, err
	}
	running := Running(pods)
	if len(running) == 0 {
		return nil, &svapp.Error{Kind: svapp.Unreachable, Tried: tried, Seen: "no pod of " + at + " runs", Next: "start it, or find out why it does not start"}
	}
	port := Port(app.Kind)
	host := fmt.Sprintf("%s.%s:%d", app.Workload, app.Namespace, port)
	all, err := a.cluster.Pods(ctx, app.Namespace, "")
	from := Sender{} // the tunnel alone is enough
	if err == nil {
		from, _ = SenderOf(all, running[0].Name)
	}
	return a.web.Into(app.Namespace, running[0].Name, host, port, from), nil
}
