package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/survey"
	"canton.example/svrescue/steps/wire"
)

// The new synchronizer is derived, shown, installed and seen, and can be taken back; the old one stays as it is.
func TestTheNewSynchronizerIsInstalled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, f := deployRig(t)
		found := r.verify(newValues(), &f)
		comet := find(t, found, "values-global-domain-4-cometbft")
		lines := fmt.Sprint(comet.Evidence)
		for _, want := range []string{"node.identifier", "global-domain-4-cometbft", "MainNet-4", "stateSync.enable"} {
			if !strings.Contains(lines, want) {
				t.Errorf("%s is not shown: %s", want, lines)
			}
		}
		if s := f.Successor; s.CometBFT != "global-domain-4-cometbft" || s.Sequencer != "global-domain-4-sequencer" || s.Mediator != "global-domain-4-mediator" || s.Participant != "participant-4" ||
			len(s.Releases) != 3 || s.Digest == "" || s.Deployed {
			t.Fatalf("%+v", s)
		}
		s := newSynchronizer()
		if got := said(r.check(s, f)); got != "holds names, holds databases, holds needs" {
			t.Errorf("before: %s: %+v", got, r.check(s, f))
		}
		actions := r.planned(s, f)
		if err := r.perform(actions); err != nil {
			t.Fatal(err)
		}
		for server, name := range map[string]string{"sequencer-pg": "sequencer_4", "mediator-pg": "mediator_4", "participant-pg": "participant_4"} {
			r.data.have[server] = append(r.data.have[server], name) // as the init containers make them
		}
		if got := said(r.check(s, f)); got != "holds names, holds databases, holds needs" {
			t.Errorf("in the middle: %s", got)
		}
		found = r.verify(s, &f)
		if got := said(found); got != "holds new-ready, holds new-chain, holds old-as-found, holds service-sequencer, undetermined route-sequencer, undetermined port-sequencer, "+
			"holds service-cometbft, undetermined route-cometbft, undetermined port-cometbft" {
			t.Errorf("proof: %s", got)
		}
		if up := find(t, found, "new-ready"); !strings.Contains(up.Text, "not initialised") {
			t.Errorf("%+v", up)
		}
		if port := find(t, found, "port-cometbft"); !strings.Contains(port.Next, "nc -vz global-domain-4-cometbft.sv.acme.example 26456") {
			t.Errorf("%+v", port)
		}
		if !f.Successor.Deployed {
			t.Error("it is not said to be deployed")
		}
		before := len(actions)
		if again := r.planned(s, f); len(again) != before {
			t.Errorf("%d actions, and %d afterwards", before, len(again))
		}
		undo, why := s.Undo(f)
		if err := r.perform(undo); err != nil || why != "" {
			t.Fatal(err, why)
		}
		if _, there, err := r.world.Kube.Workload(t.Context(), kube.Deployment, "sv", "participant-4"); err != nil || there {
			t.Errorf("it is still there: %v", err)
		}
		if r.wants("participant-3") != 1 || r.wants("global-domain-3-cometbft") != 1 {
			t.Error("the old synchronizer was touched")
		}
		left := r.check(s, f) // claims and databases stay, and are not taken up in silence
		if got := said(left); got != "violated claims, violated databases, holds needs" {
			t.Errorf("after it was taken back: %s", got)
		}
		if d := find(t, left, "databases"); d.Waive == "" || !strings.Contains(d.Next, "participant_4") {
			t.Errorf("%+v", d)
		}
		if c := find(t, left, "claims"); !strings.Contains(c.Next, "kubectl") {
			t.Errorf("%+v", c)
		}
	})
}

const minimal = `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: sv, labels: {app: %[1]s}}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template: {metadata: {labels: {app: %[1]s}}, spec: {containers: [{name: main, image: i}]}}
`

