package restore

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	apps "canton.example/svrescue/svapp/sim"
)

const (
	chainPods       = "app=global-domain-0-cometbft"
	sequencerPods   = "app=global-domain-0-sequencer"
	mediatorPods    = "app=global-domain-0-mediator"
	participantPods = "app=participant"
)

// serve makes the pods of the node answer with this lag; starts is how often CometBFT was started before.
func (r *rig) serve(lag apps.Lag, starts func() int) {
	began := time.Now()
	times := func() (time.Time, time.Time, int) { return time.Now(), began, starts() }
	rest := lag
	rest.StuckUntil = 0
	metrics := func(part string) http.Handler { return apps.Metrics{Part: part, Lag: rest, Times: times}.Handler() }
	r.pods.handlers = map[string]http.Handler{
		chainPods + ":26657":       apps.Comet{Network: "testnet-0", Peers: 12, Lag: lag, Times: times}.Handler(),
		sequencerPods + ":10013":   metrics("sequencer"),
		mediatorPods + ":10013":    metrics("mediator"),
		participantPods + ":10013": metrics("participant"),
	}
}

func never() int { return 0 }

func (r *rig) follow() (steps.Action, []wire.Progress, error) {
	r.t.Helper()
	actions, err := catchUp().Plan(r.facts)
	if err != nil || len(actions) != 1 || actions[0].Effect() != wire.Observe || len(actions[0].Refs()) != 0 {
		r.t.Fatalf("%+v, %v", actions, err)
	}
	var progress []wire.Progress
	err = actions[0].Do(r.t.Context(), r.hands(actions[0]), func(p wire.Progress) { progress = append(progress, p) })
	return actions[0], progress, err
}

func (r *rig) proveCaughtUp() string {
	r.t.Helper()
	found, err := catchUp().Verify(r.t.Context(), r.world, &r.facts)
	if err != nil {
		r.t.Fatal(err)
	}
	return said(found)
}

func TestCatchUpIsFollowedUntilItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, acme("sv", "testnet"))
		r.serve(apps.Lag{Start: 5 * time.Hour, Warmup: time.Minute}, never)
		if got := r.proveCaughtUp(); !strings.Contains(got, "violated lag-global-domain-0-cometbft") || !strings.Contains(got, "undetermined lag-participant") {
			t.Errorf("before: %s", got)
		}
		began := time.Now()
		a, progress, err := r.follow()
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 15*time.Minute || took > 20*time.Minute {
			t.Errorf("it took %s", took)
		}
		if last := progress[len(progress)-1]; last.Done != 4 || last.Total != 4 || !strings.Contains(last.Text, "3 of 3") {
			t.Errorf("%+v", last)
		}
		if middle := progress[len(progress)/2]; !strings.Contains(middle.Text, "in about") && !strings.Contains(middle.Text, "in a few minutes") {
			t.Errorf("%+v", middle)
		}
		if state, _, err := a.Probe(t.Context(), r.world); err != nil || state != wire.ActionDone {
			t.Errorf("%s, %v", state, err)
		}
		if got := r.proveCaughtUp(); got != "holds in-step" {
			t.Errorf("after: %s", got)
		}
	})
}

func TestAChainThatStandsStillIsRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, acme("sv", "testnet"))
		starts := 0
		r.serve(apps.Lag{Start: time.Hour, StuckUntil: 1}, func() int { return starts })
		_, _, err := r.follow()
		var stuck *action.ChainStuck
		if !errors.As(err, &stuck) || stuck.Pod == "" || stuck.UID == "" || stuck.Peers != 12 {
			t.Fatalf("%v", err)
		}
		failure := steps.FailureOf("following", err)
		if !strings.Contains(failure.Seen, "stands at height") || !strings.Contains(failure.Seen, "12 peers") || !strings.Contains(failure.Next, "restart CometBFT") {
			t.Errorf("%+v", failure)
		}
		var cure *steps.Remedy
		for _, remedy := range catchUp().Remedies(err) {
			if len(remedy.Actions) > 0 {
				cure = &remedy
			}
		}
		if cure == nil || len(cure.Actions) != 1 || cure.Actions[0].Effect() != wire.Repeatable {
			t.Fatalf("no remedy restarts it: %+v", catchUp().Remedies(err))
		}
		if err := r.do(cure.Actions[0]); err != nil {
			t.Fatal(err)
		}
		if err := cure.Actions[0].Do(t.Context(), r.hands(cure.Actions[0]), nil); err != nil && !strings.Contains(err.Error(), "uid") {
			t.Errorf("sent again it must not delete the new pod: %v", err)
		}
		starts = 1
		if _, _, err := r.follow(); err != nil {
			t.Fatal(err)
		}
		if got := r.proveCaughtUp(); got != "holds in-step" {
			t.Error(got)
		}
	})
}

