package restore

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// lostPreflight tries everything that can be tried before the first object is made.
func lostPreflight(later []steps.Step[Facts]) steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore-lost/preflight", Title: "Preflight", Effect: wire.Observe,
		Summary: "Checks permissions and storage classes, and has the server judge every object before one is made.",
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			var found []wire.Finding
			for _, look := range []func(context.Context, steps.World, Facts) ([]wire.Finding, error){
				reachable, loggedIn, alone, permitted(later), tried(later), lostClasses, chainAnew, outsideAllows,
			} {
				more, err := look(ctx, w, *f)
				if err != nil {
					return nil, err
				}
				found = append(found, more...)
			}
			return found, nil
		},
	}
}

// lostClasses checks that every claim of the node can be made here: its class exists, and its driver made the snapshot.
func lostClasses(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	now, err := w.Kube.StorageClasses(ctx)
	if err != nil {
		return nil, err
	}
	var found []wire.Finding
	like := "what it was like is in the record, under storageclasses"
	if f.Lost.fromValues() {
		like = "like that which the node had; or name another one in the values, and start anew"
	}
	for _, c := range f.Node.Claims {
		name := className(*f.Node, c)
		if name != "" && !slices.ContainsFunc(now, func(s kube.StorageClass) bool { return s.Name == name }) {
			found = append(found, wire.Finding{ID: "class-" + c.Name, Verdict: wire.Violated, Text: fmt.Sprintf("claim %s has class %q, which this cluster has not", c.Name, name),
				Next: "Create the class; " + like})
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	return classes(ctx, w, f)
}

// chainAnew tells of a CometBFT that begins without its blocks: its validator key would sign again what it has signed.
func chainAnew(_ context.Context, _ steps.World, f Facts) ([]wire.Finding, error) {
	for _, c := range f.Node.Of(node.CometBFT) {
		for _, claim := range c.Claims {
			if !f.Set.Fills(claim) {
				return []wire.Finding{{ID: "chain", Verdict: wire.Attention, Text: "CometBFT begins without its blocks, since the set has no snapshot of " + claim + ": it must take them from its peers (stateSync)",
					Next: "It comes with the memory of what its validator key has signed lost too: make sure that the old one is off, and has been for some minutes"}}, nil
			}
		}
	}
	return nil, nil
}

func lostClaims() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore-lost/claims", Title: "Create claims", Effect: wire.Repeatable,
		Summary: "Creates the claims of the databases and of CometBFT: from snapshots where the set has them, else empty for dumps.",
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if needLost(f) != nil {
				return nil, nil
			}
			return snapshotsStill(ctx, w, f)
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needLost(f); err != nil {
				return nil, err
			}
			var actions []steps.Action
			wait := action.WaitBound{Namespace: f.Namespace}
			for _, m := range f.Set.Members {
				claim, _ := f.Node.Claim(m.Claim)
				actions = append(actions, action.CreateClaim{Where: f.Where, Spec: lostClaim(f, claim, m)})
				wait.Claims = append(wait.Claims, action.Bindable{Name: claim.Name, Waits: claim.Binding == waitForFirstConsumer})
			}
			if len(actions) == 0 {
				return nil, nil
			}
			return append(actions, wait), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			return lostClaimsThere(ctx, w, *f)
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Set == nil || f.Lost == nil {
				return nil, "nothing was created"
			}
			var actions []steps.Action
			for _, m := range f.Set.Members {
				actions = append(actions, action.RemoveCopy{Where: f.Where, Namespace: f.Namespace, Name: m.Claim, Snapshot: m.Snapshot.Name, Run: f.Run})
			}
			return actions, ""
		},
	}
}

// lostClaim is the claim as it was, with the marks by which Helm takes it over where a release makes one of its name.
func lostClaim(f Facts, claim node.Claim, m backup.Member) kube.ClaimSpec {
	spec := claimSpec(f, claim, m)
	r, made := f.Lost.owner(claim.Name)
	if !made {
		return spec
	}
	labels, annotations := release.Marks(r.Name, f.Namespace)
	for to, marks := range map[*map[string]string]map[string]string{&spec.Labels: labels, &spec.Annotations: annotations} {
		all := maps.Clone(*to)
		if all == nil {
			all = map[string]string{}
		}
		maps.Copy(all, marks)
		*to = all
	}
	return spec
}

// lostClaimsThere proves that each claim is the one that this run made.
func lostClaimsThere(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	finding := wire.Finding{ID: "claims", Verdict: wire.Holds, Text: fmt.Sprintf("%s as this run made them, %d from snapshots", count(len(f.Set.Members), "claim"), snapshots(f))}
	for _, m := range f.Set.Members {
		old, _ := f.Node.Claim(m.Claim)
		claim, there, err := w.Kube.Claim(ctx, f.Namespace, m.Claim)
		if err != nil {
			return nil, err
		}
		if !there || !(action.CreateClaim{Spec: lostClaim(f, old, m)}).Made(claim) {
			return []wire.Finding{{ID: "claims", Verdict: wire.Violated, Text: "claim " + m.Claim + " is not the one that this run made", Next: "Do this step again"}}, nil
		}
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "pvc/" + claim.Name, Seen: claim.Phase, At: w.Clock.Now()})
	}
	return []wire.Finding{finding}, nil
}

