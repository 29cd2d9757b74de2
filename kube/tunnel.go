package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/portforward"
	tunnelling "k8s.io/client-go/tools/portforward"
	"k8s.io/klog/v2"
	"k8s.io/streaming/pkg/httpstream"
)

// AccessTunnel is what Tunnel needs.
func AccessTunnel(ns, pod string) []Access {
	return []Access{{Verb: "create", Resource: "pods", Subresource: "portforward", Namespace: ns, Name: pod}}
}

// CommandTunnel is Tunnel as a command line; it listens on this machine as long as it runs.
func CommandTunnel(w Where, ns, pod string, port int) string {
	return w.kubectl(ns, "port-forward", "pod/"+pod, strconv.Itoa(port))
}

// Tunnel connects to a port of a pod through the API server, without a port on this machine. ctx is for the opening alone. That
// nobody listens on the port is only known when the server has tried: the first Read or Write says so, as an *Error of kind
// Unreachable, and so does a connection that breaks. What the program in the pod closes ends with io.EOF. Deadlines work as on a network.
func (h *Hands) Tunnel(ctx context.Context, ns, pod string, port int) (net.Conn, error) {
	a := AccessTunnel(ns, pod)[0]
	to := podAddr{ns, pod, port}
	tried := "connect to port " + strconv.Itoa(port) + " of pod " + ns + "/" + pod
	if err := h.ready(a); err != nil {
		return nil, err
	}
	if ns == "" || pod == "" || port < 1 || port > 65535 {
		return nil, &Error{Kind: Invalid, Tried: tried, Seen: "no namespace or pod, or no such port", Next: "name all three", Access: &a}
	}
	at := h.kube.CoreV1().RESTClient().Post().Namespace(ns).Resource("pods").Name(pod).SubResource("portforward").URL()
	l, err := h.openTunnel(ctx, a, at)
	if err == nil {
		t := &tunnel{hands: h, access: a, tried: tried, to: to, line: l, closed: make(chan struct{}), sent: make(chan struct{})}
		if err = t.start(ctx); err == nil {
			return t, nil
		}
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return nil, notRunning(explain(tried, &a, err))
}

// openTunnel speaks SPDY inside a WebSocket, or else by itself.
func (h *Hands) openTunnel(ctx context.Context, a Access, at *url.URL) (*line, error) {
	ws, err := h.webSocket(ctx, a, at, portforward.WebsocketsSPDYTunnelingPortForwardV1)
	if err == nil {
		// The library's logger is given: without one it takes the global one and offers it the data that passes.
		return h.speak(tunnelling.NewTunnelingConnectionWithLogger(klog.Logger{}, ws))
	}
	if !otherwise(err) {
		return nil, err
	}
	return h.spdyOver(ctx, a, at, portforward.PortForwardV1Name)
}

// tunnel is a connection to a port of a pod. Its user holds one end of a pipe in memory, which has the deadlines that streams lack;
// two goroutines copy between the other end and the stream.
type tunnel struct {
	hands  *Hands
	access Access
	tried  string
	to     podAddr
	line   *line
	data   httpstream.Stream
	near   net.Conn // the user's end
	far    net.Conn

	mu     sync.Mutex
	cause  error         // why the tunnel ended by itself; nil for an end that the other side chose
	closed chan struct{} // by the user
	sent   chan struct{} // all that the user wrote
	once   sync.Once
}

func (t *tunnel) start(ctx context.Context) error {
	stop := context.AfterFunc(ctx, t.line.cut)
	defer stop()
	header := http.Header{}
	header.Set(corev1.PortHeader, strconv.Itoa(t.to.port))
	header.Set(corev1.PortForwardRequestIDHeader, "0")
	header.Set(corev1.StreamType, corev1.StreamTypeError)
	broken := func(err error) error {
		t.line.cut()
		return errors.Join(errCut, err)
	}
	complaints, err := t.line.open(ctx, header)
	if err != nil {
		return broken(err)
	}
	complaints.Close() // nothing is written to it
	said := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(io.LimitReader(complaints, maxRefusal)) // what there is of it will do
		said <- string(b)
	}()
	header = header.Clone()
	header.Set(corev1.StreamType, corev1.StreamTypeData)
	t.near, t.far = net.Pipe()
	if t.data, err = t.line.open(ctx, header); err != nil {
		// A server that is quick to find the port closed takes the stream back before it is known to be there.
		if t.ended(said); t.cause == nil {
			return broken(err)
		}
		t.data = nil
		t.far.Close()
		close(t.sent)
		return nil
	}
	if !stop() {
		return broken(ctx.Err())
	}
	go t.receive(said)
	go t.send()
	return nil
}

