package network

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// dropFounding is the answer that values of a founding SV are left out.
const dropFounding = "drop"

func appValues() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/app-values", Title: "Values of the apps", Effect: wire.Observe, Firm: true,
		Summary: "Derives from the running releases of sv, scan and validator what they are on the new synchronizer, and shows every difference.",
		Asks: []steps.Ask{
			{Name: "charts", Kind: wire.AskText, Help: "where the charts of the apps come from: record, a folder with charts, or a registry like oci://HOST/PATH"},
			{Name: "founding", Kind: wire.AskChoice, Help: "drop: values of a founding SV are left out while it migrates"},
		},
		Inputs:   appInputs,
		Take:     takeApps,
		Forget:   func(f *Facts) { f.Apps = Apps{} },
		Plan:     planApps,
		Verify:   verifyApps,
		Remedies: valuesRemedies,
	}
}

// valuesRemedies ask anew, or end what Helm has not ended.
func valuesRemedies(err error) []steps.Remedy {
	return append(releases.Remedies(err), steps.Remedy{Choice: wire.ChoiceAsk, Label: "Answer this step again", Detail: "asks again where the charts come from, and reads the releases anew"})
}

// appParts are the apps in the order in which they are upgraded.
var appParts = []node.Part{node.SVApp, node.ScanApp, node.Validator}

func appInputs(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
	if f.Node == nil || f.Card == nil || f.Successor == nil {
		return nil, nil
	}
	if f.Apps.Charts == "" {
		return []wire.Question{chartsQuestion(f, f.Card.Value(ValueChart))}, nil
	}
	if f.Apps.Founding != "" {
		return nil, nil
	}
	all, err := releases.InForce(ctx, w, f.Namespace)
	if err != nil {
		return nil, err
	}
	sv, ok := making(all, f, node.SVApp)
	if !ok {
		return nil, nil // what is read afterwards says it
	}
	v := sv.Settings()
	if there := slices.DeleteFunc(slices.Clone(foundingValues), func(name string) bool { _, has := v.At(name); return !has }); len(there) > 0 {
		return []wire.Question{{Name: "founding", Kind: wire.AskChoice, Title: "May the values of a founding SV be left out?",
			Text:    "Release " + sv.Name + " sets " + strings.Join(there, " and ") + ". With them the SV app never becomes healthy while it migrates. They say how a network is founded, which happens once.",
			Choices: []wire.Choice{{ID: dropFounding, Label: "Leave them out", Detail: "It is among the differences that are shown. Take them out of your values files too."}}}}, nil
	}
	return nil, nil
}

// chartsQuestion asks where the charts of a version come from. What was answered for the new synchronizer is proposed again.
func chartsQuestion(f Facts, version string) wire.Question {
	return wire.Question{Name: "charts", Kind: wire.AskText, Title: "Where do the charts of the apps come from?", Default: cmp.Or(f.Deploy.Charts, f.Hints.Charts, charts.Registry),
		Text: "A registry like " + charts.Registry + ", or a folder of this machine with the charts of " + version + ". " + fromRecord +
			": Helm's own record of the running releases, which often lacks the charts that a chart is made of."}
}

func takeApps(f *Facts, ask, value string) error {
	switch ask {
	case "founding":
		f.Apps.Founding = value
		return nil
	case "charts":
		value = strings.TrimSpace(value)
		if value != fromRecord && !charts.IsRegistry(value) {
			path, err := filepath.Abs(value)
			if err == nil {
				_, err = os.Stat(path)
			}
			if err != nil || value == "" {
				return fmt.Errorf("there is no folder %s that can be read", plain.Line(value))
			}
			value = path
		}
		f.Apps.Charts = value
		return nil
	}
	return fmt.Errorf("there is no question %s", ask)
}

// source is where the chart of an app comes from: of the agreed version, or of the running one where nothing is agreed on.
func (f Facts) source() releases.Source {
	s := releases.Source{Place: f.chartPlace()}
	if f.Card != nil {
		s.Version = f.Card.Value(ValueChart)
	}
	return s
}

