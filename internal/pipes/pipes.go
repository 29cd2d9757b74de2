// Package pipes is a listener whose connections never leave the process. A server that it feeds can be asked within testing/synctest, where a
// socket would keep time from going on. Tests and simulators use it.
package pipes

import (
	"context"
	"net"
	"sync"
)

// Listener hands the far end of each connection that is dialled to whoever accepts. It is safe for use by several.
type Listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

var _ net.Listener = (*Listener)(nil)

// Listen makes one. It must be made within the bubble in which it is used.
func Listen() *Listener {
	return &Listener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects, whatever the network and the address; it has the form that dialers of the standard library have. Its error is net.ErrClosed after
// Close, or that of the context.
func (l *Listener) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case l.conns <- far:
		return near, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends accepting and dialling. Connections stay as they are.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *Listener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
