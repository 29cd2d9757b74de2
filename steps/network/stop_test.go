package network

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/nodes"
	"canton.example/svrescue/steps/wire"
)

// known are facts of a node that was looked at.
func (r *rig) known() Facts {
	r.t.Helper()
	f := Facts{Run: "network-0111-0815-abcd", Namespace: "sv", Where: kube.Where{Context: "test"}, Gate: &Gate{Release: "0.5.10"}}
	n, err := nodes.In(r.t.Context(), r.world, "sv", "test", "")
	if err != nil {
		r.t.Fatal(err)
	}
	f.Node = &n
	if f.Held, err = f.others().Gather(r.t.Context(), r.world); err != nil {
		r.t.Fatal(err)
	}
	return f
}

// perform sends actions one after the other, each as an engine would: what its probe says done is not sent.
func (r *rig) perform(actions []steps.Action) error {
	r.t.Helper()
	for _, a := range actions {
		if state, _, err := a.Probe(r.t.Context(), r.world); err == nil && state == wire.ActionDone {
			continue
		}
		if err := a.Do(r.t.Context(), r.hands(a), func(wire.Progress) {}); err != nil {
			return fmt.Errorf("%s: %w", a.Key(), err)
		}
	}
	return nil
}

func (r *rig) planned(s steps.Step[Facts], f Facts) []steps.Action {
	r.t.Helper()
	actions, err := s.Plan(f)
	if err != nil {
		r.t.Fatal(err)
	}
	return actions
}

func (r *rig) check(s steps.Step[Facts], f Facts) []wire.Finding {
	r.t.Helper()
	found, err := s.Check(r.t.Context(), r.world, f)
	if err != nil {
		r.t.Fatal(err)
	}
	return found
}

func (r *rig) verify(s steps.Step[Facts], f *Facts) []wire.Finding {
	r.t.Helper()
	found, err := s.Verify(r.t.Context(), r.world, f)
	if err != nil {
		r.t.Fatal(err)
	}
	return found
}

func (r *rig) wants(name string) int32 {
	r.t.Helper()
	w, there, err := r.world.Kube.Workload(r.t.Context(), kube.Deployment, "sv", name)
	if err != nil || !there {
		r.t.Fatalf("%s: %v, %v", name, there, err)
	}
	return w.Replicas
}

func keys(actions []steps.Action) string {
	var all []string
	for _, a := range actions {
		all = append(all, a.Key())
	}
	return strings.Join(all, "; ")
}

// The old CometBFT stops, the others are seen to stay up for as long as a failing probe would need, and all of it can be taken back.
func TestFreeze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f, s := r.known(), freeze()
		if got := said(r.check(s, f)); got != "holds counts, holds serving" {
			t.Errorf("before: %s", got)
		}
		actions := r.planned(s, f)
		if got := keys(actions); got != "scale deployment/global-domain-3-cometbft to 0; wait until the pods of the old CometBFT are gone; see that sequencer, mediator and participant stay up" {
			t.Errorf("planned: %s", got)
		}
		began := time.Now()
		if err := r.perform(actions); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d < usualLiveness+watchMore || d > usualLiveness+watchMore+time.Minute {
			t.Errorf("it was watched for %s", d)
		}
		if got := said(r.verify(s, &f)); got != "holds stopped, holds serving, holds held" {
			t.Errorf("proof: %s", got)
		}
		if len(f.Stopped) != 1 || f.Stopped[0].Replicas != 1 || f.Stopped[0].Workload.Name != "global-domain-3-cometbft" {
			t.Errorf("%+v", f.Stopped)
		}
		if got := said(r.check(s, f)); got != "holds counts, holds serving" { // the check holds in the middle too
			t.Errorf("after: %s", got)
		}
		undo, _ := s.Undo(f)
		if err := r.perform(undo); err != nil {
			t.Fatal(err)
		}
		if r.wants("global-domain-3-cometbft") != 1 {
			t.Error("it was not started again")
		}
	})
}

