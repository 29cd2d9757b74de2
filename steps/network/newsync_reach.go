package network

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/survey"
	"canton.example/svrescue/steps/wire"
)

// dialPatience is for one connection to a public address.
const dialPatience = 10 * time.Second

// reachable says what can be seen of the way from outside to the new sequencer and the new CometBFT: the Service in the cluster, the route to it,
// and whether the public address takes a connection from this machine. Who else gets through only others can tell: ingress is limited to the
// addresses of the SVs (reference/deployment.md 6).
func reachable(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	s := f.Successor
	routes, unread := survey.Routes(ctx, w.Kube, f.Namespace)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	at, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(s.Address)
	if err != nil {
		return nil, err
	}
	var found []wire.Finding
	for _, to := range []entrance{
		{id: "sequencer", what: "the new sequencer", service: s.Sequencer, host: at.Hostname(), address: net.JoinHostPort(at.Hostname(), cmp.Or(at.Port(), map[string]string{"https": "443", "http": "80"}[at.Scheme])),
			test: fmt.Sprintf("grpcurl %s:443 grpc.health.v1.Health/Check; before the migration expect Unavailable, with \"delayed connect error: 111\" where the route is right; SERVING or an HTML page would be a fault", at.Hostname())},
		{id: "cometbft", what: "the new CometBFT", service: s.CometBFT + "-cometbft-p2p", port: port, host: host, address: s.Address, test: fmt.Sprintf("nc -vz %s %s", host, port)},
	} {
		more, err := to.look(ctx, w, f.Namespace, routes, unread)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

// entrance is a way in from outside.
type entrance struct {
	id, what      string
	service       string // that it leads to
	host, address string
	port          string // of plain TCP; empty: it is told apart by its host
	test          string // what somebody else types to see it
}

func (g entrance) look(ctx context.Context, w steps.World, namespace string, routes []survey.Route, unread []string) ([]wire.Finding, error) {
	inside := wire.Finding{ID: "service-" + g.id, Verdict: wire.Holds, Text: "Service " + g.service + " of " + g.what + " is there"}
	if _, there, err := w.Kube.Find(ctx, kube.Place{Version: "v1", Resource: "services", Namespaced: true}, namespace, g.service); err != nil {
		return nil, err
	} else if !there {
		inside.Verdict, inside.Text = wire.Violated, "there is no Service "+g.service+", by which "+g.what+" is reached"
		inside.Next, inside.Waive = "Look at the Services of the new release", "the chart names it in another way, and the ingress leads to that"
	}
	return []wire.Finding{inside, g.route(routes, unread), g.dial(ctx, w)}, ctx.Err()
}

// route says whether something leads from the ingress to the service.
func (g entrance) route(routes []survey.Route, unread []string) wire.Finding {
	f := wire.Finding{ID: "route-" + g.id, Verdict: wire.Undetermined, Text: "no Ingress, VirtualService or HTTPRoute that may be read leads to " + g.service,
		Next: "Have whoever keeps the ingress look: it must lead from " + g.address + " to " + g.service}
	if len(unread) > 0 {
		f.Text += " (" + strings.Join(unread, "; ") + ")"
	}
	var others []string
	for _, r := range routes {
		if r.Service != g.service {
			continue
		}
		switch {
		case g.port == "" && r.Host == g.host, g.port != "" && fmt.Sprint(r.Port) == g.port:
			return wire.Finding{ID: f.ID, Verdict: wire.Holds, Text: r.Object + " leads from " + g.address + " to " + g.service}
		case r.Host != "" && !slices.Contains(others, r.Host):
			others = append(others, r.Host)
		case r.Host == "" && !slices.Contains(others, fmt.Sprintf("port %d", r.Port)):
			others = append(others, fmt.Sprintf("port %d", r.Port))
		}
	}
	if len(others) > 0 {
		f.Text = fmt.Sprintf("what leads to %s comes from %s, and not from %s", g.service, strings.Join(others, ", "), g.address)
	}
	return f
}

// dial connects to the public address. That this machine gets through says that something listens there, and no more; that it does not says
// nothing about others.
func (g entrance) dial(ctx context.Context, w steps.World) wire.Finding {
	test := "Have another SV test it: " + g.test
	f := wire.Finding{ID: "port-" + g.id, Verdict: wire.Undetermined, Next: test, Text: "whether the other SVs reach " + g.what + " at " + g.address + ": there is no way to try it in this run"}
	if w.Dial == nil {
		return f
	}
	within, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	conn, err := w.Dial(within, "tcp", g.address)
	if err != nil {
		f.Text = "whether the other SVs reach " + g.what + " at " + g.address + ": this machine does not (" + steps.FailureOf("", err).Seen + ")"
		return f
	}
	conn.Close()
	f.Verdict, f.Text = wire.Attention, g.address+" takes connections from this machine; whether they go to "+g.what+", and whether the other SVs get through, only they can tell"
	return f
}