// Of what Argo CD renders Helm has no record: what to commit is written, and the cluster is waited for.
func TestANewSynchronizerOutOfARepository(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		r.world.Databases = &fakeDatabases{}
		for _, name := range []string{"global-domain-3-cometbft", "global-domain-3-sequencer", "global-domain-3-mediator", "participant-3"} {
			w, _, err := r.world.Kube.Workload(t.Context(), kube.Deployment, "sv", name)
			if err != nil {
				t.Fatal(err)
			}
			object := kube.Access{Group: "apps", Resource: "deployments", Namespace: "sv", Name: name}
			tracked := "node:apps/Deployment:sv/" + name
			if err := r.world.Kube.Hands(kube.AccessMark(object), false).Annotate(t.Context(), object, w.UID, kube.Mark{Key: "argocd.argoproj.io/tracking-id", To: &tracked}); err != nil {
				t.Fatal(err)
			}
		}
		f := r.known()
		f.Deploy = newFacts().Deploy
		found := r.verify(newValues(), &f)
		if s := f.Successor; s.Sequencer != "global-domain-4-sequencer" || s.Mediator != "global-domain-4-mediator" || s.CometBFT != "global-domain-4-cometbft" || s.Participant != "participant-4" || len(s.Databases) != 3 {
			t.Fatalf("%+v", s)
		}
		domain := f.Successor.Releases[1]
		for _, want := range []string{"sequencer_4", "mediator_4", "global-domain-4-cometbft-cometbft-rpc"} {
			if !strings.Contains(domain.Patch, want) {
				t.Errorf("%s is not in what is to be committed:\n%s", want, domain.Patch)
			}
		}
		if u := find(t, found, "unseen-participant-4"); u.Verdict != wire.Attention || !strings.Contains(u.Text, "Argo CD") && !strings.Contains(u.Text, "Application") {
			t.Errorf("%+v", u)
		}
		s := newSynchronizer()
		if got := said(r.check(s, f)); !strings.HasSuffix(got, "holds databases, holds needs") || !strings.Contains(got, "attention unseen-participant-4") {
			t.Errorf("%s", got)
		}
		go func() {
			time.Sleep(10 * time.Minute)
			r.load(fmt.Sprintf(minimal, "global-domain-4-cometbft") + fmt.Sprintf(minimal, "global-domain-4-sequencer") + fmt.Sprintf(minimal, "global-domain-4-mediator") + fmt.Sprintf(minimal, "participant-4"))
		}()
		if err := r.perform(r.planned(s, f)); err != nil {
			t.Fatal(err)
		}
		if up := find(t, r.verify(s, &f), "new-ready"); up.Verdict != wire.Holds {
			t.Errorf("%+v", up)
		}
		if undo, why := s.Undo(f); len(undo) != 0 || !strings.Contains(why, "take the commit back") {
			t.Errorf("%v, %q", undo, why)
		}
	})
}

// Charts of a registry are fetched once each, into the run, and what is installed is rendered from them.
func TestChartsOfARegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, f := deployRig(t)
		registry := &packs{folder: f.Deploy.Charts}
		r.world.Charts = registry
		f.Deploy.Charts = "oci://registry.example/helm"
		s := newValues()
		if err := r.perform(r.planned(s, f)); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(registry.asked, ", "); got != "oci://registry.example/helm/splice-cometbft 0.5.10, oci://registry.example/helm/splice-global-domain 0.5.10, oci://registry.example/helm/splice-participant 0.5.10" {
			t.Errorf("fetched: %s", got)
		}
		r.verify(s, &f)
		if len(f.Successor.Releases) != 3 {
			t.Errorf("%+v", f.Successor)
		}
		r.world.Charts = nil // from here on the run has them
		if got := said(r.check(newSynchronizer(), f)); got != "holds names, holds databases, holds needs" {
			t.Error(got)
		}
	})
}

// The charts that Helm has kept are of the version that runs, and of no other.
func TestChartsOfTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, f := deployRig(t)
		f.Deploy.Charts, f.Deploy.Version = fromRecord, "0.5.11"
		_, err := newValues().Verify(t.Context(), r.world, &f)
		var p *steps.Problem
		if !errors.As(err, &p) || !strings.Contains(p.Seen, "0.5.10") {
			t.Errorf("%v", err)
		}
	})
}

// What is there already is not taken over, and what is not there is named before anything is sent.
func TestWhatStandsInTheWay(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*rig)
		want   string
		says   string
	}{
		"a workload of that name": {func(r *rig) {
			r.load("apiVersion: v1\nkind: Service\nmetadata: {name: participant-4, namespace: sv}\nspec: {ports: [{port: 1}]}\n")
		}, "violated names", "Service/participant-4"},
		"a release of that name": {func(r *rig) {
			r.load(helmRecord(r.t, "participant-4", "splice-participant", "0.5.10", nil))
		}, "violated names", "release participant-4 (deployed)"},
		"a claim of that name": {func(r *rig) {
			r.load("apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: global-domain-4-cometbft-cometbft-data, namespace: sv}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n")
		}, "violated claims", "global-domain-4-cometbft-cometbft-data"},
		"a database of that name": {func(r *rig) { r.data.have["mediator-pg"] = append(r.data.have["mediator-pg"], "mediator_4") }, "violated databases", "mediator_4"},
		"a server that is silent": {func(r *rig) { r.data.fail = errors.New("connection refused") }, "undetermined databases", "connection refused"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, f := deployRig(t)
			r.verify(newValues(), &f)
			c.change(r)
			verdict, id, _ := strings.Cut(c.want, " ")
			got := find(t, r.check(newSynchronizer(), f), id)
			if string(got.Verdict) != verdict || !strings.Contains(got.Text, c.says) || verdict == "violated" && got.Waive != "" {
				t.Errorf("%s: %+v", name, got)
			}
		})
	}
}

