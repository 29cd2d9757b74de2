package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"canton.example/svrescue/steps/wire"
)

// Serve takes viewers from the listener until it closes or the context ends. say takes their messages.
func Serve(ctx context.Context, listener net.Listener, hub *Hub, hello wire.Hello, say func(context.Context, wire.Message) error) error {
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	var open sync.WaitGroup
	defer open.Wait()
	for {
		conn, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		open.Go(func() { ServeConn(ctx, conn, hub, hello, say) })
	}
}

// ServeConn serves one viewer until it leaves or the hub closes. How it leaves never answers anything. One that only looks, or that is
// of another version of this program, is shown everything and heard in nothing: what it means by an answer may not be what is meant here.
func ServeConn(ctx context.Context, rw io.ReadWriteCloser, hub *Hub, hello wire.Hello, say func(context.Context, wire.Message) error) {
	defer rw.Close()
	stop := context.AfterFunc(ctx, func() { rw.Close() }) // a peer that neither reads nor speaks must not hold the worker
	defer stop()
	conn, theirs, err := wire.Open(rw, hello)
	if err != nil {
		return
	}
	if why := onlyLooks(theirs, hello); why != "" {
		say = func(_ context.Context, msg wire.Message) error {
			return conn.Send(wire.Event{Kind: wire.KindRefusal, Answer: msg.Answer.Shown(), Text: why})
		}
	}
	viewer := hub.Join()
	defer viewer.Leave()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer viewer.Leave()
		for {
			var msg wire.Message
			if conn.Receive(&msg) != nil || say(ctx, msg) != nil {
				return
			}
		}
	}()
	for event := range viewer.C {
		if conn.Send(event) != nil {
			return
		}
	}
}

// onlyLooks says why a front end that says front may only look at a worker that says worker, "" where it may do all.
func onlyLooks(front, worker wire.Hello) string {
	switch {
	case front.Watch:
		return "this screen only watches"
	case front.Binary != worker.Binary:
		return "the worker of this run is svrescue " + worker.Binary + " and this is " + front.Binary + ", so this screen only watches"
	}
	return ""
}

// Client is a viewer on the far side of a connection.
type Client struct {
	conn     *wire.Conn
	Worker   wire.Hello
	events   chan wire.Event
	watching string
}

// Connect opens a viewer over a stream.
func Connect(rw io.ReadWriteCloser, hello wire.Hello) (*Client, error) {
	conn, worker, err := wire.Open(rw, hello)
	if err != nil {
		return nil, err
	}
	c := &Client{conn: conn, Worker: worker, events: make(chan wire.Event), watching: onlyLooks(hello, worker)}
	go func() {
		defer close(c.events)
		for {
			var e wire.Event
			if conn.Receive(&e) != nil {
				return
			}
			c.events <- e
		}
	}()
	return c, nil
}

// Events closes when the worker is gone. The reader must take all events, or Close.
func (c *Client) Events() <-chan wire.Event { return c.events }

// Watching says why nothing that is sent is heard, "" where it is.
func (c *Client) Watching() string { return c.watching }

// Send says something to the worker.
func (c *Client) Send(msg wire.Message) error { return c.conn.Send(msg) }

// Close leaves. The worker goes on.
func (c *Client) Close() error {
	err := c.conn.Close()
	go func() { // the reader may be between two events
		for range c.events {
		}
	}()
	return err
}
