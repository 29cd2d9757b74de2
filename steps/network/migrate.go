package network

import (
	"context"
	"fmt"
	"slices"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

func migrate() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/migrate", Title: "Migrate", Effect: wire.Repeatable,
		Summary: "Upgrades sv, scan and validator to the new synchronizer, and follows the SV app while it starts from the dump.",
		Check:   checkMigrate,
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			switch {
			case f.Dump == nil || f.Dump.Uploaded == "":
				return nil, &steps.NotYet{Step: "network/upload", What: "that the SV app has its dump"}
			case f.Successor == nil || len(f.Apps.Releases) == 0:
				return nil, &steps.NotYet{Step: "network/app-values", What: "what the releases of the apps become"}
			}
			var actions []steps.Action
			for _, d := range f.Apps.Releases { // sv is the first: the others need what it starts
				actions = append(actions, d.Actions(f.site())...)
			}
			return append(actions, f.following()), nil
		},
		Verify: verifyMigrate,
		Undo: func(f Facts) ([]steps.Action, string) {
			const why = "nothing was upgraded; an app that has begun to start from the dump is taken back with its release alone, and what it has written into the new nodes stays there"
			var actions []steps.Action
			for _, d := range slices.Backward(f.Apps.Releases) {
				back, _ := d.Undo(f.site())
				actions = append(actions, back...)
			}
			return actions, why
		},
		Remedies: migrateRemedies,
	}
}

// following is the wait for the apps.
func (f Facts) following() followMigration {
	m := followMigration{namespace: f.Namespace, peers: f.Apps.Peers, svs: len(f.Agree.SVs)}
	for _, part := range appParts {
		for _, c := range f.Node.Of(part) {
			m.apps = append(m.apps, app{part, action.Wanted{Pods: action.Pods{Workload: c.Ref, Selector: c.Selector}, Replicas: max(1, c.Replicas)}})
		}
	}
	if all := f.Node.Of(node.Participant); len(all) > 0 && f.Successor != nil {
		ref := all[0].Ref
		ref.Name = f.Successor.Participant
		m.participant = action.Pods{Workload: ref}
	}
	return m
}

// checkMigrate says whether the dump is where the app looks for it, and nobody else is at the releases. It holds while the step is half done.
func checkMigrate(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	if f.Node == nil || f.Dump == nil || f.Successor == nil {
		return nil, nil
	}
	var found []wire.Finding
	upload, err := uploading(f)
	if err != nil {
		return nil, err
	}
	state, seen, err := upload.Probe(ctx, w)
	if err != nil {
		return nil, err
	}
	d := wire.Finding{ID: "dump", Verdict: wire.Holds, Text: "the dump is on the SV app's volume", Evidence: seen}
	switch {
	case state == wire.ActionDone:
	case f.Dump.Uploaded != "" && w.Volumes != nil && !upload.visible(ctx, w):
		d.Text = "the dump was on the SV app's volume when it was uploaded; the app's container does not run now, so it cannot be hashed once more"
		d.Verdict, d.Evidence = wire.Attention, nil
		d.Next = "Go on: the app reads it when it starts"
	default:
		d.Verdict, d.Text, d.Next = wire.Violated, "the dump of this run is not on the SV app's volume", "Find out who writes there, and upload it again"
		d.Waive = "what is there is the right dump"
	}
	found = append(found, d)
	all, err := releases.InForce(ctx, w, f.Namespace)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range f.Apps.Releases {
		names = append(names, d.Name)
	}
	if err := releases.Settled(f.site(), all, names...); err != nil && !f.ours(ctx, w) {
		return nil, err
	}
	for _, name := range []string{f.Successor.Participant, f.Successor.Sequencer, f.Successor.Mediator} {
		now, there, err := w.Kube.Workload(ctx, "Deployment", f.Namespace, name)
		if err != nil {
			return nil, err
		}
		n := wire.Finding{ID: "new-" + name, Verdict: wire.Holds, Text: name + " of the new synchronizer runs"}
		if !there || now.Ready == 0 {
			n.Verdict, n.Text = wire.Violated, name+" of the new synchronizer does not run"
			n.Next, n.Waive = "Bring it up first: the SV app starts it from the dump", "it comes up by itself"
		}
		found = append(found, n)
	}
	return found, nil
}

// ours says whether an upgrade of this run is what Helm has not ended: it is gone on with.
func (f Facts) ours(ctx context.Context, w steps.World) bool {
	for _, d := range f.Apps.Releases {
		if d.Upgrade == nil {
			continue
		}
		for _, a := range d.Actions(f.site()) {
			if state, _, err := a.Probe(ctx, w); err == nil && state == wire.ActionPartly {
				return true
			}
		}
	}
	return false
}

// visible says whether the app's container runs, so that it can hash what it has.
func (a uploadDump) visible(ctx context.Context, w steps.World) bool {
	at, err := w.Kube.Carry(ctx, a.app.Namespace, a.app.Name, "", dumpPath)
	return err == nil && at.Running
}

// verifyMigrate proves that the apps work with the new ID, by what reaches their pods and by what they say of themselves.
func verifyMigrate(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	var found []wire.Finding
	seen, _, err := f.following().Probe(ctx, w)
	if err != nil {
		return nil, err
	}
	if seen != wire.ActionDone {
		return []wire.Finding{{ID: "migrated", Verdict: wire.Violated, Text: "the apps are not ready on the new synchronizer", Next: "Wait longer: it takes more than two thirds of the SVs"}}, nil
	}
	told, err := armed(ctx, w, *f.Node)
	if err != nil {
		return nil, err
	}
	m := wire.Finding{ID: "migrated", Verdict: wire.Holds, Text: "sv, scan and validator are ready"}
	for _, c := range f.Node.Of(node.SVApp) {
		if by := told[c.Ref.Name]; by == "" {
			m.Verdict, m.Text = wire.Violated, c.Ref.Name+" is ready, and its environment does not say that it migrates: it may have started without the dump"
			m.Next, m.Waive = "Look at its log and its release", "its log says that it started from the dump"
		} else {
			m.Evidence = append(m.Evidence, wire.Evidence{Source: c.Ref.Name, Seen: by + " says that it migrates"})
		}
	}
	found = append(found, m, wire.Finding{ID: "armed", Verdict: wire.Attention, Text: "the SV app is told to migrate whenever it starts",
		Next: fmt.Sprintf("Days later, when the call says so: svrescue run %s", CleanUpPath)})
	f.Migrated = &Migrated{At: w.Clock.Now().UTC()}
	return found, nil
}