func (f Facts) chartPlace() string {
	if f.Apps.Charts == fromRecord {
		return ""
	}
	return f.Apps.Charts
}

// appCharts fetch the charts of the apps, where they come from a registry.
func (f Facts) appCharts() (actions []steps.Action) {
	for _, part := range appParts {
		of := f.Node.Of(part)
		if len(of) == 0 {
			continue
		}
		var r releases.Running // a chart is fetched by its name and version alone
		r.Name, r.Namespace, r.Chart, r.ChartVersion = of[0].Release, f.Namespace, chartNames[part], f.Node.Release
		if a := f.source().Fetch(r); a != nil {
			actions = append(actions, a)
		}
	}
	return actions
}

// making is the release that makes the workload of an app.
func making(all []releases.Running, f Facts, part node.Part) (releases.Running, bool) {
	of := f.Node.Of(part)
	if len(of) == 0 {
		return releases.Running{}, false
	}
	return releases.Making(all, of[0].Ref.Kind, of[0].Ref.Name)
}

// planApps fetches the charts, where they come from a registry.
func planApps(f Facts) ([]steps.Action, error) {
	if err := needNode(f); err != nil {
		return nil, err
	}
	if _, err := f.agreed(); err != nil {
		return nil, err
	}
	switch {
	case f.Successor == nil:
		return nil, &steps.NotYet{Step: "network/new-synchronizer", What: "how the new synchronizer is reached"}
	case f.Apps.Charts == "":
		return nil, &steps.NotYet{Step: "network/app-values", What: "where the charts come from"}
	}
	return f.appCharts(), nil
}

// chartNames are those of the apps (reference/deployment.md 3.2).
var chartNames = map[node.Part]string{node.SVApp: "splice-sv-node", node.ScanApp: "splice-scan", node.Validator: "splice-validator"}

// verifyApps derives the releases, and tells how each differs.
func verifyApps(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	all, err := releases.InForce(ctx, w, f.Namespace)
	if err != nil {
		return nil, err
	}
	apps := f.Apps
	apps.Releases = nil
	var found []wire.Finding
	for _, part := range appParts {
		d, say, err := f.deriveApp(ctx, w, all, part)
		if err != nil {
			return nil, err
		}
		found = append(found, say...)
		if d == nil {
			continue
		}
		if part == node.SVApp && d.Digest != "" {
			armed, err := arms(ctx, w, *d)
			if err != nil {
				return nil, err
			}
			found = append(found, armed)
		}
		apps.Releases = append(apps.Releases, *d)
	}
	if _, list, err := ownScan(ctx, w, *f.Node); err == nil { // it is away while it migrates
		apps.Peers = slices.DeleteFunc(list, func(a svapp.Address) bool { return f.Report != nil && a.SVName == f.Report.Reporter })
	}
	if a, err := f.agreed(); err == nil && f.Identities != nil { // after the migration scans may not tell it any more
		old, _ := strconv.ParseInt(f.Node.Serial, 10, 64)
		if owned, err := ownedAt(ctx, w, apps.Peers, f.Identities.Party, old, a.at); err == nil {
			apps.Owned = &owned
		}
	}
	f.Apps = apps
	return found, ctx.Err()
}

// deriveApp derives the release of an app; nil: there is none that this run can change, as the findings say.
func (f Facts) deriveApp(ctx context.Context, w steps.World, all []releases.Running, part node.Part) (*releases.Derived, []wire.Finding, error) {
	r, ok := making(all, f, part)
	if !ok {
		return f.unmade(ctx, w, part)
	}
	if err := releases.Settled(f.site(), all, r.Name); err != nil {
		return nil, nil, err
	}
	source := f.source()
	chart, err := source.Chart(w.Files, r)
	if err != nil {
		return nil, nil, err
	}
	knows, err := chart.Mentions("legacyId")
	if err != nil {
		return nil, nil, err
	}
	edit, say := f.appEdit(part, r.Name, r.Settings(), knows)
	d, err := releases.Derive(ctx, w, r, releases.Want{Release: r.Name, Edit: edit, Source: source, What: f.what()})
	if err != nil {
		return nil, nil, err
	}
	return &d, append(d.Findings(), say...), nil
}

