package release

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"helm.sh/helm/v4/pkg/registry"

	"canton.example/svrescue/internal/plain"
)

// Registry fetches charts from OCI registries, with whatever login `helm registry login` or docker has left on this machine. Transport is how;
// nil: Helm's own.
type Registry struct {
	Transport http.RoundTripper
}

// Unfetched says that a chart could not be had from a registry.
type Unfetched struct {
	Address, Version string
	Why              string
}

func (u *Unfetched) Error() string {
	return fmt.Sprintf("the chart %s %s could not be fetched: %s", u.Address, u.Version, u.Why)
}

// Pull fetches a chart, such as oci://host/path/splice-validator, in one version, as `helm pull` leaves it in a .tgz file. What came is
// compared with the digest that the registry tells, and must be of that name and version. Registries are spoken to over TLS, but one on this
// machine. Its errors are *Unfetched.
func (r Registry) Pull(ctx context.Context, address, version string) ([]byte, error) {
	at, err := url.Parse(address)
	unfetched := func(why string) error {
		u := &Unfetched{Address: "that was named", Version: plain.Line(version), Why: why}
		if at != nil {
			u.Address = plain.Line(at.Redacted())
		}
		return u
	}
	switch {
	case err != nil || at.Scheme != "oci" || at.Host == "" || strings.Trim(at.Path, "/") == "" || at.User != nil || at.RawQuery != "":
		return nil, unfetched("it is no address of a chart such as oci://HOST/PATH/CHART")
	case version == "":
		return nil, unfetched("no version is named")
	}
	next := r.Transport
	if next == nil {
		next = registry.NewTransport(false)
	}
	options := []registry.ClientOption{registry.ClientOptHTTPClient(&http.Client{Transport: within{ctx, next}})}
	if loopback(at.Hostname()) {
		options = append(options, registry.ClientOptPlainHTTP())
	}
	client, err := registry.NewClient(options...)
	if err != nil {
		return nil, unfetched(reason(err))
	}
	got, err := client.Pull(strings.TrimPrefix(address, "oci://") + ":" + version)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, unfetched(reason(err))
	case got == nil || got.Chart == nil || len(got.Chart.Data) == 0:
		return nil, unfetched("what is there holds no chart")
	}
	c, err := ReadChart(address, got.Chart.Data)
	if err != nil {
		return nil, unfetched(reason(err))
	}
	if name := at.Path[strings.LastIndex(at.Path, "/")+1:]; c.Name != name || c.Version != version {
		return nil, unfetched("it is " + c.String() + " and not what was asked for")
	}
	return got.Chart.Data, nil
}

func reason(err error) string {
	var e *url.Error
	if errors.As(err, &e) {
		err = e.Err
	}
	return plain.Cut(plain.Line(err.Error()), 200)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// within ends requests with the context: Helm's client takes none.
type within struct {
	ctx  context.Context
	next http.RoundTripper
}

func (w within) RoundTrip(r *http.Request) (*http.Response, error) {
	return w.next.RoundTrip(r.Clone(w.ctx))
}
