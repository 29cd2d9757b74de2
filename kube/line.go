package kube

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// line is SPDY on a connection. The library's own Close waits for ever for a stream that was being opened when the connection broke, so it is
// called only where that cannot be; a broken line is cut here, and leaves nothing running.
type line struct {
	hands *Hands
	wire  *cable
	conn  httpstream.Connection

	mu      sync.Mutex
	streams []httpstream.Stream
	severed bool
}

// speak begins SPDY on a connection.
func (h *Hands) speak(conn net.Conn) (*line, error) {
	w := &cable{Conn: conn}
	c, err := spdy.NewClientConnectionWithPings(w, pingEvery)
	if err != nil {
		return nil, err
	}
	return &line{hands: h, wire: w, conn: c}, nil
}

// open opens a stream. The library waits half a minute for the answer whatever happens; the caller does not.
func (l *line) open(ctx context.Context, header http.Header) (httpstream.Stream, error) {
	type made struct {
		s   httpstream.Stream
		err error
	}
	done := make(chan made, 1)
	go func() {
		s, err := l.conn.CreateStream(header)
		if err == nil {
			l.keep(s)
		}
		done <- made{s, err}
	}()
	select {
	case m := <-done:
		return m.s, m.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.conn.CloseChan():
	}
	// The other side may have answered, said all it had to say, and gone.
	late, stop := l.hands.later(partingTime)
	defer stop()
	select {
	case m := <-done:
		return m.s, m.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-late:
		return nil, errCut
	}
}

// keep notes a stream; one that comes after the line was cut is reset at once.
func (l *line) keep(s httpstream.Stream) {
	l.mu.Lock()
	severed := l.severed
	l.streams = append(l.streams, s)
	l.mu.Unlock()
	if severed {
		_ = s.Reset() // nobody is there to be told
	}
}

// cut ends the line at once.
func (l *line) cut() {
	l.wire.Close()
	l.mu.Lock()
	l.severed = true
	streams := l.streams
	l.mu.Unlock()
	for _, s := range streams {
		_ = s.Reset() // it is not sent any more; it frees who delivers data that nobody takes
	}
}

// part ends the line in good order, or cuts it where that takes too long. No stream is being opened meanwhile.
func (l *line) part() {
	select {
	case <-l.conn.CloseChan():
		l.cut()
		return
	default:
	}
	done := make(chan struct{})
	go func() { l.conn.Close(); close(done) }()
	late, stop := l.hands.later(partingTime)
	defer stop()
	select {
	case <-done:
	case <-late:
	}
	l.wire.Close()
}

// cable notes that a connection has ended before anybody above it hears of it. SPDY ends its streams in the same way when the other
// side closes them and when the connection breaks.
type cable struct {
	net.Conn
	ended  atomic.Bool
	closed sync.Once
}

// Close never fails: SPDY keeps a goroutine for a second to tell of a failure that nobody asks for.
func (w *cable) Close() error {
	w.closed.Do(func() { w.Conn.Close() })
	return nil
}

func (w *cable) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if err != nil {
		w.ended.Store(true)
	}
	return n, err
}

func (w *cable) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	if err != nil {
		w.ended.Store(true)
	}
	return n, err
}
