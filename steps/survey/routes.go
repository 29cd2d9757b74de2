package survey

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
)

// route is a host name that leads to a service of the namespace.
type route struct {
	host    string
	service string
	object  string // "Ingress sv/scan", for people
}

// Route is a public host name, or a port of the ingress, that leads to a service of a namespace.
type Route struct {
	Host    string // empty: whatever name comes in by Port
	Port    int    // of the ingress, where the route is one of plain TCP that says it; else 0
	Service string
	Object  string // "VirtualService sv/sequencer", for people
}

// Routes are the routes into a namespace, of HTTP and of plain TCP. unread says of which kinds they could not be read, in parts of sentences.
func Routes(ctx context.Context, c Cluster, ns string) (all []Route, unread []string) {
	routes, unread := readRoutes(ctx, c, ns)
	for _, r := range routes {
		all = append(all, Route{Host: r.host, Service: r.service, Object: r.object})
	}
	const group, resource = "networking.istio.io", "virtualservices"
	objects, err := c.Customs(ctx, group, resource, "")
	if kube.KindOf(err) == kube.Forbidden {
		objects, err = c.Customs(ctx, group, resource, ns)
	}
	if err != nil {
		return all, unread // told with the routes of HTTP
	}
	for _, o := range objects {
		for _, p := range plainTCP(o.Content) {
			if in := cmp.Or(p.namespace, o.Namespace); in == ns {
				all = append(all, Route{Port: p.port, Service: p.service, Object: "VirtualService " + o.Namespace + "/" + o.Name})
			}
		}
	}
	return all, unread
}

// opened is a port that leads to a service.
type opened struct {
	port               int
	service, namespace string
}

// plainTCP are the routes of a VirtualService that tell connections apart by their port alone, as those of CometBFT are told
// (reference/deployment.md 6).
func plainTCP(content []byte) (all []opened) {
	var o struct {
		Spec struct {
			TCP []struct {
				Match []struct{ Port int }
				Route []struct{ Destination struct{ Host string } }
			}
		}
	}
	if json.Unmarshal(content, &o) != nil {
		return nil
	}
	for _, r := range o.Spec.TCP {
		for _, to := range r.Route {
			name, rest, _ := strings.Cut(to.Destination.Host, ".")
			namespace, _, _ := strings.Cut(rest, ".")
			if len(r.Match) == 0 {
				all = append(all, opened{0, name, namespace})
			}
			for _, m := range r.Match {
				all = append(all, opened{m.Port, name, namespace})
			}
		}
	}
	return all
}

// routeKinds are the objects that make hosts: Kubernetes' own, Istio's, which the reference ingress uses (reference/deployment.md 3.1), and
// those of the Gateway API.
var routeKinds = []struct {
	group, resource, kind string
	read                  func(content []byte) []hosted
}{
	{"networking.k8s.io", "ingresses", "Ingress", fromIngress},
	{"networking.istio.io", "virtualservices", "VirtualService", fromVirtualService},
	{"gateway.networking.k8s.io", "httproutes", "HTTPRoute", fromHTTPRoute},
}

// hosted is a host and the service behind it. The service's namespace is empty where it is that of the object.
type hosted struct{ host, service, namespace string }

// readRoutes finds the hosts that lead into the namespace, in all namespaces where that may be read. unread says of which kinds it could
// not be, in parts of sentences.
func readRoutes(ctx context.Context, c Cluster, ns string) (all []route, unread []string) {
	for _, k := range routeKinds {
		objects, err := c.Customs(ctx, k.group, k.resource, "")
		if kube.KindOf(err) == kube.Forbidden {
			if objects, err = c.Customs(ctx, k.group, k.resource, ns); err == nil {
				unread = append(unread, k.resource+" of other namespaces may not be read")
			}
		}
		if err != nil {
			unread = append(unread, k.resource+" could not be read: "+seen(err))
			continue
		}
		for _, o := range objects {
			for _, h := range k.read(o.Content) {
				in := h.namespace
				if in == "" {
					in = o.Namespace
				}
				if in == ns && public(h.host) {
					all = append(all, route{h.host, h.service, k.kind + " " + o.Namespace + "/" + o.Name})
				}
			}
		}
	}
	return all, unread
}

// public says whether a host can be one that is reached from outside: no pattern, and no name that only the cluster knows, as a
// VirtualService for traffic inside has it.
func public(host string) bool {
	inside := strings.HasSuffix(host, ".svc") || strings.Contains(host, ".svc.") || strings.HasSuffix(host, ".local")
	return strings.Contains(host, ".") && !inside && !strings.ContainsAny(host, "*/@:?# ") && plain.Line(host) == host
}

