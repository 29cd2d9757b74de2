package evidence

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/reach"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/svapp"
)

// eachWay is how long one way to an app is tried.
const eachWay = 6 * time.Second

// readApps is what the SV app says of itself; and of its sequencer and mediator, for which it wants a token (reference/apis.md 2.1), where one
// can be had.
func readApps(ctx context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	way, version, err := l.own(ctx, n, node.SVApp, svapp.SVApp)
	if err != nil {
		return err
	}
	defer way.Close()
	app, err := svapp.NewSV(l.settings(way))
	if err != nil {
		return err
	}
	a := triage.Apps{Version: version}
	switch status, err := app.Status(ctx); {
	case err != nil && !svapp.Reached(err):
		return err
	case err != nil:
		a.Failed = append(a.Failed, triage.Fault{Part: node.SVApp, Seen: seenOf(err)})
	case status.State == svapp.NotInitialized:
		a.Failed = append(a.Failed, triage.Fault{Part: node.SVApp, Seen: "not initialised"})
	case status.State == svapp.Failed:
		a.Failed = append(a.Failed, triage.Fault{Part: node.SVApp, Seen: status.Cause})
	}
	a.MigrationID, a.Numbered = l.migration(ctx, n, app)
	a.Reading = l.reading("apps")
	a.Source = "the SV app, " + way.Name
	deliver(func(e *triage.Evidence) {
		a.Lags = e.Apps.Lags // those are read by another source
		e.Apps = a
	})
	failed := append(a.Failed[:len(a.Failed):len(a.Failed)], l.ordering(ctx, way)...)
	deliver(func(e *triage.Evidence) { e.Apps.Failed = failed })
	return nil
}

// ordering are the sequencer and the mediator where the SV app says that they do not work, though it answers with status 200. That it is not told,
// for want of a token or otherwise, says nothing of them.
func (l *look) ordering(ctx context.Context, way svapp.Way) (failed []triage.Fault) {
	ctx, cancel := context.WithTimeout(ctx, eachWay) // in an incident the provider may be away, and the rest is not to wait for it
	defer cancel()
	tokens, audience, err := l.tokens(ctx, svapp.SVApp)
	if err != nil {
		return nil
	}
	s := l.settings(way)
	s.Tokens, s.Audience = tokens, audience
	app, err := svapp.NewSV(s)
	if err != nil {
		return nil
	}
	for _, part := range []struct {
		is  node.Part
		ask func(context.Context) (svapp.NodeStatus, bool, error)
	}{{node.Sequencer, app.Sequencer}, {node.Mediator, app.Mediator}} {
		status, found, err := part.ask(ctx)
		switch {
		case err != nil:
			return failed
		case found && status.State == svapp.NotInitialized:
			failed = append(failed, triage.Fault{Part: part.is, Seen: "not initialised"})
		case found && status.State == svapp.Failed:
			failed = append(failed, triage.Fault{Part: part.is, Seen: status.Cause})
		}
	}
	return failed
}

// tokens are those for an app, with the audience that it wants: the one that was named, else the one in the values of its release
// (reference/deployment.md 7). The one in its Secret is the ledger's and is never taken.
func (l *look) tokens(ctx context.Context, app svapp.App) (svapp.Tokens, string, error) {
	if l.Logins == nil {
		return nil, "", errors.New("nothing is known to log in with")
	}
	audience := l.Audiences[app]
	if audience == "" {
		chart := map[svapp.App]string{svapp.SVApp: "splice-sv-node", svapp.ValidatorApp: "splice-validator"}[app]
		if releases, err := l.releases(); err == nil {
			values, _ := ofChart(releases, chart)
			audience = text(values, "auth.audience")
		}
	}
	name := map[svapp.App]string{svapp.SVApp: cmp.Or(l.AppSecret, "splice-app-sv-ledger-api-auth"), svapp.ValidatorApp: "splice-app-validator-ledger-api-auth"}[app]
	tokens, err := l.Logins.Tokens(ctx, audience, svapp.FromSecret{Name: name, Key: func(ctx context.Context, key string) (secret.String, bool, error) {
		return l.Cluster.SecretValue(ctx, l.Namespace, name, key)
	}})
	return tokens, audience, err
}

