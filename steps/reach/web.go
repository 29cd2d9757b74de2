package reach

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/svapp"
)

// Web makes the ways to apps over HTTP that lead through the cluster. It sends nothing by itself.
type Web struct {
	options Options
	out     svapp.Out
}

// NewWeb takes the trust of out, which holds for hosts that are reached from a pod as well; its proxy does not, for it is this machine's.
func NewWeb(o Options, out svapp.Out) *Web { return &Web{options: NewDatabases(o).options, out: out} }

// Tunnel is the way to a port of a pod by a port that the API server forwards. host is the name that the app is asked by.
func (w *Web) Tunnel(namespace, pod, host string, port int) svapp.Way {
	return svapp.Tunnel("tunnel to pod "+namespace+"/"+pod, host, func(ctx context.Context) (net.Conn, error) {
		return w.options.Inside(kube.AccessTunnel(namespace, pod)).Tunnel(ctx, namespace, pod, port)
	})
}

// FromPod is the way on which requests to address leave from a pod: a command in it carries bytes, and TLS ends here, so that neither the
// pod nor its arguments see what is sent. It is for hosts that answer only the addresses of the cluster. The pod's image needs bash or nc;
// the image of the Canton nodes has bash (reference/deployment.md 7), of the others that is not verified. Where neither is there, each request
// answers so. private says that nobody on the way from the pod can read along, as to a service of the same namespace.
func (w *Web) FromPod(namespace, pod, container, address string, private bool) (svapp.Way, error) {
	out := w.out
	out.Getenv = nil
	out.Dial = func(_ context.Context, _, to string) (net.Conn, error) {
		host, text, err := net.SplitHostPort(to)
		if err != nil {
			return nil, err
		}
		port, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		return carry(w.options, kube.ExecSpec{Namespace: namespace, Pod: pod, Container: container}, host, port,
			func(err error, said []string) error { return explainCarried(err, to, namespace+"/"+pod, said) })
	}
	way, err := out.Public(address)
	if err != nil {
		return svapp.Way{}, err
	}
	way.Name, way.Private = "from pod "+namespace+"/"+pod, private
	return way, nil
}

// explainCarried tells why the command in a pod ended before the conversation did.
func explainCarried(err error, to, pod string, said []string) error {
	var exit *kube.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	e := &svapp.Error{Kind: svapp.Unreachable, Tried: "connect to " + to + " from pod " + pod, Seen: "the command in the pod ended with exit code " + strconv.Itoa(exit.Code),
		Next: "look at the pod and at the network of the cluster"}
	if len(said) > 0 {
		e.Seen += ": " + strings.Join(said, "; ")
	}
	switch exit.Code {
	case postgres.ExitNoProgram:
		e.Seen, e.Next = "the image of the pod has neither bash nor nc, so nothing can be sent from it", "take another way, or another pod"
	case postgres.ExitNoServer:
		e.Seen, e.Next = "no connection from the pod either", "check the name of the host, and which addresses may leave the cluster"
	}
	return e
}
