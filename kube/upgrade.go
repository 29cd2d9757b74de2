package kube

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/gorilla/websocket"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/transport"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// A command or a tunnel begins as one HTTP request that turns its connection into something else. The request goes through the same
// wrappers as every other (credentials, guard), but not through the same connections: those may speak HTTP/2, which cannot be turned.
// WebSocket is asked first, as kubectl does; SPDY is for older servers, for proxies that know no WebSocket, and for roles that
// may create pods/exec but not get it, because servers authorise a WebSocket request as a get.

const (
	// pingEvery keeps balancers and NAT from taking a quiet connection for dead. Nothing waits for the answers: a command
	// that does not read its input for an hour, a restore that builds an index say, holds up everything on the connection.
	pingEvery = 10 * time.Second
	// partingTime is how long a goodbye may take before the connection is simply cut.
	partingTime = 2 * time.Second
	// maxRefusal bounds what is read of a refusal.
	maxRefusal = 64 << 10
	// frame is how much is sent and read in one piece.
	frame = 32 << 10
)

// upgrade opens a connection of its own for one request.
type upgrade struct {
	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	proxy func(*http.Request) (*url.URL, error)
	base  *transport.Config
	over  func(*upgrade, *http.Request) (*http.Response, error)

	ws *websocket.Conn // what came of it, with overWebSocket
}

func (u *upgrade) RoundTrip(req *http.Request) (*http.Response, error) { return u.over(u, req) }

// upgrader prepares the request that a names for one protocol. The wrappers, and so the guard, stand before the dialling.
func (h *Hands) upgrader(over func(*upgrade, *http.Request) (*http.Response, error)) (*upgrade, *http.Client, error) {
	now := h.rest()
	config, err := now.TransportConfig()
	if err != nil {
		return nil, nil, err
	}
	// The dialler is the one of Options, not the one of credentials that rotate: that one cuts every connection when they do.
	u := &upgrade{dial: now.Dial, proxy: now.Proxy, base: config, over: over}
	if u.proxy == nil {
		u.proxy = utilnet.NewProxierWithNoProxyCIDR(http.ProxyFromEnvironment)
	}
	rt, err := transport.HTTPWrappersForConfig(config, u)
	if err != nil {
		return nil, nil, err
	}
	// A redirect is an answer like any other that is not an upgrade. To follow it would carry the credentials elsewhere.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return u, &http.Client{Transport: rt, CheckRedirect: stay}, nil
}

// webSocket turns a connection into a WebSocket of this subprotocol.
func (h *Hands) webSocket(ctx context.Context, a Access, at *url.URL, protocol string) (*websocket.Conn, error) {
	u, client, err := h.upgrader(overWebSocket)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, h.rest().Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header[wsProtocol] = []string{protocol}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if u.ws == nil {
		return nil, refused(a, resp)
	}
	if got := u.ws.Subprotocol(); got != protocol {
		u.ws.Close()
		return nil, &refusal{a: a, code: resp.StatusCode, text: fmt.Sprintf("the server speaks %q where %q was asked for", got, protocol)}
	}
	return u.ws, nil
}

const wsProtocol = "Sec-Websocket-Protocol"

func overWebSocket(u *upgrade, req *http.Request) (*http.Response, error) {
	tlsConfig, err := transport.TLSConfigFor(u.base)
	if err != nil {
		return nil, err
	}
	to := *req.URL
	to.Scheme = map[string]string{"https": "wss", "http": "ws"}[to.Scheme]
	header := req.Header.Clone()
	protocols := header[wsProtocol]
	delete(header, wsProtocol)
	stop := func() bool { return true }
	d := websocket.Dialer{
		Proxy: u.proxy, TLSClientConfig: tlsConfig, Subprotocols: protocols, ReadBufferSize: frame + 1, WriteBufferSize: frame + 1,
		NetDialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := u.dialler()(ctx, network, addr)
			if err == nil {
				// The library heeds the context until there is a connection; from then on, this does.
				stop = context.AfterFunc(ctx, func() { conn.Close() })
			}
			return conn, err
		},
	}
	ws, resp, err := d.DialContext(req.Context(), to.String(), header)
	if !stop() {
		if err == nil {
			ws.Close()
		}
		return nil, req.Context().Err()
	}
	if errors.Is(err, websocket.ErrBadHandshake) && resp != nil {
		return resp, nil
	}
	if err != nil {
		return nil, cutShort(err)
	}
	u.ws = ws
	return resp, nil
}

