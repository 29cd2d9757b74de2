package sim

import (
	"bufio"
	"fmt"
	"net"
	"net/http"

	"github.com/gorilla/websocket"
	apiforward "k8s.io/apimachinery/pkg/util/portforward"
	tunnelling "k8s.io/client-go/tools/portforward"
	"k8s.io/klog/v2"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
	"k8s.io/streaming/pkg/httpstream/wsstream"
)

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
		w = &unwrapped{header: http.Header{}, st: st, conn: tunnelling.NewTunnelingConnectionWithLogger(klog.Logger{}, ws)}
	}
	st.tunnels(w, r, q.name)
}

// unwrapped is the inside of a WebSocket as an HTTP connection that is about to be upgraded.
type unwrapped struct {
	discard
	header http.Header
	st     *stream
	conn   net.Conn
}

func (u *unwrapped) Header() http.Header { return u.header }

func (u *unwrapped) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn := quietConn{u.conn, u.st}
	return conn, bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn)), nil
}

// quietConn is a connection whose Close never fails and that notes a failed Write, as watchedConn.
type quietConn struct {
	net.Conn
	st *stream
}

func (c quietConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		c.st.broken.Store(true)
	}
	return n, err
}

func (c quietConn) Close() error {
	c.Conn.Close()
	return nil
}