func lostDatabases() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore-lost/databases", Title: "Install databases", Effect: wire.Repeatable,
		Summary: "Installs the releases of the databases, and waits until they are ready.",
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if needLost(f) != nil {
				return nil, nil
			}
			return lostClaimsThere(ctx, w, f)
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needLost(f); err != nil {
				return nil, err
			}
			return install(f, true), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			return installed(ctx, w, *f, true, f.Node.Of(node.Postgres), "databases")
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Lost == nil || f.Node == nil {
				return nil, "nothing was installed"
			}
			return uninstall(f, true), ""
		},
		Remedies: lostAdvice,
	}
}

func lostComponents() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore-lost/components", Title: "Install the node", Effect: wire.Repeatable,
		Summary: "Installs the other releases: the synchronizer, the participant, then the apps; each is waited for.",
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if needLost(f) != nil {
				return nil, nil
			}
			up, err := running(ctx, w, f.Node.Of(node.Postgres), "databases")
			if err != nil || wire.WorstVerdict(up) == wire.Violated {
				return up, err
			}
			found, err := offsetsInOrder(ctx, w, f) // the last moment to see that a pair is reversed
			return append(up, found...), err
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needLost(f); err != nil {
				return nil, err
			}
			return install(f, false), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			return installed(ctx, w, *f, false, applications(*f.Node), "applications")
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Lost == nil || f.Node == nil {
				return nil, "nothing was installed"
			}
			return uninstall(f, false), ""
		},
		Remedies: lostAdvice,
	}
}

func lostAdvice(error) []steps.Remedy {
	return []steps.Remedy{
		{Choice: wire.ChoiceRetry, Detail: "what is installed stays; the rest is installed, or waited for, again"},
		{Choice: wire.ChoiceUndo, Detail: "uninstalls what this step installed; claims and their data stay"},
	}
}

// installed proves that the releases are there as Helm keeps them, and that what they run is ready.
func installed(ctx context.Context, w steps.World, f Facts, database bool, components []node.Component, name string) ([]wire.Finding, error) {
	n := 0
	for _, r := range f.Lost.Releases {
		if r.Database != database {
			continue
		}
		state, err := r.installation(f).Look(ctx, w.Kube)
		if err != nil {
			return nil, err
		}
		if !state.Done() {
			return []wire.Finding{{ID: "releases", Verdict: wire.Violated, Text: fmt.Sprintf("release %s is not as it was installed: Helm says %q; not there: %s", r.Name, state.Record, strings.Join(append(state.Missing, state.Foreign...), ", ")),
				Next: "Do this step again"}}, nil
		}
		n++
	}
	found, err := running(ctx, w, slices.DeleteFunc(slices.Clone(components), func(c node.Component) bool { return c.Replicas == 0 }), name)
	return append([]wire.Finding{{ID: "releases", Verdict: wire.Holds, Text: count(n, "release") + " installed, as Helm keeps them"}}, found...), err
}

func lostFinish() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore-lost/finish", Title: "Finish", Effect: wire.Repeatable,
		Summary: "Takes the run's own pod away, where there is one, and proves once more that every release is installed and the node is ready.",
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needLost(f); err != nil {
				return nil, err
			}
			return closeClient(f), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			found, err := installed(ctx, w, *f, true, f.Node.Of(node.Postgres), "databases")
			if err != nil {
				return nil, err
			}
			more, err := installed(ctx, w, *f, false, applications(*f.Node), "applications")
			if err != nil {
				return nil, err
			}
			beside, err := besideTheNode(ctx, w, *f)
			found = slices.Concat(found, more, beside, keptDatabases(*f))
			return append(found, wire.Finding{ID: "outside", Verdict: wire.Attention, Text: "what lies outside the namespace is not restored: DNS, ingress gateway, certificates, firewall rules, and jobs that make backups",
				Next: "Look that each points here again; then make a new record: svrescue record"}), err
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Node == nil {
				return nil, "nothing was taken away"
			}
			return openClient(f), "nothing was taken away" // what comes before may have to reach those servers again
		},
	}
}

// besideTheNode tells of what was installed and that nobody waits for, user interfaces and the like: the node runs without it.
func besideTheNode(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	var beside []node.Component
	for _, c := range f.Node.Components {
		waits := slices.Contains(node.SynchronizerParts, c.Part) || slices.Contains(node.AppParts, c.Part) || c.Part == node.Postgres
		if !waits && c.Replicas > 0 && slices.ContainsFunc(f.Lost.Releases, func(r LostRelease) bool { return r.makes(c.Ref) }) {
			beside = append(beside, c)
		}
	}
	if len(beside) == 0 {
		return nil, nil
	}
	found, err := running(ctx, w, beside, "beside")
	for i := range found {
		switch found[i].Verdict {
		case wire.Holds:
			found[i].Text = fmt.Sprintf("what the node runs without is ready too: %s", count(len(beside), "workload"))
		case wire.Violated:
			found[i].Verdict, found[i].Text = wire.Attention, "beside the node, "+found[i].Text
			found[i].Next = "Look at them later; the node needs none of them"
		}
	}
	return found, err
}
