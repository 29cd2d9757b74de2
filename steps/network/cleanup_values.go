package network

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

// cleanUpValues derives the releases without what told them to migrate.
func cleanUpValues() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: CleanUpPath + "/values", Title: "Values of the apps", Effect: wire.Observe, Firm: true,
		Summary: "Derives from the running releases what they are when nothing migrates any more, and shows every difference.",
		Asks:    []steps.Ask{{Name: "charts", Kind: wire.AskText, Help: "where the charts of the apps come from: record, a folder with charts, or a registry like oci://HOST/PATH"}},
		Inputs: func(_ context.Context, _ steps.World, f Facts) ([]wire.Question, error) {
			if f.Node == nil || f.Apps.Charts != "" {
				return nil, nil
			}
			return []wire.Question{chartsQuestion(f, f.Node.Release)}, nil
		},
		Take:   takeApps,
		Forget: func(f *Facts) { f.Apps = Apps{} },
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			if f.Apps.Charts == "" {
				return nil, &steps.NotYet{Step: CleanUpPath + "/values", What: "where the charts come from"}
			}
			return f.appCharts(), nil
		},
		Verify:   verifyCleanUpValues,
		Remedies: valuesRemedies,
	}
}

func verifyCleanUpValues(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	all, err := releases.InForce(ctx, w, f.Namespace)
	if err != nil {
		return nil, err
	}
	apps := f.Apps
	apps.Releases = nil
	var found []wire.Finding
	for _, part := range appParts {
		r, ok := making(all, *f, part)
		if !ok {
			found = append(found, wire.Finding{ID: "release-" + string(part), Verdict: wire.Attention, Text: fmt.Sprintf("there is no release of Helm that makes the %s", part),
				Next: "Take " + valueMigrating + " out of its values where they are, and have them applied; the proof at the end is the running environment"})
			continue
		}
		if err := releases.Settled(f.site(), all, r.Name); err != nil {
			return nil, err
		}
		edit := f.Cleaning.edit(r.Settings())
		if len(edit.Drop) == 0 {
			found = append(found, wire.Finding{ID: "release-" + r.Name, Verdict: wire.Holds, Text: "the values of release " + r.Name + " say nothing of a migration"})
			continue
		}
		d, err := releases.Derive(ctx, w, r, releases.Want{Release: r.Name, Edit: edit, Source: releases.Source{Place: f.chartPlace()}, What: "the recovery is over"})
		if err != nil {
			return nil, err
		}
		found = append(found, d.Findings()...)
		apps.Releases = append(apps.Releases, d)
	}
	f.Apps = apps
	return found, ctx.Err()
}

// edit takes out what is set of it.
func (c Cleaning) edit(v release.Values) (e releases.Edit) {
	paths := []string{valueMigrating}
	if c.Legacy == dropLegacy {
		paths = append(paths, valueLegacyID)
	}
	for _, path := range paths {
		if _, set := v.At(path); set {
			e.Drop = append(e.Drop, path)
		}
	}
	return e
}

// cleanUpUpgrade puts them in force, and proves by what reaches the pods that nothing migrates.
func cleanUpUpgrade() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: CleanUpPath + "/upgrade", Title: "Upgrade", Effect: wire.Repeatable,
		Summary: "Upgrades the releases, and proves by the running environment that no app is told to migrate.",
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			if f.Apps.Charts == "" {
				return nil, &steps.NotYet{Step: CleanUpPath + "/values", What: "what the releases of the apps become"}
			}
			var actions []steps.Action
			for _, d := range f.Apps.Releases {
				actions = append(actions, d.Actions(f.site())...)
			}
			if len(actions) > 0 {
				actions = append(actions, f.appsWait())
			}
			return actions, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			told, err := armed(ctx, w, *f.Node)
			if err != nil {
				return nil, err
			}
			if len(told) == 0 {
				return []wire.Finding{{ID: "disarmed", Verdict: wire.Holds, Text: "no app is told to migrate any more, as the environments of the running workloads say"}}, nil
			}
			var found []wire.Finding
			for _, c := range f.Node.Of(node.AppParts...) {
				if by := told[c.Ref.Name]; by != "" {
					found = append(found, stillArmed(*f, c, by))
				}
			}
			return found, nil
		},
		Undo: func(f Facts) (actions []steps.Action, why string) {
			for _, d := range slices.Backward(f.Apps.Releases) {
				back, _ := d.Undo(f.site())
				actions = append(actions, back...)
			}
			return actions, "nothing was upgraded"
		},
		Remedies: releases.Remedies,
	}
}