// migration is the ID that the app runs with: it tells it from 0.6.2 on, and before it is in the values of its release
// (reference/apis.md 2.1; reference/deployment.md 4).
func (l *look) migration(ctx context.Context, n node.Node, app *svapp.SV) (int64, bool) {
	if id, err := app.MigrationID(ctx); err == nil {
		return id, true
	}
	releases, err := l.releases()
	if err != nil {
		return 0, false
	}
	values, _ := ofChart(releases, "splice-sv-node")
	id, has := at(values, "migration.id")
	if !has {
		return 0, false
	}
	number, err := strconv.ParseInt(fmt.Sprint(id), 10, 64)
	return number, err == nil
}

func seenOf(err error) string {
	var e *svapp.Error
	if errors.As(err, &e) {
		return e.Seen
	}
	return err.Error()
}

func (l *look) settings(w svapp.Way) svapp.Settings {
	return svapp.Settings{Way: w, Clock: l.Clock, Timeout: 10 * time.Second, UserAgent: l.UserAgent}
}

// own is the best way to an app of this node, with the release that the app told: a tunnel to its pod, a request from another pod, or its public
// host. Whoever takes it closes it.
func (l *look) own(ctx context.Context, n node.Node, part node.Part, app svapp.App) (svapp.Way, string, error) {
	ways, err := l.within(n, part, reach.Port(app))
	if host, public := l.public(app); public == nil && host.Name != "" {
		ways, err = append(ways, host), nil
	}
	if err != nil {
		return svapp.Way{}, "", err
	}
	way, version, direct, _ := l.choose(ctx, app, ways)
	return way, version, direct
}

// choose takes the first way that leads to the app, and closes the others.
func (l *look) choose(ctx context.Context, app svapp.App, ways []svapp.Way) (way svapp.Way, release string, direct, err error) {
	return reach.Choose(ctx, app, ways, svapp.Settings{Clock: l.Clock, Timeout: eachWay, UserAgent: l.UserAgent})
}

// within are the ways to an app through the cluster: a tunnel to its pod, and a request from another pod.
func (l *look) within(n node.Node, part node.Part, port int) ([]svapp.Way, error) {
	name := string(part)
	components := n.Of(part)
	if len(components) == 0 {
		return nil, fmt.Errorf("there is no %s among the workloads", name)
	}
	pods, err := l.running(components[0])
	if err != nil {
		return nil, err
	}
	if len(pods) == 0 {
		return nil, fmt.Errorf("no pod of the %s runs", name)
	}
	host := fmt.Sprintf("%s.%s:%d", components[0].Ref.Name, l.Namespace, port)
	from, _ := l.sender(n, pods[0].Name)
	return l.web.Into(l.Namespace, pods[0].Name, host, port, from), nil
}

// public is the way to an app by its public host; without a name where none is known.
func (l *look) public(app svapp.App) (svapp.Way, error) {
	if l.Hosts[app] == "" {
		return svapp.Way{}, nil
	}
	return l.Out.Public(l.Hosts[app])
}

// sender is the first running pod that others may send from: the Canton nodes first, whose image has bash (reference/deployment.md 7).
func (l *look) sender(n node.Node, not string) (reach.Sender, bool) {
	for _, part := range []node.Part{node.Participant, node.Mediator, node.Sequencer, node.ScanApp, node.Validator, node.SVApp, node.Postgres} {
		for _, c := range n.Of(part) {
			pods, err := l.running(c)
			if err != nil {
				return reach.Sender{}, false
			}
			for _, p := range pods {
				if from, can := reach.SenderIn(p); can && p.Name != not {
					return from, true
				}
			}
		}
	}
	return reach.Sender{}, false
}