// receive copies what comes from the pod, then finds out what kind of end it was.
func (t *tunnel) receive(said <-chan string) {
	_, err := io.Copy(t.far, t.data)
	if err == nil && !t.isClosed() {
		t.ended(said)
	}
	t.far.Close()
}

// ended takes the complaint that the server sent before it ended the data, if any.
func (t *tunnel) ended(said <-chan string) {
	late, stop := t.hands.later(partingTime)
	defer stop()
	select {
	case text := <-said:
		if text != "" {
			t.fail(t.complaint(text))
			return
		}
	case <-late:
	case <-t.closed:
	}
	if t.line.wire.ended.Load() {
		t.fail(t.broken())
	}
}

// send copies what goes to the pod. It goes on after the pod has ended its side, whose end the user sees first.
func (t *tunnel) send() {
	defer close(t.sent)
	buf := make([]byte, frame)
	for {
		n, err := t.far.Read(buf)
		if n > 0 {
			if _, werr := t.data.Write(buf[:n]); werr != nil {
				t.fail(t.broken())
				t.far.Close()
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (t *tunnel) isClosed() bool {
	select {
	case <-t.closed:
		return true
	default:
		return false
	}
}

// fail notes why the tunnel ended; the first reason stays, but for a complaint, which is the reason for all others.
func (t *tunnel) fail(err *Error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cause == nil || err.err == nil {
		t.cause = err
	}
}

func (t *tunnel) broken() *Error {
	return &Error{Kind: Unreachable, Tried: t.tried, Seen: "the connection was cut", Access: &t.access, err: errCut,
		Next: "connect again; if it stays, look at the network to the cluster and at the pod"}
}

// complaint is what the server says of a port that it cannot reach or has lost.
func (t *tunnel) complaint(text string) *Error {
	e := &Error{Kind: Unreachable, Tried: t.tried, Seen: clean(text, maxSeen), Access: &t.access,
		Next: "look at the pod and its log: the connection to its port has ended"}
	switch {
	case strings.Contains(text, "refused"):
		e.Seen = "connection refused: nothing listens on this port in the pod"
		e.Next = "look whether the program in the pod has started, and on which port it listens"
	case strings.Contains(text, "not found"), strings.Contains(text, "not running"):
		e.Kind, e.Next = NotFound, "look at the state of the pod: it does not run"
	}
	return e
}

// reason is the error to show for one of the pipe.
func (t *tunnel) reason(err error) error {
	if err == nil || t.isClosed() {
		return err
	}
	if err != io.EOF && !errors.Is(err, io.ErrClosedPipe) {
		return err // a deadline
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cause != nil {
		return t.cause
	}
	return err
}

func (t *tunnel) Read(p []byte) (int, error) {
	n, err := t.near.Read(p)
	return n, t.reason(err)
}

func (t *tunnel) Write(p []byte) (int, error) {
	n, err := t.near.Write(p)
	return n, t.reason(err)
}

// Close ends the connection to the pod. What was written before is sent.
func (t *tunnel) Close() error {
	t.once.Do(func() {
		close(t.closed)
		t.near.Close()
		go func() {
			late, stop := t.hands.later(partingTime)
			defer stop()
			select {
			case <-t.sent:
				if t.data != nil {
					t.data.Close()
				}
				t.line.part()
			case <-late:
				t.line.cut()
			}
		}()
	})
	return nil
}

func (t *tunnel) LocalAddr() net.Addr                 { return podAddr{} }
func (t *tunnel) RemoteAddr() net.Addr                { return t.to }
func (t *tunnel) SetDeadline(at time.Time) error      { return t.near.SetDeadline(at) }
func (t *tunnel) SetReadDeadline(at time.Time) error  { return t.near.SetReadDeadline(at) }
func (t *tunnel) SetWriteDeadline(at time.Time) error { return t.near.SetWriteDeadline(at) }

// podAddr is a port of a pod, or, without a name, the near end of a tunnel.
type podAddr struct {
	ns, pod string
	port    int
}

func (podAddr) Network() string { return "pod" }

func (a podAddr) String() string {
	if a.pod == "" {
		return "tunnel"
	}
	return fmt.Sprintf("%s/%s:%d", a.ns, a.pod, a.port)
}
