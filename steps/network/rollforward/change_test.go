package rollforward

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// env are the variables of a Deployment's container as its running pod has them.
func (r *rig) env(name, container string) map[string]string {
	r.t.Helper()
	pods, err := r.world.Kube.Started(r.t.Context(), "sv", "app="+name)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, p := range pods {
		for _, c := range p.Containers {
			if c.Name == container && !p.Ending {
				return environmentOf(c)
			}
		}
	}
	return nil
}

// coming are values of a synchronizer that broke, with times that are to come.
func (r *rig) coming() Agreed {
	a := r.values()
	a.MaxSequencing = time.Now().UTC().Truncate(time.Second).Add(4 * time.Hour)
	a.LowerBound, a.Upgrade = a.MaxSequencing.Add(5*time.Second), a.MaxSequencing.Add(5*time.Second)
	return a
}

// changes are the answers that the changes ask for.
func changes() map[string][]string {
	return map[string][]string{"roll-forward-diff.layout": {"@legacy-current"}, "roll-forward-diff.join": {"@take-out"}, "promote-diff.when": {"@now"}, "remove-old-diff.when": {"@now"},
		"cap-old.confirm": {"@yes"}, "deploy-successor.confirm": {"@yes"}, "roll-forward.confirm": {"@yes"}, "promote.confirm": {"@yes"}, "remove-old.confirm": {"@yes"},
		"deploy-successor.remedy": {"@accept|the others reach it"}}
}

func (r *rig) facts(a Agreed) Facts {
	f := r.agreed(a)
	f.Place = r.charts
	return f
}

// The whole of the changes, on stand-in charts with the branches of upstream's templates: what is judged is what the pods have.
func TestChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newInstalled(t, svChart(true), domainChart("sequencer.additionalEnvVars"))
		a := r.coming()
		var asked []wire.Question
		answers := changes()
		v, f := r.drive(&journal{}, r.facts(a), []steps.Step[Facts]{capOld().diff(), capOld().apply(), deploySuccessor().diff(), deploySuccessor().apply(),
			rollForward().diff(), rollForward().apply()}, script(&asked, answers))
		r.must(v, asked)
		for step, want := range map[string]string{"cap-old-diff": a.Cap(), "deploy-successor-diff": strings.TrimSpace(strings.ReplaceAll(a.Bounds(), "\n", " "))} {
			shown := false
			for _, found := range v.Step(prefix + step).Findings[wire.PhaseVerify] {
				shown = shown || slices.ContainsFunc(found.Evidence, func(e wire.Evidence) bool { return strings.Contains(e.Seen, want) })
			}
			if !shown {
				t.Errorf("%s does not show %s", step, want)
			}
		}
		if f.Cap == nil || a.Capped(r.env("global-domain-4-sequencer", "sequencer")).Verdict != wire.Holds {
			t.Errorf("the cap: %+v, %v", f.Cap, r.env("global-domain-4-sequencer", "sequencer"))
		}
		if got := said(v.Step(prefix + "cap-old").Findings[wire.PhaseVerify]); got != "holds cap, holds before, attention keys" {
			t.Errorf("the cap: %s", got)
		}
		next := r.env("global-domain-5-sequencer", "sequencer")
		if a.Bounded(next).Verdict != wire.Holds || next[CapVariable] != "" || next["CANTON_SEQUENCER_POSTGRES_DB"] != "sequencer_5" || !strings.Contains(next["ADDITIONAL_CONFIG_SEQUENCER_DRIVER_COMETBFT"], "global-domain-5-cometbft-cometbft-rpc") {
			t.Errorf("the successor's sequencer: %v", next)
		}
		comet := r.env("global-domain-5-cometbft", "cometbft")
		for name, want := range map[string]string{"STANDIN_CHAIN_ID": "MainNet-5", "STANDIN_EXTERNAL_ADDRESS": "global-domain-5-cometbft.sv.example.com:26556", "STANDIN_FOUNDER_ADDRESS": "cometbft.example.com:26516", "STANDIN_STATE_SYNC": "false"} {
			if comet[name] != want {
				t.Errorf("the successor's CometBFT: %s is %s", name, comet[name])
			}
		}
		if workloads, err := r.world.Kube.Workloads(t.Context(), "sv"); err != nil || len(workloads) != 9 { // three more, and no participant among them
			t.Errorf("%d workloads, %v", len(workloads), err)
		}
		if got := said(v.Step(prefix + "roll-forward").Findings[wire.PhaseVerify]); got != "holds onboarding, holds layout-sv, attention exports, holds layout-scan, holds validators-follow" {
			t.Errorf("roll-forward: %s", got)
		}
		if f.Rolling.Sponsor["sponsorApiUrl"] != "https://sv.sv-2.example.com" {
			t.Errorf("the sponsor is %v", f.Rolling.Sponsor)
		}

		r.tells["/api/scan/v0/active-synchronizer-serial"] = map[string]any{"serial": 5}
		time.Sleep(31 * 24 * time.Hour)
		v, f = r.drive(&journal{}, f, []steps.Step[Facts]{promote().diff(), promote().apply(), removeOld().diff(), removeOld().apply()}, script(&asked, answers))
		r.must(v, asked)
		sv := r.env("sv-app", "sv-app")
		got, err := svSequencers(sv)
		if settings, _ := settings(sv[OnboardingVariable]); err != nil || settings["_onboarding.type"] != JoinWithKey || len(got) != 1 || got["current"] != "global-domain-5-sequencer" {
			t.Errorf("at the end the SV app has %v, %v", sv, err)
		}
		if got, _ := scanSequencers(r.env("scan-app", "scan-app")); len(got) != 1 || got["current"] != "global-domain-5-sequencer" {
			t.Errorf("at the end scan has %v", got)
		}
		for _, e := range asked {
			if strings.Contains(e.Text, "hunter2") {
				t.Error("a password is in a question")
			}
			// what comes days later is nothing that a run without a person may answer because there is one choice
			if strings.HasSuffix(e.Name, ".when") && e.Choices[0].Effect.Rank() == 0 {
				t.Errorf("%s is answered by itself", e.Name)
			}
		}
	})
}