// spdyOver turns a connection into SPDY for one of these protocols.
func (h *Hands) spdyOver(ctx context.Context, a Access, at *url.URL, protocols ...string) (*line, error) {
	_, client, err := h.upgrader(overHTTP)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, h.rest().Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set(httpstream.HeaderConnection, httpstream.HeaderUpgrade)
	req.Header.Set(httpstream.HeaderUpgrade, spdy.HeaderSpdy31)
	req.Header[http.CanonicalHeaderKey(httpstream.HeaderProtocolVersion)] = protocols
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	body, ok := resp.Body.(io.ReadWriteCloser)
	if resp.StatusCode != http.StatusSwitchingProtocols || !ok {
		return nil, refused(a, resp)
	}
	if got := resp.Header.Get(httpstream.HeaderProtocolVersion); !slices.Contains(protocols, got) {
		body.Close()
		return nil, &refusal{a: a, code: resp.StatusCode, text: fmt.Sprintf("the server speaks %q where %q was asked for", got, protocols)}
	}
	return h.speak(&bodyConn{ReadWriteCloser: body})
}

func overHTTP(u *upgrade, req *http.Request) (*http.Response, error) {
	tlsConfig, err := transport.TLSConfigFor(u.base)
	if err != nil {
		return nil, err
	}
	t := &http.Transport{
		Proxy: u.proxy, DialContext: u.dialler(), TLSClientConfig: tlsConfig, DisableKeepAlives: true, DisableCompression: true,
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/2 has no upgrades
	}
	resp, err := t.RoundTrip(req)
	if err != nil {
		return nil, cutShort(err)
	}
	return resp, nil
}

func (u *upgrade) dialler() func(context.Context, string, string) (net.Conn, error) {
	if u.dial != nil {
		return u.dial
	}
	return (&net.Dialer{}).DialContext
}

// cutShort gives the many errors of a connection that ended during the request the one form that is recognised.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) || utilnet.IsConnectionReset(err) ||
		utilnet.IsProbableEOF(err) {
		return errCut
	}
	return err
}

// refusal is an answer that turned nothing.
type refusal struct {
	a      Access
	code   int
	text   string // what the server said, if not in the form of a status
	status *apierrors.StatusError
}

func (r *refusal) Error() string { return r.Unwrap().Error() }

func (r *refusal) Unwrap() error {
	if r.status != nil {
		return r.status
	}
	code := r.code
	if code < 300 {
		code = http.StatusBadGateway // an upgrade to something else: whoever stands between does not know the protocol
	}
	e := apierrors.NewGenericServerResponse(code, r.a.Verb, schema.GroupResource{Resource: r.a.Resource + "/" + r.a.Subresource}, r.a.Name, r.text, 0, true)
	if r.text != "" {
		e.ErrStatus.Message, e.ErrStatus.Details = r.text, nil
	}
	return e
}

// refused reads why a request was not upgraded.
func refused(a Access, resp *http.Response) error {
	defer resp.Body.Close()
	b, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal)) // what there is of it will do
	r := &refusal{a: a, code: resp.StatusCode, text: string(b)}
	var s metav1.Status
	if json.Unmarshal(b, &s) == nil && s.Kind == "Status" && s.Status == metav1.StatusFailure {
		r.status = &apierrors.StatusError{ErrStatus: s}
	}
	return r
}

// otherwise says whether SPDY may succeed where WebSocket was refused. What the server itself says about the pod, the credentials
// or its own health will not change.
func otherwise(err error) bool {
	var r *refusal
	if !errors.As(err, &r) {
		return false
	}
	switch {
	case r.status == nil:
		return true
	case r.code == http.StatusUnauthorized, r.code == http.StatusNotFound, r.code == http.StatusTooManyRequests:
		return false
	}
	return r.code < http.StatusInternalServerError
}

// bodyConn is what an upgraded HTTP request leaves behind, as a connection without addresses and deadlines; nobody asks for them.
type bodyConn struct{ io.ReadWriteCloser }

func (*bodyConn) LocalAddr() net.Addr              { return podAddr{} }
func (*bodyConn) RemoteAddr() net.Addr             { return podAddr{} }
func (*bodyConn) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (*bodyConn) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (*bodyConn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }
