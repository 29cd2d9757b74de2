package svapp

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Way is one way to an app: its public host, its service inside the cluster, a tunnel to its pod, a request sent from another pod. This
// package knows the first two; whoever knows a cluster makes the others, with Tunnel or with a RoundTripper of its own, which may
// answer an *Error where it knows better than this package what happened. Requests hold tokens in a header: a way that runs a command sends
// them to its standard input, never as arguments.
type Way struct {
	Name    string // for the screen: "public host scan.sv.example.org", "tunnel to pod sv/scan-app-7c9f"
	Base    string // scheme and host without the app's path: "https://scan.sv.example.org"
	Through http.RoundTripper
	Private bool // nobody on the way can read what passes: a token may go over http
}

// Tunnel is a way over connections that somebody else opens, such as a port forwarded from a pod. Its requests carry
// http://host, of which the app sees the name only.
func Tunnel(name, host string, open func(context.Context) (net.Conn, error)) Way {
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return open(ctx) },
		MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second, DisableCompression: true}
	return Way{Name: name, Base: "http://" + host, Through: t, Private: true}
}

// Close ends the connections that wait for another request.
func (w Way) Close() {
	if c, ok := w.Through.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// check says why requests cannot go this way.
func (w Way) check() (*url.URL, *Error) {
	const tried = "take a way to an app"
	u, err := url.Parse(w.Base)
	switch {
	case w.Name == "" || w.Through == nil:
		return nil, setup(tried, "the way has no name, or nothing that sends", "report this as a defect of the program")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, setup(tried, "its address has no scheme and host", "write it as https://scan.sv.example.org")
	case u.User != nil:
		return nil, setup(tried, "its address holds a user name or a password", "write it without")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, setup(tried, "its address has more than a scheme and a host", "leave out what follows the host: the paths of the apps are known")
	}
	return u, nil
}

// mayCarryTokens says whether a token sent to this address can be read by nobody else.
func (w Way) mayCarryTokens(u *url.URL) bool {
	return w.Private || u.Scheme == "https" || loopback(u.Hostname())
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
