package evidence

import (
	"context"
	"errors"
	"sync"

	"canton.example/svrescue/steps/doctor"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/reach"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/svapp"
)

// readWays tries which ways lead to each of the node's apps: through the cluster, and by its public host where that is known. One of them is
// enough; that the other does not work is told.
func readWays(ctx context.Context, l *look, deliver func(func(*doctor.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	for i, app := range ownApps() {
		if len(n.Of(app.part)) == 0 {
			continue
		}
		all.Go(func() {
			h := l.ways(ctx, n, app)
			deliver(func(e *doctor.Evidence) {
				for len(e.Hosts) <= i {
					e.Hosts = append(e.Hosts[:len(e.Hosts):len(e.Hosts)], doctor.Host{})
				}
				e.Hosts[i] = h
			})
		})
	}
	all.Wait()
	deliver(func(e *doctor.Evidence) { // an app that the node does not have has no entry
		var there []doctor.Host
		for _, h := range e.Hosts {
			if h.App != "" {
				there = append(there, h)
			}
		}
		e.Hosts = there
	})
	return nil
}

type ownApp struct {
	part node.Part
	app  svapp.App
}

func ownApps() []ownApp {
	return []ownApp{{node.SVApp, svapp.SVApp}, {node.ScanApp, svapp.ScanApp}, {node.Validator, svapp.ValidatorApp}}
}

func (l *look) ways(ctx context.Context, n node.Node, a ownApp) doctor.Host {
	h := doctor.Host{App: a.app.String()}
	var inner, outer string // by which it answered
	var innerErr, outerErr error
	var both sync.WaitGroup
	both.Go(func() {
		ways, err := l.within(n, a.part, reach.Port(a.app))
		if err != nil {
			innerErr = err
			return
		}
		way, _, err, _ := l.choose(ctx, a.app, ways)
		inner, innerErr = way.Name, err
		if err == nil {
			way.Close()
		}
	})
	both.Go(func() {
		host, err := l.public(a.app)
		switch {
		case err != nil:
			outerErr = err
		case host.Name != "":
			var way svapp.Way
			if way, _, _, outerErr = l.choose(ctx, a.app, []svapp.Way{host}); outerErr == nil {
				outer = way.Name
				way.Close()
			}
		}
	})
	both.Wait()
	h.Reading = triage.Reading{Source: h.App, At: l.Clock.Now()}
	switch {
	case inner != "":
		h.Way = inner
		if outer != "" {
			h.Way += ", and its " + outer
		}
	case outer != "":
		h.Way = "its " + outer
	default:
		h.Refused = problem(ctx, slow, innerErr)
	}
	if inner == "" && outer != "" {
		h.Shut = append(h.Shut, "the way through the cluster does not lead there: "+problem(ctx, slow, innerErr))
	}
	if outerErr != nil {
		h.Shut = append(h.Shut, "its public host "+l.Hosts[a.app]+" does not lead there from here: "+problem(ctx, slow, outerErr))
	}
	return h
}

// readToken asks the SV app whether it takes a token, and nothing else. That is the cheap check: it does not prove participant admin, which the
// identities need from release 0.5.5 on (reference/apis.md 2.1).
func readToken(ctx context.Context, l *look, deliver func(func(*doctor.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	t := doctor.Token{Reading: triage.Reading{Source: "the SV app"}}
	if l.Logins == nil {
		return errors.New("nothing is known to log in with")
	}
	tokens, audience, err := l.tokens(ctx, svapp.SVApp)
	if err == nil {
		_, err = tokens.Token(ctx, eachWay)
	}
	switch kind := svapp.KindOf(err); {
	case err == nil:
	case kind != svapp.NoToken && kind != svapp.Setup:
		return err // the provider could not be asked
	default:
		t.At, t.Refused = l.Clock.Now(), refusal(err)
		deliver(func(e *doctor.Evidence) { e.Token = t })
		return nil
	}
	way, _, err := l.own(ctx, n, node.SVApp, svapp.SVApp)
	if err != nil {
		return err
	}
	defer way.Close()
	s := l.settings(way)
	s.Tokens, s.Audience = tokens, audience
	app, err := svapp.NewSV(s)
	if err != nil {
		return err
	}
	err = app.Authorized(ctx)
	switch kind := svapp.KindOf(err); {
	case err == nil:
	case kind == svapp.Unauthorized, kind == svapp.Forbidden, kind == svapp.NoToken:
		t.Refused = refusal(err)
	default:
		return err // the token was not judged
	}
	t.At = l.Clock.Now()
	deliver(func(e *doctor.Evidence) { e.Token = t })
	return nil
}

// refusal is why there is no token, or why it was not taken, with what to do.
func refusal(err error) string {
	var e *svapp.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := e.Seen
	if e.Kind == svapp.NoToken || e.Kind == svapp.Setup || e.From == svapp.FromProvider {
		text = "no token could be had: " + e.Seen
	}
	return triage.Sentences(text, e.Next)
}
