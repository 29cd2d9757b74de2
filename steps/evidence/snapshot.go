package evidence

import (
	"context"
	"errors"
	"fmt"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/reach"
	"canton.example/svrescue/svapp"
)

// By is the way on which an app is to be asked.
type By string

const (
	ByAny     By = "any"     // the first that leads there: a tunnel to its pod, another pod, its public host
	ByTunnel  By = "tunnel"  // a port of its pod that the API server forwards
	ByService By = "service" // its service, which only a pod of the cluster reaches
	ByPublic  By = "public"  // its public host, through the ingress; no cluster is asked where the audience is known or a token referred to
)

// OpenSV is a client of the node's SV app on that way, with the release that the app tells; empty where it answered its version with an
// error. Whoever takes it closes the way.
func OpenSV(ctx context.Context, o Options, by By) (*svapp.SV, svapp.Way, string, error) {
	l := &look{Options: o}
	if o.Cluster != nil {
		l = newLook(ctx, o)
	}
	tokens, audience, err := l.svTokens(ctx)
	if err != nil {
		return nil, svapp.Way{}, "", err
	}
	way, release, err := l.svBy(ctx, by)
	if err != nil {
		return nil, svapp.Way{}, "", err
	}
	s := l.settings(way)
	s.Tokens, s.Audience = tokens, audience
	app, err := svapp.NewSV(s)
	if err != nil {
		way.Close()
		return nil, svapp.Way{}, "", err
	}
	return app, way, release, nil
}

// svTokens are those for the SV app, also where there is no cluster.
func (l *look) svTokens(ctx context.Context) (svapp.Tokens, string, error) {
	if l.Cluster != nil {
		return l.tokens(ctx, svapp.SVApp)
	}
	audience := l.Audiences[svapp.SVApp]
	tokens, err := l.Logins.Tokens(ctx, audience, svapp.FromSecret{Name: "of the app", Key: func(context.Context, string) (secret.String, bool, error) {
		return secret.String{}, false, errors.New("no cluster is asked")
	}})
	return tokens, audience, err
}

func (l *look) svBy(ctx context.Context, by By) (svapp.Way, string, error) {
	if by == ByPublic {
		way, err := l.public(svapp.SVApp)
		if err == nil && way.Name == "" {
			err = errors.New("the public host of the SV app is not known: name it in the configuration (hosts.sv), or with --host")
		}
		if err != nil {
			return svapp.Way{}, "", err
		}
		way, release, _, err := l.choose(ctx, svapp.SVApp, []svapp.Way{way})
		return way, release, err
	}
	n, err := l.node()
	if err != nil {
		return svapp.Way{}, "", err
	}
	var way svapp.Way
	switch by {
	case ByTunnel:
		ways, err := l.within(n, node.SVApp, reach.Port(svapp.SVApp))
		if err != nil {
			return svapp.Way{}, "", err
		}
		way = ways[0]
	case ByService:
		of := n.Of(node.SVApp)
		if len(of) == 0 {
			return svapp.Way{}, "", fmt.Errorf("there is no %s among the workloads", node.SVApp)
		}
		if way, err = l.Out.Service(l.Namespace, of[0].Ref.Name, reach.Port(svapp.SVApp)); err != nil {
			return svapp.Way{}, "", err
		}
	default:
		return l.own(ctx, n, node.SVApp, svapp.SVApp)
	}
	way, release, _, err := l.choose(ctx, svapp.SVApp, []svapp.Way{way})
	return way, release, err
}
