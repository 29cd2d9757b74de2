package network

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

// writeChanges writes what is to be committed before anybody who applies the apps from a repository is let act again: they can migrate only by that.
// It sends nothing to the cluster.
func writeChanges() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/write-changes", Title: "Changes to commit", Effect: wire.Observe,
		Summary: "Writes the changes of the apps that GitOps applies into the run folder, to be committed before it acts again.",
		Plan: func(f Facts) ([]steps.Action, error) {
			switch {
			case needNode(f) != nil:
				return nil, needNode(f)
			case f.Successor == nil || f.Apps.Charts == "":
				return nil, &steps.NotYet{Step: "network/app-values", What: "what the releases of the apps become"}
			}
			var actions []steps.Action
			for _, d := range f.Apps.managed() {
				actions = append(actions, d.Write())
			}
			return actions, nil
		},
		Verify: func(_ context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			all := f.Apps.managed()
			if len(all) == 0 {
				return []wire.Finding{{ID: "changes", Verdict: wire.Holds, Text: "no app is applied from a repository: the migration upgrades them, and nothing is to be committed for them"}}, nil
			}
			var found []wire.Finding
			for _, d := range all {
				c := wire.Finding{ID: "changes-" + d.Name, Verdict: wire.Attention, Text: fmt.Sprintf("%s applies release %s, which migrates only by what is committed there", d.Managed, d.Name),
					Next: fmt.Sprintf("Commit the changes in artifacts/%s of this run", d.ChangesFile())}
				if _, err := w.Files.Read(d.ChangesFile()); err != nil {
					c.Verdict, c.Text = wire.Violated, fmt.Sprintf("the changes of release %s are not in the run folder: %v", d.Name, err)
					c.Next = "Look again, so that they are written"
				}
				found = append(found, c)
			}
			return found, nil
		},
	}
}

// managed are the releases that somebody applies from a repository.
func (a Apps) managed() []releases.Derived {
	return slices.DeleteFunc(slices.Clone(a.Releases), func(d releases.Derived) bool { return d.Managed == nil })
}

// toCommit says what the manifests of the node must hold before who applies them acts again.
func (f Facts) toCommit() string {
	var old, files []string
	if f.Node != nil {
		for _, c := range slices.Concat(f.chains(), f.ordering()) {
			old = append(old, c.Ref.Name)
		}
	}
	text := "What must be committed before: no replicas for the old CometBFT, sequencer and mediator"
	if len(old) > 0 {
		text += " (" + strings.Join(old, ", ") + ")"
	}
	text += "; the releases of the new synchronizer"
	if f.Successor != nil {
		var made []string
		for _, d := range f.Successor.Releases {
			made = append(made, d.Name)
		}
		if len(made) > 0 {
			text += " (" + strings.Join(made, ", ") + ")"
		}
	}
	text += ", or that they are left alone"
	for _, d := range f.Apps.managed() {
		files = append(files, "artifacts/"+d.ChangesFile())
	}
	if len(files) == 0 {
		return text + ". The apps are upgraded by this run afterwards."
	}
	return text + "; and the changes by which the apps migrate, which this run has written: " + strings.Join(files, ", ") + "."
}
