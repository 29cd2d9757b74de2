package evidence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/svapp"
)

// Ports of the apps (reference/deployment.md 3.2).
const (
	svPort   = 5014
	scanPort = 5012
)

// eachWay is how long one way to an app is tried.
const eachWay = 6 * time.Second

// readApps is what the SV app says of itself. What needs a token is not asked: the states of sequencer and mediator (reference/apis.md 2.1).
func readApps(ctx context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	way, version, err := l.own(ctx, n, node.SVApp, svapp.SVApp, svPort)
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
	return nil
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

// own is the best way to an app of this node, with the release that the app told: a tunnel to its pod, or a request from another pod.
func (l *look) own(ctx context.Context, n node.Node, part node.Part, app svapp.App, port int) (svapp.Way, string, error) {
	name := string(part)
	components := n.Of(part)
	if len(components) == 0 {
		return svapp.Way{}, "", fmt.Errorf("there is no %s among the workloads", name)
	}
	pods, err := l.running(components[0])
	if err != nil {
		return svapp.Way{}, "", err
	}
	if len(pods) == 0 {
		return svapp.Way{}, "", fmt.Errorf("no pod of the %s runs", name)
	}
	host := fmt.Sprintf("%s.%s:%d", components[0].Ref.Name, l.Namespace, port)
	ways := []svapp.Way{l.web.Tunnel(l.Namespace, pods[0].Name, host, port)}
	if sender, has := l.sender(n, pods[0].Name); has {
		if w, err := l.web.FromPod(l.Namespace, sender.pod, sender.container, "http://"+host, true); err == nil {
			ways = append(ways, w)
		}
	}
	way, version, tries, err := svapp.Choose(ctx, app, ways, svapp.Settings{Clock: l.Clock, Timeout: eachWay, UserAgent: l.UserAgent})
	if err != nil && len(tries) > 0 && tries[0].Error != nil {
		err = tries[0].Error // the direct way tells more about the app
	}
	for _, w := range ways {
		if err != nil || w.Name != way.Name {
			w.Close()
		}
	}
	return way, version, err
}

// sender is a container from which requests can leave.
type sender struct{ pod, container string }

// sender is the first running pod that others may send from: the Canton nodes first, whose image has bash (reference/deployment.md 7).
func (l *look) sender(n node.Node, not string) (sender, bool) {
	for _, part := range []node.Part{node.Participant, node.Mediator, node.Sequencer, node.ScanApp, node.Validator, node.SVApp, node.Postgres} {
		for _, c := range n.Of(part) {
			pods, err := l.running(c)
			if err != nil {
				return sender{}, false
			}
			for _, p := range pods {
				if i := slices.IndexFunc(p.Containers, func(k kube.ContainerStatus) bool { return !k.Init && k.State == "running" }); i >= 0 && p.Name != not {
					return sender{p.Name, p.Containers[i].Name}, true
				}
			}
		}
	}
	return sender{}, false
}