// A part that does not stay up ends the watch with what was seen, and with the advice to take the step back.
func TestWhatFallsWithTheChain(t *testing.T) {
	for name, c := range map[string]struct {
		knob sim.Workload
		says string
	}{
		"it crashes":        {sim.Workload{Crash: &sim.Crash{After: sim.D(5 * time.Minute)}}, "was started anew"},
		"it is scaled down": {sim.Workload{}, "it was scaled to 0"},
		"it is replaced":    {sim.Workload{}, "has taken the place of another one"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, "0.5.10")
			r.sim.Set(sim.Knobs{Workloads: map[string]sim.Workload{"sv/global-domain-3-sequencer": c.knob}})
			f := r.known()
			ref := kube.WorkloadRef{Kind: kube.Deployment, Namespace: "sv", Name: "global-domain-3-sequencer"}
			go func() {
				time.Sleep(2 * time.Minute)
				pods, err := r.world.Kube.Pods(t.Context(), "sv", "app="+ref.Name)
				if err != nil || len(pods) != 1 {
					return
				}
				switch name {
				case "it is scaled down":
					err = r.world.Kube.Hands(kube.AccessScale(ref), false).Scale(t.Context(), ref, 1, 0, "")
				case "it is replaced", "it crashes": // a container that begins now ends within the watch
					err = r.world.Kube.Hands(kube.AccessDeletePod("sv", pods[0].Name), false).DeletePod(t.Context(), "sv", pods[0].Name, pods[0].UID, nil)
				}
				if err != nil {
					t.Error(err)
				}
			}()
			actions := r.planned(freeze(), f)
			if name == "it crashes" {
				time.Sleep(3 * time.Minute)
			}
			err := r.perform(actions)
			var p *steps.Problem
			if !errors.As(err, &p) || !strings.Contains(p.Seen, c.says) || !strings.Contains(p.Next, "Take this step back") {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// What is not up before the freeze is said before anything is stopped, and can be gone on with.
func TestFreezeOfWhatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f := r.known()
		ref := kube.WorkloadRef{Kind: kube.Deployment, Namespace: "sv", Name: "participant-3"}
		if err := r.world.Kube.Hands(kube.AccessScale(ref), false).Scale(t.Context(), ref, 1, 0, ""); err != nil {
			t.Fatal(err)
		}
		up := find(t, r.check(freeze(), f), "serving")
		if up.Verdict != wire.Violated || up.Waive == "" || !strings.Contains(up.Text, "participant-3 (0 wanted") {
			t.Errorf("%+v", up)
		}
	})
}

const argo = `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: acme, namespace: argocd, uid: uid-acme}
spec: {destination: {namespace: sv, server: "https://kubernetes.default.svc"}, syncPolicy: {automated: {prune: true, selfHeal: true}}}
`

// Who would bring the old chain back is paused before it is stopped, and acts again only when the operator says that the manifests are right.
func TestOthersArePausedForTheFreeze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		if err := r.sim.LoadYAML([]byte(argo)); err != nil {
			t.Fatal(err)
		}
		f := r.known()
		if len(f.Held) != 1 {
			t.Fatalf("%+v", f.Held)
		}
		actions := r.planned(freeze(), f)
		if !strings.HasPrefix(keys(actions), "pause Application argocd/acme; scale") {
			t.Errorf("planned: %s", keys(actions))
		}
		if err := r.perform(actions); err != nil {
			t.Fatal(err)
		}
		if h := find(t, r.verify(freeze(), &f), "held"); !strings.Contains(h.Text, "Application argocd/acme") {
			t.Errorf("%+v", h)
		}
		last := letOthersGo()
		open, err := last.Inputs(t.Context(), r.world, f)
		if err != nil || len(open) != 1 {
			t.Fatalf("%+v, %v", open, err)
		}
		kept := f
		if err := last.Take(&kept, "manifests", manifestsKeep); err != nil || len(r.planned(last, kept)) != 0 {
			t.Errorf("they are let go against the answer: %v", err)
		}
		if k := find(t, r.verify(last, &kept), "kept-paused"); len(k.Evidence) != 1 || !strings.Contains(k.Evidence[0].Seen, "kubectl") {
			t.Errorf("%+v", k)
		}
		f.LetGo = manifestsReady
		if err := r.perform(r.planned(last, f)); err != nil {
			t.Fatal(err)
		}
		if got := said(r.verify(last, &f)); got != "holds released" {
			t.Error(got)
		}
	})
}