func (r *rig) load(objects string) {
	r.t.Helper()
	if err := r.sim.LoadYAML([]byte(objects)); err != nil {
		r.t.Fatal(err)
	}
}

// deployedFacts are those of a new synchronizer that is installed.
func deployedFacts() Facts {
	f := newFacts()
	f.Successor = &Successor{Suffix: "4", ChainID: "MainNet-4", Address: f.Deploy.Address, URL: f.Deploy.Sequencer, CometBFT: "global-domain-4-cometbft", Sequencer: "global-domain-4-sequencer",
		Mediator: "global-domain-4-mediator", Participant: "participant-4", Deployed: true}
	return f
}

// A way in is seen where it can be read, and one that leads from another host or port is told.
func TestTheWaysIn(t *testing.T) {
	sequencer := entrance{id: "sequencer", what: "the new sequencer", service: "d-sequencer", host: "sequencer-4.example", address: "sequencer-4.example:443"}
	comet := entrance{id: "cometbft", what: "the new CometBFT", service: "c-p2p", host: "comet.example", address: "comet.example:26456", port: "26456"}
	for name, c := range map[string]struct {
		of     entrance
		routes []survey.Route
		want   wire.Verdict
		says   string
	}{
		"a host":       {sequencer, []survey.Route{{Host: "sequencer-4.example", Service: "d-sequencer", Object: "VirtualService in/s"}}, wire.Holds, "VirtualService in/s leads"},
		"another host": {sequencer, []survey.Route{{Host: "sequencer-3.example", Service: "d-sequencer"}}, wire.Undetermined, "comes from sequencer-3.example"},
		"a port":       {comet, []survey.Route{{Port: 26456, Service: "c-p2p", Object: "VirtualService in/c"}}, wire.Holds, "VirtualService in/c leads"},
		"another port": {comet, []survey.Route{{Port: 26356, Service: "c-p2p"}}, wire.Undetermined, "comes from port 26356"},
		"nothing":      {comet, []survey.Route{{Port: 26456, Service: "other"}}, wire.Undetermined, "may be read leads to c-p2p (x may not be read)"},
	} {
		if f := c.of.route(c.routes, []string{"x may not be read"}); f.Verdict != c.want || !strings.Contains(f.Text, c.says) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

// A connection from here is no proof for others, and none says nothing about them.
func TestConnectionsFromHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, f := newRig(t, "0.5.10"), deployedFacts()
		r.world.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
			if address != "sequencer-4.sv.acme.example:443" {
				return nil, errors.New("connection timed out")
			}
			a, b := net.Pipe()
			b.Close()
			return a, nil
		}
		found, err := reachable(t.Context(), r.world, f)
		if err != nil {
			t.Fatal(err)
		}
		if got := said(found); got != "violated service-sequencer, undetermined route-sequencer, attention port-sequencer, violated service-cometbft, undetermined route-cometbft, undetermined port-cometbft" {
			t.Errorf("%s: %+v", got, found)
		}
		if p := find(t, found, "port-cometbft"); !strings.Contains(p.Text, "connection timed out") || !strings.Contains(p.Next, "nc -vz") {
			t.Errorf("%+v", p)
		}
	})
}

// Quotas are told with what is used of them.
func TestQuota(t *testing.T) {
	q := quota([]kube.Custom{{Meta: kube.Meta{Name: "q"}, Content: []byte(`{"status":{"hard":{"pods":"20"},"used":{"pods":"18"}}}`)}}, time.Time{})
	if q.Verdict != wire.Attention || len(q.Evidence) != 1 || q.Evidence[0].Seen != "pods: 18 of 20 used" {
		t.Errorf("%+v", q)
	}
}

