package reach

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
)

// Pods asks pods over HTTP.
type Pods struct{ options Options }

var _ steps.PodReader = (*Pods)(nil)

// NewPods makes a reader. It sends nothing.
func NewPods(o Options) *Pods { return &Pods{NewDatabases(o).options} }

const (
	askTime   = 15 * time.Second
	answerMax = 4 << 20
)

// Get asks the first ready pod of the selector. Redirects are not followed: they would lead elsewhere.
func (p *Pods) Get(ctx context.Context, namespace, selector string, port int, path string) ([]byte, error) {
	tried := "ask the pods of " + selector + " in namespace " + namespace + " for " + path
	pods, err := p.options.Cluster.Pods(ctx, namespace, selector)
	if err != nil {
		return nil, err
	}
	pod, err := ready(pods, tried)
	if err != nil {
		return nil, err
	}
	tried = "ask pod " + namespace + "/" + pod + " for " + path
	if !strings.HasPrefix(path, "/") {
		return nil, &steps.Problem{Tried: tried, Seen: "this is no path", Next: "Begin it with /"}
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var way error
	ask := http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := p.options.Inside(kube.AccessTunnel(namespace, pod)).Tunnel(ctx, namespace, pod, port)
			way = err
			return conn, err
		}},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+pod+":"+strconv.Itoa(port)+path, nil)
	if err != nil {
		return nil, &steps.Problem{Tried: tried, Seen: "this is no path", Next: "Look at the path", Err: err}
	}
	response, err := ask.Do(request)
	if err != nil {
		var known *kube.Error
		switch {
		case way != nil:
			return nil, way
		case errors.As(err, &known):
			return nil, known
		case errors.Is(err, context.DeadlineExceeded):
			return nil, &steps.Problem{Tried: tried, Seen: "no answer in " + askTime.String(), Next: "Look at the log of the pod", Err: err}
		}
		return nil, &steps.Problem{Tried: tried, Seen: "the pod ended the conversation", Next: "Look at the log of the pod", Err: err}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, &steps.Problem{Tried: tried, Seen: "the pod answered " + response.Status, Next: "Look at the log of the pod", Err: steps.Answered(response.StatusCode)}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, answerMax+1))
	switch {
	case err != nil:
		return nil, &steps.Problem{Tried: tried, Seen: "the answer was cut", Next: "Try again", Err: err}
	case len(body) > answerMax:
		return nil, &steps.Problem{Tried: tried, Seen: "the answer has more than 4 MiB", Next: "Look at what answers on this port"}
	}
	return body, nil
}
