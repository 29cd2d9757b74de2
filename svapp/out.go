package svapp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// Out is how this machine gets to hosts of the network. The zero value is: directly, trusting whom the system trusts.
type Out struct {
	// Getenv answers HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in either case; nil: no proxy.
	Getenv func(string) string
	// CA is certificates in PEM of authorities that are trusted besides those of the system.
	CA []byte
	// Dial opens connections; nil: the network.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Public is the way to a host by its public address, such as https://scan.sv.example.org, through the proxy of the environment
// if that is for this host. Its errors are of kind Setup.
func (o Out) Public(address string) (Way, error) {
	t, err := o.Transport()
	if err != nil {
		return Way{}, err
	}
	w := Way{Base: strings.TrimRight(address, "/"), Name: "public host", Through: t}
	u, problem := w.check()
	if problem != nil {
		return Way{}, problem
	}
	w.Name = "public host " + u.Host
	if t.Proxy != nil {
		if p, err := t.Proxy(&http.Request{URL: u}); err == nil && p != nil {
			w.Name += " through the proxy " + p.Host
		}
	}
	return w, nil
}

// Service is the way to a service by its name in the cluster; only a program in a pod of the cluster gets through. No proxy is asked.
func (o Out) Service(namespace, name string, port int) (Way, error) {
	o.Getenv = nil
	t, err := o.Transport()
	if err != nil {
		return Way{}, err
	}
	host := net.JoinHostPort(name+"."+namespace, strconv.Itoa(port))
	return Way{Name: "service " + namespace + "/" + name, Base: "http://" + host, Through: t, Private: true}, nil
}

// Transport is what Public sends through, also for the identity provider. Its errors are of kind Setup.
func (o Out) Transport() (*http.Transport, error) {
	proxy, err := o.proxy()
	if err != nil {
		return nil, err
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(o.CA) > 0 {
		trust.RootCAs, err = x509.SystemCertPool()
		if err != nil { // a machine without any, such as an empty container
			trust.RootCAs = x509.NewCertPool()
		}
		if !trust.RootCAs.AppendCertsFromPEM(o.CA) {
			return nil, setup("trust a certificate authority", "the file has no certificate in PEM", "give the authority's certificate, which begins with BEGIN CERTIFICATE")
		}
	}
	dial := o.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext
	}
	return &http.Transport{
		Proxy: proxy, DialContext: dial, TLSClientConfig: trust, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
		OnProxyConnectResponse: func(_ context.Context, p *url.URL, _ *http.Request, r *http.Response) error {
			if r.StatusCode != http.StatusOK {
				return &proxyRefused{proxy: p.Host, status: r.Status}
			}
			return nil
		},
	}, nil
}

// proxy is the choice of a proxy for each request. A variable that is no address would be passed over without a word, so it is refused;
// its value, which may hold a password, is not shown.
func (o Out) proxy() (func(*http.Request) (*url.URL, error), error) {
	if o.Getenv == nil {
		return nil, nil
	}
	get := func(name string) string {
		if v := o.Getenv(name); v != "" {
			return v
		}
		return o.Getenv(strings.ToLower(name))
	}
	c := httpproxy.Config{HTTPProxy: get("HTTP_PROXY"), HTTPSProxy: get("HTTPS_PROXY"), NoProxy: get("NO_PROXY")}
	for name, value := range map[string]string{"HTTP_PROXY": c.HTTPProxy, "HTTPS_PROXY": c.HTTPSProxy} {
		if value == "" {
			continue
		}
		u, err := url.Parse(value)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h" {
			if u, err = url.Parse("http://" + value); err != nil || u.Host == "" || u.Path != "" && u.Path != "/" {
				return nil, setup("use the proxy of "+name, "its value is no address of a proxy", "write it as http://host:port")
			}
		}
	}
	choose := c.ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return choose(r.URL) }, nil
}
