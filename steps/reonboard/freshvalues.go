package reonboard

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/wire"
)

// freshValues proves that the slate is clean, and renders what is to be installed.
func freshValues() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "reonboard/fresh-values", Title: "Fresh SV: a clean slate", Effect: wire.Observe,
		Summary: "Proves that a fresh SV of the same name finds nothing of the lost one, and renders its charts.",
		Asks:    freshAsks, Inputs: freshInputs, Take: takeFresh, Forget: forgetFresh,
		Plan: func(f Facts) ([]steps.Action, error) {
			var actions []steps.Action
			if a := f.Fresh.Answers; a.Way == wayHelm && charts.IsRegistry(a.Charts) {
				for _, want := range f.freshCharts() {
					actions = append(actions, fetchChart{registry: a.Charts, want: want})
				}
			}
			return actions, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			m, err := f.freshMaterial(ctx, w)
			if err != nil {
				return nil, err
			}
			f.Fresh.Users, f.Fresh.Audience = f.freshUsers(m), f.freshAudience(m)
			var found []wire.Finding
			if f.Fresh.Answers.Way == wayHelm {
				made, err := f.renderFresh(ctx, w)
				if err != nil {
					return nil, err
				}
				all, needs, err := deployments(ctx, w.Kube, made)
				if err != nil {
					return nil, err
				}
				for i := range all {
					for _, path := range leftOutOfFresh[all[i].Chart] {
						if _, set := m[all[i].Chart].At(path); set {
							all[i].LeftOut = append(all[i].LeftOut, path)
						}
					}
				}
				f.Fresh.Releases, f.Fresh.Needs, f.Fresh.Digest = inSVOrder(all), needs, made.Digest
				found = append(found, howRendered(made)...)
				found = append(found, ofSaved(made, m, *f)...)
			} else {
				f.Fresh.Releases, f.Fresh.Needs, f.Fresh.Digest = nil, nil, ""
			}
			slate, err := cleanSlate(ctx, w, *f)
			return append(found, slate...), err
		},
	}
}

// freshCharts are the charts of the fresh SV's releases, for a registry.
func (f Facts) freshCharts() []wantedChart {
	var all []wantedChart
	for _, name := range f.Fresh.Charts {
		version := f.version()
		if name == "postgresql" {
			version = charts.BitnamiVersion
		}
		all = append(all, wantedChart{names: []string{name}, version: version})
	}
	return all
}

// leftOutOfFresh are values that would bring something of the lost node into the fresh one: a participant's identities cannot be used twice on
// one synchronizer, and a migration is not meant (reference/deployment.md 9.4, 16.23, 16.24).
var leftOutOfFresh = map[string][]string{
	"splice-sv-node":   {"participantIdentitiesDumpImport", "migration.migrating", "migration.legacyId", "rollForwardLsu"},
	"splice-validator": {"participantIdentitiesDumpImport", "migrateValidatorParty", "migration.migrating"},
	"splice-scan":      {"migration.migrating", "rollForwardLsu"},
}

// renderFresh renders the releases of the fresh SV from the saved values.
func (f Facts) renderFresh(ctx context.Context, w steps.World) (charts.Made, error) {
	a := f.Fresh.Answers
	sync, err := release.ReadValues([]byte("stateSync: {enable: true}\n"))
	if err != nil {
		return charts.Made{}, err
	}
	over := map[string]release.Values{"splice-cometbft": sync} // joining a chain that is pruned needs it
	saved := charts.Saved{Values: a.Source, Charts: a.Charts, Namespace: f.Fresh.Namespace, Drop: leftOutOfFresh, Over: over}
	if charts.IsRegistry(a.Charts) {
		saved.Have = []release.Chart{}
		for _, want := range f.freshCharts() {
			data, err := w.Files.Read(want.artifact())
			if err != nil {
				return charts.Made{}, &steps.Problem{Tried: "reading the chart " + want.names[0] + " that was fetched", Seen: err.Error(), Next: "Look again, and it is fetched again"}
			}
			c, err := release.ReadChart(want.artifact(), data)
			if err != nil {
				return charts.Made{}, &steps.Problem{Tried: "reading the chart " + want.names[0] + " that was fetched", Seen: err.Error(), Next: "Look again, and it is fetched again"}
			}
			saved.Have = append(saved.Have, c)
		}
	}
	if a.Source == fromCluster {
		return f.renderRecorded(ctx, w, saved)
	}
	return charts.Make(ctx, w.Kube, saved)
}

// freshAgain renders the releases anew for a plan; they must be what was shown.
func (f Facts) freshAgain() *again {
	return &again{render: f.renderFresh, digest: f.Fresh.Digest, changed: steps.Problem{Seen: "it is not what was shown: the values, the charts, or what this cluster offers have changed since, or a chart writes down the time",
		Next: "Put them back as they were; or take this step back and answer the questions of the step before again"}}
}

