package network

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/hold"
	"canton.example/svrescue/steps/releases"
)

// Apps that are applied from a repository migrate by what is committed there, when whoever applies them acts again: the changes are written before
// that is asked, and it is asked before the migration waits for them.
func TestOrderOfWhatGitOpsApplies(t *testing.T) {
	var order []string
	for _, s := range New().Steps {
		order = append(order, strings.TrimPrefix(s.ID, "network/"))
	}
	at := func(name string) int { return slices.Index(order, name) }
	if w, g, m := at("write-changes"), at("let-others-go"), at("migrate"); w < at("app-values") || g < w || m < g || at("upload") > w {
		t.Errorf("%v", order)
	}
}

// What is to be committed is written as files alone, and named by the question.
func TestChangesToCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		if err := r.sim.LoadYAML([]byte(argo)); err != nil {
			t.Fatal(err)
		}
		f, s := r.known(), writeChanges()
		m := releases.Manager{Kind: "Application", Name: "acme"}
		f.Successor = &Successor{Suffix: "4", Releases: []Deployed{{Name: "global-domain-4-cometbft"}}}
		f.Apps = Apps{Charts: fromRecord, Releases: []releases.Derived{{Name: "sv", Patch: "migration: {id: 4}\n", Managed: &m}, {Name: "scan"}}}
		actions := r.planned(s, f)
		if got := keys(actions); got != "write the changes of release sv" {
			t.Fatalf("planned: %s", got)
		}
		if got := said(r.verify(s, &f)); got != "violated changes-sv" {
			t.Errorf("before: %s", got)
		}
		if err := r.perform(actions); err != nil {
			t.Fatal(err)
		}
		if got := said(r.verify(s, &f)); got != "attention changes-sv" {
			t.Errorf("after: %s", got)
		}
		open, err := letOthersGo().Inputs(t.Context(), r.world, f)
		if err != nil || len(open) != 1 {
			t.Fatalf("%+v, %v", open, err)
		}
		for _, part := range []string{"global-domain-3-cometbft", "global-domain-3-sequencer", "global-domain-3-mediator", "(global-domain-4-cometbft)", "artifacts/releases/sv-values.yaml"} {
			if !strings.Contains(open[0].Text, part) {
				t.Errorf("%s is not in: %s", part, open[0].Text)
			}
		}
		if strings.Contains(open[0].Text, "scan") {
			t.Errorf("a release that is not applied from a repository: %s", open[0].Text)
		}
	})
}

// Where nobody applies anything from a repository, nothing is asked and nothing is written.
func TestNothingToCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f, s := r.known(), writeChanges()
		f.Held = []hold.Hold{}
		f.Successor, f.Apps = &Successor{Suffix: "4"}, Apps{Charts: fromRecord, Releases: []releases.Derived{{Name: "sv"}}}
		if actions := r.planned(s, f); len(actions) != 0 || said(r.verify(s, &f)) != "holds changes" {
			t.Errorf("%s; %s", keys(actions), said(r.verify(s, &f)))
		}
		f.Apps = Apps{}
		if _, err := s.Plan(f); err == nil || !strings.Contains(err.Error(), (&steps.NotYet{Step: "network/app-values"}).Step) {
			t.Errorf("before the values are derived: %v", err)
		}
	})
}