// The card must have the values with which the new synchronizer was deployed.
func TestTheCardIsThatOfTheDeployment(t *testing.T) {
	f := newFacts()
	f.Agree.Values = map[string]string{ValueMigrationID: "4", ValueChainID: "MainNet-4", ValuePort: "26456", ValueChart: "0.5.10"}
	if found := f.deployedAlike(); len(found) != 0 {
		t.Errorf("nothing is deployed: %+v", found)
	}
	f.Successor = &Successor{Suffix: "4", ChainID: "MainNet-4", Address: f.Deploy.Address, Deployed: true}
	if found := f.deployedAlike(); said(found) != "holds deployed" {
		t.Errorf("%+v", found)
	}
	f.Agree.Values[ValuePort] = "26457"
	if found := f.deployedAlike(); said(found) != "violated deployed" || found[0].Waive == "" {
		t.Errorf("%+v", found)
	}
	f.Agree.Values[ValueChainID] = "Other-4"
	if found := f.deployedAlike(); said(found) != "violated deployed" || found[0].Waive != "" || !strings.Contains(found[0].Text, "Other-4 on the card") {
		t.Errorf("%+v", found)
	}
	if got := proposeChain(f); got != "MainNet-4" && got != "" {
		t.Error(got)
	}
	if proposePort(f) != "26456" {
		t.Error(proposePort(f))
	}
}

// deploying is the path without the dump and the apps: the steps that put up the new synchronizer and take down the old one.
func deploying() steps.Path[Facts] {
	p := New()
	p.Steps = slices.DeleteFunc(p.Steps, func(s steps.Step[Facts]) bool {
		return slices.Contains([]string{"network/snapshot", "network/merge", "network/upload", "network/app-values", "network/write-changes", "network/migrate", "network/verify"}, s.ID)
	})
	return p
}

// Driven by an engine over a simulated cluster the new synchronizer stands, the old one is stopped part by part, and the card has the values that
// were deployed.
func TestTheNewStandsAndTheOldIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, f := deployRig(t)
		ticks := r.logged()
		var asked []wire.Question
		v := r.drive(deploying(), &journal{}, script(t, &asked, answersOfAll(f, ticks[3])))
		if v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			last := asked[len(asked)-1]
			t.Fatalf("it ended with %+v, parked %q; asked last %s: %s\n%s\n%+v", v.Ended, v.Parked, last.Name, last.Title, last.Text, last.Error)
		}
		for name, want := range map[string]int32{"global-domain-3-cometbft": 0, "global-domain-3-sequencer": 0, "global-domain-3-mediator": 0, "participant-3": 1,
			"global-domain-4-cometbft": 1, "global-domain-4-sequencer": 1, "global-domain-4-mediator": 1, "participant-4": 1} {
			if got := r.wants(name); got != want {
				t.Errorf("%s wants %d replicas, and not %d", name, got, want)
			}
		}
		if v.Card == nil || !strings.Contains(v.Card.Text, "MainNet-4") || !strings.Contains(v.Card.Text, "26456") {
			t.Errorf("%+v", v.Card)
		}
		if d := find(t, v.Step("network/agree").Findings[wire.PhaseVerify], "deployed"); d.Verdict != wire.Holds {
			t.Errorf("%+v", d)
		}
		for _, q := range asked { // proposals are what the running releases tell
			if q.Name == "network/new-values.address" && q.Default != "global-domain-4-cometbft.sv.acme.example:26456" {
				t.Errorf("%+v", q)
			}
		}
	})
}

// A dry run goes through all of it and changes nothing.
func TestADryRunChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, f := deployRig(t)
		r.acting = wire.DryRun
		ticks := r.logged()
		before := len(r.sim.Writes())
		var asked []wire.Question
		v := r.drive(New(), &journal{}, script(t, &asked, answersOfAll(f, ticks[3])))
		if v.Ended == nil || v.Parked != "" {
			last := asked[len(asked)-1]
			t.Fatalf("it ended with %+v, parked %q; asked last %s: %s\n%s\n%+v", v.Ended, v.Parked, last.Name, last.Title, last.Text, last.Error)
		}
		for _, w := range r.sim.Writes()[before:] {
			if !w.DryRun {
				t.Errorf("it sent %+v", w)
			}
		}
		for _, id := range []string{"network/new-synchronizer", "network/freeze", "network/safety-backup", "network/stop-old"} {
			if s := v.Step(id); s.State != wire.StepPlanned {
				t.Errorf("%s is %s: %s", id, s.State, s.Reason)
			}
		}
	})
}