func TestNobodyWasPaused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f, s := r.known(), letOthersGo()
		if open, err := s.Inputs(t.Context(), r.world, f); err != nil || len(open) != 0 {
			t.Errorf("%+v, %v", open, err)
		}
		if got := said(r.verify(s, &f)); len(r.planned(s, f)) != 0 || got != "holds released" {
			t.Error(got)
		}
	})
}

// The old sequencer and mediator stop only with the word of the call, and with a dump or a reason.
func TestStopOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f, s := r.known(), stopOld()
		if err := r.perform(action.Down(f.Where, "sv", "the old CometBFT", f.chains())); err != nil { // as the freeze leaves it
			t.Fatal(err)
		}
		var late *steps.NotYet
		if _, err := s.Plan(f); !errors.As(err, &late) {
			t.Errorf("without the word of the call: %v", err)
		}
		for _, answer := range []struct{ ask, value string }{{"who", "alice of Acme-SV"}, {"where", "the call"}, {"when", minute(time.Now())}} {
			open, err := s.Inputs(t.Context(), r.world, f)
			if err != nil || len(open) != 1 || open[0].Name != answer.ask {
				t.Fatalf("%+v, %v", open, err)
			}
			if err := s.Take(&f, answer.ask, answer.value); err != nil {
				t.Fatal(err)
			}
		}
		none := find(t, r.check(s, f), "own-dump")
		if none.Verdict != wire.Violated || none.Waive == "" {
			t.Errorf("without a dump: %+v", none)
		}
		f.Snapshot, f.Dump = &Snapshot{SHA256: "aa"}, &Dump{SHA256: "bb", Bytes: 12, MigrationID: 4}
		if gone := find(t, r.check(s, f), "own-dump"); gone.Verdict != wire.Violated || gone.Waive != "" {
			t.Errorf("with a dump that is gone: %+v", gone)
		}
		r.files.files[DumpFile] = []byte("{}")
		if got := said(r.check(s, f)); got != "holds dumped, holds own-dump, holds counts, holds held" {
			t.Errorf("before: %s", got)
		}
		if err := r.perform(r.planned(s, f)); err != nil {
			t.Fatal(err)
		}
		if got := said(r.verify(s, &f)); got != "holds stopped, holds held" {
			t.Errorf("proof: %s", got)
		}
		if r.wants("participant-3") != 1 || r.wants("global-domain-3-sequencer") != 0 || r.wants("global-domain-3-mediator") != 0 {
			t.Error("not what was meant was stopped")
		}
		if len(f.Stopped) != 2 {
			t.Errorf("%+v", f.Stopped)
		}
		undo, _ := s.Undo(f)
		if err := r.perform(undo); err != nil {
			t.Fatal(err)
		}
		if r.wants("global-domain-3-sequencer") != 1 || r.wants("global-domain-3-cometbft") != 0 {
			t.Error("taken back: the sequencer is to run again, and CometBFT not")
		}
	})
}

// A word of tomorrow is no word.
func TestTheWordOfTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f := r.known()
		f.Dumped = Decision{Who: "alice", Where: "the call", At: time.Now().Add(time.Hour)}
		if d := find(t, r.check(stopOld(), f), "dumped"); d.Verdict != wire.Violated {
			t.Errorf("%+v", d)
		}
	})
}