// With joinWithKeyOnboarding left in the values upstream's chart would not roll forward, and nothing goes on; a chart with another order does.
func TestTheTrapOfTheTemplate(t *testing.T) {
	for _, c := range []struct {
		name string
		trap bool
	}{{"upstream's order", true}, {"another order", false}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newInstalled(t, svChart(c.trap), domainChart("sequencer.additionalEnvVars"))
				f := r.facts(r.coming())
				f.Addresses = Addresses{Sequencer: "https://sequencer-5.sv.example.com", Comet: "x:26556"}
				var asked []wire.Question
				answers := changes()
				answers["roll-forward-diff.join"] = []string{"@leave"}
				v, f := r.drive(&journal{}, f, []steps.Step[Facts]{rollForward().diff()}, script(&asked, answers))
				one := find(t, v.Step(prefix + "roll-forward-diff").Findings[wire.PhaseVerify], "onboarding")
				stopped := one.Verdict == wire.Violated && one.Waive == "" && strings.Contains(one.Text, "joinWithKeyOnboarding") && len(f.Changes["roll-forward"]) == 0
				if stopped != c.trap {
					t.Errorf("found %+v, kept %d changes", one, len(f.Changes["roll-forward"]))
				}
			})
		})
	}
}

// A chart that knows variables for all of its parts only gets the maximum there, and one that knows none is stopped at.
func TestWhereTheCapGoes(t *testing.T) {
	for _, c := range []struct {
		list  string
		holds bool
	}{{"additionalEnvVars", true}, {"nothingOfThat", false}} {
		synctest.Test(t, func(t *testing.T) {
			r := newInstalled(t, svChart(true), domainChart(c.list))
			f := r.facts(r.coming())
			found, err := capOld().diff().Verify(t.Context(), r.world, &f)
			if err != nil {
				t.Fatal(err)
			}
			if got := find(t, found, "cap").Verdict == wire.Holds; got != c.holds || got != (len(f.Changes["cap-old"]) == 1) {
				t.Errorf("%s: %s", c.list, said(found))
			}
		})
	}
}

// The variant for an upgrade of which nothing was sequenced: no cap, the serial after the next, the failed successor is forgotten, validators follow.
func TestAFailedUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newInstalled(t, svChart(true), domainChart("sequencer.additionalEnvVars"))
		a := Agreed{Situation: NothingSequenced, Network: "MainNet", Upgrade: time.Now().UTC().Truncate(time.Second).Add(-time.Hour), CurrentSerial: 4, NewSerial: 6, ProtocolVersion: "34", Chart: "0.7.5", Driver: CometBFT}
		var asked []wire.Question
		v, f := r.drive(&journal{}, r.facts(a), []steps.Step[Facts]{capOld().diff(), capOld().apply(), deploySuccessor().diff(), deploySuccessor().apply(), rollForward().diff(), rollForward().apply()}, script(&asked, changes()))
		r.must(v, asked)
		if _, capped := r.env("global-domain-4-sequencer", "sequencer")[CapVariable]; capped || f.Cap != nil {
			t.Error("the old sequencer was capped")
		}
		if got := said(v.Step(prefix + "roll-forward").Findings[wire.PhaseVerify]); !strings.HasSuffix(got, "holds layout-scan, holds validators-follow") {
			t.Errorf("found %s", got)
		}
		if _, follow := r.env("scan-app", "scan-app")["ADDITIONAL_CONFIG_ROLL_FORWARD_LSU"]; !follow {
			t.Error("validators are not told")
		}
	})
}

// A run that dies between diff and change goes on with what was shown, out of the journal.
func TestChangesAreTakenUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newInstalled(t, svChart(true), domainChart("sequencer.additionalEnvVars"))
		path := []steps.Step[Facts]{capOld().diff(), capOld().apply()}
		f := r.facts(r.coming())
		var asked []wire.Question
		j := &journal{}
		answers := changes()
		delete(answers, "cap-old.confirm")
		v, _ := r.drive(j, f, path, script(&asked, answers))
		if v.Parked == "" {
			t.Fatalf("it ended with %+v", v.Ended)
		}
		v, _ = r.drive(j, f, path, script(&asked, changes()))
		r.must(v, asked)
		if f.Agreed.Capped(r.env("global-domain-4-sequencer", "sequencer")).Verdict != wire.Holds {
			t.Error("it is not capped")
		}
	})
}
