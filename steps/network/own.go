package network

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/svapp"
)

// Ports of the own apps (reference/deployment.md 3).
const (
	svPort   = 5014
	scanPort = 5012
)

// podWay sends the requests of an app's client through a tunnel to the pods of a workload. It carries no token.
type podWay struct {
	pods steps.PodReader
	of   node.Component
	port int
}

func (p podWay) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		return nil, errors.New("only what reads is asked this way")
	}
	code := http.StatusOK
	body, err := p.pods.Get(r.Context(), p.of.Ref.Namespace, p.of.Selector, p.port, r.URL.RequestURI())
	switch {
	case errors.Is(err, steps.Answered(http.StatusNotFound)): // its release does not have the endpoint, which is an answer
		code = http.StatusNotFound
	case err != nil:
		return nil, err
	}
	return &http.Response{StatusCode: code, Status: fmt.Sprint(code, " ", http.StatusText(code)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
}

// settings of a client for an app of this node, of which the first workload is asked. The error says that there is none.
func settings(w steps.World, n node.Node, part node.Part, port int) (svapp.Settings, error) {
	all := n.Of(part)
	if len(all) == 0 {
		return svapp.Settings{}, errors.New("this node has no " + string(part))
	}
	if w.Pods == nil {
		return svapp.Settings{}, errors.New("the cluster is not connected")
	}
	way := svapp.Way{Name: "tunnel to " + all[0].Ref.Name, Base: "http://" + all[0].Ref.Name, Through: podWay{w.Pods, all[0], port}, Private: true}
	return svapp.Settings{Way: way, Clock: w.Clock}, nil
}

// ownScan asks this node's own scan who it is and who belongs to the network, with the addresses of the others' scans where it lists them.
func ownScan(ctx context.Context, w steps.World, n node.Node) (svapp.DSO, []svapp.Address, error) {
	s, err := settings(w, n, node.ScanApp, scanPort)
	if err != nil {
		return svapp.DSO{}, nil, err
	}
	scan, err := svapp.NewScan(s)
	if err != nil {
		return svapp.DSO{}, nil, err
	}
	dso, err := scan.DSO(ctx)
	if err != nil {
		return svapp.DSO{}, nil, err
	}
	list, err := scan.Scans(ctx)
	if err != nil && ctx.Err() == nil {
		list = nil // who belongs to the network is known all the same
	}
	return dso, list, ctx.Err()
}

// appVersion is what the SV app says of its own release.
func appVersion(ctx context.Context, w steps.World, n node.Node) (string, error) {
	s, err := settings(w, n, node.SVApp, svPort)
	if err != nil {
		return "", err
	}
	app, err := svapp.NewSV(s)
	if err != nil {
		return "", err
	}
	v, err := app.Version(ctx)
	return v.Release, err
}

// why is an error as a part of a sentence.
func why(err error) string { return steps.FailureOf("", err).Seen }
