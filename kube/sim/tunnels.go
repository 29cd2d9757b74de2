package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apiforward "k8s.io/apimachinery/pkg/util/portforward"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"canton.example/svrescue/internal/plain"
)

// arrival is a stream that the client has opened.
type arrival struct {
	httpstream.Stream
	replied <-chan struct{} // the client has been told so, or could not be told
}

// pair is one tunnel: a stream for the data, and one for why there is none.
type pair struct{ data, complaint *arrival }

// tunnels serves the tunnels of one connection until it ends. The kubelet's own server is not used: when the connection breaks while a
// client opens a tunnel, it writes to a stream whose opening was never answered, which waits for the answer for ever.
func (st *stream) tunnels(w http.ResponseWriter, r *http.Request, pod string) {
	if _, err := httpstream.Handshake(r, w, []string{apiforward.PortForwardV1Name}); err != nil {
		return // who asks has been told
	}
	arrived := make(chan arrival)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, replied <-chan struct{}) error {
		if err := openable(s.Headers()); err != nil {
			return err
		}
		select {
		case arrived <- arrival{s, replied}:
		case <-st.ctx.Done(): // nobody waits for it any more
		}
		return nil
	})
	if conn == nil {
		return // who asks has been told, or has gone
	}
	defer conn.Close()
	waiting := map[string]pair{}
	for {
		select {
		case <-conn.CloseChan():
			return
		case a := <-arrived:
			id := a.Headers().Get(corev1.PortForwardRequestIDHeader)
			p := waiting[id]
			if a.Headers().Get(corev1.StreamType) == corev1.StreamTypeData {
				p.data = &a
			} else {
				p.complaint = &a
			}
			waiting[id] = p
			if p.data != nil && p.complaint != nil {
				delete(waiting, id)
				go func() { st.tunnel(pod, p); conn.RemoveStreams(p.data.Stream, p.complaint.Stream) }()
			}
		}
	}
}

// openable says what is wrong with the opening of a stream. Clients from before 2016 name no request; they are refused.
func openable(h http.Header) error {
	if kind := h.Get(corev1.StreamType); kind != corev1.StreamTypeData && kind != corev1.StreamTypeError {
		return fmt.Errorf("invalid stream type %q", kind)
	}
	if port, err := strconv.ParseUint(h.Get(corev1.PortHeader), 10, 16); err != nil || port == 0 {
		return fmt.Errorf("unable to parse %q as a port", h.Get(corev1.PortHeader))
	}
	if h.Get(corev1.PortForwardRequestIDHeader) == "" {
		return fmt.Errorf("%q header is required", corev1.PortForwardRequestIDHeader)
	}
	return nil
}

// tunnel carries the data of one pair until either side ends it.
func (st *stream) tunnel(pod string, p pair) {
	port, _ := strconv.Atoi(p.data.Headers().Get(corev1.PortHeader)) // openable has read it
	conn, err := st.dial(port)
	if err != nil { // as the kubelet does, at once: the client may hear that its stream is gone before it hears that it was there
		if st.answered(p.complaint) {
			fmt.Fprintf(p.complaint, "error forwarding port %d to pod %s, uid %v: %v", port, pod, st.at.uid, err)
		}
		_ = p.data.Reset()
		_ = p.complaint.Reset()
		return
	}
	stop := context.AfterFunc(st.ctx, func() { conn.Close() })
	defer stop()
	if st.answered(p.data) && st.answered(p.complaint) {
		ended := make(chan struct{}, 2)
		go func() { _, _ = io.Copy(conn, p.data); ended <- struct{}{} }() // either end of either copy is the end of the tunnel
		go func() { _, _ = io.Copy(p.data, conn); ended <- struct{}{} }()
		<-ended
		p.data.Close()
		p.complaint.Close()
	}
	conn.Close()
	_ = p.data.Reset() // or SPDY waits for ever to deliver what nobody reads; the client has been told of the end, and is told no more
	_ = p.complaint.Reset()
}

// answered waits until the client knows that its stream is open, and says whether it does: what is written to one that was not answered waits
// for ever.
func (st *stream) answered(a *arrival) bool {
	<-a.replied
	return !st.broken.Load() && st.ctx.Err() == nil
}

// dial connects to a port inside the pod.
func (st *stream) dial(port int) (net.Conn, error) {
	if st.s.inside == nil {
		return nil, errors.New("rpc error: code = Unimplemented desc = unknown method PortForward for service runtime.v1.RuntimeService")
	}
	if st.at.uid == "" { // the pod has an address already, and no container
		return nil, fmt.Errorf("failed to connect to localhost:%d inside the pod: connect: connection refused", port)
	}
	conn, err := st.s.inside.Dial(st.ctx, st.at.Pod, port)
	if err != nil {
		return nil, fmt.Errorf("failed to connect to localhost:%d inside the pod: %s", port, plain.Clean(err.Error()))
	}
	return conn, nil
}
