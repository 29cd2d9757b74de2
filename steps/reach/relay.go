package reach

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/client"
)

// relay connects to a server outside the cluster through a command in a pod that carries bytes.
func (d *Databases) relay(s postgres.Server, pod string) (net.Conn, error) {
	return carry(d.options, kube.ExecSpec{Namespace: s.Namespace, Pod: pod}, s.Host, s.Port, func(err error, said []string) error { return explainRelay(err, s, pod, said) })
}

// carry connects to a server through a command in the pod of at, whose command is set here. The address is in the arguments of the
// command; all that is sent goes to its standard input. explain turns the end of the command into an error.
func carry(o Options, at kube.ExecSpec, host string, port int, explain func(err error, said []string) error) (net.Conn, error) {
	command, err := postgres.Relay(host, port)
	if err != nil {
		return nil, err
	}
	at.Command = command.Argv
	// The context of opening ends before the connection does; Close ends this one.
	ctx, cancel := context.WithCancel(context.Background())
	near, far := net.Pipe()
	r := &relay{Conn: near, cancel: cancel, ended: make(chan struct{})}
	inside := o.Inside(kube.AccessExec(at.Namespace, at.Pod))
	go func() {
		defer close(r.ended)
		defer far.Close()
		var said tail
		err := inside.Exec(ctx, at, far, far, &said)
		r.mu.Lock()
		r.cause = explain(err, said.lines())
		r.mu.Unlock()
	}()
	// A timer of the clock would leave nobody to stop it; the grace only lets the farewell through.
	r.grace = func() {
		timer := o.Clock.NewTimer(time.Second)
		defer timer.Stop()
		select {
		case <-r.ended:
		case <-timer.C():
		}
		cancel()
	}
	return r, nil
}

// relay is one end of a pipe in memory, which has the deadlines that the streams of a command lack.
type relay struct {
	net.Conn
	cancel context.CancelFunc
	grace  func()
	ended  chan struct{}
	once   sync.Once

	mu    sync.Mutex
	cause error // why the command ended, where that is known
}

func (r *relay) reason(err error) error {
	if err != io.EOF && !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	<-r.ended // far is closed by the command's end, or near by Close: then the command ends
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cause != nil {
		return r.cause
	}
	return err
}

func (r *relay) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	if err != nil {
		err = r.reason(err)
	}
	return n, err
}

func (r *relay) Write(p []byte) (int, error) {
	n, err := r.Conn.Write(p)
	if err != nil {
		err = r.reason(err)
	}
	return n, err
}

// Close ends the connection: the command in the pod sees the end of its input.
func (r *relay) Close() error {
	r.once.Do(func() {
		r.Conn.Close()
		go r.grace()
	})
	return nil
}

func explainRelay(err error, s postgres.Server, pod string, said []string) error {
	var exit *kube.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	e := &client.Error{Kind: client.Unreachable, Tried: "connect to " + s.String() + " through pod " + s.Namespace + "/" + pod, Err: err,
		Seen: "the command in the pod failed: " + strings.Join(said, "; "), Next: "Look at the pod and at the network of the cluster"}
	switch exit.Code {
	case postgres.ExitNoProgram:
		e.Seen, e.Next = "the image of the pod has neither bash nor nc", "Name another image for the pod"
	case postgres.ExitNoServer:
		e.Seen, e.Next = "the server does not answer the cluster either", "Check that the server runs, and its firewall"
	}
	return e
}
