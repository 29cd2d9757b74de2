package sim

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/utils/clock"
)

// streams says whether a request becomes a stream into a pod.
func (q *request) streams() bool { return q.sub == "exec" || q.sub == "portforward" }

// stream is a connection that a request was turned into, and what ends it.
type stream struct {
	s    *Server
	at   place
	ctx  context.Context // ends with the connection, the container and the server
	stop context.CancelCauseFunc
	cut  Fault // with Do "cut"
	left atomic.Int64
	// broken: something could not be written. Set before the writer is told.
	broken atomic.Bool
	mu     sync.Mutex
	conn   net.Conn // as hijacked
	ended  chan struct{}
}

var (
	errContainerEnded = errors.New("the container has ended")
	errHungUp         = errors.New("the connection has ended")
)

// serveStream answers pods/exec and pods/portforward.
func (s *Server) serveStream(w http.ResponseWriter, q *request, cut Fault) {
	at, err := s.place(q)
	var down *runningError
	if err != nil && !errors.As(err, &down) {
		fail(w, err)
		return
	}
	if !httpstream.IsUpgradeRequest(q.Request) {
		fail(w, badRequest("Upgrade request required"))
		return
	}
	ctx, stop := context.WithCancelCause(context.Background())
	st := &stream{s: s, at: at, ctx: ctx, stop: stop, cut: cut, ended: make(chan struct{})}
	st.left.Store(-1)
	if cut.Do == "cut" && !cut.After {
		st.left.Store(cut.Bytes)
	}
	watching := make(chan struct{})
	go func() { defer close(watching); st.watch() }()
	defer func() { stop(errHungUp); <-watching }()
	hw := &hijackWriter{ResponseWriter: w, st: st}
	if q.sub == "exec" {
		st.exec(hw, q, down)
	} else {
		st.forward(hw, q, down)
	}
}

// watch ends the stream with the container, the server and the API.
func (st *stream) watch() {
	for {
		st.s.mu.Lock()
		signal := st.s.signal
		away, gone := st.s.outage()
		stands := st.at.uid == "" || st.s.stands(st.at)
		st.s.mu.Unlock()
		if gone || st.s.ended() {
			st.hangUp()
			return
		}
		if !stands {
			st.stop(errContainerEnded)
			return
		}
		var timer clock.Timer
		var dead <-chan time.Time
		if away >= 0 {
			timer = st.s.clock.NewTimer(away)
			dead = timer.C()
		}
		select {
		case <-signal:
		case <-dead:
		case <-st.s.done:
		case <-st.ctx.Done():
		}
		if timer != nil {
			timer.Stop()
		}
		if st.ctx.Err() != nil {
			return
		}
	}
}

// hangUp cuts the connection under everything.
func (st *stream) hangUp() {
	st.mu.Lock()
	if st.conn != nil {
		st.conn.Close()
	}
	st.mu.Unlock()
	st.stop(errHungUp) // after the connection: what ends with it has nobody left to tell
}

// hijackWriter gives the connection away as one that is watched.
type hijackWriter struct {
	http.ResponseWriter
	st *stream
}

func (w *hijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.st.mu.Lock()
	w.st.conn = conn
	w.st.mu.Unlock()
	watched := &watchedConn{Conn: conn, st: w.st}
	// What was read ahead stays readable; what is written passes the watch.
	ahead := make([]byte, rw.Reader.Buffered())
	if _, err := rw.Reader.Read(ahead); err != nil && len(ahead) > 0 {
		return nil, nil, err
	}
	watched.ahead = ahead
	return watched, bufio.NewReadWriter(bufio.NewReader(watched), bufio.NewWriter(watched)), nil
}

// watchedConn is the connection of a stream: its end ends the stream, and it breaks where the scenario wants it.
type watchedConn struct {
	net.Conn
	st    *stream
	ahead []byte
}

func (c *watchedConn) Read(p []byte) (int, error) {
	if len(c.ahead) > 0 {
		n := copy(p, c.ahead)
		c.ahead = c.ahead[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p)
	if err != nil {
		c.st.stop(errHungUp)
	}
	return c.passed(n, err)
}

func (c *watchedConn) Write(p []byte) (int, error) {
	n, err := c.write(p)
	if err != nil {
		c.st.broken.Store(true)
	}
	return n, err
}

func (c *watchedConn) write(p []byte) (int, error) {
	if left := c.st.left.Load(); left >= 0 && int64(len(p)) > left {
		n, _ := c.Conn.Write(p[:left])
		c.st.hangUp()
		return n, net.ErrClosed
	}
	n, err := c.Conn.Write(p)
	if err != nil {
		c.st.stop(errHungUp)
	}
	return c.passed(n, err)
}

func (c *watchedConn) passed(n int, err error) (int, error) {
	if c.st.left.Load() >= 0 && c.st.left.Add(-int64(n)) < 0 {
		c.st.hangUp()
		return 0, net.ErrClosed
	}
	return n, err
}

// Close never fails: SPDY keeps a goroutine for a second to tell of a failure that nobody asks for.
func (c *watchedConn) Close() error {
	c.st.stop(errHungUp)
	c.Conn.Close()
	return nil
}

func badRequest(format string, args ...any) error {
	return apierrors.NewBadRequest(fmt.Sprintf(format, args...))
}