// what the upgrades are for, in Helm's record.
func (f Facts) what() string { return "migration ID " + f.Successor.Suffix }

// unmade is an app that no release of Helm makes. Of the SV app a patch is made for whoever renders it, and waited for; the others are upgraded by
// hand, and their being ready is waited for.
func (f Facts) unmade(ctx context.Context, w steps.World, part node.Part) (*releases.Derived, []wire.Finding, error) {
	u := wire.Finding{ID: "release-" + string(part), Verdict: wire.Violated, Text: fmt.Sprintf("there is no release of Helm that makes the %s", part), Waive: "it is upgraded by hand",
		Next: fmt.Sprintf("Upgrade it by hand, with %s: %s and the addresses of the new synchronizer", valueMigrationID, f.Successor.Suffix)}
	of := f.Node.Of(part)
	if len(of) == 0 {
		u.Text = fmt.Sprintf("this node has no %s", part)
		return nil, []wire.Finding{u}, nil
	}
	m, err := releases.ManagerOf(ctx, w, of[0].Ref.Kind, of[0].Ref.Namespace, of[0].Ref.Name)
	if err != nil || m == nil {
		return nil, []wire.Finding{u}, err
	}
	u.Text = fmt.Sprintf("the %s is rendered by %s, without a release of Helm", part, m)
	if part != node.SVApp {
		u.Next = fmt.Sprintf("Commit for it %s: %s and the addresses of the new synchronizer", valueMigrationID, f.Successor.Suffix)
		return nil, []wire.Finding{u}, nil
	}
	a, err := f.agreed()
	if err != nil {
		return nil, nil, err
	}
	edit := releases.Edit{Set: map[string]any{valueMigrationID: a.migration, valueMigrating: true, "participantAddress": f.Successor.Participant, "domain.sequencerAddress": f.Successor.Sequencer,
		"domain.mediatorAddress": f.Successor.Mediator}}
	d, err := releases.OfRepository(f.Namespace, chartNames[part], *m, releases.Want{Release: cmp.Or(of[0].Release, of[0].Ref.Name), Edit: edit, What: f.what()},
		[]releases.Expected{{Kind: of[0].Ref.Kind, Name: of[0].Ref.Name, Env: svOnboarding, Value: domainMigration}})
	if err != nil {
		return nil, nil, err
	}
	u.Waive = "the patch is committed with what it lacks"
	u.Next = "Commit the patch that is made for it, and in the same commit what is not known here: the addresses in cometBFT.connectionUri, domain.sequencerPublicUrl and decentralizedSynchronizerUrl"
	return &d, append(d.Findings(), u), nil
}

// arms is whether the SV app is told to migrate by what is rendered: what counts is what reaches the pod (reference/deployment.md 16.24).
func arms(ctx context.Context, w steps.World, d releases.Derived) (wire.Finding, error) {
	f := wire.Finding{ID: "arms", Verdict: wire.Holds, Text: "the SV app is told to migrate, as " + svOnboarding + " in its rendered environment says"}
	stored, err := d.Render(ctx, w)
	if err != nil {
		return f, err
	}
	objects, err := stored.Objects()
	if err != nil {
		return f, err
	}
	for _, e := range releases.Environment(objects) {
		for _, v := range e.Env {
			if v.Name == svOnboarding && strings.Contains(v.Value, domainMigration) {
				return f, nil
			}
		}
	}
	f.Verdict, f.Text = wire.Violated, "the SV app is not told to migrate by what is rendered: "+svOnboarding+" is not there, or says otherwise"
	f.Next = "Look at the chart: releases from 0.6.2 on have no migration any more, and some values may go before it"
	f.Waive = "this chart tells it in another way"
	return f, nil
}
