package sim

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
	apiforward "k8s.io/apimachinery/pkg/util/portforward"
	tunnelling "k8s.io/client-go/tools/portforward"
	"k8s.io/cri-streaming/pkg/streaming/portforward"
	"k8s.io/klog/v2"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
	"k8s.io/streaming/pkg/httpstream/wsstream"

	"canton.example/svrescue/internal/plain"
)

// streamCreation is how long a client may take to open the two streams of a tunnel.
const streamCreation = 30 * time.Second

// forward answers pods/portforward: SPDY, or SPDY inside a WebSocket, which the API server unwraps.
func (st *stream) forward(w http.ResponseWriter, q *request, down *runningError) {
	if down != nil && down.finished {
		http.Error(w, fmt.Sprintf("pod not found (%q)", q.name+"_"+q.ns), http.StatusInternalServerError)
		return
	}
	r := q.Request
	if wsstream.IsWebSocketRequestWithTunnelingProtocol(r) {
		up := websocket.Upgrader{Subprotocols: []string{apiforward.WebsocketsSPDYTunnelingPortForwardV1}, CheckOrigin: func(*http.Request) bool { return true }}
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			return // who asks has been told, or has gone
		}
		defer ws.Close()
		r = r.Clone(r.Context())
		r.Header.Set(httpstream.HeaderConnection, httpstream.HeaderUpgrade)
		r.Header.Set(httpstream.HeaderUpgrade, spdy.HeaderSpdy31)
		r.Header.Set(httpstream.HeaderProtocolVersion, apiforward.PortForwardV1Name)
		w = &unwrapped{header: http.Header{}, conn: tunnelling.NewTunnelingConnectionWithLogger(klog.Logger{}, ws)}
	}
	portforward.ServePortForward(w, r, (*forwarder)(st), q.name, string(st.at.uid), &portforward.V4Options{}, 0,
		streamCreation, portforward.SupportedProtocols)
}

// unwrapped is the inside of a WebSocket as an HTTP connection that is about to be upgraded.
type unwrapped struct {
	discard
	header http.Header
	conn   net.Conn
}

func (u *unwrapped) Header() http.Header { return u.header }

func (u *unwrapped) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn := quietConn{u.conn}
	return conn, bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn)), nil
}

// quietConn is a connection whose Close never fails, as watchedConn's.
type quietConn struct{ net.Conn }

func (c quietConn) Close() error {
	c.Conn.Close()
	return nil
}

// forwarder is a stream as the kubelet's side wants it.
type forwarder stream

func (f *forwarder) PortForward(_ context.Context, _, _ string, port int32, data io.ReadWriteCloser) error {
	st := (*stream)(f)
	if st.s.inside == nil {
		return errors.New("rpc error: code = Unimplemented desc = unknown method PortForward for service runtime.v1.RuntimeService")
	}
	if st.at.uid == "" { // the pod has an address already, and no container
		return fmt.Errorf("failed to connect to localhost:%d inside the pod: connect: connection refused", port)
	}
	conn, err := st.s.inside.Dial(st.ctx, st.at.Pod, int(port))
	if err != nil {
		return fmt.Errorf("failed to connect to localhost:%d inside the pod: %s", port, plain.Clean(err.Error()))
	}
	stop := context.AfterFunc(st.ctx, func() { conn.Close() })
	defer stop()
	ended := make(chan struct{}, 2)
	go func() { _, _ = io.Copy(conn, data); ended <- struct{}{} }() // either end of either copy is the end of the tunnel
	go func() { _, _ = io.Copy(data, conn); ended <- struct{}{} }()
	<-ended
	conn.Close()
	data.Close()
	if r, ok := data.(interface{ Reset() error }); ok {
		_ = r.Reset() // or SPDY waits for ever to deliver what nobody reads; the client has been told of the end, and is told no more
	}
	return nil
}