// svOrder is the order in which the releases of an SV are installed (reference/deployment.md 5). What is not in it comes last.
var svOrder = []string{"splice-postgres", "postgresql", "splice-cometbft", "splice-global-domain", "splice-participant", "splice-sv-node", "splice-scan", "splice-validator", "splice-info"}

func inSVOrder(all []Deployment) []Deployment {
	rank := func(d Deployment) int {
		if i := slices.Index(svOrder, d.Chart); i >= 0 {
			return i
		}
		return len(svOrder)
	}
	slices.SortStableFunc(all, func(a, b Deployment) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a.Name, b.Name))
	})
	return all
}

// ofSaved judges what the saved values make: whether it is an SV, of the network's release, and whether values point at the lost node.
func ofSaved(made charts.Made, m material, f Facts) []wire.Finding {
	var found []wire.Finding
	have := map[string]bool{}
	for _, r := range made.Releases {
		have[r.Chart.Name] = true
		if strings.HasPrefix(r.Chart.Name, "splice-") && r.Chart.Version != f.version() {
			found = append(found, wire.Finding{ID: "version-" + r.Name, Verdict: wire.Undetermined, Text: fmt.Sprintf("the chart of release %s is %s, and the network runs %s", r.Name, r.Chart.Version, f.version()),
				Next: "Use charts of the network's release: apps compare their versions", Waive: "this version runs on the network"})
		}
	}
	var lack []string
	for _, chart := range []string{"splice-participant", "splice-sv-node", "splice-scan", "splice-validator", "splice-global-domain"} {
		if !have[chart] {
			lack = append(lack, chart)
		}
	}
	if len(lack) > 0 {
		found = append(found, wire.Finding{ID: "parts", Verdict: wire.Violated, Text: "the saved values make no whole SV: nothing is for " + strings.Join(lack, ", "),
			Next: "Put the missing values files to the others, and answer the questions again; or install it by GitOps or by hand"})
	}
	if m["splice-sv-node"].Text("joinWithKeyOnboarding.sponsorApiUrl") == "" {
		found = append(found, wire.Finding{ID: "join", Verdict: wire.Violated, Text: "the values of the SV app do not say joinWithKeyOnboarding.sponsorApiUrl: without it the fresh SV does not join",
			Next: "Add it to the values, and answer the questions again", Waive: "its chart is told in another way to join"})
	}
	if s, _ := readSplice(f.version()); s.since(0, 8, 0) && m["splice-sv-node"].Text("joinWithKeyOnboarding.sponsorScanUrl") == "" {
		found = append(found, wire.Finding{ID: "sponsor-scan", Verdict: wire.Violated, Text: "the values of the SV app do not say joinWithKeyOnboarding.sponsorScanUrl, which is needed from 0.8.0 on",
			Next: "Add it to the values, and answer the questions again", Waive: "its chart is told in another way"})
	}
	for chart, v := range m {
		if len(v.Holding([]string{f.Old.Party})) > 0 {
			found = append(found, wire.Finding{ID: "old-party-" + chart, Verdict: wire.Undetermined, Text: "the values for " + chart + " name the party of the lost SV, as beneficiaries and sweeps do",
				Next: "Take it out of them", Waive: "it is meant: what goes to the old party is wanted there"})
		}
		if old := f.Old.Namespace; old != "" && old != f.Fresh.Namespace && len(v.Holding([]string{"." + old + ".svc", "." + old + ":"})) > 0 {
			found = append(found, wire.Finding{ID: "old-namespace-" + chart, Verdict: wire.Undetermined, Text: fmt.Sprintf("the values for %s hold addresses in namespace %s, where the lost node was", chart, old),
				Next: "Change them to " + f.Fresh.Namespace, Waive: "they are not of the lost node"})
		}
		for _, path := range []string{"persistence.host", "sequencer.persistence.host", "mediator.persistence.host"} {
			if host := v.Text(path); strings.Contains(host, ".") {
				found = append(found, wire.Finding{ID: "outside-" + chart + "-" + path, Verdict: wire.Undetermined, Text: fmt.Sprintf("the values for %s name a database server that is not installed with it: %s", chart, host),
					Next: "Make sure that it is not the lost node's, or that the databases have other names: the fresh SV must not pick up old data", Waive: "the databases that are named are empty, or are not there yet"})
			}
		}
	}
	for _, d := range f.Fresh.Releases {
		if len(d.LeftOut) > 0 {
			found = append(found, wire.Finding{ID: "left-out-" + d.Name, Verdict: wire.Holds, Text: fmt.Sprintf("of the values of release %s these are left out: %s", d.Name, strings.Join(d.LeftOut, ", "))})
		}
	}
	slices.SortFunc(found, func(a, b wire.Finding) int { return strings.Compare(a.ID, b.ID) })
	return found
}

// freshInstallation of a release in the fresh SV's namespace.
func (f Facts) freshInstallation(d Deployment) release.Installation {
	return release.Installation{Name: d.Name, Namespace: f.Fresh.Namespace, Parts: d.Parts, Mark: action.Mark(f.Run), From: f.freshFrom()}
}