// stillArmed is an app whose environment says still that it migrates: Helm may leave a variable where it is (reference/deployment.md 10.7).
func stillArmed(f Facts, c node.Component, by string) wire.Finding {
	s := wire.Finding{ID: "armed-" + c.Ref.Name, Verdict: wire.Violated, Text: fmt.Sprintf("%s is still told to migrate: %s is in its environment", c.Ref.Name, by)}
	name := c.Release
	if name == "" {
		s.Next = "Look at who sets it, and take it out"
		return s
	}
	s.Next = fmt.Sprintf("Uninstall release %s and install it again with the same values, without %s: its databases and claims stay. The participant and the database servers are not touched", name, valueMigrating)
	s.Evidence = []wire.Evidence{{Source: "by hand", Seen: strings.Join([]string{fmt.Sprintf("helm -n %s get values %s > %s-values.yaml", f.Namespace, name, name), fmt.Sprintf("helm -n %s uninstall %s", f.Namespace, name),
		fmt.Sprintf("helm -n %s install %s CHART --version %s -f %s-values.yaml", f.Namespace, name, f.Node.Release, name)}, "; ")}}
	return s
}

// appsWait waits until the apps are ready again.
func (f Facts) appsWait() steps.Action {
	w := action.WaitReady{Name: "the apps", Namespace: f.Namespace}
	for _, c := range f.Node.Of(appParts...) {
		w.Workloads = append(w.Workloads, action.Wanted{Pods: action.Pods{Workload: c.Ref, Selector: c.Selector}, Replicas: max(1, c.Replicas)})
	}
	return w
}

// cleanUpOld tells what is left of the old synchronizer. It is removed by agreement of the SVs, and by nobody's program.
func cleanUpOld() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: CleanUpPath + "/old-synchronizer", Title: "The old synchronizer", Effect: wire.Observe,
		Summary: "Tells what is left of the old synchronizer, and how it goes when the SVs agree on that.",
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			var names []string
			found := []wire.Finding{}
			for _, c := range f.Node.Components {
				if c.Role != node.Legacy {
					continue
				}
				now, there, err := w.Kube.Workload(ctx, c.Ref.Kind, c.Ref.Namespace, c.Ref.Name)
				if err != nil {
					return nil, err
				}
				if !there {
					continue
				}
				o := wire.Finding{ID: "old-" + c.Ref.Name, Verdict: wire.Attention, Text: fmt.Sprintf("%s of the old synchronizer is there, %d wanted", c.Ref.Name, now.Replicas)}
				if c.Release != "" && !slices.Contains(names, c.Release) {
					names = append(names, c.Release)
				}
				found = append(found, o)
			}
			if len(found) == 0 {
				return []wire.Finding{{ID: "old", Verdict: wire.Holds, Text: "nothing of an older synchronizer is left in this namespace"}}, nil
			}
			said := wire.Finding{ID: "old", Verdict: wire.Attention, Text: fmt.Sprintf("of the old synchronizer %d workloads are left, of %d releases", len(found), len(names)),
				Next: "Remove them only when the SVs agree on it: the claims and databases are the last copy of what came after the agreed time. Claims stay when a release is uninstalled"}
			for _, name := range names {
				said.Evidence = append(said.Evidence, wire.Evidence{Source: "by agreement", Seen: fmt.Sprintf("helm -n %s uninstall %s", f.Namespace, name)})
			}
			return append([]wire.Finding{said}, found...), nil
		},
	}
}