func fromIngress(content []byte) (all []hosted) {
	type backend struct{ Service struct{ Name string } }
	var o struct {
		Spec struct {
			DefaultBackend *backend
			Rules          []struct {
				Host string
				HTTP struct{ Paths []struct{ Backend backend } }
			}
		}
	}
	if json.Unmarshal(content, &o) != nil {
		return nil
	}
	for _, r := range o.Spec.Rules {
		for _, p := range r.HTTP.Paths {
			all = append(all, hosted{host: r.Host, service: p.Backend.Service.Name})
		}
		if len(r.HTTP.Paths) == 0 && o.Spec.DefaultBackend != nil {
			all = append(all, hosted{host: r.Host, service: o.Spec.DefaultBackend.Service.Name})
		}
	}
	return all
}

func fromVirtualService(content []byte) (all []hosted) {
	var o struct {
		Spec struct {
			Hosts []string
			HTTP  []struct {
				Route []struct{ Destination struct{ Host string } }
			}
		}
	}
	if json.Unmarshal(content, &o) != nil {
		return nil
	}
	for _, h := range o.Spec.Hosts {
		for _, r := range o.Spec.HTTP {
			for _, to := range r.Route {
				name, rest, _ := strings.Cut(to.Destination.Host, ".")
				namespace, _, _ := strings.Cut(rest, ".")
				all = append(all, hosted{h, name, namespace})
			}
		}
	}
	return all
}

func fromHTTPRoute(content []byte) (all []hosted) {
	var o struct {
		Spec struct {
			Hostnames []string
			Rules     []struct {
				BackendRefs []struct{ Name, Namespace string }
			}
		}
	}
	if json.Unmarshal(content, &o) != nil {
		return nil
	}
	for _, h := range o.Spec.Hostnames {
		for _, r := range o.Spec.Rules {
			for _, to := range r.BackendRefs {
				all = append(all, hosted{h, to.Name, to.Namespace})
			}
		}
	}
	return all
}

// hosts tells which host is whose. A service is named like its workload (reference/deployment.md 3.3); one of a web page leads to the app of
// the same release, whose interface lies below the same host.
func (s *Survey) hosts(routes []route, unread []string) {
	for _, app := range []struct {
		part   node.Part
		answer *Answer
		prefer string // a host that begins so comes first, where several lead to one app
	}{{node.SVApp, &s.SV, "sv"}, {node.ScanApp, &s.Scan, "scan"}, {node.Validator, &s.Wallet, "wallet"}} {
		var direct, page []route
		for _, r := range routes {
			switch of := s.leadsTo(r.service, app.part); {
			case of == app.part && !slices.ContainsFunc(direct, func(d route) bool { return d.host == r.host }):
				direct = append(direct, r)
			case of == node.UI && !slices.ContainsFunc(page, func(d route) bool { return d.host == r.host }):
				page = append(page, r)
			}
		}
		found := direct
		if len(found) == 0 {
			found = page
		}
		slices.SortStableFunc(found, func(a, b route) int {
			return boolRank(!strings.HasPrefix(a.host, app.prefer), !strings.HasPrefix(b.host, app.prefer))
		})
		app.answer.from(found, unread, string(app.part), len(direct) > 0)
	}
}

// from fills the answer from the routes that lead to the app.
func (a *Answer) from(found []route, unread []string, app string, direct bool) {
	if len(a.Values) > 0 { // the values have told it
		for _, r := range found {
			if a.Values[0] != "https://"+r.host && a.Values[0] != "http://"+r.host {
				a.note("%s leads to %s from another host: %s.", r.object, app, r.host)
			}
		}
		return
	}
	if len(found) == 0 {
		a.Why = strings.Join(append([]string{"no Ingress, VirtualService or HTTPRoute leads to " + app}, unread...), "; ")
		return
	}
	a.Values, a.From = []string{"https://" + found[0].host}, found[0].object+", which names the host; https is assumed"
	if !direct {
		a.note("It leads to the web page of %s; its interface is expected below the same host.", app)
	}
	for _, r := range found[1:] {
		a.note("%s leads there too, by %s.", r.host, r.object)
	}
}

// leadsTo is the part that a service leads to, as far as an app is concerned: the app itself, a page of its release, or neither.
func (s *Survey) leadsTo(service string, app node.Part) node.Part {
	for _, c := range s.Node.Of(app) {
		if c.Ref.Name == service {
			return app
		}
		for _, page := range s.Node.Of(node.UI) {
			if page.Ref.Name == service && page.Release != "" && page.Release == c.Release {
				return node.UI
			}
		}
	}
	return node.Other
}

func boolRank(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