func TestWhatCannotBeReadIsNotDetermined(t *testing.T) {
	for _, c := range []struct {
		name string
		lose []string
		want string
	}{
		{"one component", []string{participantPods + ":10013"}, "undetermined lag-participant, holds in-step"},
		{"all of them", []string{participantPods + ":10013", mediatorPods + ":10013", sequencerPods + ":10013", chainPods + ":26657"},
			"undetermined lag-global-domain-0-cometbft, undetermined lag-global-domain-0-sequencer, undetermined lag-global-domain-0-mediator, undetermined lag-participant"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, acme("sv", "testnet"))
				r.serve(apps.Lag{}, never)
				for _, key := range c.lose {
					delete(r.pods.handlers, key)
				}
				a, _, err := r.follow()
				if err != nil {
					t.Fatal(err)
				}
				if state, _, _ := a.Probe(t.Context(), r.world); state == wire.ActionDone {
					t.Error("the probe calls it done")
				}
				if got := r.proveCaughtUp(); got != c.want {
					t.Error(got)
				}
			})
		})
	}
}

func TestLagsAreToldByTheClustersClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, acme("sv", "testnet"))
		r.sim.Set(sim.Knobs{ClockSkew: sim.D(time.Hour)}) // the cluster is an hour ahead of this machine, and so are its components
		began := time.Now()
		times := func() (time.Time, time.Time, int) { return time.Now().Add(time.Hour), began, 0 }
		r.serve(apps.Lag{}, never)
		r.pods.handlers[participantPods+":10013"] = apps.Metrics{Part: "participant", Lag: apps.Lag{Floor: 3 * time.Second}, Times: times}.Handler()
		r.pods.handlers[mediatorPods+":10013"] = apps.Metrics{Part: "mediator", Lag: apps.Lag{Floor: 3 * time.Second}, Times: times}.Handler()
		r.pods.handlers[chainPods+":26657"] = apps.Comet{Network: "testnet-0", Lag: apps.Lag{Floor: 3 * time.Second}, Times: times}.Handler()
		if got := r.proveCaughtUp(); got != "holds in-step, attention clock" {
			t.Error(got)
		}
	})
}

func TestWhatIsFollowed(t *testing.T) {
	c := func(part node.Part, role node.Role, replicas int32) node.Component {
		n := node.Component{Part: part, Role: role, Replicas: replicas}
		n.Ref.Name = string(part) + string(role)
		return n
	}
	n := node.Node{Components: []node.Component{c(node.Sequencer, node.Current, 1), c(node.Sequencer, node.Legacy, 1), c(node.Mediator, node.Current, 0), c(node.Participant, "", 1)}}
	var names []string
	for _, f := range followed(n) {
		names = append(names, f.Workload.Name)
	}
	if got := strings.Join(names, " "); got != "sequencercurrent participant" {
		t.Error(got)
	}
	if got := said(notFollowed(n)); got != "attention lag-cometbft, attention lag-mediatorcurrent" {
		t.Error(got)
	}
	if got := said(notFollowed(node.Node{})); got != "attention lag-cometbft, undetermined lag-sequencer, undetermined lag-mediator, undetermined lag-participant" {
		t.Error(got)
	}
	if actions, err := catchUp().Plan(Facts{Node: &node.Node{}}); err != nil || len(actions) != 0 {
		t.Error(actions, err)
	}
	if found, err := caughtUp(context.Background(), steps.World{}, Facts{Node: &node.Node{}}); err != nil || !strings.Contains(said(found), "undetermined catch-up") {
		t.Error(said(found), err)
	}
}
